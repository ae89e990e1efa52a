// Tables of numbers from files of any supported format.
//
//     .npy     NumPy's: floats and integers of any size and order (npy.h)
//     .csv     comma-separated, the first line a header (csv.h)
//     .tsv     the same with tabs
//     .fvecs   vectors of float32; values only (fvecs.h)
//
// The ending of the path decides, in upper or lower case; .gz after it says
// that the file is gzip'd (gzip.h). A pipe, a device or standard input may have
// another ending: its contents are read as .npy if they begin like that, and
// otherwise as .csv, and may be gzip'd either way. Values become float64
// (float32 widens exactly) and are finite: a NaN that slipped in would be
// nobody's neighbor and everybody's bug.
//
// Errors of contents are kInvalidArgument and name the file, the row and the
// column, as are endings of no known format; errors of the file itself have the
// codes of file.h.

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
  // The meaning of the first line of .csv files. Default: detected.
  CsvHeader header = CsvHeader::kDetect;
  // The monitor of the reading. Default: none.
  Monitor* monitor = nullptr;
  // The columns that are wanted, in this order, by name. Where columns have no
  // names, numbers from 0, or names for all. Default: all but that of
  // identifiers.
  std::vector<std::string> columns = {};
  // The column of identifiers, in .csv and .tsv files. Default: none.
  std::string id_column = {};
};

// Reads n x d values, n >= 0, d >= 1, stride = cols, the names of the columns
// if the file has names, and identifiers if they are wanted. A vector is a
// column.
absl::StatusOr<Table<double>> ReadTable(const std::string& path,
                                        const ReadOptions& options = {});

// Reads the values alone.
absl::StatusOr<Matrix<double>> ReadMatrix(const std::string& path,
                                          const ReadOptions& options = {});

// Reads one column of values. Here and below, all columns are read, whichever
// `options` name.
absl::StatusOr<std::vector<double>> ReadVector(const std::string& path,
                                               const ReadOptions& options = {});

// Reads one column of row numbers, which may be out of range.
absl::StatusOr<std::vector<int64_t>> ReadIndices(
    const std::string& path, const ReadOptions& options = {});

enum class MatrixFormat { kNpy, kCsv, kTsv, kFvecs };

// Returns the format that the ending of `path` names, or InvalidArgument if it
// names none, as .gz does.
absl::StatusOr<MatrixFormat> FormatOf(std::string_view path);

}  // namespace rct

#endif  // RCT_BASE_MATRIX_FILE_H_
