#include "index/vecchia/conditional.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "Eigen/Cholesky"
#include "Eigen/Core"
#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "metric/lane_padding.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/tile.h"

namespace rct {
namespace {

using Vector = Eigen::Map<Eigen::VectorXd>;
using SquareMatrix = Eigen::Map<Eigen::MatrixXd>;

// Returns the covariance of two points with these deviations, the same for
// either order of the two.
double Covariance(double correlation, double a, double b) {
  return correlation * std::max(a, b) * std::min(a, b);
}

}  // namespace

double CovarianceError(const ResidualCorrelation& metric) {
  const auto m = static_cast<double>(metric.data().v.cols());
  const double dot_roundings = std::ceil(m / kLanes) + 3;
  return kUnitRoundoff * metric.kernel().variance() *
         (dot_roundings + metric.kernel().rounding_ulps() + 2);
}

Conditional::Conditional(const ResidualCorrelation& metric, double noise,
                         int64_t max_set)
    : metric_(&metric),
      noise_(noise),
      covariance_error_(CovarianceError(metric)),
      stride_(RoundUpToLanes(max_set)),
      workspace_(metric.dim(), static_cast<int>(std::max<int64_t>(max_set, 1)),
                 static_cast<int>(std::max<int64_t>(max_set, 1))),
      ids_(max_set),
      deviations_(max_set),
      tile_(max_set * stride_),
      covariances_(max_set * max_set),
      cross_(stride_),
      weights_(max_set) {}

void Conditional::Covariances(absl::Span<const int64_t> rows) {
  const auto size = static_cast<int64_t>(rows.size());
  for (int64_t j = 0; j < size; ++j) {
    ids_[j] = static_cast<int32_t>(rows[j]);
    deviations_[j] = std::sqrt(metric_->data().variance[rows[j]]);
  }
  const auto ids = absl::MakeConstSpan(ids_.data(), rows.size());
  metric_->Correlations(metric_->data(), ids, Candidates::List(ids),
                        tile_.data(), stride_, workspace_);
  for (int64_t t = 0; t < size; ++t) {
    double* const column = covariances_.data() + t * size;
    column[t] = metric_->data().variance[rows[t]] + noise_;
    for (int64_t j = t + 1; j < size; ++j) {
      column[j] =
          Covariance(tile_[j * stride_ + t], deviations_[j], deviations_[t]);
    }
  }
}

bool Conditional::Compute(const ResidualPoints& from, int64_t i,
                          absl::Span<const int64_t> rows) {
  const auto size = static_cast<int64_t>(rows.size());
  const double own = from.variance[i];
  weights_.resize(size);
  variance_ = own;
  variance_error_ = covariance_error_;
  if (size == 0) return true;

  Covariances(rows);
  SquareMatrix covariances(covariances_.data(), size, size);
  Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> factor(covariances);
  if (factor.info() != Eigen::Success) return false;

  const auto query = static_cast<int32_t>(i);
  metric_->Correlations(
      from, absl::MakeConstSpan(&query, 1),
      Candidates::List(absl::MakeConstSpan(ids_.data(), rows.size())),
      cross_.data(), stride_, workspace_);
  const double deviation = std::sqrt(own);
  for (int64_t j = 0; j < size; ++j) {
    cross_[j] = Covariance(cross_[j], deviation, deviations_[j]);
  }
  Vector solution(cross_.data(), size);
  factor.matrixL().solveInPlace(solution);
  variance_ = std::max(0.0, own - solution.squaredNorm());
  factor.matrixU().solveInPlace(solution);
  double length = 1;
  for (int64_t j = 0; j < size; ++j) {
    weights_[j] = solution[j];
    length += std::abs(solution[j]);
  }
  variance_error_ = covariance_error_ * length * length;
  return true;
}

}  // namespace rct
