// The unit of work of a streamed search, which is a pure function of little.
//
// The queries of a *unit* are the rows of a run of cells. Its answer is made in
// three steps:
//
//   PlanUnit     A few queries of each of the unit's cells tell which other
//                cells many of its queries want: these are to be fetched.
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
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/index.pb.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/cell_points.h"
#include "metric/residual_factors.h"

namespace rct {

// What all units share.
struct StreamedPoints {
  std::shared_ptr<const InducingFactor> factor;
  // Of an index over a unit; its inducing points are those of `factor`.
  IndexOptions options;
  const CellPoints& cells;  // of all rows that are not inducing points
  const CellBounds& bounds;
  int64_t k;
  bool predecessor;
  // With `predecessor`: the rows before it are a unit of their own. These are
  // their points.
  int64_t early_rows;
  MatrixView<const double> early;
  // A cell is fetched where at least so many queries of a unit want it, and as
  // long as no more than `max_fetched` points are.
  int64_t defer_below;
  int64_t max_fetched;
  // The root mean square of what the points of a unit's blocks may have outside
  // their skeletons (skeleton_bound.proto); 0 where the index of a unit chooses
  // its bound by itself.
  double rms_residual = 0;
};

// Returns options of the index of a unit, whose inducing points are those of
// `factor`, and which may keep so many bytes; 0 means what the machine has.
IndexOptions UnitOptions(const IndexOptions& options,
                         const InducingFactor& factor,
                         int64_t memory_limit_bytes);

struct StreamUnit {
  enum Kind { kEarly, kInducing, kCells };
  Kind kind = kCells;
  int first_cell = 0;  // of kCells: [first_cell, last_cell)
  int last_cell = 0;
  // Of the others: queries are shared out in `parts` runs of rows, of which
  // this is number `part`.
  int part = 0;
  int parts = 1;
};

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

// Returns the cells that a unit fetches, ascending; its own are here. Errors of
// these functions are those of ResidualIndex::Build, and Cancelled.
absl::StatusOr<std::vector<int32_t>> PlanUnit(const StreamedPoints& all,
                                              const StreamUnit& unit,
                                              int threads, Monitor* monitor);

// The unit's own cells and those of `fetched` are here.
absl::StatusOr<UnitAnswer> SearchUnit(const StreamedPoints& all,
                                      const StreamUnit& unit,
                                      absl::Span<const int32_t> fetched,
                                      int threads, Monitor* monitor);

// What trial queries of a cell say, by what their own cell gives them.
struct CellTrial {
  double part_wanted = 0;  // of all other cells
  double distance = 0;     // of the kth neighbor, in the middle; or infinity
};
absl::StatusOr<CellTrial> TryCell(const StreamedPoints& all, int cell);
// Returns the mean part and the distance in the middle of some trials.
CellTrial TogetherOf(std::vector<CellTrial> trials);

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
