#include "base/npy_header.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/npy.h"
#include "base/quote.h"
#include "base/status_macros.h"

namespace rct {
namespace {

// Parses a header: the text of a Python dictionary with the keys of NpyHeader,
// each once, in any order.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : rest_(text) {}

  absl::StatusOr<NpyHeader> Parse() {
    NpyHeader header;
    bool has_descr = false, has_order = false, has_shape = false;
    RCT_RETURN_IF_ERROR(Expect('{'));
    while (!Skip('}')) {
      RCT_ASSIGN_OR_RETURN(const std::string key, ParseString());
      RCT_RETURN_IF_ERROR(Expect(':'));
      bool repeated;
      if (key == "descr") {
        repeated = std::exchange(has_descr, true);
        RCT_ASSIGN_OR_RETURN(header.descr, ParseDescr());
      } else if (key == "fortran_order") {
        repeated = std::exchange(has_order, true);
        RCT_ASSIGN_OR_RETURN(header.fortran_order, ParseBool());
      } else if (key == "shape") {
        repeated = std::exchange(has_shape, true);
        RCT_ASSIGN_OR_RETURN(header.shape, ParseShape());
      } else {
        return Error(absl::StrCat("unknown key ", Quote(key)));
      }
      if (repeated) return Error(absl::StrCat("repeated key ", Quote(key)));
      if (!Skip(',')) {
        RCT_RETURN_IF_ERROR(Expect('}'));
        break;
      }
    }
    SkipSpace();
    if (!rest_.empty()) {
      return Error(absl::StrCat("expected its end, found ", Quote(rest_)));
    }
    if (!has_descr || !has_order || !has_shape) {
      return Error("expected the keys 'descr', 'fortran_order' and 'shape'");
    }
    return header;
  }

 private:
  static absl::Status Error(std::string_view problem) {
    return absl::InvalidArgumentError(absl::StrCat("header: ", problem));
  }

  void SkipSpace() { rest_ = absl::StripLeadingAsciiWhitespace(rest_); }

  bool Skip(char c) {
    SkipSpace();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  absl::Status Expect(char c) {
    if (Skip(c)) return absl::OkStatus();
    return Error(absl::StrCat("expected '", std::string(1, c), "', found ",
                              Quote(rest_)));
  }

  absl::StatusOr<std::string> ParseDescr() {
    SkipSpace();
    if (!absl::StartsWith(rest_, "[")) return ParseString();
    return Error(
        "the array is structured: its elements have fields; save one array of "
        "plain numbers");
  }

  // Parses a string without escapes, which no valid header needs.
  absl::StatusOr<std::string> ParseString() {
    SkipSpace();
    if (!rest_.empty() && (rest_.front() == '\'' || rest_.front() == '"')) {
      const size_t end = rest_.find(rest_.front(), 1);
      if (end != rest_.npos) {
        std::string value(rest_.substr(1, end - 1));
        rest_.remove_prefix(end + 1);
        return value;
      }
    }
    return Error(absl::StrCat("expected a string, found ", Quote(rest_)));
  }

  absl::StatusOr<bool> ParseBool() {
    SkipSpace();
    if (absl::ConsumePrefix(&rest_, "True")) return true;
    if (absl::ConsumePrefix(&rest_, "False")) return false;
    return Error(absl::StrCat("expected True or False, found ", Quote(rest_)));
  }

  absl::StatusOr<std::vector<int64_t>> ParseShape() {
    std::vector<int64_t> shape;
    RCT_RETURN_IF_ERROR(Expect('('));
    while (!Skip(')')) {
      SkipSpace();
      const std::string_view digits =
          rest_.substr(0, rest_.find_first_not_of("0123456789"));
      int64_t length;
      if (!absl::SimpleAtoi(digits, &length)) {
        return Error(absl::StrCat("shape: expected a length below 2^63, found ",
                                  Quote(rest_)));
      }
      rest_.remove_prefix(digits.size());
      absl::ConsumePrefix(&rest_, "L");  // a long integer of Python 2
      shape.push_back(length);
      if (!Skip(',')) {
        RCT_RETURN_IF_ERROR(Expect(')'));
        break;
      }
    }
    return shape;
  }

  std::string_view rest_;
};

// Removes magic and version from `bytes` and returns the major version.
absl::StatusOr<int> TakeVersion(std::string_view& bytes) {
  if (!absl::ConsumePrefix(&bytes, kNpyMagic)) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a .npy file: expected it to begin with ",
                     Quote(kNpyMagic), ", found ", Quote(bytes.substr(0, 6))));
  }
  RCT_ASSIGN_OR_RETURN(const std::string_view version,
                       TakeNpyPart("format version", kNpyVersionBytes, bytes));
  const int major = static_cast<unsigned char>(version[0]);
  const int minor = static_cast<unsigned char>(version[1]);
  if (major < 1 || major > 3 || minor != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("unsupported format version ", major, ".", minor,
                     ": expected 1.0, 2.0 or 3.0"));
  }
  return major;
}

}  // namespace

std::string FormatNpyShape(absl::Span<const int64_t> shape) {
  return absl::StrCat("(", absl::StrJoin(shape, ", "),
                      shape.size() == 1 ? ",)" : ")");
}

absl::StatusOr<std::string_view> TakeNpyPart(std::string_view part,
                                             size_t count,
                                             std::string_view& bytes) {
  if (bytes.size() < count) {
    return absl::InvalidArgumentError(
        absl::StrCat("truncated: has ", bytes.size(), " of ", count,
                     " bytes of ", part, "; copy or write the file again"));
  }
  const std::string_view taken = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return taken;
}

absl::StatusOr<NpyHeader> TakeNpyHeader(std::string_view& bytes) {
  RCT_ASSIGN_OR_RETURN(const int major, TakeVersion(bytes));
  RCT_ASSIGN_OR_RETURN(const std::string_view length,
                       TakeNpyPart("header length", major == 1 ? 2 : 4, bytes));
  uint32_t header_bytes = 0;
  std::memcpy(&header_bytes, length.data(), length.size());
  RCT_ASSIGN_OR_RETURN(const std::string_view text,
                       TakeNpyPart("header", header_bytes, bytes));
  return HeaderParser(text).Parse();
}

}  // namespace rct
