#include "traversal/exhaustive/screen_points.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/parallel.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "metric/simd_routines.h"
#include "traversal/exhaustive/screen_bound.h"
#include "traversal/exhaustive/screen_routines.h"

namespace rct {
namespace {

int64_t RoundUpTo(int64_t multiple, int64_t count) {
  return (count + multiple - 1) / multiple * multiple;
}

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

ScreenPoints::ScreenPoints(const ResidualCorrelation& metric, int threads,
                           double error_scale)
    : metric_(&metric),
      unit_(ScreenUnit(metric.kernel().variance())),
      inverse_unit_(1 / unit_),
      covariance_{
          metric.kernel().family(), metric.kernel().dim(),
          static_cast<float>(metric.kernel().variance() * unit_ * unit_)},
      bound_(metric.data().v.cols(), metric.kernel().dim(),
             metric.kernel().variance() * unit_ * unit_, error_scale),
      terms_(RoundUpTo(kScreenChunk, metric.data().v.cols())),
      num_panels_(RoundUpTo(kScreenPanel, metric.size()) / kScreenPanel),
      center_(Center(metric.data())),
      v_(num_panels_ * kScreenPanel * terms_),
      z_(num_panels_ * kScreenPanel * covariance_.dim),
      length_(num_panels_ * kScreenPanel),
      shift_(num_panels_ * kScreenPanel),
      root_(num_panels_ * kScreenPanel) {
  ParallelFor(threads, num_panels_, [&](int64_t p, int) {
    const int64_t first = p * kScreenPanel;
    float* v = v_.data() + first * terms_;
    float* z = z_.data() + first * covariance_.dim;
    for (int l = 0; l < kScreenPanel; ++l) {
      const int64_t j = first + l;
      if (j < metric.size()) {
        const Terms terms =
            Load(metric.data(), j, v + l, kScreenPanel, z + l, kScreenPanel);
        length_[j] = terms.length;
        shift_[j] = terms.shift;
        root_[j] = FloatBelow(1 / terms.inverse_sqrt);
      } else {
        for (int64_t c = 0; c < terms_; ++c) v[c * kScreenPanel + l] = 0;
        for (int t = 0; t < covariance_.dim; ++t) z[t * kScreenPanel + l] = 0;
        length_[j] = shift_[j] = root_[j] = 0;
      }
    }
  });
}

int64_t ScreenPoints::bytes() const {
  return static_cast<int64_t>(
      (v_.size() + z_.size() + length_.size() + shift_.size() + root_.size()) *
      sizeof(float));
}

ScreenPoints::Terms ScreenPoints::Load(const ResidualPoints& from, int64_t i,
                                       float* v, int64_t v_stride, float* z,
                                       int64_t z_stride) const {
  const double* row = from.v.row(i);
  const int64_t m = from.v.cols();
  const int dim = covariance_.dim;
  double squared = 0;
  for (int64_t c = 0; c < m; ++c) {
    const double x = row[c] * unit_;
    squared += x * x;
    v[c * v_stride] =
        static_cast<float>(std::abs(x) < ScreenBound::kMinElement ? 0.0 : x);
  }
  for (int64_t c = m; c < terms_; ++c) v[c * v_stride] = 0;

  const double* il = metric_->kernel().spec().inverse_lengthscale;
  double moved = 0;
  double distance = 0;
  for (int t = 0; t < dim; ++t) {
    const double exact = (from.points(i, t) - center_[t]) * il[t];
    const auto rounded = static_cast<float>(exact);
    z[t * z_stride] = rounded;
    const double difference = exact - static_cast<double>(rounded);
    moved += difference * difference;
    distance += exact * exact;
  }
  const double s = from.inverse_sqrt[i] * inverse_unit_;

  // Written so that what is not a number has no bound.
  const bool bounded =
      squared <= ScreenBound::kMaxLength * ScreenBound::kMaxLength &&
      distance <= ScreenBound::kMaxDistance * ScreenBound::kMaxDistance &&
      s > 1e-18 && s < 1e18;
  if (!bounded) {
    for (int64_t c = 0; c < terms_; ++c) v[c * v_stride] = 0;
    for (int t = 0; t < dim; ++t) z[t * z_stride] = 0;
    return {0, std::numeric_limits<float>::infinity(), 1};
  }
  // The sums above, and the coordinates that were rounded, have errors of
  // their own, of a few units in the last place of a double.
  const double eta = std::sqrt(moved) * (1 + 0x1p-30) +
                     4 * kUnitRoundoff * std::sqrt(distance);
  return {FloatAbove(std::sqrt(squared) * (1 + 0x1p-30)),
          // k cannot move further than from 0 to the variance.
          bound_.Shift(std::min(eta, 2.0)), s};
}

}  // namespace rct
