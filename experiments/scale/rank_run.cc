#include "experiments/scale/rank_run.h"

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "experiments/scale/uniform_cloud.h"
#include "index/distributed/communicator.h"
#include "index/distributed/distributed_graph.h"
#include "index/distributed/slices.h"
#include "index/distributed/thread_ranks.h"

namespace rct {

absl::StatusOr<DistributedReport> RunRanks(const UniformCloud& cloud,
                                           const DistributedOptions& options,
                                           int ranks) {
  absl::StatusOr<DistributedReport> first = absl::UnknownError("no rank");
  RunThreadRanks(ranks, [&](Communicator& communicator) {
    const RowRange slice =
        SliceOf(cloud.n, communicator.rank(), communicator.size());
    const Matrix<double> points = cloud.Range(slice.first, slice.count);
    absl::StatusOr<DistributedReport> report =
        DistributedGraph(communicator, {cloud.n, points.view()}, options,
                         [](auto&&...) { return absl::OkStatus(); });
    if (communicator.rank() == 0) first = std::move(report);
  });
  return first;
}

}  // namespace rct
