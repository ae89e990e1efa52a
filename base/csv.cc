#include "base/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/quote.h"
#include "base/status_macros.h"

namespace rct {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// Both parse in the C locale, blanks around the number allowed.
bool ParseNumber(std::string_view field, double* value) {
  return absl::SimpleAtod(field, value);
}
bool ParseNumber(std::string_view field, int64_t* value) {
  return absl::SimpleAtoi(field, value);
}

bool IsFinite(double value) { return std::isfinite(value); }
bool IsFinite(int64_t) { return true; }

template <class T>
constexpr std::string_view kWanted = "a finite number";
template <>
constexpr std::string_view kWanted<int64_t> = "an integer of 64 bits";

// A line without its end; `bytes` begins with the next one then.
std::string_view TakeLine(std::string_view& bytes) {
  const size_t end = bytes.find('\n');
  std::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(end == bytes.npos ? bytes.size() : end + 1);
  absl::ConsumeSuffix(&line, "\r");
  return line;
}

absl::StatusOr<std::vector<std::string>> ParseHeader(std::string_view line) {
  std::vector<std::string> names;
  bool numbers_only = true;
  for (std::string_view name : absl::StrSplit(line, ',')) {
    const auto error = [&](std::string_view problem) {
      return absl::InvalidArgumentError(
          absl::StrCat("line 1: column ", names.size() + 1, " ", problem));
    };
    name = absl::StripAsciiWhitespace(name);
    double number;
    numbers_only = numbers_only && ParseNumber(name, &number);
    if (absl::ConsumePrefix(&name, "\"") && !absl::ConsumeSuffix(&name, "\"")) {
      return error(
          "opens a quote and does not close it; use names without "
          "commas");
    }
    if (name.empty()) {
      return error(
          "has no name; name it, or leave it out if it holds row "
          "numbers");
    }
    names.emplace_back(name);
  }
  if (numbers_only) {
    return absl::InvalidArgumentError(
        absl::StrCat("line 1: has only numbers, ", Quote(line),
                     "; a header is needed, with names that are no numbers"));
  }
  return names;
}

template <class T>
absl::StatusOr<Matrix<T>> Parse(std::string_view bytes) {
  absl::ConsumePrefix(&bytes, kByteOrderMark);
  bytes = absl::StripTrailingAsciiWhitespace(bytes);
  if (bytes.empty()) {
    return absl::InvalidArgumentError(
        "is empty; a header that names the columns is needed");
  }
  RCT_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                       ParseHeader(TakeLine(bytes)));
  const int64_t cols = static_cast<int64_t>(names.size());
  // Grows with the file, whatever the header promises.
  std::vector<T> values;
  for (int64_t line = 2; !bytes.empty(); ++line) {
    const std::string_view text = TakeLine(bytes);
    const std::vector<std::string_view> fields = absl::StrSplit(text, ',');
    if (static_cast<int64_t>(fields.size()) != cols) {
      return absl::InvalidArgumentError(absl::StrCat(
          "line ", line, ": has ", fields.size(), " fields where the header ",
          "has ", cols, ", in ", Quote(text),
          "; fields are separated by commas, decimals by a point"));
    }
    for (int64_t j = 0; j < cols; ++j) {
      T value;
      if (!ParseNumber(fields[j], &value) || !IsFinite(value)) {
        return absl::InvalidArgumentError(
            absl::StrCat("line ", line, ", column ", Quote(names[j]), ": is ",
                         Quote(fields[j]), "; must be ", kWanted<T>));
      }
      values.push_back(value);
    }
  }
  Matrix<T> table(static_cast<int64_t>(values.size()) / cols, cols);
  std::copy(values.begin(), values.end(), table.data());
  return table;
}

template <class Result>
absl::StatusOr<Result> ReadWith(
    absl::StatusOr<Result> (*parse)(std::string_view),
    const std::string& path) {
  RCT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  absl::StatusOr<Result> result = parse(bytes);
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

absl::StatusOr<Matrix<double>> ReadCsvMatrix(const std::string& path) {
  return ReadWith(ParseCsvMatrix, path);
}

absl::StatusOr<Matrix<int64_t>> ReadCsvIndexMatrix(const std::string& path) {
  return ReadWith(ParseCsvIndexMatrix, path);
}

absl::StatusOr<Matrix<double>> ParseCsvMatrix(std::string_view bytes) {
  return Parse<double>(bytes);
}

absl::StatusOr<Matrix<int64_t>> ParseCsvIndexMatrix(std::string_view bytes) {
  return Parse<int64_t>(bytes);
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
