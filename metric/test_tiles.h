// Whole tiles of distances in one call, for the tests of metrics.

#ifndef RCT_METRIC_TEST_TILES_H_
#define RCT_METRIC_TEST_TILES_H_

#include <cstdint>
#include <numeric>
#include <vector>

#include "base/matrix.h"
#include "metric/lane_padding.h"
#include "metric/tile.h"

namespace rct {

// Returns 0, 1, ..., n - 1.
inline std::vector<int32_t> Iota(int64_t n) {
  std::vector<int32_t> ids(n);
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

// Returns t of every point of `from` to every data point, by one tile.
template <class Metric>
Matrix<double> AllSquared(const Metric& metric,
                          const typename Metric::Points& from) {
  const int64_t n = from.size();
  const int count = static_cast<int>(metric.size());
  Matrix<double> t(n, count, RoundUpToLanes(count));
  TileWorkspace workspace(metric.dim(), static_cast<int>(n), count);
  metric.SquaredDistances(from, Iota(n), Candidates::Range(0, count), t.data(),
                          t.stride(), workspace);
  return t;
}

}  // namespace rct

#endif  // RCT_METRIC_TEST_TILES_H_
