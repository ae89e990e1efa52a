#include "base/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/limits.h"
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

// Parse decimals in the C locale, with or without blanks around the number.
bool ParseNumber(std::string_view field, double* value) {
  return absl::SimpleAtod(field, value) &&
         field.find_first_of("xX") == std::string_view::npos;
}
bool ParseNumber(std::string_view field, int64_t* value) {
  if (absl::SimpleAtoi(field, value)) return true;
  double decimal;
  if (!ParseNumber(field, &decimal) || std::trunc(decimal) != decimal ||
      std::abs(decimal) >= kMaxExactInteger) {
    return false;
  }
  *value = static_cast<int64_t>(decimal);
  return true;
}

bool IsFinite(double value) { return std::isfinite(value); }
bool IsFinite(int64_t) { return true; }

// Returns true if `field`, of which ParseNumber made `value`, is an integer in
// plain digits and differs from `value`.
bool IsRounded(std::string_view field, double value) {
  if (std::abs(value) < kMaxExactInteger) return false;
  std::string_view digits = absl::StripAsciiWhitespace(field);
  if (!absl::ConsumePrefix(&digits, "-")) absl::ConsumePrefix(&digits, "+");
  const size_t point = digits.find('.');
  if (point != digits.npos) {
    if (digits.find_first_not_of('0', point + 1) != digits.npos) return false;
    digits = digits.substr(0, point);
  }
  if (digits.find_first_not_of("0123456789") != digits.npos) return false;
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  return digits != absl::StrFormat("%.0f", std::abs(value));
}
bool IsRounded(std::string_view, int64_t) { return false; }

template <class T>
constexpr std::string_view kWanted = "a finite number";
template <>
constexpr std::string_view kWanted<int64_t> = "an integer of 64 bits";

// Returns true if `field` is a word that programs write for a missing value.
bool IsMissing(std::string_view field) {
  static constexpr std::string_view kWords[] = {
      "na",  "n/a",     "#n/a", "nan", "null", "none",
      "nil", "missing", "-",    "--",  ".",    "?"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [field](std::string_view word) {
                       return absl::EqualsIgnoreCase(field, word);
                     });
}

// Returns true if `field` begins like a number: with a digit, perhaps after a
// sign and a point.
bool BeginsLikeNumber(std::string_view field) {
  if (!field.empty() && (field[0] == '-' || field[0] == '+')) {
    field.remove_prefix(1);
  }
  absl::ConsumePrefix(&field, ".");
  return !field.empty() && absl::ascii_isdigit(field[0]);
}

// Returns `field` without double quotes, if it has them on both sides.
std::string_view WithoutQuotes(std::string_view field) {
  std::string_view inner = field;
  const bool quoted = inner.size() >= 2 && absl::ConsumePrefix(&inner, "\"") &&
                      absl::ConsumeSuffix(&inner, "\"");
  return quoted ? inner : field;
}

// Describes `field`, which is no T: returns "" or a clause that begins with a
// comma.
template <class T>
std::string_view Fault(std::string_view field) {
  field = absl::StripAsciiWhitespace(field);
  T number;
  if (field.empty()) return ", which is empty";
  if (WithoutQuotes(field) != field &&
      ParseNumber(WithoutQuotes(field), &number)) {
    return ", a number in quotes";
  }
  if (IsMissing(WithoutQuotes(field))) return ", a missing value";
  if (absl::StrContains(field, ';')) {
    return ", which has a semicolon where a comma belongs";
  }
  std::string_view digits = field;
  if (!absl::ConsumePrefix(&digits, "-")) absl::ConsumePrefix(&digits, "+");
  if (absl::StartsWithIgnoreCase(digits, "0x")) return ", a hexadecimal number";
  if (BeginsLikeNumber(field) &&
      field.find_first_of(" \t") != std::string_view::npos) {
    return ", which has a blank where a comma belongs";
  }
  return "";
}

