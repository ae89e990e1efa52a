#include "metric/point_lanes.h"

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "metric/simd_routines.h"

namespace rct {
namespace {

// Returns the length of a row for `count` points. A vector may begin at any of
// them, so that the last one reads up to seven numbers past the end.
int64_t PaddedWidth(int64_t count) { return RoundUpToLanes(count) + kLanes; }

}  // namespace

PointLanes::PointLanes(int64_t capacity, int64_t dim)
    : by_dimension_(Matrix<double>::Zeros(dim, PaddedWidth(capacity))) {}

PointLanes::PointLanes(MatrixView<const double> points)
    : PointLanes(points.rows, points.cols) {
  for (int64_t i = 0; i < points.rows; ++i) {
    for (int64_t t = 0; t < points.cols; ++t) {
      by_dimension_.row(t)[i] = points(i, t);
    }
  }
}

void PointLanes::Gather(const PointLanes& source,
                        absl::Span<const int32_t> ids) {
  for (int64_t t = 0; t < dim(); ++t) {
    const double* from = source.by_dimension_.row(t);
    double* to = by_dimension_.row(t);
    for (size_t i = 0; i < ids.size(); ++i) to[i] = from[ids[i]];
  }
}

void PointLanes::Gather(MatrixView<const double> source,
                        absl::Span<const int32_t> ids) {
  for (int64_t t = 0; t < dim(); ++t) {
    double* to = by_dimension_.row(t);
    for (size_t i = 0; i < ids.size(); ++i) to[i] = source(ids[i], t);
  }
}

}  // namespace rct
