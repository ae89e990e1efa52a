// The neighbors of some rows by all pairs, in little memory: what an audit of a
// streamed search compares with.
//
// The points pass by in pieces, whose V is made and dropped. Nothing is shared
// with the search by units but the metric: no cells, bounds or files.
//
// Cost: V of all points once, and n evaluations a query.

#ifndef RCT_INDEX_STREAMING_EXHAUSTIVE_ROWS_H_
#define RCT_INDEX_STREAMING_EXHAUSTIVE_ROWS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/streaming/streamed_graph.h"
#include "traversal/neighbor_table.h"

namespace rct {

// Returns the rows `rows`, ascending, of the graph of these points: the model,
// k and the constraint are those of `options`.
absl::StatusOr<NeighborTable> ExhaustiveRows(MatrixView<const double> points,
                                             const StreamOptions& options,
                                             absl::Span<const int64_t> rows,
                                             Monitor* monitor = nullptr);

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_EXHAUSTIVE_ROWS_H_
