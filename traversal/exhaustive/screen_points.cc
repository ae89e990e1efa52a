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

}  // namespace

ScreenPoints::ScreenPoints(const ResidualCorrelation& metric, int threads,
                           double error_scale)
    : metric_(&metric),
      frame_(metric, error_scale),
      terms_(RoundUpTo(kScreenChunk,
                       std::max<int64_t>(1, metric.data().v.cols()))),
      num_panels_(RoundUpTo(kScreenPanel, metric.size()) / kScreenPanel),
      v_(num_panels_ * kScreenPanel * terms_),
      z_(num_panels_ * kScreenPanel * covariance().dim),
      length_(num_panels_ * kScreenPanel),
      shift_(num_panels_ * kScreenPanel),
      root_(num_panels_ * kScreenPanel) {
  ParallelFor(threads, num_panels_, [&](int64_t p, int) {
    const int64_t first = p * kScreenPanel;
    float* v = v_.data() + first * terms_;
    float* z = z_.data() + first * covariance().dim;
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
        for (int t = 0; t < covariance().dim; ++t) z[t * kScreenPanel + l] = 0;
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
  const double unit = frame_.unit();
  const int64_t m = from.v.cols();
  double squared = 0;
  for (int64_t c = 0; c < m; ++c) {
    const double x = row[c] * unit;
    squared += x * x;
    v[c * v_stride] =
        static_cast<float>(std::abs(x) < ScreenBound::kMinElement ? 0.0 : x);
  }
  for (int64_t c = m; c < terms_; ++c) v[c * v_stride] = 0;

  const float shift = frame_.LoadCoordinates(from, i, squared, z, z_stride);
  if (!(shift < std::numeric_limits<float>::infinity())) {
    for (int64_t c = 0; c < terms_; ++c) v[c * v_stride] = 0;
    return {0, shift, 1};
  }
  return {FloatAbove(std::sqrt(squared) * (1 + 0x1p-30)), shift,
          frame_.InverseSqrt(from, i)};
}

}  // namespace rct
