#include "metric/inducing_points.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/limits.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "metric/kmeans.h"
#include "metric/scaled_points.h"
#include "metric/seeding.h"

namespace rct {
namespace {

// The stream of this use of a seed: "inducing" in ASCII.
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
  // Abseil's maps do not survive that memory runs out in them.
  std::unordered_map<int64_t, int> first_use;
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

// The names that errors have for the fields of the sources that choose by
// distance.
constexpr std::string_view kKMeansPlusPlus = "inducing.kmeans_plus_plus";
constexpr std::string_view kKMeans = "inducing.kmeans";
constexpr std::string_view kCoverTree = "inducing.cover_tree";

constexpr int kMaxIterations = 1000;

// Returns the scaled points of which `count` are to be chosen.
absl::StatusOr<ScaledPoints> Scale(std::string_view field, int64_t count,
                                   MatrixView<const double> points,
                                   const SelectionOptions& options) {
  if (count < 1 || count > points.rows) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ".count: is ", count,
                     "; must be from 1 to the number of rows, ", points.rows));
  }
  absl::StatusOr<ScaledPoints> scaled =
      ScaledPoints::Create(points, options.inverse_lengthscale, *options.simd);
  if (scaled.ok()) return scaled;
  return absl::Status(scaled.status().code(),
                      absl::StrCat(field, ": ", scaled.status().message()));
}

// Returns InvalidArgument if a choice of `count` rows has found fewer places.
absl::Status CheckChoice(std::string_view field, int64_t count,
                         absl::Span<const int64_t> rows,
                         const SelectionOptions& options) {
  RCT_RETURN_IF_ERROR(Monitor::Check(options.monitor));
  const auto places = static_cast<int64_t>(rows.size());
  if (places == count) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      field, ".count: is ", count, "; the data has ", places,
      " distinct places; take at most ", places, " inducing points"));
}

absl::StatusOr<InducingPoints> FromKMeansPlusPlus(
    const InducingConfig::KMeansPlusPlus& config,
    MatrixView<const double> points, const SelectionOptions& options) {
  RCT_ASSIGN_OR_RETURN(const ScaledPoints scaled,
                       Scale(kKMeansPlusPlus, config.count(), points, options));
  std::vector<int64_t> rows = KMeansPlusPlus(
      scaled, config.count(), config.seed(), options.threads, options.monitor);
  RCT_RETURN_IF_ERROR(
      CheckChoice(kKMeansPlusPlus, config.count(), rows, options));
  return TakeRows(std::move(rows), points);
}

absl::StatusOr<InducingPoints> FromCoverTree(
    const InducingConfig::CoverTree& config, MatrixView<const double> points,
    const SelectionOptions& options) {
  RCT_ASSIGN_OR_RETURN(const ScaledPoints scaled,
                       Scale(kCoverTree, config.count(), points, options));
  std::vector<int64_t> rows =
      FarthestFirst(scaled, config.count(), options.threads, options.monitor);
  RCT_RETURN_IF_ERROR(CheckChoice(kCoverTree, config.count(), rows, options));
  return TakeRows(std::move(rows), points);
}

absl::StatusOr<InducingPoints> FromKMeans(const InducingConfig::KMeans& config,
                                          MatrixView<const double> points,
                                          const SelectionOptions& options) {
  if (config.iterations() < 0 || config.iterations() > kMaxIterations) {
    return absl::InvalidArgumentError(
        absl::StrCat(kKMeans, ".iterations: is ", config.iterations(),
                     "; must be from 0 to ", kMaxIterations));
  }
  RCT_ASSIGN_OR_RETURN(const ScaledPoints scaled,
                       Scale(kKMeans, config.count(), points, options));
  Monitor* const monitor = options.monitor;
  const Monitor::Part whole(monitor);
  std::optional<Monitor::Part> part(std::in_place, monitor,
                                    1.0 / (2 + config.iterations()));
  const std::vector<int64_t> seeds = KMeansPlusPlus(
      scaled, config.count(), config.seed(), options.threads, monitor);
  RCT_RETURN_IF_ERROR(CheckChoice(kKMeans, config.count(), seeds, options));
  part.emplace(monitor, config.nearest_rows() ? 0.8 : 1);
  const Matrix<double> centers = KMeansCenters(
      scaled, seeds, config.iterations(), options.threads, monitor);
  part.reset();
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  if (!config.nearest_rows()) {
    return InducingPoints{
        UnscaledCenters(scaled, points, options.inverse_lengthscale,
                        centers.view(), options.threads),
        {}};
  }
  std::vector<int64_t> rows =
      NearestRows(scaled, centers.view(), options.threads, monitor);
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  return TakeRows(std::move(rows), points);
}

absl::StatusOr<InducingPoints> Select(const InducingConfig& config,
                                      MatrixView<const double> points,
                                      const SelectionOptions& options) {
  switch (config.source_case()) {
    case InducingConfig::kRows:
      return FromRows(config.rows(), points);
    case InducingConfig::kCoordinates:
      return FromCoordinates(config.coordinates(), points.cols);
    case InducingConfig::kRandom:
      return FromRandom(config.random(), points);
    case InducingConfig::kKmeansPlusPlus:
      return FromKMeansPlusPlus(config.kmeans_plus_plus(), points, options);
    case InducingConfig::kKmeans:
      return FromKMeans(config.kmeans(), points, options);
    case InducingConfig::kCoverTree:
      return FromCoverTree(config.cover_tree(), points, options);
    case InducingConfig::kNone:
      return InducingPoints{Matrix<double>(0, points.cols), {}};
    case InducingConfig::SOURCE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "inducing: no source given; set rows, coordinates, random, "
      "kmeans_plus_plus, kmeans, cover_tree or none");
}

}  // namespace

bool ChoosesByDistance(const InducingConfig& config) {
  return SelectionPasses(config) > 0;
}

int SelectionPasses(const InducingConfig& config) {
  switch (config.source_case()) {
    case InducingConfig::kKmeansPlusPlus:
    case InducingConfig::kCoverTree:
      return 1;
    case InducingConfig::kKmeans:
      return 1 + std::clamp(config.kmeans().iterations(), 0, kMaxIterations) +
             static_cast<int>(config.kmeans().nearest_rows());
    default:
      return 0;
  }
}

int64_t InducingCount(const InducingConfig& config, int64_t n, int64_t dim) {
  int64_t count = 0;
  switch (config.source_case()) {
    case InducingConfig::kCoordinates:
      return config.coordinates().value_size() / std::max<int64_t>(1, dim);
    case InducingConfig::kRows:
      count = config.rows().row_size();
      break;
    case InducingConfig::kRandom:
      count = config.random().count();
      break;
    case InducingConfig::kKmeansPlusPlus:
      count = config.kmeans_plus_plus().count();
      break;
    case InducingConfig::kKmeans:
      count = config.kmeans().count();
      break;
    case InducingConfig::kCoverTree:
      count = config.cover_tree().count();
      break;
    case InducingConfig::kNone:
    case InducingConfig::SOURCE_NOT_SET:
      break;
  }
  return std::clamp<int64_t>(count, 0, n);
}

absl::StatusOr<InducingPoints> SelectInducingPoints(
    const InducingConfig& config, MatrixView<const double> points,
    const SelectionOptions& options) {
  absl::StatusOr<InducingPoints> result = Select(config, points, options);
  if (result.ok() && result->coordinates.rows() == 0 && !config.has_none()) {
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
