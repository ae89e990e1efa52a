#include "traversal/block/far_field_balls.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numeric>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "metric/residual_correlation.h"
#include "metric/rounding.h"
#include "metric/tile.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/exhaustive/screen_frame.h"

namespace rct {
namespace {

constexpr int64_t kRhoStride = 2 * kFarPanel;

double SineOf(double cosine) { return std::sqrt((1 - cosine) * (1 + cosine)); }

}  // namespace

BallBound::BallBound(const ResidualCorrelation& metric,
                     const ScreenFrame& frame, const FarFieldScale& scale)
    : tau_(scale.rounding * kMaxTau), slop_(scale.filter * 8 * kFloatRoundoff) {
  // tau = nu(3) / p + 12 u (metric/residual_correlation.h).
  const double nugget = scale.rounding * metric.rounding()->Nugget(3);
  const double squared =
      (kMaxTau - 12 * kUnitRoundoff) * (1 - 0x1p-30) / nugget;
  most_ = std::sqrt(squared) / frame.unit();
}

BallBound::Angle BallBound::Query(float theta, double inverse_sqrt) const {
  if (!(theta > 0) || !Holds(inverse_sqrt)) return {-1.0f, 0.0f};
  const double cosine = std::min(1.0, theta / (1 + tau_));
  return {FloatBelow(cosine / inverse_sqrt * (1 - slop_)),
          FloatAbove(SineOf(cosine) / inverse_sqrt * (1 + slop_))};
}

BallBound::Angle BallBound::Radius(double least, double inverse_sqrt) const {
  const double lowered = least * (1 - 16 * kUnitRoundoff) - 4 * kUnitRoundoff;
  const double cosine = std::min(1.0, std::max(0.0, lowered) / (1 + tau_));
  return {FloatBelow(cosine / inverse_sqrt),
          FloatAbove(SineOf(cosine) / inverse_sqrt)};
}

FarFieldBalls::Worker::Worker(int64_t dim)
    : tile(dim, kFarPanel, kFarPanel), rho(kFarPanel * kRhoStride) {}

FarFieldBalls::FarFieldBalls(const ResidualCorrelation& metric,
                             const ScreenFrame& frame, int64_t num_blocks,
                             int64_t block_size, const FarFieldScale& scale)
    : dim_(metric.dim()),
      panels_(block_size / kFarPanel),
      groups_((panels_ + kFarPanel - 1) / kFarPanel),
      bound_(metric, frame, scale),
      centers_(num_blocks * panels_),
      ranks_(num_blocks),
      a_(num_blocks) {
  const int64_t size = num_blocks * groups_ * kFarPanel;
  for (AlignedBuffer<float>* column : {&cosine_, &sine_, &length_, &error_}) {
    *column = AlignedBuffer<float>(size);
    std::fill(column->begin(), column->end(), 0.0f);
  }
  z_ = AlignedBuffer<float>(size * dim_);
  std::fill(z_.begin(), z_.end(), 0.0f);
}

void FarFieldBalls::Choose(const ResidualCorrelation& metric,
                           const ScreenFrame& frame, int64_t panel,
                           absl::Span<const int32_t> rows, Worker& worker) {
  const auto inverse_sqrt = [&](int i) {
    return frame.InverseSqrt(metric.data(), rows[i]);
  };
  const auto count = static_cast<int>(rows.size());
  metric.Correlations(metric.data(), rows, Candidates::List(rows),
                      worker.rho.data(), kRhoStride, worker.tile);
  int center = 0;
  double most = -1;
  bool holds = true;
  for (int h = 0; h < count; ++h) {
    holds = holds && bound_.Holds(inverse_sqrt(h));
    double least = 1;
    for (int x = 0; x < count; ++x) {
      const double size = std::abs(worker.rho[h * kRhoStride + x]);
      // What is not a number is 0.
      if (x != h && !(size >= least)) least = size < least ? size : 0;
    }
    if (least > most) {
      most = least;
      center = h;
    }
  }
  const int64_t to = panel / panels_ * groups_ * kFarPanel + panel % panels_;
  centers_[panel] = center;
  if (!holds) return;
  const BallBound::Angle radius = bound_.Radius(most, inverse_sqrt(center));
  cosine_[to] = radius.cosine;
  sine_[to] = radius.sine;
}

void FarFieldBalls::AddBlock(int b, const FarPoints& points, int num_panels,
                             Slabs& slabs) {
  const absl::Span<float> a =
      slabs.Filled(groups_ * kFarPanel * points.rank, 0.0f);
  ranks_[b] = points.rank;
  a_[b] = a.data();
  for (int64_t p = 0; p < num_panels; ++p) {
    const int64_t group = p / kFarPanel;
    const int64_t lane = p % kFarPanel;
    const int64_t from = centers_[b * panels_ + p];
    const int64_t to = (b * groups_ + group) * kFarPanel;
    length_[to + lane] = points.length[p * kFarPanel + from];
    error_[to + lane] = points.error[p * kFarPanel + from];
    for (int64_t t = 0; t < dim_; ++t) {
      z_[to * dim_ + t * kFarPanel + lane] =
          points.z[(p * dim_ + t) * kFarPanel + from];
    }
    for (int64_t i = 0; i < points.rank; ++i) {
      a[(group * points.rank + i) * kFarPanel + lane] =
          points.a[(p * points.rank + i) * kFarPanel + from];
    }
  }
}

int64_t FarFieldBalls::bytes() const {
  const int64_t rank =
      std::accumulate(ranks_.begin(), ranks_.end(), int64_t{0});
  return groups_ * kFarPanel * rank * static_cast<int64_t>(sizeof(float)) +
         static_cast<int64_t>(sizeof(float) * (z_.size() + 4 * cosine_.size()) +
                              sizeof(int) * centers_.size());
}

FarBalls FarFieldBalls::of(int b, int i) const {
  const int64_t first = (b * groups_ + i) * kFarPanel;
  return {a_[b] + int64_t{i} * kFarPanel * ranks_[b],
          ranks_[b],
          z_.data() + first * dim_,
          length_.data() + first,
          error_.data() + first,
          cosine_.data() + first,
          sine_.data() + first};
}

}  // namespace rct
