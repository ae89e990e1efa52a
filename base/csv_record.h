// Records of separated values, before their fields mean anything.
//
//     city,longitude,"latitude"
//     "Washington, D.C.",-77.04,38.91
//
// A field that begins with a double quote ends with one, and may hold
// separators, line breaks, and quotes written twice (RFC 4180, Shafranovich
// 2005). Blanks around the quotes are accepted. Elsewhere a quote is a
// character like others. Lines end with LF, CR LF or CR.
//
// Errors are kInvalidArgument and name line and column, both from 1.

#ifndef RCT_BASE_CSV_RECORD_H_
#define RCT_BASE_CSV_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rct {

// Takes the records of a text one after the other. The text must outlive it.
class CsvRecords {
 public:
  // `separator` is a comma or a tab. A field of a text with tabs does not go
  // beyond its line: such files often hold quotes that mean nothing, and one of
  // them must not swallow the rows up to the next.
  CsvRecords(std::string_view bytes, char separator)
      : rest_(bytes), separator_(separator) {}

  bool done() const { return rest_.empty(); }

  // Takes a record, unless done(). Returns an error where a quote is not
  // closed, or is followed by more than blanks.
  absl::Status Next();

  // The fields of the record as they are written, with quotes and blanks.
  const std::vector<std::string_view>& fields() const { return fields_; }
  // All of it, without the line break at its end.
  std::string_view text() const { return text_; }
  // The line in which it begins.
  int64_t line() const { return line_; }

 private:
  // Returns the length of the field with which the rest begins.
  absl::StatusOr<size_t> FieldLength();
  absl::StatusOr<size_t> QuotedLength(size_t quote);
  absl::Status Error(std::string_view problem) const;
  bool IsBlank(char c) const;
  bool IsEnd(size_t i) const;

  std::string_view rest_;
  const char separator_;
  std::vector<std::string_view> fields_;
  std::string_view text_;
  int64_t line_ = 0;
  int64_t next_line_ = 1;
};

// Returns the text that a field stands for: without blanks around it, and
// without its quotes.
std::string CsvFieldText(std::string_view field);

// Writes records.
class CsvWriter {
 public:
  explicit CsvWriter(char separator) : separator_(separator) {}

  // Append a field to the current row. A text is put in quotes where it must
  // be. A double has the fewest digits from which it is read back bit for bit;
  // infinity is inf.
  void Text(std::string_view text);
  void Number(double value);
  void Number(int64_t value);
  // Ends the row.
  void EndRow();

  // Returns all that was written.
  std::string Take() { return std::move(text_); }

 private:
  void Separate();

  const char separator_;
  bool row_begins_ = true;
  std::string text_;
};

}  // namespace rct

#endif  // RCT_BASE_CSV_RECORD_H_
