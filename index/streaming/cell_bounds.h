// What a query can find in cells whose points are not there: bounds from what
// is known of each cell and of each pair of cells.
//
// A unit of a streamed search (unit_search.h) has its own points and those of
// some other cells. For each of its queries, of which it then knows the k
// nearest among these, every other cell has to be certified: no point of it is
// nearer than the kth. Bounds of pairs of cells are data of a size that does
// not depend on the number of points, and so whoever searches a unit can hold
// all of them.
//
// Sound. A cell is left out for a query where a bound on |rho| of the query and
// all points of the cell is below theta, the number that the same bound is
// compared with in memory (kept_candidates.h has the argument): every point
// then has a t above `squared`, the largest t that still has the distance of
// the kth neighbor, and so a larger distance; ties by row cannot arise.

#ifndef RCT_INDEX_STREAMING_CELL_BOUNDS_H_
#define RCT_INDEX_STREAMING_CELL_BOUNDS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/monitor.h"
#include "index/streaming/cell_points.h"
#include "metric/residual_points.h"

namespace rct {

// Queries of one cell: points positions[i] of `points`. Query i has found all
// that it looks for up to the squared distance squared[i]; infinity where it
// has found too few.
struct CellQueries {
  const ResidualPoints& points;
  absl::Span<const int32_t> positions;
  absl::Span<const double> squared;
};

// Immutable; thread-safe.
class CellBounds {
 public:
  virtual ~CellBounds() = default;

  // Calls wanted(i, c) for each query i of the cell `from` and each cell c of
  // `others` in which it may find something. No cell of `others` is `from`.
  virtual void Find(
      int from, const CellQueries& queries, absl::Span<const int32_t> others,
      absl::FunctionRef<void(int32_t query, int32_t cell)> wanted) const = 0;

  virtual std::string_view name() const = 0;
  virtual int64_t bytes() const { return 0; }
};

// Bounds in the making, by processes that have different cells here.
//
// What is known of a cell follows from its points, and what is known of pairs
// of cells from that; the latter are shared out as *tasks*, runs of pairs, that
// are numbered. Each process adds its own cells, and gets what others know of
// theirs; does its part of the tasks, and gets those of others. Then all of
// them have the same bounds.
class CellBoundsInParts : public CellBounds {
 public:
  // Adds cells [first, last), which are here. Errors are those of
  // InducingFactor::Project, and Cancelled.
  virtual absl::Status AddCells(const CellPoints& cells, int first, int last,
                                int threads, Monitor* monitor) = 0;
  virtual std::string PackCell(int cell) const = 0;
  virtual void ReadCell(int cell, std::string_view bytes) = 0;

  // Does tasks `part`, `part` + `parts`, ... of [0, num_tasks()), once. All
  // cells were added or read. Returns Cancelled if `monitor` is.
  virtual absl::Status DoTasks(int part, int parts, int threads,
                               Monitor* monitor) = 0;
  virtual int64_t num_tasks() const = 0;
  virtual std::string PackTask(int64_t task) const = 0;
  virtual void ReadTask(int64_t task, std::string_view bytes) = 0;

  // Returns whether the bounds hold, once all tasks were done or read.
  virtual bool sound() const { return true; }
};

// Makes all of them here, where all cells are.
absl::Status MakeWhole(const CellPoints& cells, int threads, Monitor* monitor,
                       CellBoundsInParts& bounds);

// Knows nothing: every cell is wanted.
class NoCellBounds final : public CellBounds {
 public:
  void Find(int from, const CellQueries& queries,
            absl::Span<const int32_t> others,
            absl::FunctionRef<void(int32_t, int32_t)> wanted) const override;
  std::string_view name() const override { return "none"; }
};

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_CELL_BOUNDS_H_
