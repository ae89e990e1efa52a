// The graph of points that many ranks share.
//
//     MpiCommunicator ranks(...);   // or a thread of thread_ranks.h
//     DistributedOptions options;
//     options.index = ...;          // as ResidualIndex::Build takes it
//     options.k = 20;
//     const RowRange slice = SliceOf(n, ranks.rank(), ranks.size());
//     absl::StatusOr<DistributedReport> report = DistributedGraph(
//         ranks, {n, points of the slice}, options, write, monitor);
//
// Row i of the graph has the k nearest of row i, itself excluded: the same bits
// as ResidualIndex::Graph, whatever the number of ranks and of their threads.
//
// The steps are those of a streamed search (index/streaming/streamed_graph.h),
// whose units are pure functions of little:
//
//   1 Inducing points and their factor, on every rank (shared_factor.h).
//   2 Cells: splits from a sample of the points; each rank owns a run of cells,
//     and the points travel to the owners of their cells once (shared_cells.h).
//   3 Bounds of all pairs of cells: what each owner knows of its cells is
//     gathered, pairs are shared out, and every rank then has all of them
//     (shared_bounds.h).
//   4 Units of own cells. A unit fetches the *coordinates* of the cells that
//     many of its queries want, 8 d bytes a point, and makes their V again,
//     which is far less to send than V, or than queries with their v. Its
//     answers travel to the ranks whose slices have the rows (slice_answers.h).
//   5 Pairs of a query and a cell that no bound dismisses travel to the owner
//     of the cell, or to a rank that has less to do, which fetches the cell
//     (pair_shares.h), and what it finds travels to the slice of the query
//     (deferred_pairs.h).
//   6 Each rank writes the answers of its slice.
//
// Early rows under the predecessor constraint (unit_search.h) are gathered on
// all ranks, and so are inducing points; their queries are shared out.
//
// Cost of a rank. Work is that of n / R points of a streamed search, and the
// index of early rows. Bytes that it sends: (8 d + 4) n / R for the points, as
// much for each that it gives to a unit of another rank or to pairs that moved
// there, 20 + 8 d for a deferred query and 16 for each of its pairs, 8 + 12 k
// for an answer; and, to all ranks, its part of the bounds (bound_bytes / R)
// and of the early rows, and 4 for each cell.
//
// Errors. A rank takes no step before all have ended the one before, and an
// error of one, an exception among them, is then that of all. What is thrown
// while ranks exchange, outside their steps, is for lack of memory for a
// message; it leaves this function, and since others wait, the process has to
// end: RunThreadRanks and rct_mpi see to that.

#ifndef RCT_INDEX_DISTRIBUTED_DISTRIBUTED_GRAPH_H_
#define RCT_INDEX_DISTRIBUTED_DISTRIBUTED_GRAPH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/distributed/communicator.h"
#include "index/distributed/slices.h"  // IWYU pragma: export
#include "index/index.pb.h"
#include "index/streaming/streamed_graph.h"
#include "traversal/build_phase.h"

namespace rct {

struct DistributedPoints {
  int64_t n = 0;                   // of all ranks
  MatrixView<const double> slice;  // those of SliceOf; d columns in any case
};

struct DistributedOptions {
  IndexOptions index;  // `residual` is required; `threads` are those of a rank
  int64_t k = 1;
  bool predecessor = false;
  // The most bytes that a rank may take; 0 means its share of what the machine
  // has. All ranks keep to the least of them.
  int64_t memory_limit_bytes = 0;

  // How the work is cut, which changes no answer; 0 means as it suits.
  int64_t cells = 0;
  int64_t units = 0;        // of each rank
  int64_t early_rows = -1;  // -1 means as it suits
  int64_t defer_below = -1;
  int64_t max_fetched = -1;
  int64_t piece_bytes = 0;  // that a rank sends at a time
};

// Bytes that a rank has sent to others, by what they were.
struct RankTraffic {
  int64_t points = 0;  // to their owners, early rows and inducing points
  int64_t bounds = 0;
  int64_t fetched = 0;  // its cells, for units and for deferred pairs
  int64_t deferred = 0;
  int64_t answers = 0;  // and what deferred pairs found
};

// Distances that a rank has evaluated, by the searches they were for.
struct RankSearches {
  int64_t early = 0;     // of early rows, and of inducing points among others
  int64_t units = 0;     // of its cells
  int64_t deferred = 0;  // pairs that came to it
};

// Returns the same for one process: what the work is cut by.
StreamOptions StreamOptionsOf(const DistributedOptions& options);

// What one rank did.
struct RankReport {
  int64_t points = 0;  // that it owns
  int64_t units = 0;   // of its cells
  int64_t fetched_points = 0;
  int64_t deferred_in = 0;  // pairs of a query and a cell that it searched
  int64_t deferred_out = 0;
  // Points whose V it has made, each time counted: by bounds, by plans and
  // indexes of units, and for deferred pairs.
  int64_t projected = 0;
  int64_t evaluations = 0;  // of exact distances, in searches
  RankSearches searches;    // the parts of evaluations
  int64_t bytes_sent = 0;
  RankTraffic traffic;             // the parts of bytes_sent
  double seconds_together = 0;     // in calls that all ranks make, or waiting
  std::vector<BuildPhase> phases;  // of its steps, and how long they took
};

struct DistributedReport {
  std::string bound;  // that certified cells
  int64_t cells = 0;
  int64_t bound_bytes = 0;        // on each rank
  std::vector<RankReport> ranks;  // of all ranks, on every rank
};

// Every rank makes the call, with the same n and options. `write` gets the rows
// of this rank's slice, in order; it is not called where the slice is empty.
// Errors are the same on all ranks: those of StreamGraph, what `write` returns,
// and InvalidArgument where ranks were given different options. Where one fails
// to write, others may have written.
absl::StatusOr<DistributedReport> DistributedGraph(
    Communicator& ranks, const DistributedPoints& points,
    const DistributedOptions& options, GraphRowsWriter write,
    Monitor* monitor = nullptr);

}  // namespace rct

#endif  // RCT_INDEX_DISTRIBUTED_DISTRIBUTED_GRAPH_H_
