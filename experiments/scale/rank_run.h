// Runs a distributed graph of a uniform cloud in this process: what ranks
// really do, to hold a forecast (scale_model.h) against.

#ifndef RCT_EXPERIMENTS_SCALE_RANK_RUN_H_
#define RCT_EXPERIMENTS_SCALE_RANK_RUN_H_

#include "absl/status/statusor.h"
#include "experiments/scale/uniform_cloud.h"
#include "index/distributed/distributed_graph.h"

namespace rct {

// Returns the report of `ranks` ranks that are threads, and drops the graph.
absl::StatusOr<DistributedReport> RunRanks(const UniformCloud& cloud,
                                           const DistributedOptions& options,
                                           int ranks);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_SCALE_RANK_RUN_H_
