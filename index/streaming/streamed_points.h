// What the units of a streamed search (unit_search.h) share.

#ifndef RCT_INDEX_STREAMING_STREAMED_POINTS_H_
#define RCT_INDEX_STREAMING_STREAMED_POINTS_H_

#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/index.pb.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/cell_points.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "traversal/searcher.h"

namespace rct {

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

  // Returns whether a row of a unit is one of its queries.
  bool IsQuery(const StreamUnit& unit, int32_t row) const {
    return unit.kind == StreamUnit::kEarly || !predecessor || row >= early_rows;
  }
};

// Returns options of the index of a unit, whose inducing points are those of
// `factor`, and which may keep so many bytes; 0 means what the machine has.
IndexOptions UnitOptions(const IndexOptions& options,
                         const InducingFactor& factor,
                         int64_t memory_limit_bytes);

// Returns the largest t whose distance is at most `distance`.
double LargestSquaredAt(double distance);

// Returns the metric of the points of a cell, which is here.
absl::StatusOr<std::shared_ptr<const ResidualCorrelation>> MetricOfCell(
    const StreamedPoints& all, int cell);

// Returns options for the k nearest of rows.
SearchOptions SearchOptionsOf(const StreamedPoints& all, int threads,
                              Monitor* monitor);

// Calls wanted(query, cell) for pairs of a query of the cell `from`, whose row
// is rows[query], and a cell of `others` that may hold something for it.
void FindWanted(const StreamedPoints& all, int from, const CellQueries& queries,
                absl::Span<const int32_t> rows,
                absl::Span<const int32_t> others,
                absl::FunctionRef<void(int32_t, int32_t)> wanted);

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_STREAMED_POINTS_H_