// Removes the first line from `bytes` and returns it without its line break.
std::string_view TakeLine(std::string_view& bytes) {
  const size_t end = bytes.find_first_of("\r\n");
  const std::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(line.size());
  if (!absl::ConsumePrefix(&bytes, "\r\n")) {
    bytes.remove_prefix(std::min<size_t>(bytes.size(), 1));
  }
  return line;
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

// Returns "line 3, column 2", or "line 3, column 'y'" if columns have names.
std::string Place(int64_t line, size_t column,
                  const std::vector<std::string>& names) {
  return absl::StrCat(
      "line ", line, ", column ",
      names.empty() ? absl::StrCat(column + 1) : Quote(names[column]));
}

absl::Status CheckName(size_t column, std::string_view name) {
  const auto error = [column](std::string_view problem) {
    return Error(absl::StrCat("line 1: column ", column + 1, " ", problem));
  };
  if (absl::StartsWith(name, "\"") && WithoutQuotes(name) == name) {
    return error(
        "opens a quote and does not close it; use names without commas");
  }
  name = WithoutQuotes(name);
  if (name.empty()) {
    return error(
        "has no name; name it, or leave it out if it holds row numbers");
  }
  if (!IsPrintableUtf8(name)) {
    return error(absl::StrCat(
        "is named ", Quote(name),
        ", which is no text in UTF-8; save the table as UTF-8 text"));
  }
  return absl::OkStatus();
}

// Returns the error for a first line that may be a row of data: not all of its
// fields look like names.
absl::Status NoHeader(std::string_view line,
                      const std::vector<std::string_view>& fields) {
  double number;
  const auto is_number = [&number](std::string_view field) {
    return ParseNumber(WithoutQuotes(field), &number);
  };
  if (std::all_of(fields.begin(), fields.end(), is_number)) {
    return Error(absl::StrCat("line 1: has only numbers, ", Quote(line),
                              "; a header is needed: ", kHeaderHelp));
  }
  const auto odd =
      std::find_if(fields.begin(), fields.end(), [&](std::string_view field) {
        field = WithoutQuotes(field);
        return is_number(field) || IsMissing(field) || BeginsLikeNumber(field);
      });
  return Error(absl::StrCat(
      "line 1: column ", odd - fields.begin() + 1, " is ", Quote(*odd),
      ", which looks like data and not like a name: ", kHeaderHelp));
}

bool LooksLikeName(std::string_view field) {
  double number;
  field = WithoutQuotes(field);
  return !ParseNumber(field, &number) && !IsMissing(field) &&
         !BeginsLikeNumber(field);
}

// Returns the names in the first line.
absl::StatusOr<std::vector<std::string>> ParseHeader(std::string_view line,
                                                     CsvHeader header) {
  std::vector<std::string_view> fields = absl::StrSplit(line, ',');
  for (std::string_view& field : fields) {
    field = absl::StripAsciiWhitespace(field);
  }
  if (fields.size() == 1) {
    for (const auto& [separator, name] :
         {std::pair<char, std::string_view>{';', "semicolons"},
          {'\t', "tabs"}}) {
      if (!absl::StrContains(line, separator)) continue;
      return Error(absl::StrCat("line 1: ", Quote(line), " is separated by ",
                                name,
                                "; fields are separated by commas, decimals "
                                "by a point"));
    }
  }
  if (header == CsvHeader::kDetect &&
      !std::all_of(fields.begin(), fields.end(), LooksLikeName)) {
    return NoHeader(line, fields);
  }
  std::vector<std::string> names;
  absl::flat_hash_map<std::string, size_t> columns;
  for (const std::string_view field : fields) {
    RCT_RETURN_IF_ERROR(CheckName(names.size(), field));
    names.emplace_back(WithoutQuotes(field));
    const auto [earlier, is_new] =
        columns.emplace(names.back(), names.size() - 1);
    if (!is_new) {
      return Error(absl::StrCat(
          "line 1: columns ", earlier->second + 1, " and ", names.size(),
          " are both named ", Quote(names.back()), "; give each its own name"));
    }
  }
  return names;
}

// Appends the numbers of a row.
template <class T>
absl::Status ParseRow(int64_t line, std::string_view text,
                      const std::vector<std::string>& names, size_t cols,
                      std::vector<T>& values) {
  const std::vector<std::string_view> fields = absl::StrSplit(text, ',');
  if (fields.size() != cols) {
    return Error(absl::StrCat(
        "line ", line, ": has ", fields.size(), " fields where the ",
        names.empty() ? "first line" : "header", " has ", cols, ", in ",
        Quote(text), "; fields are separated by commas, decimals by a point"));
  }
  for (size_t j = 0; j < cols; ++j) {
    T value;
    if (!ParseNumber(fields[j], &value) || !IsFinite(value)) {
      return Error(absl::StrCat(Place(line, j, names), ": is ",
                                Quote(fields[j]), Fault<T>(fields[j]),
                                "; must be ", kWanted<T>));
    }
    if (IsRounded(fields[j], value)) {
      return Error(absl::StrCat(
          Place(line, j, names), ": is ", Quote(fields[j]),
          ", an integer that float64 cannot hold; subtract an offset, so that "
          "numbers stay below 2^53"));
    }
    values.push_back(value);
  }
  return absl::OkStatus();
}

template <class T>
absl::StatusOr<Table<T>> Parse(std::string_view bytes, CsvHeader header) {
  RCT_RETURN_IF_ERROR(CheckEncoding(bytes));
  absl::ConsumePrefix(&bytes, kByteOrderMark);
  bytes = absl::StripTrailingAsciiWhitespace(bytes);
  if (bytes.empty()) {
    return Error("is empty; a header that names the columns is needed");
  }
  Table<T> table;
  int64_t line = 1;
  size_t cols = 0;
  if (header == CsvHeader::kAbsent) {
    std::string_view rest = bytes;
    const std::string_view first = TakeLine(rest);
    cols = static_cast<size_t>(std::count(first.begin(), first.end(), ',')) + 1;
  } else {
    RCT_ASSIGN_OR_RETURN(table.names, ParseHeader(TakeLine(bytes), header));
    cols = table.names.size();
    ++line;
  }
  // The number of values follows from the file, not from the header.
  std::vector<T> values;
  for (; !bytes.empty(); ++line) {
    RCT_RETURN_IF_ERROR(
        ParseRow(line, TakeLine(bytes), table.names, cols, values));
  }
  table.values = Matrix<T>(static_cast<int64_t>(values.size() / cols),
                           static_cast<int64_t>(cols));
  std::copy(values.begin(), values.end(), table.values.data());
  return table;
}

template <class T>
absl::StatusOr<Table<T>> Read(const std::string& path, CsvHeader header,
                              Monitor* monitor) {
  RCT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, monitor));
  absl::StatusOr<Table<T>> result = Parse<T>(bytes, header);
  if (!result.ok()) return Annotate(result.status(), path);
  return result;
}

