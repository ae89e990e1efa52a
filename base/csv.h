// Comma-separated values: tables of numbers, with or without names of columns.
//
//     longitude,latitude
//     13.41,52.52
//     -43.17,-22.91
//
// The first line names the columns; each further line is a row, with a number
// for each column. Decimals are written with a point whatever the locale is.
// The text is UTF-8. Lines end with LF, CR LF or CR; blanks around a number,
// names in double quotes, a byte order mark and empty lines at the end are
// accepted.
//
// Careless tables are refused, since each of these mistakes gives a plausible
// wrong answer: a first line that is neither all names nor said to be data (a
// row would be lost, and every later row number be off by one), a column
// without a name (row numbers that were saved along), two columns of one name,
// fields that are missing, numbers that are not finite or not in range, and
// integers that float64 cannot hold (time stamps in nanoseconds: different ones
// would become equal).
//
// Errors: kInvalidArgument, naming line (from 1) and column; codes as in file.h
// for the file itself. Messages start with the path.

#ifndef RCT_BASE_CSV_H_
#define RCT_BASE_CSV_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/monitor.h"

namespace rct {

// What the first line of a table is.
enum class CsvHeader {
  // Names, of which none is a number, begins like one, or is a word for a
  // missing value; any other first line is an error.
  kDetect,
  kPresent,  // Names, whatever they look like.
  kAbsent,   // The first row; columns have no names.
};

// Numbers, n x d with n >= 0, and the names of their columns: d different ones,
// or none where the file has none.
template <class T>
struct Table {
  std::vector<std::string> names;
  Matrix<T> values;
};

// Every number is finite, and the double nearest to its decimals.
absl::StatusOr<Table<double>> ReadCsvTable(
    const std::string& path, CsvHeader header = CsvHeader::kDetect,
    Monitor* monitor = nullptr);

// Integers of 64 bits. Decimals that are integers below 2^53 ("1e+05", "7.0")
// are accepted: other programs write integers like that.
absl::StatusOr<Table<int64_t>> ReadCsvIndexTable(
    const std::string& path, CsvHeader header = CsvHeader::kDetect,
    Monitor* monitor = nullptr);

// The same over the bytes of a file in memory.
absl::StatusOr<Table<double>> ParseCsvTable(
    std::string_view bytes, CsvHeader header = CsvHeader::kDetect);
absl::StatusOr<Table<int64_t>> ParseCsvIndexTable(
    std::string_view bytes, CsvHeader header = CsvHeader::kDetect);

// A table with columns `name`_1, `name`_2, ... A double has the fewest digits
// that give it back bit for bit; infinity is inf.
std::string SerializeCsv(std::string_view name, MatrixView<const double> table);
std::string SerializeCsv(std::string_view name,
                         MatrixView<const int64_t> table);

}  // namespace rct

#endif  // RCT_BASE_CSV_H_
