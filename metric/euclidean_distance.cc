#include "metric/euclidean_distance.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "metric/point_lanes.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "metric/tile.h"

namespace rct {

EuclideanPoints EuclideanPoints::Reordered(
    absl::Span<const int32_t> order) const {
  EuclideanPoints result{Matrix<double>(size(), points.cols())};
  for (int64_t i = 0; i < size(); ++i) {
    std::copy_n(points.row(order[i]), points.cols(), result.points.row(i));
  }
  return result;
}

EuclideanDistance::EuclideanDistance(Points data, const SimdRoutines& simd)
    : data_(std::move(data)),
      simd_(&simd),
      lanes_(data_.points.view()),
      slack_((static_cast<double>(data_.points.cols()) + 16) * kUnitRoundoff) {}

EuclideanDistance EuclideanDistance::Reordered(
    absl::Span<const int32_t> order) const {
  return EuclideanDistance(data_.Reordered(order), *simd_);
}

void EuclideanDistance::SquaredDistances(const Points& from,
                                         absl::Span<const int32_t> queries,
                                         Candidates candidates, double* out,
                                         int64_t out_stride,
                                         TileWorkspace& workspace) const {
  if (candidates.size() == 0) return;
  CoordinateLanes coordinates;
  if (candidates.is_range()) {
    coordinates = lanes_.From(candidates[0]);
  } else {
    workspace.lanes.Gather(lanes_, candidates.list());
    coordinates = workspace.lanes.From(0);
  }
  for (size_t i = 0; i < queries.size(); ++i) {
    simd_->squared_euclidean_row(from.points.row(queries[i]),
                                 static_cast<int>(dim()), coordinates,
                                 candidates.size(), out + i * out_stride);
  }
  if (&from == &data_) MarkSelf(queries, candidates, out, out_stride);
}

}  // namespace rct
