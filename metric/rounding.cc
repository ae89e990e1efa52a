#include "metric/rounding.h"

#include <cmath>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace rct {

double FactorizationNugget(int rank) {
  return 2 * kUnitRoundoff * std::pow(rank + 4.0, 2.5);
}

double RoundingModel::ProjectionError() const {
  const double m = static_cast<double>(num_inducing);
  return std::sqrt(m) * (m + 3 + kernel_ulps) * kUnitRoundoff * variance;
}

double RoundingModel::FactorizationError() const {
  const double m = static_cast<double>(num_inducing);
  return m * (m + 1 + kernel_ulps) * kUnitRoundoff * (variance + jitter);
}

double RoundingModel::SmallestEigenvalue() const {
  return jitter - FactorizationError();
}

double RoundingModel::Nugget(int64_t num_points) const {
  const double m = static_cast<double>(num_inducing);
  const double n = static_cast<double>(num_points);
  const double dot_roundings = std::ceil(m / 8) + 3;
  const double entries =
      1.01 * n * kUnitRoundoff * variance * (dot_roundings + kernel_ulps + 2);
  const double solve_error = ProjectionError();
  const double absorbed = SmallestEigenvalue();
  // In this order nothing over- or underflows, whatever the unit of variance.
  return entries + n * solve_error * (solve_error / absorbed);
}

absl::Status RoundingModel::Validate() const {
  const double m = static_cast<double>(num_inducing);
  const double min_jitter =
      2 * m * (m + 1 + kernel_ulps) * kUnitRoundoff * (variance + jitter);
  if (jitter >= min_jitter) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "jitter: ", jitter / variance, " of the variance is too small for ",
      num_inducing, " inducing points: bounds that prune are proven from ",
      min_jitter / variance, " on; raise the jitter, or search exhaustively"));
}

}  // namespace rct
