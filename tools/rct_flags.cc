#include "tools/rct_flags.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "base/csv_record.h"
#include "base/quote.h"
#include "base/status_macros.h"

namespace rct {
namespace {

absl::StatusOr<double> ParsePositive(std::string_view text) {
  double value;
  if (!absl::SimpleAtod(text, &value) || !std::isfinite(value) || value <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quote(text), " is no positive and finite number"));
  }
  return value;
}

absl::StatusOr<int64_t> ParseBytes(std::string_view text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"KiB", 1024.0},          {"kB", 1e3},
      {"MiB", 1048576.0},       {"MB", 1e6},
      {"GiB", 1073741824.0},    {"GB", 1e9},
      {"TiB", 1099511627776.0}, {"TB", 1e12}};
  for (const auto& [unit, bytes] : kUnits) {
    if (!absl::EndsWithIgnoreCase(text, unit)) continue;
    RCT_ASSIGN_OR_RETURN(
        const double number,
        ParsePositive(text.substr(0, text.size() - unit.size())));
    if (number * bytes >= 1 && number * bytes < 1e18) {
      return static_cast<int64_t>(number * bytes);
    }
    break;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(Quote(text),
                   " is no number of bytes with a unit; write 4GiB (2^30), 4GB "
                   "(10^9), or so with K, M or T"));
}

// Returns the number of insertions, deletions and changes of a letter that turn
// `a` into `b` (Levenshtein's distance, computed row by row of its table).
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t change = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, change});
    }
  }
  return row.back();
}

}  // namespace

void FlagSet::Switch(std::string name, bool* on) {
  flags_[std::move(name)] = {true, [on](std::string_view) {
                               *on = true;
                               return absl::OkStatus();
                             }};
}

void FlagSet::Text(std::string name, std::string* value) {
  flags_[std::move(name)] = {false, [value](std::string_view text) {
                               *value = std::string(text);
                               return absl::OkStatus();
                             }};
}

void FlagSet::Integer(std::string name, int64_t min, int64_t max,
                      std::optional<int64_t>* value) {
  flags_[std::move(name)] = {
      false, [=](std::string_view text) {
        int64_t number;
        if (!absl::SimpleAtoi(text, &number) || number < min || number > max) {
          return absl::InvalidArgumentError(absl::StrCat(
              Quote(text), " is no integer from ", min, " to ", max));
        }
        *value = number;
        return absl::OkStatus();
      }};
}

void FlagSet::Positive(std::string name, std::optional<double>* value) {
  flags_[std::move(name)] = {false, [value](std::string_view text) {
                               const auto number = ParsePositive(text);
                               if (number.ok()) *value = *number;
                               return number.status();
                             }};
}

void FlagSet::Bytes(std::string name, int64_t* value) {
  flags_[std::move(name)] = {false, [value](std::string_view text) {
                               const auto bytes = ParseBytes(text);
                               if (bytes.ok()) *value = *bytes;
                               return bytes.status();
                             }};
}

void FlagSet::Positives(std::string name, std::vector<double>* values) {
  flags_[std::move(name)] = {
      false, [values](std::string_view text) {
        for (const std::string_view part : absl::StrSplit(text, ',')) {
          RCT_ASSIGN_OR_RETURN(const double value, ParsePositive(part));
          values->push_back(value);
        }
        return absl::OkStatus();
      }};
}

void FlagSet::Names(std::string name, std::vector<std::string>* values) {
  flags_[std::move(name)] = {
      false, [values](std::string_view text) {
        CsvRecords records(text, ',');
        const bool whole = records.Next().ok() && records.done();
        for (const std::string_view field : records.fields()) {
          values->push_back(CsvFieldText(field));
        }
        if (whole && !absl::c_linear_search(*values, "")) {
          return absl::OkStatus();
        }
        return absl::InvalidArgumentError(absl::StrCat(
            Quote(text), " is no list of names with commas between them"));
      }};
}

void FlagSet::Choice(std::string name, std::vector<std::string> names,
                     std::optional<int>* value) {
  flags_[std::move(name)] = {
      false, [names = std::move(names), value](std::string_view text) {
        for (size_t i = 0; i < names.size(); ++i) {
          if (!absl::EqualsIgnoreCase(text, names[i])) continue;
          *value = static_cast<int>(i);
          return absl::OkStatus();
        }
        return absl::InvalidArgumentError(
            absl::StrCat("there is no ", Quote(text),
                         "; there are: ", absl::StrJoin(names, ", ")));
      }};
}

std::vector<std::string> FlagSet::names() const {
  std::vector<std::string> names;
  for (const auto& [name, flag] : flags_) names.push_back(name);
  return names;
}

absl::StatusOr<std::vector<std::string>> FlagSet::Parse(
    absl::Span<const std::string> arguments) {
  std::vector<std::string> rest;
  given_.clear();
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!absl::StartsWith(argument, "-") || argument == "-") {
      rest.push_back(argument);
      continue;
    }
    const size_t equals = argument.find('=');
    const std::string dashed = argument.substr(0, equals);
    const auto error = [&dashed](std::string_view problem) {
      return absl::InvalidArgumentError(absl::StrCat(dashed, ": ", problem));
    };
    const std::string name =
        dashed.substr(std::min(dashed.find_first_not_of('-'), dashed.size()));
    const auto flag = flags_.find(name);
    if (flag == flags_.end() || dashed != "--" + name) {
      return absl::InvalidArgumentError(absl::StrCat(
          "there is no flag ", dashed, DidYouMean(name, names(), "--")));
    }
    const auto [given, is_first] = given_.emplace(name, "");
    if (!is_first) return error("is given twice");
    std::string& value = given->second;
    const auto& [is_switch, store] = flag->second;
    if (is_switch) {
      if (equals != argument.npos) {
        return error("takes no value; leave the flag out to turn it off");
      }
      RCT_RETURN_IF_ERROR(store(""));
      continue;
    }
    if (equals != argument.npos) {
      value = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size() &&
               !absl::StartsWith(arguments[i + 1], "--")) {
      value = arguments[++i];
    }
    if (value.empty()) {
      return error(absl::StrCat("has no value; write ", dashed, "=VALUE"));
    }
    RCT_RETURN_IF_ERROR(Annotate(store(value), dashed));
  }
  return rest;
}

const std::string* FlagSet::Given(std::string_view name) const {
  const auto given = given_.find(name);
  return given == given_.end() ? nullptr : &given->second;
}

std::string DidYouMean(std::string_view name,
                       absl::Span<const std::string> names,
                       std::string_view before) {
  const auto nearest =
      std::min_element(names.begin(), names.end(),
                       [name](const std::string& a, const std::string& b) {
                         return EditDistance(name, a) < EditDistance(name, b);
                       });
  // Words that differ in half of their letters or more are different words.
  if (nearest == names.end() || 2 * EditDistance(name, *nearest) >=
                                    std::max(name.size(), nearest->size())) {
    return "";
  }
  return absl::StrCat("; did you mean ", before, *nearest, "?");
}

}  // namespace rct
