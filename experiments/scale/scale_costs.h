// What the units of a forecast (scale_model.h) take on this machine.

#ifndef RCT_EXPERIMENTS_SCALE_SCALE_COSTS_H_
#define RCT_EXPERIMENTS_SCALE_SCALE_COSTS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "experiments/scale/scale_model.h"
#include "experiments/scale/uniform_cloud.h"
#include "index/distributed/distributed_graph.h"

namespace rct {

// Seconds of processor time of one core.
struct ScaleCosts {
  double projection = 0;  // of a point, for each element of L L^T, m^2
  double evaluation = 0;  // of a pair, for each of m inducing points
  // Of a point of the index of a unit, beside its projection and evaluations:
  // build and search, all points being queries.
  double unit_point = 0;
};

// Measures them, on one core, with the kernel, m, k and `predecessor` of
// `options`, on points of `cloud`: a few seconds.
absl::StatusOr<ScaleCosts> MeasureCosts(const UniformCloud& cloud,
                                        const DistributedOptions& options);

// Returns the processor time that the counts of a rank with m inducing points
// come to. In an index, a point that is no query counts for half, and so do
// queries of early rows. `forecast` says how many of these there are.
double SecondsOf(const RankReport& report, const RankForecast& forecast,
                 int64_t m, const ScaleCosts& costs);

// Returns what bounds of cells take one of `ranks` ranks that owns `points`,
// beside the projections that SecondsOf counts.
double BoundSecondsOf(const ScaleForecast& forecast, int ranks, int64_t points,
                      int64_t m, const ScaleCosts& costs);

// Returns the operations on numbers of float64 of a rank: V and distances.
double FlopsOf(const RankReport& report, int64_t m);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_SCALE_SCALE_COSTS_H_
