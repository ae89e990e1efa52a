// What a distributed search costs its ranks: processor time and bytes, with
// ranks that are threads of this process.
//
//     ./tools/bazel run -c opt //index/distributed:distributed_benchmark -- \
//       MATERN32 200000 128 20 4
//
// are the kernel, points (uniform in the plane, lengthscale 1/4), inducing
// points, neighbors (predecessors) and ranks. A rank has one thread, whose
// processor time is its own however many ranks share a processor.

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/check.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "index/distributed/communicator.h"
#include "index/distributed/distributed_graph.h"
#include "index/distributed/thread_ranks.h"
#include "metric/metric.pb.h"
#include "traversal/build_phase.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

double ThreadSeconds() {
  timespec time;
  RCT_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) +
         1e-9 * static_cast<double>(time.tv_nsec);
}

void Print(const DistributedReport& report, const std::vector<double>& seconds,
           double n) {
  std::cout << std::fixed << std::setprecision(2) << "bound " << report.bound
            << ", " << report.cells << " cells, "
            << static_cast<double>(report.bound_bytes) / (1 << 20)
            << " MiB of bounds\n";
  double points = 0, bounds = 0, fetched = 0, deferred = 0, answers = 0;
  double projected = 0, again = 0, pairs = 0, most = 0, sum = 0;
  for (size_t r = 0; r < report.ranks.size(); ++r) {
    const RankReport& rank = report.ranks[r];
    points += static_cast<double>(rank.traffic.points);
    bounds += static_cast<double>(rank.traffic.bounds);
    fetched += static_cast<double>(rank.traffic.fetched);
    deferred += static_cast<double>(rank.traffic.deferred);
    answers += static_cast<double>(rank.traffic.answers);
    projected += static_cast<double>(rank.projected);
    again += static_cast<double>(rank.fetched_points);
    pairs += static_cast<double>(rank.deferred_out);
    most = std::max(most, seconds[r]);
    sum += seconds[r];
    std::cout << "rank " << r << ": " << rank.points << " points, "
              << seconds[r] << " s;";
    for (const BuildPhase& phase : rank.phases) {
      std::cout << " " << phase.name << " " << phase.seconds;
    }
    std::cout << "\n";
  }
  std::cout << "a point: fetched " << again / n << ", deferred " << pairs / n
            << ", projected " << projected / n << "; bytes: points "
            << points / n << ", bounds " << bounds / n << ", fetched "
            << fetched / n << ", deferred " << deferred / n << ", answers "
            << answers / n << "\n"
            << "processor time: " << sum << " s, of one rank at most " << most
            << " s\n";
}

int Main(int argc, char** argv) {
  RCT_CHECK(argc == 6);
  KernelConfig::Family family;
  RCT_CHECK(KernelConfig::Family_Parse(argv[1], &family));
  const int64_t n = std::atoll(argv[2]);
  const int size = std::atoi(argv[5]);
  const Matrix<double> points =
      MakePointSet(PointSet::kUniformCube, n, /*dim=*/2, /*seed=*/1);
  DistributedOptions options;
  ResidualConfig& residual = *options.index.mutable_residual();
  residual.mutable_kernel()->set_family(family);
  residual.mutable_kernel()->add_lengthscale(0.25);
  residual.mutable_inducing()->mutable_random()->set_count(std::atoll(argv[3]));
  options.index.set_threads(1);
  options.k = std::atoll(argv[4]);
  options.predecessor = true;
  std::vector<double> seconds(size);
  DistributedReport report;
  RunThreadRanks(size, [&](Communicator& ranks) {
    const RowRange slice = SliceOf(n, ranks.rank(), size);
    const absl::StatusOr<DistributedReport> own = DistributedGraph(
        ranks, {n, {points.row(slice.first), slice.count, points.cols()}},
        options,
        [](int64_t, const NeighborTable&) { return absl::OkStatus(); });
    if (!own.ok()) {
      std::cerr << own.status() << "\n";
      std::exit(1);
    }
    seconds[ranks.rank()] = ThreadSeconds();
    if (ranks.rank() == 0) report = *own;
  });
  Print(report, seconds, static_cast<double>(n));
  return 0;
}

}  // namespace
}  // namespace rct

int main(int argc, char** argv) { return rct::Main(argc, argv); }
