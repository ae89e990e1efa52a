// Numbers from a file, whatever its format.
//
//     .npy     NumPy's: floats and integers of any size and order (npy.h)
//     .csv     comma-separated, the first line a header (csv.h)
//     .fvecs   vectors of float32; values only (fvecs.h)
//
// The ending of the path decides, in either case of letters. What is no regular
// file (a pipe, standard input) may have another ending: it is taken for .npy
// if it begins like that, and else for .csv. Values are float64 afterwards
// (float32 widens exactly) and all finite: a NaN that slipped in would be
// nobody's neighbour and everybody's bug.
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
#include "base/csv.h"
#include "base/matrix.h"
#include "base/monitor.h"

namespace rct {

struct ReadOptions {
  CsvHeader header = CsvHeader::kDetect;  // of .csv files
  Monitor* monitor = nullptr;             // of the reading; may be null
};

// n x d, n >= 0, d >= 1, stride = cols, with the names of the columns where the
// file has names. A vector is a column.
absl::StatusOr<Table<double>> ReadTable(const std::string& path,
                                        const ReadOptions& options = {});

// The numbers alone.
absl::StatusOr<Matrix<double>> ReadMatrix(const std::string& path,
                                          const ReadOptions& options = {});

// n x 1 and no wider.
absl::StatusOr<std::vector<double>> ReadVector(const std::string& path,
                                               const ReadOptions& options = {});

// Row numbers, n x 1; whether they are in range is not looked at.
absl::StatusOr<std::vector<int64_t>> ReadIndices(
    const std::string& path, const ReadOptions& options = {});

enum class MatrixFormat { kNpy, kCsv, kFvecs };

// The format that the ending of `path` names. InvalidArgument where it names
// none.
absl::StatusOr<MatrixFormat> FormatOf(std::string_view path);

}  // namespace rct

#endif  // RCT_BASE_MATRIX_FILE_H_
