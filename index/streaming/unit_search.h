// The unit of work of a streamed search, which is a pure function of little.
//
// The queries of a *unit* are the rows of a run of cells. Its answer is made in
// three steps:
//
//   PlanUnit     A few queries of each of the unit's cells tell which other
//                cells many of its queries want: these are to be fetched
//                (unit_plan.h).
//   SearchUnit   The points of the unit's cells, those of the fetched ones and
//                the inducing points are an index in memory. It gives each
//                query the k nearest among them. Then cell_bounds.h certifies
//                all other cells, and the pairs of a query and a cell that are
//                left are *deferred*.
//   SearchOwned  Whoever owns a cell evaluates the queries that were deferred
//                to it.
//
// The answer of a query is the k least pairs (distance, row) of what the last
// two found. They need coordinates of their own cells and of the fetched ones,
// the coordinates of deferred queries, and what is known of all cells: nothing
// else of other points, and no memory that grows with the number of all points.
// V and p are made again wherever they are needed.
//
// Why exact. Distances have the same bits wherever they are computed
// (metric/residual_factors.h: a point's factors do not depend on the points
// that are factored with it). The points of a unit's index are sorted by row,
// so that of two of them the one with the lower row has the lower row in the
// index: ties and the predecessor constraint are those of all points. Every
// point is an inducing point, which is in every index; or in a cell of the
// index; or in one that is deferred to; or in one that a bound dismissed.
//
// Under the predecessor constraint the rows before `early_rows` are a unit of
// their own, without other points: their neighbors are among themselves, and
// far away. Rows that are inducing points are one, too, whose queries are
// deferred to all cells: no bound of cells is about them.

#ifndef RCT_INDEX_STREAMING_UNIT_SEARCH_H_
#define RCT_INDEX_STREAMING_UNIT_SEARCH_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/streaming/cell_points.h"
#include "index/streaming/streamed_points.h"

namespace rct {

// A query for which a cell may hold something at most this far away.
struct DeferredQuery {
  int32_t cell;
  int32_t row;  // of the query
  double distance;

  friend bool operator<(const DeferredQuery& a, const DeferredQuery& b) {
    return a.cell != b.cell ? a.cell < b.cell : a.row < b.row;
  }
};

struct UnitAnswer {
  std::vector<int32_t> rows;            // the queries, ascending
  Matrix<int32_t> neighbors;            // rows of all points, or -1
  Matrix<double> distances;             // or infinity
  std::vector<DeferredQuery> deferred;  // sorted
  int64_t own_points = 0;
  int64_t fetched_points = 0;
  int64_t evaluations = 0;  // of distances
};

// The unit's own cells and those of `fetched` are here. Errors are those of
// ResidualIndex::Build, and Cancelled.
absl::StatusOr<UnitAnswer> SearchUnit(const StreamedPoints& all,
                                      const StreamUnit& unit,
                                      absl::Span<const int32_t> fetched,
                                      int threads, Monitor* monitor);

// What deferred queries found: neighbor i of query query[i].
struct FoundNeighbors {
  std::vector<int32_t> query;  // ascending, rows of all points
  std::vector<int32_t> row;
  std::vector<double> distance;
  int64_t evaluations = 0;  // of distances
  int64_t projected = 0;    // points whose V was made
};

// Returns the k nearest of each of `deferred`, sorted, in its cell, which is
// here, those that are farther away than its distance left out. `queries` has
// the points of their rows.
absl::StatusOr<FoundNeighbors> SearchOwned(
    const StreamedPoints& all, absl::Span<const DeferredQuery> deferred,
    const RowPoints& queries, int threads, Monitor* monitor);

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_UNIT_SEARCH_H_
