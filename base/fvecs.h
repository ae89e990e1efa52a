// .fvecs files: vectors of float32, as nearest-neighbour benchmarks keep them.
//
// Each vector is its dimension d, a 32-bit integer, and then d numbers of 32
// bits, little endian; all have the same d. (Corpus-texmex: "Datasets for
// approximate nearest neighbor search", section "Vectors and vector files".)
//
// Errors: kInvalidArgument, naming vector and column, both from 0; codes as in
// file.h for the file itself. Messages start with the path.

#ifndef RCT_BASE_FVECS_H_
#define RCT_BASE_FVECS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/matrix.h"

namespace rct {

// n x d, widened exactly. Whether values are finite is not looked at. A file
// without a vector is an error: its dimension is unknown.
absl::StatusOr<Matrix<double>> ReadFvecs(const std::string& path);

// The same over the bytes of a file in memory.
absl::StatusOr<Matrix<double>> ParseFvecs(std::string_view bytes);

}  // namespace rct

#endif  // RCT_BASE_FVECS_H_
