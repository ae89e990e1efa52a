#include "base/csv.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/csv_number.h"
#include "base/csv_record.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/quote.h"
#include "base/status_macros.h"
#include "base/utf8.h"

namespace rct {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// The advice for a first line that is no header.
constexpr std::string_view kHeaderHelp =
    "name the columns in the first line, or say header=no where it is data "
    "(header=yes where these are names)";

absl::Status Error(const std::string& problem) {
  return absl::InvalidArgumentError(problem);
}

// Returns InvalidArgument if `bytes` begin like text in UTF-16.
absl::Status CheckEncoding(std::string_view bytes) {
  const bool marked = absl::StartsWith(bytes, "\xff\xfe") ||
                      absl::StartsWith(bytes, "\xfe\xff");
  // Each of the first two characters has a zero byte on the same side.
  const auto is_zero = [bytes](size_t i) { return bytes[i] == '\0'; };
  const bool zeros = bytes.size() >= 4 && is_zero(0) != is_zero(1) &&
                     is_zero(0) == is_zero(2) && is_zero(1) == is_zero(3);
  if (!marked && !zeros) return absl::OkStatus();
  return Error("is UTF-16 text; save the file as UTF-8");
}

// Where a table has what is wanted of it.
struct Layout {
  size_t width = 0;                // of the table, in columns
  std::vector<size_t> columns;     // of the numbers
  std::vector<std::string> names;  // theirs, or none
  bool chosen = false;             // whether these columns were asked for
  std::optional<size_t> id;        // the column of the identifiers
  std::string id_name;

  // Returns "line 3, column 2", or "line 3, column 'y'" if columns have names,
  // for the column of number j.
  std::string Place(int64_t line, size_t j) const {
    return absl::StrCat(
        "line ", line, ", column ",
        names.empty() ? absl::StrCat(columns[j] + 1) : Quote(names[j]));
  }
};

// The first line, where it names the columns.
struct Header {
  std::string_view text;
  std::vector<std::string_view> fields;  // as they are written
  std::vector<std::string> names;

