#include "base/csv_number.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/csv_record.h"
#include "base/limits.h"
#include "base/quote.h"

namespace rct {
namespace {

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

// The words for the separator of a table.
std::string_view NameOf(char separator) {
  return separator == '\t' ? "tab" : "comma";
}
// Describes `field`, which is no T: returns "" or a clause that begins with a
// comma.
template <class T>
std::string Fault(std::string_view field, char separator) {
  field = absl::StripAsciiWhitespace(field);
  const std::string text = CsvFieldText(field);
  T number;
  if (field.empty()) return ", which is empty";
  if (text != field && ParseNumber(text, &number)) {
    return ", a number in quotes";
  }
  if (IsMissing(text)) return ", a missing value";
  if (absl::StrContains(field, ';')) {
    return absl::StrCat(", which has a semicolon where a ", NameOf(separator),
                        " belongs");
  }
  std::string_view digits = field;
  if (!absl::ConsumePrefix(&digits, "-")) absl::ConsumePrefix(&digits, "+");
  if (absl::StartsWithIgnoreCase(digits, "0x")) return ", a hexadecimal number";
  if (BeginsLikeNumber(field) &&
      field.find_first_of(" \t") != std::string_view::npos) {
    return absl::StrCat(", which has a blank where a ", NameOf(separator),
                        " belongs");
  }
  return "";
}

template <class T>
absl::Status Parse(std::string_view field, char separator, T* value) {
  if (!ParseNumber(field, value) || !IsFinite(*value)) {
    return absl::InvalidArgumentError(absl::StrCat("is ", Quote(field),
                                                   Fault<T>(field, separator),
                                                   "; must be ", kWanted<T>));
  }
  if (IsRounded(field, *value)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "is ", Quote(field),
        ", an integer that float64 cannot hold; subtract an offset, so that "
        "numbers stay below 2^53"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseCsvNumber(std::string_view field, char separator,
                            double* value) {
  return Parse(field, separator, value);
}

absl::Status ParseCsvNumber(std::string_view field, char separator,
                            int64_t* value) {
  return Parse(field, separator, value);
}

bool IsCsvNumber(std::string_view text) {
  double number;
  return ParseNumber(text, &number);
}

bool LooksLikeName(std::string_view text) {
  return !IsCsvNumber(text) && !IsMissing(text) && !BeginsLikeNumber(text);
}

std::string HowToSeparate(char separator) {
  return absl::StrCat("fields are separated by ",
                      separator == '\t' ? "tabs" : "commas",
                      ", decimals by a point");
}

}  // namespace rct
