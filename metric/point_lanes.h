// Coordinates stored dimension by dimension, so that eight neighbouring points
// load as one vector.

#ifndef RCT_METRIC_POINT_LANES_H_
#define RCT_METRIC_POINT_LANES_H_

#include <cstdint>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "metric/lane_padding.h"  // IWYU pragma: export
#include "metric/simd_routines.h"

namespace rct {

class PointLanes {
 public:
  // n x d coordinates, transposed. Padding is zero.
  explicit PointLanes(MatrixView<const double> points);

  // Room for `capacity` points of `dim` coordinates, to be gathered into.
  PointLanes(int64_t capacity, int64_t dim);

  int64_t dim() const { return by_dimension_.rows(); }

  // Points from `first` on.
  CoordinateLanes From(int64_t first) const {
    return {by_dimension_.row(0) + first, by_dimension_.stride()};
  }

  // Makes point i of this the point ids[i] of `source`, for all i.
  void Gather(const PointLanes& source, absl::Span<const int32_t> ids);

  // The same from points that are stored one by one.
  void Gather(MatrixView<const double> source, absl::Span<const int32_t> ids);

 private:
  Matrix<double> by_dimension_;
};

}  // namespace rct

#endif  // RCT_METRIC_POINT_LANES_H_
