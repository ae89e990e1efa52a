#include "tools/rct_input.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "base/quote.h"
#include "base/status_macros.h"
#include "metric/inducing_points.h"
#include "tools/rct_coordinates.h"

namespace rct {
namespace {

// Returns `result` with the options of a reader in its error written as flags.
template <class T>
absl::StatusOr<T> WithFlags(absl::StatusOr<T> result) {
  if (result.ok()) return result;
  return absl::Status(result.status().code(),
                      absl::StrReplaceAll(result.status().message(),
                                          {{"header=no", "--header=no"},
                                           {"header=yes", "--header=yes"}}));
}

std::string Listed(absl::Span<const std::string> names) {
  return absl::StrJoin(names, ", ",
                       [](std::string* out, const std::string& name) {
                         absl::StrAppend(out, Quote(name));
                       });
}

// Returns the position of each of `wanted` among `names`, or nothing where one
// is missing.
std::vector<int64_t> Places(absl::Span<const std::string> wanted,
                            absl::Span<const std::string> names) {
  std::vector<int64_t> places;
  for (const std::string& name : wanted) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return {};
    places.push_back(found - names.begin());
  }
  return places;
}

// Returns the number with two significant digits and, where possible, without
// an exponent.
std::string Rounded(double number) {
  double rounded = number;
  RCT_CHECK(absl::SimpleAtod(absl::StrFormat("%.2g", number), &rounded));
  return absl::StrCat(rounded);
}

double StandardDeviation(MatrixView<const double> points, int64_t column) {
  double mean = 0, squares = 0;
  for (int64_t i = 0; i < points.rows; ++i) {
    const double from_mean = points(i, column) - mean;
    mean += from_mean / static_cast<double>(i + 1);
    squares += from_mean * (points(i, column) - mean);
  }
  return std::sqrt(squares / static_cast<double>(points.rows));
}

// Puts the columns of `table` into the order of those of `points`, where both
// have names.
absl::Status ArrangeColumns(std::string_view flag, const std::string& path,
                            const PointsInfo& points, Table<double>& table) {
  if (table.names.empty() || points.names.empty() ||
      table.names == points.names) {
    return absl::OkStatus();
  }
  const std::vector<int64_t> places = Places(points.names, table.names);
  if (places.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": ", path, ": has the columns ",
                     Listed(table.names), " where ", points.flag, " has ",
                     Listed(points.names), "; name the columns alike"));
  }
  Matrix<double> values(table.values.rows(), points.dim);
  for (int64_t i = 0; i < values.rows(); ++i) {
    for (int64_t j = 0; j < points.dim; ++j) {
      values(i, j) = table.values(i, places[j]);
    }
  }
  table = {points.names, std::move(values)};
  return absl::OkStatus();
}

}  // namespace

std::string InputPath(const std::string& path) {
  return path == "-" ? "/dev/stdin" : ResolvePath(path);
}

const std::vector<std::string>& HeaderNames() {
  static const auto& names = *new std::vector<std::string>{"yes", "no"};
  return names;
}

CsvHeader HeaderOf(std::optional<int> choice) {
  if (!choice.has_value()) return CsvHeader::kDetect;
  return *choice == 0 ? CsvHeader::kPresent : CsvHeader::kAbsent;
}

absl::StatusOr<Table<double>> ReadInputTable(const std::string& path,
                                             const ReadOptions& options) {
  return WithFlags(ReadTable(InputPath(path), options));
}

absl::StatusOr<Table<double>> ReadInputPoints(const std::string& path,
                                              const ReadOptions& options,
                                              const CoordinateFlags& flags) {
  absl::StatusOr<Table<double>> table =
      ReadInputTable(path, flags.ForPoints(options));
  if (table.ok() || !flags.columns.empty() ||
      !absl::EndsWith(table.status().message(), "'; must be a finite number")) {
    return table;
  }
  return absl::Status(
      table.status().code(),
      absl::StrCat(table.status().message(),
                   "; --columns=NAME,... says which columns are coordinates"));
}

absl::StatusOr<std::vector<double>> ReadInputVector(
    const std::string& path, const ReadOptions& options) {
  return WithFlags(ReadVector(InputPath(path), options));
}

absl::StatusOr<std::vector<int64_t>> ReadInputRows(const std::string& path,
                                                   const ReadOptions& options) {
  return WithFlags(ReadIndices(InputPath(path), options));
}

absl::Status CheckInputPoints(const std::string& path,
                              const Table<double>& table) {
  const Matrix<double>& points = table.values;
  if (points.rows() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": has 0 rows of ", points.cols(),
                     " columns; at least one of each is needed"));
  }
  return ValidateFinite(path.c_str(), points.view());
}

absl::StatusOr<Matrix<double>> MatchColumns(std::string_view flag,
                                            const std::string& path,
                                            Table<double> table,
                                            const PointsInfo& points) {
  if (table.values.cols() != points.dim) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": ", path, ": the number of columns is ",
                     table.values.cols(), ", that of ", points.flag, " is ",
                     points.dim, "; both must be the same"));
  }
  RCT_RETURN_IF_ERROR(ArrangeColumns(flag, path, points, table));
  if (points.lon_lat) {
    RCT_RETURN_IF_ERROR(Annotate(Annotate(ConvertLonLat(table), path), flag));
  }
  return std::move(table.values);
}
std::string SuggestLengthscale(MatrixView<const double> points, bool lon_lat) {
  std::vector<double> deviations;
  double squares = 0;
  for (int64_t j = 0; j < points.cols; ++j) {
    deviations.push_back(StandardDeviation(points, j));
    squares += deviations.back() * deviations.back();
    if (lon_lat && j == 2) deviations = {std::sqrt(squares / 3)};
  }
  const auto [least, greatest] =
      std::minmax_element(deviations.begin(), deviations.end());
  constexpr double kAlike = 3;        // times the smallest
  constexpr int64_t kMaxNumbers = 4;  // that a person may want to type
  if (*greatest > kAlike * *least && *least > 0 && points.cols <= kMaxNumbers) {
    return absl::StrJoin(deviations, ",", [](std::string* out, double number) {
      absl::StrAppend(out, Rounded(number));
    });
  }
  const double mean = std::sqrt(squares / static_cast<double>(points.cols));
  return Rounded(std::isfinite(mean) && mean > 0 ? mean : 1);
}

}  // namespace rct
