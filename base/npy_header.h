// The header of a .npy file (npy.h): the text before the data that says what
// the data are.

#ifndef RCT_BASE_NPY_HEADER_H_
#define RCT_BASE_NPY_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace rct {

// How many bytes follow the magic (npy.h), for the version.
inline constexpr size_t kNpyVersionBytes = 2;

// The contents of a header, under the names that NumPy gives them.
struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

// Returns `shape` as Python prints a tuple.
std::string FormatNpyShape(absl::Span<const int64_t> shape);

// Removes `count` bytes, the next part of a file, from `bytes` and returns
// them.
absl::StatusOr<std::string_view> TakeNpyPart(std::string_view part,
                                             size_t count,
                                             std::string_view& bytes);

// Removes everything before the data from `bytes`.
absl::StatusOr<NpyHeader> TakeNpyHeader(std::string_view& bytes);

}  // namespace rct

#endif  // RCT_BASE_NPY_HEADER_H_
