// `rct info`: what is in a file, and whether the other commands take it.

#ifndef RCT_TOOLS_RCT_INFO_H_
#define RCT_TOOLS_RCT_INFO_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/matrix_file.h"

namespace rct {

// Lines, with a final newline, about a file of points or of row numbers: shape,
// range and mean of each column, and how many points lie on an earlier one (a
// Gaussian process without noise has no density there); or about an index file:
// model, strategy, digest and the bytes of its parts, all of which was checked.
// What is refused as points (rct_input.h) is refused here, with the same words.
// A column of integers may be row numbers; -1 among them means no neighbor, as
// in an answer. Errors as base/matrix_file.h and index/index_file.h.
absl::StatusOr<std::string> DescribeFile(const std::string& path,
                                         const ReadOptions& options = {});

}  // namespace rct

#endif  // RCT_TOOLS_RCT_INFO_H_