  // Returns the position of a column, or nothing if there is none.
  std::optional<size_t> Find(std::string_view name) const {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return std::nullopt;
    return static_cast<size_t>(found - names.begin());
  }
};

// Checks the name of a column that is wanted.
absl::Status CheckName(const Header& header, size_t column) {
  const std::string& name = header.names[column];
  const auto error = [column](std::string_view problem) {
    return Error(absl::StrCat("line 1: column ", column + 1, " ", problem));
  };
  if (name.empty()) {
    return error(
        "has no name; name it, or leave it out if it holds row numbers");
  }
  if (!IsPrintableUtf8(name)) {
    return error(absl::StrCat(
        "is named ", Quote(name),
        ", which is no text in UTF-8; save the table as UTF-8 text"));
  }
  const auto again =
      std::find(header.names.begin() + column + 1, header.names.end(), name);
  if (again != header.names.end()) {
    return Error(absl::StrCat("line 1: columns ", column + 1, " and ",
                              again - header.names.begin() + 1,
                              " are both named ", Quote(name),
                              "; give each its own name"));
  }
  return absl::OkStatus();
}

// Returns the error for a first line that may be a row of data: not all of its
// fields look like names.
absl::Status NoHeader(const Header& header) {
  const auto& names = header.names;
  if (absl::c_all_of(names, IsCsvNumber)) {
    return Error(absl::StrCat("line 1: has only numbers, ", Quote(header.text),
                              "; a header is needed: ", kHeaderHelp));
  }
  const size_t odd =
      std::find_if_not(names.begin(), names.end(), LooksLikeName) -
      names.begin();
  return Error(absl::StrCat(
      "line 1: column ", odd + 1, " is ",
      Quote(absl::StripAsciiWhitespace(header.fields[odd])),
      ", which looks like data and not like a name: ", kHeaderHelp));
}

absl::Status NoColumn(std::string_view name, const Header& header) {
  const auto quoted = [](std::string* out, const std::string& other) {
    absl::StrAppend(out, Quote(other));
  };
  return Error(absl::StrCat("line 1: names no column ", Quote(name),
                            "; there are ",
                            absl::StrJoin(header.names, ", ", quoted)));
}

absl::Status Twice(std::string_view column) {
  return Error(absl::StrCat("column ", Quote(column),
                            " is asked for twice; name each column once"));
}

// Returns an error where the line is separated by something else.
absl::Status CheckSeparator(const Header& header, char separator) {
  if (header.fields.size() > 1 || absl::StrContains(header.text, '"')) {
    return absl::OkStatus();
  }
  const std::pair<char, std::string_view> others[] = {
      {';', "semicolons"},
      separator == '\t' ? std::pair<char, std::string_view>{',', "commas"}
                        : std::pair<char, std::string_view>{'\t', "tabs"}};
  for (const auto& [other, name] : others) {
    if (!absl::StrContains(header.text, other)) continue;
    return Error(absl::StrCat("line 1: ", Quote(header.text),
                              " is separated by ", name, "; ",
                              HowToSeparate(separator)));
  }
  return absl::OkStatus();
}

// Returns the position of a column that is asked for by name.
absl::StatusOr<size_t> FindColumn(const std::string& name, const Header& header,
                                  CsvHeader kind) {
  const std::optional<size_t> found = header.Find(name);
  const bool odd = kind == CsvHeader::kDetect && !LooksLikeName(name);
  if (found.has_value() && !odd) return *found;
  const auto& names = header.names;
  if (kind == CsvHeader::kDetect &&
      !std::all_of(names.begin(), names.end(), LooksLikeName)) {
    return NoHeader(header);
  }
  return NoColumn(name, header);
}

// Returns the layout of a table whose columns have names.
absl::StatusOr<Layout> NamedLayout(const Header& header,
                                   const CsvOptions& options) {
  RCT_RETURN_IF_ERROR(CheckSeparator(header, options.separator));
  Layout layout;
  layout.width = header.fields.size();
  layout.chosen = !options.columns.empty();
  if (!options.id_column.empty()) {
    RCT_ASSIGN_OR_RETURN(layout.id,
                         FindColumn(options.id_column, header, options.header));
    RCT_RETURN_IF_ERROR(CheckName(header, *layout.id));
    layout.id_name = options.id_column;
  }
  for (const std::string& name : options.columns) {
    RCT_ASSIGN_OR_RETURN(const size_t column,
                         FindColumn(name, header, options.header));
    if (absl::c_linear_search(layout.columns, column)) return Twice(name);
    layout.columns.push_back(column);
  }
  if (options.columns.empty()) {
    if (options.header == CsvHeader::kDetect &&
        !absl::c_all_of(header.names, LooksLikeName)) {
      return NoHeader(header);
    }
    for (size_t j = 0; j < layout.width; ++j) {
      if (layout.id != j) layout.columns.push_back(j);
    }
  }
  for (const size_t column : layout.columns) {
    RCT_RETURN_IF_ERROR(CheckName(header, column));
    layout.names.push_back(header.names[column]);
  }
  return layout;
}

// Returns the layout of a table of `width` columns without names.
absl::StatusOr<Layout> NumberedLayout(size_t width, const CsvOptions& options) {
  Layout layout;
  layout.width = width;
  const auto columns = static_cast<int64_t>(width);
  if (!options.id_column.empty()) {
    RCT_ASSIGN_OR_RETURN(const NumberedColumns id,
                         FindNumberedColumns({options.id_column}, columns));
    layout.id = static_cast<size_t>(id.numbers[0]);
    layout.id_name = options.id_column;
  }
  RCT_ASSIGN_OR_RETURN(NumberedColumns chosen,
                       FindNumberedColumns(options.columns, columns));
  layout.columns.assign(chosen.numbers.begin(), chosen.numbers.end());
  layout.names = std::move(chosen.names);
  layout.chosen = !options.columns.empty();
  for (size_t j = 0; j < width && options.columns.empty(); ++j) {
    if (layout.id != j) layout.columns.push_back(j);
  }
  return layout;
}

// Reads rows.
template <class T>
class RowParser {
 public:
  RowParser(const Layout& layout, char separator)
      : layout_(layout), separator_(separator) {}

