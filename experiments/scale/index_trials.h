// Trial indexes: how many distances a query of a unit evaluates.
//
// A trial index is over a *patch*, a box that holds as many points of the cloud
// at full density as the index of the unit, or kMostPatch, beyond which a query
// meets no more blocks than before. Its queries are all of its own in the
// middle, in one call: an index makes what it needs to bound anything when it
// has enough queries to pay for it, and searches all pairs for fewer.

#ifndef RCT_EXPERIMENTS_SCALE_INDEX_TRIALS_H_
#define RCT_EXPERIMENTS_SCALE_INDEX_TRIALS_H_

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/scale/uniform_cloud.h"
#include "index/distributed/distributed_graph.h"
#include "metric/residual_factors.h"

namespace rct {

class IndexTrials {
 public:
  // All must outlive the object.
  IndexTrials(const UniformCloud& cloud, const InducingFactor& factor,
              const DistributedOptions& options)
      : cloud_(cloud), factor_(factor), options_(options) {}

  // Returns the evaluations of a query of cells in the index of a unit of
  // `points`, of which `own` are its own.
  absl::StatusOr<double> OfUnit(int64_t points, int64_t own, int64_t early_rows,
                                double rms_residual);

  static constexpr int64_t kMostPatch = int64_t{1} << 15;

 private:
  const UniformCloud& cloud_;
  const InducingFactor& factor_;
  const DistributedOptions& options_;
  std::map<std::pair<int64_t, int64_t>, double> of_unit_;
};

}  // namespace rct

#endif  // RCT_EXPERIMENTS_SCALE_INDEX_TRIALS_H_
