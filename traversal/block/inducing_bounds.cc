#include "traversal/block/inducing_bounds.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/write_columns.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/block/filter_routines.h"

namespace rct {
namespace {

// Points whose weights are solved for together: their columns fit a
// second-level cache for m up to about a thousand.
constexpr int64_t kPiece = 96;
static_assert(kPiece % InducingBounds::kPanel == 0);

// Covers the roundings of a bound, in float64, and those of rho.
constexpr double kAbove = 1 + 0x1p-40;

}  // namespace

WeightSlack::WeightSlack(const RoundingModel& rounding, double scale)
    : jitter_(rounding.jitter) {
  const auto m = static_cast<double>(rounding.num_inducing);
  const double u = scale * kUnitRoundoff;
  weight_ = (m + 3) * u *
            std::sqrt(1.01 * m * (rounding.variance + jitter_) /
                      rounding.SmallestEigenvalue());
  pair_ = (std::ceil(m / 8) + rounding.kernel_ulps + 7) * u * rounding.variance;
  projection_ = scale * rounding.ProjectionError();
  factorization_ = scale * rounding.FactorizationError();
}

InducingBounds::Worker::Worker(const ResidualCorrelation& metric, int64_t piece)
    : scale(piece),
      error(piece / kPanel),
      maxima(error.size() * metric.data().v.cols()) {}

InducingBounds::InducingBounds(const ResidualCorrelation& metric,
                               absl::Span<const int32_t> rows,
                               absl::Span<const int32_t> others,
                               const WeightSlack& slack)
    : metric_(metric),
      routines_(FarFieldRoutinesFor(metric.simd().isa)),
      slack_(slack),
      panels_of_rows_((std::ssize(rows) + kPanel - 1) / kPanel),
      others_(others.begin(), others.end()),
      number_(metric.size(), -1),
      panel_rows_(rows.begin(), rows.end()) {
  const std::vector<int64_t>& inducing = metric.factor()->inducing().rows;
  inducing_rows_.assign(inducing.begin(), inducing.end());
  const auto num_inducing = static_cast<int64_t>(inducing_rows_.size());
  std::vector<char> held(metric.size());
  for (const int32_t row : rows) {
    if (row != kNoRow) held[row] = 1;
  }
  for (const int32_t row : others) held[row] = 1;
  panel_rows_.resize(panels_of_rows_ * kPanel, kNoRow);
  for (int32_t i = 0; i < num_inducing; ++i) {
    const int32_t row = inducing_rows_[i];
    number_[row] = i;
    if (held[row] == 0) panel_rows_.push_back(row);
  }
  num_panels_ = (std::ssize(panel_rows_) + kPanel - 1) / kPanel;
  panel_rows_.resize(num_panels_ * kPanel, kNoRow);
  min_row_.reserve(num_panels_);
  for (int64_t p = 0; p < num_panels_; ++p) {
    const absl::Span<const int32_t> panel = panel_rows(p);
    min_row_.push_back(*std::min_element(panel.begin(), panel.end()));
  }
  codes_.resize(num_inducing * num_panels_);
  growing_ = std::make_unique<Growing>(num_inducing);
}

void InducingBounds::SetPanels(int64_t first, const double* alpha,
                               int64_t stride, int64_t count, double length,
                               Worker& worker) {
  const int64_t panels = (count + kPanel - 1) / kPanel;
  const auto num_inducing = static_cast<int64_t>(inducing_rows_.size());
  const absl::Span<const double> inverse_sqrt =
      metric_.data().inverse_sqrt.span();
  const int32_t* rows = panel_rows_.data() + first * kPanel;
  const double roundings =
      slack_.jitter() * slack_.Weight() * length + slack_.Inducing(length);
  std::fill_n(worker.error.begin(), panels, 0.0);
  for (int64_t j = 0; j < count; ++j) {
    worker.scale[j] = rows[j] == kNoRow ? 0 : inverse_sqrt[rows[j]];
    double& error = worker.error[j / kPanel];
    error = std::max(error, worker.scale[j] * roundings);
  }
  routines_->panel_maxima(alpha, stride, num_inducing, worker.scale.data(),
                          count, worker.maxima.data());
  for (int64_t i = 0; i < num_inducing; ++i) {
    const double scale = inverse_sqrt[inducing_rows_[i]] * kAbove;
    const int least = growing_->least[i].load(std::memory_order_relaxed);
    for (int64_t p = 0; p < panels; ++p) {
      const double size = worker.maxima[i * panels + p];
      const Code code = CodeAbove(
          FloatAbove(scale * (slack_.jitter() * size + worker.error[p])));
      codes_[i * num_panels_ + first + p] = code;
      if (code < least) continue;
      NearPanel near = {static_cast<int32_t>(first + p), code, {}};
      const int64_t begin = p * kPanel;
      const int lanes =
          static_cast<int>(std::min<int64_t>(kPanel, count - begin));
      for (int l = 0; l < lanes; ++l) {
        // The largest of these is the panel's, whatever the roundings.
        const Code of_point = std::min(
            code,
            CodeAbove(FloatAbove(
                scale * worker.scale[begin + l] *
                (slack_.jitter() * std::abs(alpha[i * stride + begin + l]) +
                 roundings))));
        near.codes[l] = rows[begin + l] == kNoRow ? Code{0} : of_point;
      }
      worker.found.emplace_back(i, near);
    }
  }
  AddNear(worker);
}

void InducingBounds::AddNear(Worker& worker) {
  if (worker.found.empty()) return;
  const absl::MutexLock lock(&growing_->mutex);
  for (const auto& [i, near] : worker.found) {
    int& count = growing_->count[i];
    const auto panels = growing_->panels.begin() + i * kGrowing;
    panels[count++] = near;
    if (count < kGrowing) continue;
    count = kMaxNear;
    std::nth_element(panels, panels + kMaxNear - 1, panels + kGrowing);
    growing_->least[i].store(panels[kMaxNear - 1].code,
                             std::memory_order_relaxed);
  }
  worker.found.clear();
}

void InducingBounds::Weigh(int64_t first, int threads, Monitor* monitor) {
  struct Space {
    Worker worker;
    AlignedBuffer<double> alpha;
    std::vector<double> maxima;
    AlignedBuffer<double> squares;
    std::vector<const double*> rows;
  };
  const InducingFactor& factor = *metric_.factor();
  const int64_t m = factor.num_inducing();
  const int64_t begin = first * kPanel;
  const int64_t pieces =
      (std::ssize(panel_rows_) - begin + kPiece - 1) / kPiece;
  const int num_workers = static_cast<int>(std::min<int64_t>(threads, pieces));
  const std::vector<double> zeros(m);
  std::vector<Space> spaces;
  spaces.reserve(num_workers);
  for (int w = 0; w < num_workers; ++w) {
    spaces.push_back({Worker(metric_, kPiece),
                      AlignedBuffer<double>(factor.padded_inducing() * kPiece),
                      std::vector<double>(m), AlignedBuffer<double>(kPiece),
                      std::vector<const double*>(kPiece)});
  }
  ParallelFor(num_workers, pieces, monitor, [&](int64_t piece, int index) {
    Space& space = spaces[index];
    const int64_t from = begin + piece * kPiece;
    const int64_t count =
        std::min(kPiece, static_cast<int64_t>(panel_rows_.size()) - from);
    for (int64_t j = 0; j < kPiece; ++j) {
      const int32_t row = j < count ? panel_rows_[from + j] : kNoRow;
      space.rows[j] = row == kNoRow ? zeros.data() : metric_.data().v.row(row);
    }
    WriteColumns(space.rows, m, kPiece, space.alpha.data());
    std::fill(space.alpha.begin() + m * kPiece, space.alpha.end(), 0.0);
    factor.SolveTransposed(kPiece, kPiece, space.alpha.data());
    std::fill(space.squares.begin(), space.squares.end(), 0.0);
    routines_->row_maxima(space.alpha.data(), kPiece, m, kPiece,
                          space.maxima.data(), space.squares.data());
    const double length = std::sqrt(
        *std::max_element(space.squares.begin(), space.squares.end()));
    SetPanels(from / kPanel, space.alpha.data(), kPiece, count,
              length * (1 + 2 * slack_.Weight()), space.worker);
  });
}

void InducingBounds::Finish(int threads) {
  const auto num_inducing = static_cast<int64_t>(inducing_rows_.size());
  std::vector<int> counts;
  std::vector<NearPanel> growing;
  {
    const absl::MutexLock lock(&growing_->mutex);
    counts = std::move(growing_->count);
    growing = std::move(growing_->panels);
  }
  growing_.reset();
  // Panels of nothing but padding have no bounds.
  max_near_ = num_inducing == 0 ? 0 : std::min(kMaxNear, counts[0]);
  near_.resize(num_inducing * max_near_);
  ParallelFor(threads, num_inducing, [&](int64_t i, int) {
    const auto panels = growing.begin() + i * kGrowing;
    std::sort(panels, panels + counts[i]);
    std::copy_n(panels, max_near_, near_.begin() + i * max_near_);
  });
}

int64_t InducingBounds::nearest_panel(int64_t i) const {
  for (const NearPanel& near : near(i)) {
    if (near.panel < panels_of_rows_) return near.panel;
  }
  return 0;
}

int64_t InducingBounds::bytes() const {
  return static_cast<int64_t>(sizeof(Code) * codes_.size() +
                              sizeof(int32_t) *
                                  (inducing_rows_.size() + others_.size() +
                                   number_.size() + panel_rows_.size() +
                                   min_row_.size()) +
                              sizeof(NearPanel) * near_.size());
}

}  // namespace rct