template <class T>
std::string Serialize(std::string_view name, MatrixView<const T> table) {
  std::string text;
  for (int64_t j = 0; j < table.cols; ++j) {
    absl::StrAppend(&text, j == 0 ? "" : ",", name, "_", j + 1);
  }
  text += '\n';
  for (int64_t i = 0; i < table.rows; ++i) {
    for (int64_t j = 0; j < table.cols; ++j) {
      char number[32];
      const std::to_chars_result end =
          std::to_chars(number, number + sizeof number, table(i, j));
      if (j > 0) text += ',';
      text.append(number, end.ptr);
    }
    text += '\n';
  }
  return text;
}

}  // namespace

absl::StatusOr<Table<double>> ReadCsvTable(const std::string& path,
                                           CsvHeader header, Monitor* monitor) {
  return Read<double>(path, header, monitor);
}

absl::StatusOr<Table<int64_t>> ReadCsvIndexTable(const std::string& path,
                                                 CsvHeader header,
                                                 Monitor* monitor) {
  return Read<int64_t>(path, header, monitor);
}

absl::StatusOr<Table<double>> ParseCsvTable(std::string_view bytes,
                                            CsvHeader header) {
  return Parse<double>(bytes, header);
}

absl::StatusOr<Table<int64_t>> ParseCsvIndexTable(std::string_view bytes,
                                                  CsvHeader header) {
  return Parse<int64_t>(bytes, header);
}

std::string SerializeCsv(std::string_view name,
                         MatrixView<const double> table) {
  return Serialize(name, table);
}

std::string SerializeCsv(std::string_view name,
                         MatrixView<const int64_t> table) {
  return Serialize(name, table);
}

}  // namespace rct
