#include "base/csv_record.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"

namespace rct {
namespace {

// Returns the number of line breaks in `text`.
int64_t CountBreaks(std::string_view text) {
  int64_t breaks = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    breaks +=
        text[i] == '\n' || (text[i] == '\r' && text.substr(i, 2) != "\r\n");
  }
  return breaks;
}

template <class T>
void AppendNumber(T value, std::string& text) {
  char digits[32];
  const std::to_chars_result end =
      std::to_chars(digits, digits + sizeof digits, value);
  text.append(digits, end.ptr);
}

}  // namespace

absl::Status CsvRecords::Error(std::string_view problem) const {
  return absl::InvalidArgumentError(absl::StrCat(
      "line ", line_, ", column ", fields_.size() + 1, ": ", problem));
}

bool CsvRecords::IsBlank(char c) const {
  return c == ' ' || (c == '\t' && separator_ != '\t');
}

bool CsvRecords::IsEnd(size_t i) const {
  return i == rest_.size() || rest_[i] == separator_ || rest_[i] == '\n' ||
         rest_[i] == '\r';
}

absl::Status CsvRecords::Next() {
  fields_.clear();
  line_ = next_line_;
  const std::string_view all = rest_;
  for (;;) {
    RCT_ASSIGN_OR_RETURN(const size_t length, FieldLength());
    fields_.push_back(rest_.substr(0, length));
    rest_.remove_prefix(length);
    if (rest_.empty() || rest_[0] != separator_) break;
    rest_.remove_prefix(1);
  }
  text_ = all.substr(0, all.size() - rest_.size());
  if (!absl::ConsumePrefix(&rest_, "\r\n")) {
    rest_.remove_prefix(std::min<size_t>(rest_.size(), 1));
  }
  ++next_line_;
  return absl::OkStatus();
}

absl::StatusOr<size_t> CsvRecords::FieldLength() {
  size_t i = 0;
  while (i < rest_.size() && IsBlank(rest_[i])) ++i;
  if (i < rest_.size() && rest_[i] == '"') return QuotedLength(i);
  while (!IsEnd(i)) ++i;
  return i;
}

absl::StatusOr<size_t> CsvRecords::QuotedLength(size_t quote) {
  size_t i = rest_.find('"', quote + 1);
  while (i != rest_.npos && rest_.substr(i, 2) == "\"\"") {
    i = rest_.find('"', i + 2);
  }
  const int64_t breaks = CountBreaks(rest_.substr(0, i));
  if (i == rest_.npos || (separator_ == '\t' && breaks > 0)) {
    return Error("opens a quote and does not close it");
  }
  ++i;
  while (i < rest_.size() && IsBlank(rest_[i])) ++i;
  if (!IsEnd(i)) {
    return Error(
        "has more after the quote that closes it; a quote within a text in "
        "quotes is written twice");
  }
  next_line_ += breaks;
  return i;
}

std::string CsvFieldText(std::string_view field) {
  field = absl::StripAsciiWhitespace(field);
  std::string_view inner = field;
  const bool quoted = inner.size() >= 2 && absl::ConsumePrefix(&inner, "\"") &&
                      absl::ConsumeSuffix(&inner, "\"");
  if (!quoted) return std::string(field);
  return absl::StrReplaceAll(inner, {{"\"\"", "\""}});
}

void CsvWriter::Separate() {
  if (!row_begins_) text_ += separator_;
  row_begins_ = false;
}

void CsvWriter::Text(std::string_view text) {
  Separate();
  const char special[] = {'"', '\n', '\r', separator_, '\0'};
  const bool plain = text.find_first_of(special) == text.npos &&
                     absl::StripAsciiWhitespace(text) == text;
  if (plain) {
    text_ += text;
  } else {
    absl::StrAppend(&text_, "\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}),
                    "\"");
  }
}

void CsvWriter::Number(double value) {
  Separate();
  AppendNumber(value, text_);
}

void CsvWriter::Number(int64_t value) {
  Separate();
  AppendNumber(value, text_);
}

void CsvWriter::EndRow() {
  text_ += '\n';
  row_begins_ = true;
}

}  // namespace rct
