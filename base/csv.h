// Comma-separated values: tables of numbers, with a header.
//
//     longitude,latitude
//     13.41,52.52
//     -43.17,-22.91
//
// The first line names the columns; each further line is a row, with a number
// for each column. Decimals are written with a point whatever the locale is.
// Blanks around a number, names in double quotes, CR LF at line ends, a byte
// order mark and empty lines at the end are taken.
//
// Careless tables are refused, since each of these mistakes gives a plausible
// wrong answer: a first line of numbers (the header is missing, and a row would
// be lost), a column without a name (row numbers that were saved along),
// fields that are missing, and numbers that are not finite or not in range.
//
// Errors: kInvalidArgument, naming line (from 1, the header's) and column;
// codes as in file.h for the file itself. Messages start with the path.

#ifndef RCT_BASE_CSV_H_
#define RCT_BASE_CSV_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/matrix.h"

namespace rct {

// n rows by as many columns as the header names; n may be 0. Every number is
// finite, and the double nearest to its decimals.
absl::StatusOr<Matrix<double>> ReadCsvMatrix(const std::string& path);

// The same of integers.
absl::StatusOr<Matrix<int64_t>> ReadCsvIndexMatrix(const std::string& path);

// The same over the bytes of a file in memory.
absl::StatusOr<Matrix<double>> ParseCsvMatrix(std::string_view bytes);
absl::StatusOr<Matrix<int64_t>> ParseCsvIndexMatrix(std::string_view bytes);

// A table with columns `name`_1, `name`_2, ... A double has the fewest digits
// that give it back bit for bit; infinity is inf.
std::string SerializeCsv(std::string_view name, MatrixView<const double> table);
std::string SerializeCsv(std::string_view name,
                         MatrixView<const int64_t> table);

}  // namespace rct

#endif  // RCT_BASE_CSV_H_
