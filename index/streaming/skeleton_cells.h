// The skeleton bound between cells: for smooth kernels, whose residual in a
// cell is of low rank.
//
// Cells are taken in *groups*, aligned powers of two of them that are one cell
// of a coarser partition. A sample of the points of each group has a skeleton
// (block_skeletons.h), and the skeletons of all groups have tables
// (skeleton_tables.h). Any other point is projected on the skeleton of its
// group, as a new point is in memory, which gives its w and e. For a query q of
// group A and a cell of group B, with y = C_BA w_q,
//
//     |rho| <= |y| max |w_j| + min(1, g_q + e_q) max e_j + e_q max |w_j|
//
// over the points j of the cell: (1) of skeleton_bounds.h, where a point's
// length stands for its gap, g_j <= |w_j|. That proof has a Gram model for each
// pair of points and asks nothing of a point but its projection. What is
// computed here is what SkeletonPass computes for a query that is no row, and
// the maxima are those of KeepCoordinates; all slacks are theirs. Points whose
// tau is too large, or whose |w|^2 is larger than an exact one could be, have
// no bound: their cell is wanted by all, and such a query wants all cells.
//
// Cost: V and s (m + s) for each point, (sum of ranks)^2 (m + s) for tables;
// a query costs s^2 a group in float32. Memory: 2 (sum of ranks)^2 bytes.

#ifndef RCT_INDEX_STREAMING_SKELETON_CELLS_H_
#define RCT_INDEX_STREAMING_SKELETON_CELLS_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/cells.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/skeleton_tables.h"

namespace rct {

class SkeletonCells final : public CellBounds {
 public:
  // Makes the bounds of `cells` of `points` in `groups` groups, a power of two
  // that is at most the number of cells. Null where there is no such bound: the
  // rounding model is not valid, a group has too few points that are not loose,
  // or computed skeletons are unsound. Errors are those of
  // InducingFactor::Project.
  static absl::StatusOr<std::unique_ptr<const SkeletonCells>> Create(
      std::shared_ptr<const InducingFactor> factor,
      MatrixView<const double> points, const Cells& cells, int64_t groups,
      int threads, Monitor* monitor);

  void Find(int from, const CellQueries& queries,
            absl::Span<const int32_t> others,
            absl::FunctionRef<void(int32_t, int32_t)> wanted) const override;
  std::string_view name() const override { return "skeletons"; }
  int64_t bytes() const override;

 private:
  // Points projected on the skeleton of their group, in panels.
  struct Projected;

  SkeletonCells(std::shared_ptr<const ResidualCorrelation> sample,
                std::unique_ptr<const BlockSkeletons> skeletons,
                std::unique_ptr<const SkeletonTables> tables,
                int64_t cells_of_group, int64_t num_cells);

  int Group(int cell) const { return static_cast<int>(cell / of_group_); }
  // Loads points `ids` of `points`, at most kPiece, of a group.
  void Project(int group, const ResidualPoints& points,
               absl::Span<const int32_t> ids, Projected& projected) const;
  absl::Status AddCell(const InducingFactor& factor,
                       MatrixView<const double> points,
                       absl::Span<const int32_t> rows, int cell,
                       Projected& projected);
  // Finds what queries first + l, sixteen at most, want of cells
  // [begin, end) of `others`, all of one group that is not `from`.
  void FindPanel(int from, const Projected& projected, int first,
                 absl::Span<const float> theta,
                 absl::Span<const int32_t> others, int32_t number,
                 absl::FunctionRef<void(int32_t, int32_t)> wanted,
                 const SkeletonTables::Table& table, float* y) const;

  std::shared_ptr<const ResidualCorrelation> sample_;
  std::unique_ptr<const BlockSkeletons> skeletons_;
  std::unique_ptr<const SkeletonTables> tables_;
  int64_t of_group_;
  std::vector<BlockLengths> lengths_;  // of each cell
};

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_SKELETON_CELLS_H_
