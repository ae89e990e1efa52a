#include "metric/residual_correlation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/types/span.h"
#include "base/check.h"
#include "metric/kernel.h"
#include "metric/point_lanes.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "metric/tile.h"

namespace rct {

ResidualCorrelation::ResidualCorrelation(Kernel kernel, Points data,
                                         std::optional<RoundingModel> rounding,
                                         const SimdRoutines& simd)
    : kernel_(std::move(kernel)),
      data_(std::move(data)),
      rounding_(rounding),
      simd_(&simd),
      lanes_(data_.points.view()),
      scale_(data_.size() + kLanes) {
  std::copy(data_.inverse_sqrt.begin(), data_.inverse_sqrt.end(),
            scale_.begin());
  std::fill(scale_.begin() + data_.size(), scale_.end(), 0.0);
  if (rounding_) {
    inverse_norm_ = AlignedBuffer<double>(data_.size());
    for (int64_t i = 0; i < data_.size(); ++i) {
      inverse_norm_[i] = InverseNorm(data_, i);
    }
  }
}

ResidualCorrelation::ResidualCorrelation(
    Kernel kernel, Points data, std::shared_ptr<const InducingFactor> factor,
    const SimdRoutines& simd)
    : ResidualCorrelation(std::move(kernel), std::move(data),
                          factor->rounding(), simd) {
  factor_ = std::move(factor);
}

ResidualCorrelation ResidualCorrelation::Reordered(
    absl::Span<const int32_t> order) const {
  ResidualCorrelation reordered(kernel_, data_.Reordered(order), rounding_,
                                *simd_);
  reordered.factor_ = factor_;
  return reordered;
}

double ResidualCorrelation::Tau(const Points& from, int64_t i,
                                int num_points) const {
  RCT_CHECK(rounding_.has_value());
  const double s = from.inverse_sqrt[i];
  return rounding_->Nugget(num_points) * s * s + 12 * kUnitRoundoff;
}

double ResidualCorrelation::InverseNorm(const Points& from, int64_t i) const {
  return 1 / std::sqrt(1 + Tau(from, i, 3));
}

void ResidualCorrelation::SquaredDistances(const Points& from,
                                           absl::Span<const int32_t> queries,
                                           Candidates candidates, double* out,
                                           int64_t out_stride,
                                           TileWorkspace& workspace) const {
  Tile(from, queries, candidates, simd_->residual_row, out, out_stride,
       workspace);
  if (&from == &data_) MarkSelf(queries, candidates, out, out_stride);
}

void ResidualCorrelation::Correlations(const Points& from,
                                       absl::Span<const int32_t> queries,
                                       Candidates candidates, double* out,
                                       int64_t out_stride,
                                       TileWorkspace& workspace) const {
  Tile(from, queries, candidates, simd_->correlation_row, out, out_stride,
       workspace);
}

void ResidualCorrelation::Tile(const Points& from,
                               absl::Span<const int32_t> queries,
                               Candidates candidates, FinishRow finish,
                               double* out, int64_t out_stride,
                               TileWorkspace& workspace) const {
  const int num_queries = static_cast<int>(queries.size());
  const int count = candidates.size();
  if (count == 0) return;
  for (int i = 0; i < num_queries; ++i) {
    workspace.query_rows[i] = from.v.row(queries[i]);
  }
  for (int j = 0; j < count; ++j) {
    workspace.candidate_rows[j] = data_.v.row(candidates[j]);
    if (candidates.is_range()) continue;
    // What else is read of a point comes while products are computed.
    __builtin_prefetch(data_.points.row(candidates[j]));
    __builtin_prefetch(&scale_[candidates[j]]);
  }
  simd_->dot_tile(workspace.query_rows.data(), num_queries,
                  workspace.candidate_rows.data(), count,
                  RoundUpToLanes(data_.v.cols()), out, out_stride);

  CoordinateLanes coordinates;
  const double* scale;
  if (candidates.is_range()) {
    const int32_t first = candidates[0];
    coordinates = lanes_.From(first);
    scale = scale_.data() + first;
  } else {
    workspace.lanes.Gather(data_.points.view(), candidates.list());
    for (int j = 0; j < count; ++j) {
      workspace.scale[j] = scale_[candidates[j]];
    }
    coordinates = workspace.lanes.From(0);
    scale = workspace.scale.data();
  }
  const KernelSpec spec = kernel_.spec();
  for (int i = 0; i < num_queries; ++i) {
    double* row = out + i * out_stride;
    finish(spec, from.points.row(queries[i]), from.inverse_sqrt[queries[i]],
           coordinates, scale, row, count, row);
  }
}

}  // namespace rct
