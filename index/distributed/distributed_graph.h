// The graph of points that many ranks share.
//
//     MpiCommunicator ranks(...);            // or a thread of thread_ranks.h
//     DistributedOptions options;
//     options.index = ...;                   // as ResidualIndex::Build takes
//     it options.k = 20; const RowRange slice = SliceOf(n, ranks.rank(),
//     ranks.size()); absl::StatusOr<DistributedReport> report =
//     DistributedGraph(
//         ranks, {n, points of the slice}, options, write, monitor);
//
// Row i of the graph has the k nearest of row i, itself excluded: the same bits
// as ResidualIndex::Graph, whatever the number of ranks and of their threads.
//
// The steps are those of a streamed search (index/streaming/streamed_graph.h),
// whose units are pure functions of little:
//
//   1 Inducing points and their factor, on every rank.
//   2 Cells: splits from a sample of the points; each rank owns a run of cells,
//     and the points travel to the owners of their cells once.
//   3 Bounds of all pairs of cells: what each owner knows of its cells is
//     gathered, pairs are shared out, and every rank then has all of them.
//   4 Units of own cells. A unit fetches *coordinates* of the cells that many
//   of
//     its queries want, 8 d bytes a point, and makes their V again, which is
//     far less to send than V or than queries with their v.
//   5 Pairs of a query and a cell that no bound dismisses travel to the owner
//     of the cell, and what it finds travels back.
//   6 Answers travel to the rank whose slice has the row, which writes them.

#ifndef RCT_INDEX_DISTRIBUTED_DISTRIBUTED_GRAPH_H_
#define RCT_INDEX_DISTRIBUTED_DISTRIBUTED_GRAPH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/distributed/communicator.h"
#include "index/index.pb.h"
#include "index/streaming/streamed_graph.h"
#include "traversal/build_phase.h"

namespace rct {

// Rows [first, first + count) of all points.
struct RowRange {
  int64_t first = 0;
  int64_t count = 0;
};

// Returns the rows that rank `rank` of `size` reads and writes.
RowRange SliceOf(int64_t n, int rank, int size);

struct DistributedPoints {
  int64_t n = 0;                   // of all ranks
  MatrixView<const double> slice;  // those of SliceOf
};

struct DistributedOptions {
  IndexOptions index;  // `residual` is required; `threads` are those of a rank
  int64_t k = 1;
  bool predecessor = false;
  // The most bytes that a rank may take; 0 means its share of what the machine
  // has.
  int64_t memory_limit_bytes = 0;

  // How the work is cut, which changes no answer; 0 means as it suits.
  int64_t cells = 0;
  int64_t units = 0;        // of each rank
  int64_t early_rows = -1;  // -1 means as it suits
  int64_t defer_below = -1;
  int64_t max_fetched = -1;
};

// What one rank did.
struct RankReport {
  int64_t points = 0;  // that it owns
  int64_t fetched_points = 0;
  int64_t deferred_in = 0;  // pairs of a query and a cell, to its cells
  int64_t deferred_out = 0;
  int64_t projected = 0;    // points whose V it has made, each time counted
  int64_t evaluations = 0;  // of exact distances
  int64_t bytes_sent = 0;
  std::vector<BuildPhase> phases;  // of its steps, and how long they took
};

struct DistributedReport {
  std::string bound;  // that certified cells
  int64_t cells = 0;
  int64_t bound_bytes = 0;        // on each rank
  std::vector<RankReport> ranks;  // of all ranks, on every rank
};

// Every rank makes the call, with the same n and options. `write` gets the rows
// of this rank's slice, in order. Errors are the same on all ranks: those of
// StreamGraph, and InvalidArgument where ranks were given different options.
absl::StatusOr<DistributedReport> DistributedGraph(
    Communicator& ranks, const DistributedPoints& points,
    const DistributedOptions& options, GraphRowsWriter write,
    Monitor* monitor = nullptr);

}  // namespace rct

#endif  // RCT_INDEX_DISTRIBUTED_DISTRIBUTED_GRAPH_H_
