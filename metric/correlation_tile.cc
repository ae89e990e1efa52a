#include "metric/correlation_tile.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "metric/kernel.h"
#include "metric/point_lanes.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "metric/simd_routines.h"

namespace rct {

TilePoints::TilePoints(int64_t capacity, int64_t dim)
    : lanes(capacity, dim), scale(RoundUpToLanes(capacity) + 8) {
  v.reserve(capacity);
  x.reserve(capacity);
  std::fill(scale.begin(), scale.end(), 0.0);
}

void TilePoints::Assign(const ResidualPoints& from,
                        absl::Span<const int32_t> ids) {
  v.clear();
  x.clear();
  for (size_t i = 0; i < ids.size(); ++i) {
    v.push_back(from.v.row(ids[i]));
    x.push_back(from.points.row(ids[i]));
    scale[i] = from.inverse_sqrt[ids[i]];
  }
  lanes.Gather(from.points.view(), ids);
}

void TilePoints::Assign(const TilePoints& from, absl::Span<const int> places) {
  v.clear();
  x.clear();
  for (size_t i = 0; i < places.size(); ++i) {
    v.push_back(from.v[places[i]]);
    x.push_back(from.x[places[i]]);
    scale[i] = from.scale[places[i]];
  }
  lanes.Gather(from.lanes, places);
}

void CorrelationTile(const ResidualCorrelation& metric, const TilePoints& a,
                     int64_t first_a, int num_a, const TilePoints& b,
                     int64_t first_b, int num_b, double* out,
                     int64_t out_stride) {
  const SimdRoutines& simd = metric.simd();
  const KernelSpec spec = metric.kernel().spec();
  simd.dot_tile(a.v.data() + first_a, num_a, b.v.data() + first_b, num_b,
                RoundUpToLanes(metric.data().v.cols()), out, out_stride);
  for (int i = 0; i < num_a; ++i) {
    double* row = out + i * out_stride;
    simd.correlation_row(spec, a.x[first_a + i], a.scale[first_a + i],
                         b.lanes.From(first_b), b.scale.data() + first_b, row,
                         num_b, row);
  }
}

}  // namespace rct