  // Appends the row of a record.
  absl::Status Append(const CsvRecords& record) {
    const std::vector<std::string_view>& fields = record.fields();
    if (fields.size() != layout_.width) {
      return Error(
          absl::StrCat("line ", record.line(), ": has ", fields.size(),
                       fields.size() == 1 ? " field" : " fields", " where the ",
                       layout_.names.empty() ? "first line" : "header", " has ",
                       layout_.width, ", in ", Quote(record.text()), "; ",
                       HowToSeparate(separator_)));
    }
    ++rows_;
    for (size_t j = 0; j < layout_.columns.size(); ++j) {
      RCT_RETURN_IF_ERROR(
          AppendNumber(record.line(), j, fields[layout_.columns[j]]));
    }
    if (!layout_.id.has_value()) return absl::OkStatus();
    return AppendId(record.line(), fields[*layout_.id]);
  }

  Table<T> Finish() {
    const size_t cols = layout_.columns.size();
    Table<T> table;
    table.names = layout_.names;
    table.ids = std::move(ids_);
    table.values =
        Matrix<T>(static_cast<int64_t>(rows_), static_cast<int64_t>(cols));
    std::copy(values_.begin(), values_.end(), table.values.data());
    return table;
  }

 private:
  absl::Status AppendNumber(int64_t line, size_t j, std::string_view field) {
    T value;
    const absl::Status status =
        layout_.chosen && absl::StrContains(field, '"')
            ? ParseCsvNumber(CsvFieldText(field), separator_, &value)
            : ParseCsvNumber(field, separator_, &value);
    if (!status.ok()) return Annotate(status, layout_.Place(line, j));
    values_.push_back(value);
    return absl::OkStatus();
  }

  absl::Status AppendId(int64_t line, std::string_view field) {
    const std::string place =
        absl::StrCat(", column ", Quote(layout_.id_name), ": ");
    std::string id = CsvFieldText(field);
    if (id.empty()) {
      return Error(absl::StrCat("line ", line, place,
                                "is empty; each row needs an identifier"));
    }
    const auto [earlier, is_new] = lines_.emplace(id, line);
    if (!is_new) {
      return Error(absl::StrCat("lines ", earlier->second, " and ", line, place,
                                "are both ", Quote(id),
                                "; identifiers must be distinct"));
    }
    ids_.push_back(std::move(id));
    return absl::OkStatus();
  }

