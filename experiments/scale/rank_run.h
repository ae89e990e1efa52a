// Runs a distributed graph of a uniform cloud in this process: what ranks
// really do, to hold a forecast (scale_model.h) against.

#ifndef RCT_EXPERIMENTS_SCALE_RANK_RUN_H_
#define RCT_EXPERIMENTS_SCALE_RANK_RUN_H_

#include <vector>

#include "absl/status/statusor.h"
#include "experiments/scale/uniform_cloud.h"
#include "index/distributed/distributed_graph.h"

namespace rct {

struct RankRun {
  DistributedReport report;
  // Processor time of the thread of each rank: its own, whatever else runs,
  // where a rank has one thread.
  std::vector<double> seconds;
};

// Runs `ranks` ranks that are threads, and drops the graph.
absl::StatusOr<RankRun> RunRanks(const UniformCloud& cloud,
                                 const DistributedOptions& options, int ranks);

// Returns the processor time of the calling thread so far.
double ThreadSeconds();

}  // namespace rct

#endif  // RCT_EXPERIMENTS_SCALE_RANK_RUN_H_
