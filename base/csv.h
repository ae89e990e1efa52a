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
// accepted. Tabs may be in the place of commas.
//
// Of a table with further columns, also of text, some may be chosen by their
// names: the others are skipped, whatever they hold. csv_record.h says how
// fields with commas, quotes and line breaks are written. One column may hold
// identifiers, which are any text.
//
// Mistakes that would give a plausible wrong answer are errors:
//
//   - a first line that is neither all names nor declared to be data: a row
//     would be lost, and every later row number would be off by one;
//   - a column without a name, which is usually a column of row numbers, unless
//     others are chosen;
//   - two columns with the same name, and names that are not there;
//   - missing fields, and numbers that are not finite or out of range;
//   - integers that float64 cannot hold, as time stamps in nanoseconds:
//     different ones would become equal;
//   - an identifier that is missing or given twice.
//
// Errors are kInvalidArgument and name the line (from 1) and the column; errors
// of the file itself have the codes of file.h. Messages start with the path.

#ifndef RCT_BASE_CSV_H_
#define RCT_BASE_CSV_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"

namespace rct {

// The meaning of the first line of a table.
enum class CsvHeader {
  // Names. A field that is a number, begins like one or is a word for a missing
  // value makes the line an error. This is the default.
  kDetect,
  // Names, whatever they look like.
  kPresent,
  // The first row of numbers; columns have no names.
  kAbsent,
};

struct CsvOptions {
  CsvHeader header = CsvHeader::kDetect;
  // What separates the fields of a line: a comma or a tab.
  char separator = ',';
  // The columns that hold the numbers, in this order. Where columns have no
  // names these are numbers from 0, or names for all of them. Numbers in quotes
  // are accepted in columns that are chosen. None means all but id_column.
  std::vector<std::string> columns = {};
  // The column that holds identifiers, or "" for none.
  std::string id_column = {};
};

// A matrix of n >= 0 rows and d columns, with the names of its columns: d
// distinct ones, or none if the file has none.
template <class T>
struct Table {
  std::vector<std::string> names;
  Matrix<T> values;
  // The identifiers of the n rows, distinct and not empty, or none.
  std::vector<std::string> ids = {};
};

// Reads a table. Every value is finite and the double nearest to its decimals.
absl::StatusOr<Table<double>> ReadCsvTable(const std::string& path,
                                           const CsvOptions& options = {},
                                           Monitor* monitor = nullptr);

// Reads a table of 64-bit integers. Decimals that are integers below 2^53
// ("1e+05", "7.0") are accepted, since other programs write integers like that.
absl::StatusOr<Table<int64_t>> ReadCsvIndexTable(const std::string& path,
                                                 const CsvOptions& options = {},
                                                 Monitor* monitor = nullptr);

// Parses the bytes of a file in memory.
absl::StatusOr<Table<double>> ParseCsvTable(std::string_view bytes,
                                            const CsvOptions& options = {});
absl::StatusOr<Table<int64_t>> ParseCsvIndexTable(
    std::string_view bytes, const CsvOptions& options = {});

// Columns of a table without names.
struct NumberedColumns {
  std::vector<int64_t> numbers;    // from 0
  std::vector<std::string> names;  // one for each, or none
};

// Returns the columns of a table of `width` columns without names that
// `columns` are: numbers from 0, or names for all, of which none is a number.
// Returns InvalidArgument for anything else and for a column given twice.
absl::StatusOr<NumberedColumns> FindNumberedColumns(
    absl::Span<const std::string> columns, int64_t width);

// Returns the text of a table with columns `name`_1, `name`_2, ... A double has
// the fewest digits from which it is read back bit for bit; infinity is inf.
std::string SerializeCsv(std::string_view name, MatrixView<const double> table,
                         char separator = ',');
std::string SerializeCsv(std::string_view name, MatrixView<const int64_t> table,
                         char separator = ',');

}  // namespace rct

#endif  // RCT_BASE_CSV_H_
