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
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "index/streaming/cells.h"
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
