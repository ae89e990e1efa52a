// Numbers from a file, whatever its format.
//
//     .npy     NumPy's: values float32 or float64, rows int32 or int64, in C or
//              Fortran order (npy.h)
//     .csv     comma-separated, the first line a header (csv.h)
//     .fvecs   vectors of float32; values only (fvecs.h)
//
// The ending of the path decides, in either case of letters. Values are float64
// afterwards (float32 widens exactly) and all finite: a NaN that slipped in
// would be nobody's neighbour and everybody's bug.
//
// Errors: kInvalidArgument, naming file, row and column, for contents and for
// endings that are none of these; codes as in file.h for the file itself.

#ifndef RCT_BASE_MATRIX_FILE_H_
#define RCT_BASE_MATRIX_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/matrix.h"

namespace rct {

// n x d, n >= 0, stride = cols. A vector is a column.
absl::StatusOr<Matrix<double>> ReadMatrix(const std::string& path);

// n x 1 and no wider.
absl::StatusOr<std::vector<double>> ReadVector(const std::string& path);

// Row numbers, n x 1; whether they are in range is not looked at.
absl::StatusOr<std::vector<int64_t>> ReadIndices(const std::string& path);

enum class MatrixFormat { kNpy, kCsv, kFvecs };

// The format that the ending of `path` names. InvalidArgument where it names
// none.
absl::StatusOr<MatrixFormat> FormatOf(std::string_view path);

}  // namespace rct

#endif  // RCT_BASE_MATRIX_FILE_H_
