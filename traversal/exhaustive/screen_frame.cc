#include "traversal/exhaustive/screen_frame.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "traversal/exhaustive/screen_bound.h"

namespace rct {
namespace {

// The mean of the coordinates, so that little of them is lost in float32.
std::vector<double> Center(const ResidualPoints& data) {
  std::vector<double> center(data.points.cols());
  for (int64_t i = 0; i < data.size(); ++i) {
    for (int64_t t = 0; t < data.points.cols(); ++t) {
      center[t] += data.points(i, t) / static_cast<double>(data.size());
    }
  }
  for (double& x : center) {
    if (!std::isfinite(x)) x = 0;
  }
  return center;
}

}  // namespace

double ScreenUnit(double variance) {
  const int exponent = std::ilogb(variance);
  return std::ldexp(1.0, -(exponent >= 0 ? (exponent + 1) / 2 : exponent / 2));
}

ScreenFrame::ScreenFrame(const ResidualCorrelation& metric, double error_scale)
    : unit_(ScreenUnit(metric.kernel().variance())),
      inverse_unit_(1 / unit_),
      inverse_lengthscale_(
          metric.kernel().spec().inverse_lengthscale,
          metric.kernel().spec().inverse_lengthscale + metric.dim()),
      center_(Center(metric.data())),
      covariance_{
          metric.kernel().family(), metric.kernel().dim(),
          static_cast<float>(metric.kernel().variance() * unit_ * unit_)},
      bound_(metric.data().v.cols(), metric.kernel().dim(),
             metric.kernel().variance() * unit_ * unit_, error_scale) {}

float ScreenFrame::LoadCoordinates(const ResidualPoints& from, int64_t i,
                                   double squared, float* z,
                                   int64_t z_stride) const {
  const int dim = covariance_.dim;
  double moved = 0;
  double distance = 0;
  for (int t = 0; t < dim; ++t) {
    const double exact =
        (from.points(i, t) - center_[t]) * inverse_lengthscale_[t];
    const auto rounded = static_cast<float>(exact);
    z[t * z_stride] = rounded;
    const double difference = exact - static_cast<double>(rounded);
    moved += difference * difference;
    distance += exact * exact;
  }
  const double s = InverseSqrt(from, i);
  // Written so that what is not a number has no bound.
  const bool bounded =
      squared <= ScreenBound::kMaxLength * ScreenBound::kMaxLength &&
      distance <= ScreenBound::kMaxDistance * ScreenBound::kMaxDistance &&
      s > 1e-18 && s < 1e18;
  if (!bounded) {
    for (int t = 0; t < dim; ++t) z[t * z_stride] = 0;
    return std::numeric_limits<float>::infinity();
  }
  // The sums above, and the coordinates that were rounded, have errors of
  // their own, of a few units in the last place of a double.
  const double eta = std::sqrt(moved) * (1 + 0x1p-30) +
                     4 * kUnitRoundoff * std::sqrt(distance);
  // k cannot move further than from 0 to the variance.
  return bound_.Shift(std::min(eta, 2.0));
}

}  // namespace rct