  const Layout& layout_;
  const char separator_;
  size_t rows_ = 0;
  std::vector<T> values_;
  std::vector<std::string> ids_;
  // Of identifiers. Abseil's maps do not survive that memory runs out in them.
  std::unordered_map<std::string, int64_t> lines_;
};

// Returns `bytes` without a byte order mark and without empty lines at the end.
// A tab in a line is a separator, after which a field may be empty.
std::string_view Trim(std::string_view bytes, char separator) {
  absl::ConsumePrefix(&bytes, kByteOrderMark);
  const size_t last =
      bytes.find_last_not_of(separator == '\t' ? " \r\n" : " \t\r\n\v\f");
  return bytes.substr(0, last + 1);
}

absl::StatusOr<Layout> FirstLine(const CsvRecords& records,
                                 const CsvOptions& options) {
  if (options.header == CsvHeader::kAbsent) {
    return NumberedLayout(records.fields().size(), options);
  }
  Header header{records.text(), records.fields(), {}};
  for (const std::string_view field : header.fields) {
    header.names.push_back(CsvFieldText(field));
  }
  return NamedLayout(header, options);
}

template <class T>
absl::StatusOr<Table<T>> Parse(std::string_view bytes,
                               const CsvOptions& options) {
  RCT_RETURN_IF_ERROR(CheckEncoding(bytes));
  bytes = Trim(bytes, options.separator);
  if (bytes.empty()) {
    return Error("is empty; a header that names the columns is needed");
  }
  CsvRecords records(bytes, options.separator);
  RCT_RETURN_IF_ERROR(records.Next());
  RCT_ASSIGN_OR_RETURN(const Layout layout, FirstLine(records, options));
  RowParser<T> rows(layout, options.separator);
  if (options.header == CsvHeader::kAbsent) {
    RCT_RETURN_IF_ERROR(rows.Append(records));
  }
  while (!records.done()) {
    RCT_RETURN_IF_ERROR(records.Next());
    RCT_RETURN_IF_ERROR(rows.Append(records));
  }
  return rows.Finish();
}

template <class T>
absl::StatusOr<Table<T>> Read(const std::string& path,
                              const CsvOptions& options, Monitor* monitor) {
  RCT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, monitor));
  absl::StatusOr<Table<T>> result = Parse<T>(bytes, options);
  if (!result.ok()) return Annotate(result.status(), path);
  return result;
}

template <class T>
std::string Serialize(std::string_view name, MatrixView<const T> table,
                      char separator) {
  CsvWriter writer(separator);
  for (int64_t j = 0; j < table.cols; ++j) {
    writer.Text(absl::StrCat(name, "_", j + 1));
  }
  writer.EndRow();
  for (int64_t i = 0; i < table.rows; ++i) {
    for (int64_t j = 0; j < table.cols; ++j) writer.Number(table(i, j));
    writer.EndRow();
  }
  return writer.Take();
}

}  // namespace

absl::StatusOr<Table<double>> ReadCsvTable(const std::string& path,
                                           const CsvOptions& options,
                                           Monitor* monitor) {
  return Read<double>(path, options, monitor);
}

absl::StatusOr<Table<int64_t>> ReadCsvIndexTable(const std::string& path,
                                                 const CsvOptions& options,
                                                 Monitor* monitor) {
  return Read<int64_t>(path, options, monitor);
}

absl::StatusOr<Table<double>> ParseCsvTable(std::string_view bytes,
                                            const CsvOptions& options) {
  return Parse<double>(bytes, options);
}

absl::StatusOr<Table<int64_t>> ParseCsvIndexTable(std::string_view bytes,
                                                  const CsvOptions& options) {
  return Parse<int64_t>(bytes, options);
}

absl::StatusOr<NumberedColumns> FindNumberedColumns(
    absl::Span<const std::string> columns, int64_t width) {
  NumberedColumns found;
  const bool named = static_cast<int64_t>(columns.size()) == width &&
                     absl::c_none_of(columns, IsCsvNumber);
  for (const std::string& column : columns) {
    int64_t number = static_cast<int64_t>(found.names.size());
    if (!named &&
        (!absl::SimpleAtoi(column, &number) || number < 0 || number >= width)) {
      return Error(absl::StrCat(
          "has no column ", Quote(column), ": its ", width,
          " columns have no names and are numbered from 0 to ", width - 1));
    }
    if (absl::c_linear_search(found.numbers, number) ||
        absl::c_linear_search(found.names, column)) {
      return Twice(column);
    }
    found.numbers.push_back(number);
    if (named) found.names.push_back(column);
  }
  return found;
}

std::string SerializeCsv(std::string_view name, MatrixView<const double> table,
                         char separator) {
  return Serialize(name, table, separator);
}

std::string SerializeCsv(std::string_view name, MatrixView<const int64_t> table,
                         char separator) {
  return Serialize(name, table, separator);
}

}  // namespace rct
