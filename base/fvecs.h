// .fvecs files: vectors of float32, the format of nearest-neighbor benchmarks.
//
// Each vector is its dimension d, a 32-bit integer, followed by d numbers of 32
// bits, little endian; all vectors have the same d. (Corpus-texmex: "Datasets
// for approximate nearest neighbor search", section "Vectors and vector
// files".)
//
// Errors are kInvalidArgument and name the vector, from 0; errors of the file
// itself have the codes of file.h. Messages start with the path.

#ifndef RCT_BASE_FVECS_H_
#define RCT_BASE_FVECS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/matrix.h"

namespace rct {

// Reads n x d values, which widen exactly. They may be infinite or NaN. A file
// without a vector is an error, since its dimension is unknown.
absl::StatusOr<Matrix<double>> ReadFvecs(const std::string& path);

// Parses the bytes of a file in memory.
absl::StatusOr<Matrix<double>> ParseFvecs(std::string_view bytes);

}  // namespace rct

#endif  // RCT_BASE_FVECS_H_
