// The graph of points whose factors do not fit into memory.
//
//     StreamOptions options;
//     options.index = ...;             // as ResidualIndex::Build takes them
//     options.k = 20;
//     options.predecessor = true;
//     options.work = "folder";
//     absl::StatusOr<StreamReport> report =
//         StreamGraph(points, options, write);
//     RemoveStreamFiles(options.work);
//
// Row i of the graph has the k nearest of row i, itself excluded: the same bits
// as ResidualIndex::Graph. In memory are the coordinates, what bounds know of
// all pairs of cells (cell_bounds.h), and one unit at a time (unit_search.h).
// Results of units go to files in the work folder (stream_chunks.h), and at the
// end are put together by row: `write` gets the graph in runs of rows.
//
// A call leaves the files of the steps that it has done, whether it was
// stopped, by its monitor or by the end of its process, or not. A call with
// `resume` and the same points and options does the others.
//
// Bounds. Far field and skeletons are both made where they are offered, and a
// few trial queries say which of them leaves fewer cells. Where both leave
// nearly all, every pair is evaluated: exact, and as slow as exhaustive search.
//
// Cost. The points are factored three times (bounds, the plan of a unit, the
// unit) and once more where they are fetched; the search is that of indexes of
// a unit's size, whatever n is. 12 n k bytes on the disk while it runs.

#ifndef RCT_INDEX_STREAMING_STREAMED_GRAPH_H_
#define RCT_INDEX_STREAMING_STREAMED_GRAPH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/index.pb.h"
#include "traversal/build_phase.h"
#include "traversal/neighbor_table.h"

namespace rct {

struct StreamOptions {
  IndexOptions index;  // `residual` is required
  int64_t k = 1;
  bool predecessor = false;
  // The folder for files, which is created.
  std::string work;
  bool resume = false;
  // The most bytes that the call may take; 0 means what the machine has.
  int64_t memory_limit_bytes = 0;

  // How the work is cut, which changes no answer; 0 means as it suits.
  int64_t cells = 0;
  int64_t units = 0;
  int64_t early_rows = -1;  // -1 means as it suits
  int64_t defer_below = -1;
  int64_t max_fetched = -1;
};

struct StreamReport {
  std::string bound;  // that certified cells
  int64_t cells = 0;
  int64_t units = 0;
  int64_t units_resumed = 0;  // whose answers were there
  int64_t own_points = 0;     // of all units
  int64_t fetched_points = 0;
  int64_t deferred = 0;  // pairs of a query and a cell
  int64_t bound_bytes = 0;
  std::vector<BuildPhase> phases;  // and how long they took
};

// Receives rows [first, first + table.num_queries()) of the graph, in order.
using GraphRowsWriter =
    absl::FunctionRef<absl::Status(int64_t first, const NeighborTable& table)>;

// Errors are those of ResidualIndex::Build and base/file.h, those that `write`
// returns, FailedPrecondition where the folder holds another search,
// ResourceExhausted where the limit is too small, and Cancelled.
absl::StatusOr<StreamReport> StreamGraph(MatrixView<const double> points,
                                         const StreamOptions& options,
                                         GraphRowsWriter write,
                                         Monitor* monitor = nullptr);

// Removes the files of a search from its work folder, and the folder if nothing
// else is in it: for when what `write` got is safe.
void RemoveStreamFiles(const std::string& work);

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_STREAMED_GRAPH_H_
