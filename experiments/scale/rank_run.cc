#include "experiments/scale/rank_run.h"

#include <time.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/check.h"
#include "base/matrix.h"
#include "experiments/scale/uniform_cloud.h"
#include "index/distributed/communicator.h"
#include "index/distributed/distributed_graph.h"
#include "index/distributed/slices.h"
#include "index/distributed/thread_ranks.h"
#include "traversal/neighbor_table.h"

namespace rct {

double ThreadSeconds() {
  timespec time;
  RCT_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) +
         1e-9 * static_cast<double>(time.tv_nsec);
}

absl::StatusOr<RankRun> RunRanks(const UniformCloud& cloud,
                                 const DistributedOptions& options, int ranks) {
  absl::StatusOr<DistributedReport> report = absl::UnknownError("no rank");
  RankRun run;
  run.seconds.resize(ranks);
  RunThreadRanks(ranks, [&](Communicator& communicator) {
    const int rank = communicator.rank();
    const RowRange slice = SliceOf(cloud.n, rank, ranks);
    const Matrix<double> points = cloud.Range(slice.first, slice.count);
    const double before = ThreadSeconds();
    absl::StatusOr<DistributedReport> own = DistributedGraph(
        communicator, {cloud.n, points.view()}, options,
        [](int64_t, const NeighborTable&) { return absl::OkStatus(); });
    run.seconds[rank] = ThreadSeconds() - before;
    if (rank == 0) report = std::move(own);
  });
  if (!report.ok()) return report.status();
  run.report = *std::move(report);
  return run;
}

}  // namespace rct
