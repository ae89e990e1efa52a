// Arguments of calls from C: pointers and shapes become views, after a check of
// what can be checked.

#ifndef RCT_INDEX_C_ARGUMENTS_H_
#define RCT_INDEX_C_ARGUMENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "google/protobuf/descriptor.h"

namespace rct {

// Returns InvalidArgument, with the name, where a pointer is null.
absl::Status NotNull(const char* name, const void* pointer);

// Returns InvalidArgument where an array of n x d or of `count` elements can
// not be: a negative number, more than any array has (base/limits.h), or null
// although there are elements.
absl::Status ValidateArray(const char* name, const void* array, int64_t n,
                           int64_t d);
absl::Status ValidateArray(const char* name, const void* array, int64_t count);

// Returns a view of the caller's array of points.
absl::StatusOr<MatrixView<const double>> PointsAt(const char* name,
                                                  const double* points,
                                                  int64_t n, int64_t d);

// Returns a span of the caller's array.
template <class T>
absl::StatusOr<absl::Span<const T>> SpanAt(const char* name, const T* array,
                                           int64_t count) {
  const absl::Status status = ValidateArray(name, array, count);
  if (!status.ok()) return status;
  return absl::MakeConstSpan(array, static_cast<size_t>(count));
}

// Returns the position of `word` among `words`, or InvalidArgument, which lists
// them.
absl::StatusOr<int> Choose(const char* name, const char* word,
                           const std::vector<std::string>& words);

// Returns the number of the value of an enum whose name in lower case is
// `word`. Number 0 means "not given" and has no name here.
absl::StatusOr<int> Choose(const char* name, const char* word,
                           const google::protobuf::EnumDescriptor& values);

}  // namespace rct

#endif  // RCT_INDEX_C_ARGUMENTS_H_
