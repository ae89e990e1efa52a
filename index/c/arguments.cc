#include "index/c/arguments.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "base/matrix.h"
#include "base/quote.h"
#include "base/status_macros.h"
#include "google/protobuf/descriptor.h"

namespace rct {
namespace {

absl::Status ValidateCount(const char* name, const char* what, int64_t count,
                           int64_t most) {
  if (count >= 0 && count <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": the number of ", what, " is ", count,
                   "; it must be from 0 to ", most));
}

absl::Status ValidateElements(const char* name, const void* array,
                              bool has_elements) {
  if (array != nullptr || !has_elements) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": is NULL; only an array without elements may be"));
}

// The values of an enum but for 0.
struct Words {
  explicit Words(const google::protobuf::EnumDescriptor& values) {
    for (int i = 0; i < values.value_count(); ++i) {
      if (values.value(i)->number() == 0) continue;
      words.push_back(absl::AsciiStrToLower(values.value(i)->name()));
      numbers.push_back(values.value(i)->number());
    }
  }
  std::vector<std::string> words;
  std::vector<int> numbers;
};

}  // namespace

absl::Status NotNull(const char* name, const void* pointer) {
  if (pointer != nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": is NULL"));
}

absl::Status ValidateArray(const char* name, const void* array, int64_t n,
                           int64_t d) {
  RCT_RETURN_IF_ERROR(ValidateCount(name, "rows", n, kMaxRows));
  RCT_RETURN_IF_ERROR(ValidateCount(name, "columns", d, kMaxColumns));
  return ValidateElements(name, array, n > 0 && d > 0);
}

absl::Status ValidateArray(const char* name, const void* array, int64_t count) {
  RCT_RETURN_IF_ERROR(ValidateCount(name, "elements", count, kMaxRows));
  return ValidateElements(name, array, count > 0);
}

absl::StatusOr<MatrixView<const double>> PointsAt(const char* name,
                                                  const double* points,
                                                  int64_t n, int64_t d) {
  RCT_RETURN_IF_ERROR(ValidateArray(name, points, n, d));
  return MatrixView<const double>(points, n, d);
}

absl::StatusOr<int> Choose(const char* name, const char* word,
                           const std::vector<std::string>& words) {
  RCT_RETURN_IF_ERROR(NotNull(name, word));
  const auto found = std::find(words.begin(), words.end(), word);
  if (found != words.end()) return static_cast<int>(found - words.begin());
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": there is no ", Quote(word), "; choose one of ",
                   absl::StrJoin(words, ", ")));
}

absl::StatusOr<int> Choose(const char* name, const char* word,
                           const google::protobuf::EnumDescriptor& values) {
  const Words all(values);
  RCT_ASSIGN_OR_RETURN(const int i, Choose(name, word, all.words));
  return all.numbers[i];
}

}  // namespace rct
