// Signed residual correlations in tiles, for factorizations.

#ifndef RCT_METRIC_CORRELATION_TILE_H_
#define RCT_METRIC_CORRELATION_TILE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "metric/point_lanes.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"

namespace rct {

// Points that take part in tiles: references to their factors, and their
// coordinates and scales, which are read eight at a time.
struct TilePoints {
  TilePoints(int64_t capacity, int64_t dim);

  int64_t size() const { return static_cast<int64_t>(v.size()); }

  // Makes these the points `ids` of `from`, which must outlive them. Allocates
  // nothing up to the capacity.
  void Assign(const ResidualPoints& from, absl::Span<const int32_t> ids);

  // Makes these the points `places` of `from`.
  void Assign(const TilePoints& from, absl::Span<const int> places);

  std::vector<const double*> v;
  std::vector<const double*> x;
  PointLanes lanes;
  AlignedBuffer<double> scale;  // padded for whole vectors
};

// Computes out[i * out_stride + j] = rho(a_i, b_j) for i < num_a, j < num_b,
// where a_i is a[first_a + i], and so for b: the number whose absolute value
// the metric takes from 1, bit for bit. Rows of `out` are padded to whole
// vectors of eight.
void CorrelationTile(const ResidualCorrelation& metric, const TilePoints& a,
                     int64_t first_a, int num_a, const TilePoints& b,
                     int64_t first_b, int num_b, double* out,
                     int64_t out_stride);

}  // namespace rct

#endif  // RCT_METRIC_CORRELATION_TILE_H_
