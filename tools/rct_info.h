// `rct info`: describes a file and says whether the other commands accept it.

#ifndef RCT_TOOLS_RCT_INFO_H_
#define RCT_TOOLS_RCT_INFO_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "base/matrix_file.h"
#include "tools/rct_coordinates.h"

namespace rct {

// The index and the answers whose memory is forecast; 0 means none.
struct Forecast {
  int64_t num_inducing = 0;
  int64_t k = 0;
};

// Returns lines, with a final newline, about a file. For points they show the
// shape, the range and mean of each column, and how many points lie on an
// earlier one (a Gaussian process without noise has no density there); for an
// index file the model, strategy, digest and the bytes of its parts, after all
// of it was checked. A single column of integers is also described as row
// numbers, among which -1 means no neighbor, as in an answer. Errors are those
// of base/matrix_file.h and index/index_file.h; files that the other commands
// refuse as points (rct_input.h) are refused with the same words.
// With inducing points in `forecast`, the arrays of an index over the points
// and what each takes follow, and with k the answers of all points.
// `flags` say which columns are read, and whether they are longitude and
// latitude; points that are one place then lie on one another.
absl::StatusOr<std::string> DescribeFile(const std::string& path,
                                         const ReadOptions& options = {},
                                         const CoordinateFlags& flags = {},
                                         const Forecast& forecast = {});

}  // namespace rct

#endif  // RCT_TOOLS_RCT_INFO_H_
