#include "traversal/block/inducing_bounds.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/block/filter_routines.h"

namespace rct {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Points whose weights are solved for together: their columns fit a
// second-level cache for m up to about a thousand.
constexpr int64_t kChunk = 96;

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

BlockWeights InducingBounds::WeightsOf(const ResidualCorrelation& metric,
                                       absl::Span<const int32_t> rows,
                                       int64_t block_size, int threads,
                                       Monitor* monitor) {
  const InducingFactor& factor = *metric.factor();
  const FarFieldRoutines& routines = *FarFieldRoutinesFor(metric.simd().isa);
  const WeightSlack slack(factor.rounding(), 1);
  const int64_t m = factor.num_inducing();
  const auto size = static_cast<int64_t>(rows.size());
  const int64_t num_blocks = (size + block_size - 1) / block_size;
  BlockWeights weights = {
      (m + 15) / 16 * 16,
      AlignedBuffer<float>(num_blocks * ((m + 15) / 16 * 16)),
      std::vector<double>(num_blocks)};
  std::fill(weights.largest.begin(), weights.largest.end(), 0.0f);
  struct Worker {
    AlignedBuffer<double> alpha;
    std::vector<double> maxima;
    AlignedBuffer<double> squares;
  };
  std::vector<Worker> workers;
  workers.reserve(threads);
  for (int w = 0; w < threads; ++w) {
    workers.push_back({AlignedBuffer<double>(factor.padded_inducing() * kChunk),
                       std::vector<double>(m), AlignedBuffer<double>(kChunk)});
  }
  ParallelFor(threads, num_blocks, monitor, [&](int64_t b, int index) {
    Worker& worker = workers[index];
    std::vector<double> largest(m);
    double length = 0;
    const int64_t end = std::min(size, (b + 1) * block_size);
    for (int64_t first = b * block_size; first < end; first += kChunk) {
      const int64_t count = std::min(kChunk, end - first);
      std::fill(worker.alpha.begin(), worker.alpha.end(), 0.0);
      for (int64_t j = 0; j < count; ++j) {
        if (rows[first + j] == kNoRow) continue;
        const double* v = metric.data().v.row(rows[first + j]);
        for (int64_t r = 0; r < m; ++r) worker.alpha[r * kChunk + j] = v[r];
      }
      factor.SolveTransposed(kChunk, kChunk, worker.alpha.data());
      std::fill(worker.squares.begin(), worker.squares.end(), 0.0);
      routines.row_maxima(worker.alpha.data(), kChunk, m, kChunk,
                          worker.maxima.data(), worker.squares.data());
      for (int64_t r = 0; r < m; ++r) {
        largest[r] = std::max(largest[r], worker.maxima[r]);
      }
      length = std::max(length, *std::max_element(worker.squares.begin(),
                                                  worker.squares.end()));
    }
    weights.length[b] = std::sqrt(length) * (1 + 2 * slack.Weight());
    for (int64_t r = 0; r < m; ++r) {
      weights.largest[b * weights.stride + r] =
          FloatAbove(largest[r] + slack.Weight() * weights.length[b]);
    }
  });
  return weights;
}

InducingBounds::InducingBounds(const ResidualCorrelation& metric,
                               absl::Span<const int32_t> rows,
                               absl::Span<const int32_t> others,
                               int64_t block_size, const BlockWeights& weights,
                               const WeightSlack& slack)
    : panels_of_block_(block_size / kPanel), number_(metric.size(), -1) {
  const std::vector<int64_t>& inducing = metric.factor()->inducing().rows;
  inducing_rows_.assign(inducing.begin(), inducing.end());
  const auto num_inducing = static_cast<int64_t>(inducing_rows_.size());
  for (int32_t i = 0; i < num_inducing; ++i) number_[inducing_rows_[i]] = i;
  for (const int32_t row : others) {
    if (number_[row] < 0) others_.push_back(row);
  }
  const auto num_blocks = static_cast<int64_t>(weights.length.size());
  panel_rows_.assign(num_blocks * block_size, kNoRow);
  panels_.assign(num_blocks * panels_of_block_, {kInfinity, kNoRow});
  min_root_.assign(num_blocks, kInfinity);
  for (int64_t j = 0; j < static_cast<int64_t>(rows.size()); ++j) {
    const int32_t row = rows[j];
    if (row == kNoRow || number_[row] >= 0) continue;
    panel_rows_[j] = row;
    Panel& panel = panels_[j / kPanel];
    panel.min_root = std::min(panel.min_root,
                              FloatBelow(1 / metric.data().inverse_sqrt[row]));
    panel.min_row = std::min(panel.min_row, row);
    float& least = min_root_[j / block_size];
    least = std::min(least, panel.min_root);
  }
  most_.resize(num_blocks * num_inducing);
  for (int64_t b = 0; b < num_blocks; ++b) {
    const double error = slack.Inducing(weights.length[b]);
    for (int64_t i = 0; i < num_inducing; ++i) {
      most_[b * num_inducing + i] = FloatAbove(
          slack.jitter() *
              static_cast<double>(weights.largest[b * weights.stride + i]) +
          error);
    }
  }
}

int64_t InducingBounds::bytes() const {
  return static_cast<int64_t>(4 * (inducing_rows_.size() + number_.size() +
                                   panel_rows_.size() + min_root_.size() +
                                   most_.size()) +
                              sizeof(Panel) * panels_.size());
}

}  // namespace rct
