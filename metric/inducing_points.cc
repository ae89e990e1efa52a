#include "metric/inducing_points.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/matrix.h"
#include "base/random.h"
#include "base/status_macros.h"

namespace rct {
namespace {

// Separates this use of a seed from others'.
constexpr uint64_t kInducingStream = 0x696e647563696e67;

InducingPoints TakeRows(std::vector<int64_t> rows,
                        MatrixView<const double> points) {
  Matrix<double> coordinates(static_cast<int64_t>(rows.size()), points.cols);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(points.row(rows[i]), points.cols, coordinates.row(i));
  }
  return {std::move(coordinates), std::move(rows)};
}

absl::StatusOr<InducingPoints> FromRows(const InducingConfig::Rows& config,
                                        MatrixView<const double> points) {
  absl::flat_hash_map<int64_t, int> first_use;
  for (int i = 0; i < config.row_size(); ++i) {
    const int64_t row = config.row(i);
    if (row < 0 || row >= points.rows) {
      return absl::InvalidArgumentError(absl::StrCat(
          "inducing.rows.row[", i, "]: row ", row,
          " is out of range; the data has ", points.rows, " rows"));
    }
    const auto [earlier, is_new] = first_use.emplace(row, i);
    if (!is_new) {
      return absl::InvalidArgumentError(absl::StrCat(
          "inducing.rows.row[", i, "]: row ", row, " is already there at [",
          earlier->second, "]; each row may be given once"));
    }
  }
  return TakeRows({config.row().begin(), config.row().end()}, points);
}

absl::StatusOr<InducingPoints> FromCoordinates(
    const InducingConfig::Coordinates& config, int64_t dim) {
  const int64_t count = config.value_size();
  if (dim < 1 || count % dim != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("inducing.coordinates.value: ", count,
                     " numbers are no whole points of ", dim, " coordinates"));
  }
  InducingPoints result{Matrix<double>(count / dim, dim), {}};
  std::copy(config.value().begin(), config.value().end(),
            result.coordinates.row(0));
  RCT_RETURN_IF_ERROR(ValidateFinite("inducing.coordinates",
                                     std::as_const(result.coordinates).view()));
  return result;
}

absl::StatusOr<InducingPoints> FromRandom(const InducingConfig::Random& config,
                                          MatrixView<const double> points) {
  if (config.count() < 1 || config.count() > points.rows) {
    return absl::InvalidArgumentError(
        absl::StrCat("inducing.random.count: is ", config.count(),
                     "; must be from 1 to the number of rows, ", points.rows));
  }
  RandomStream stream(config.seed(), kInducingStream);
  return TakeRows(SampleWithoutReplacement(points.rows, config.count(), stream),
                  points);
}

}  // namespace

absl::StatusOr<InducingPoints> SelectInducingPoints(
    const InducingConfig& config, MatrixView<const double> points) {
  absl::StatusOr<InducingPoints> result;
  switch (config.source_case()) {
    case InducingConfig::kRows:
      result = FromRows(config.rows(), points);
      break;
    case InducingConfig::kCoordinates:
      result = FromCoordinates(config.coordinates(), points.cols);
      break;
    case InducingConfig::kRandom:
      result = FromRandom(config.random(), points);
      break;
    case InducingConfig::kNone:
      return InducingPoints{Matrix<double>(0, points.cols), {}};
    case InducingConfig::SOURCE_NOT_SET:
      return absl::InvalidArgumentError(
          "inducing: no source given; set rows, coordinates, random or none");
  }
  if (result.ok() && result->coordinates.rows() == 0) {
    return absl::InvalidArgumentError(
        "inducing: no inducing points given; give at least 1, or set none");
  }
  return result;
}

absl::Status ValidateFinite(const char* name, MatrixView<const double> points) {
  if (points.cols < 1 || points.cols > kMaxColumns) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": has ", points.cols, " columns; from 1 to ",
                     kMaxColumns, " are supported"));
  }
  if (points.rows > kMaxRows) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": has ", points.rows,
                                                   " rows; at most ", kMaxRows,
                                                   " are supported"));
  }
  for (int64_t i = 0; i < points.rows; ++i) {
    for (int64_t t = 0; t < points.cols; ++t) {
      if (!std::isfinite(points(i, t))) {
        return absl::InvalidArgumentError(
            absl::StrCat(name, ": row ", i, ", column ", t, " is ",
                         points(i, t), "; all values must be finite"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace rct
