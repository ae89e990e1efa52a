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
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/cell_points.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/skeleton_tables.h"

namespace rct {

class SkeletonCells final : public CellBoundsInParts {
 public:
  // Returns how many points of each of `groups` groups, a power of two that is
  // at most the number of cells, its skeleton is to be made of.
  static int64_t SampleSize(const CellPoints& cells, int64_t groups);
  // Returns the coordinates of these points of a group, whose cells are here.
  static Matrix<double> SampleOf(const CellPoints& cells, int64_t groups,
                                 int group);

  // Makes the skeletons of `groups` groups of `num_cells` cells from samples of
  // all groups, one after the other. Null where there is no such bound: the
  // rounding model is not valid, samples are too small or have loose points,
  // skeletons would have too large ranks, or computed ones are unsound. Errors
  // are those of InducingFactor::Project, and Cancelled.
  static absl::StatusOr<std::unique_ptr<SkeletonCells>> Create(
      std::shared_ptr<const InducingFactor> factor, Matrix<double> samples,
      int64_t groups, int64_t num_cells, int threads, Monitor* monitor);

  // Returns a digest of the points that skeletons consist of. Bounds in parts
  // hold if all parts have the same: numbers that different machines have
  // rounded differently are covered by the slacks.
  std::string Digest() const;

  // A task is a tile of pairs of groups (skeleton_tables.h).
  absl::Status AddCells(const CellPoints& cells, int first, int last,
                        int threads, Monitor* monitor) override;
  std::string PackCell(int cell) const override;
  void ReadCell(int cell, std::string_view bytes) override;
  absl::Status DoTasks(int part, int parts, int threads,
                       Monitor* monitor) override;
  int64_t num_tasks() const override { return tables_->num_tiles(); }
  std::string PackTask(int64_t task) const override {
    return tables_->PackTile(task);
  }
  void ReadTask(int64_t task, std::string_view bytes) override {
    tables_->AddTile(task, bytes);
  }
  bool sound() const override { return tables_->sound(); }

  void Find(int from, const CellQueries& queries,
            absl::Span<const int32_t> others,
            absl::FunctionRef<void(int32_t, int32_t)> wanted) const override;
  std::string_view name() const override { return "skeletons"; }
  int64_t bytes() const override;

 private:
  // Points projected on the skeleton of their group, in panels.
  struct Projected;

  SkeletonCells(std::shared_ptr<const InducingFactor> factor,
                std::shared_ptr<const ResidualCorrelation> sample,
                std::unique_ptr<const BlockSkeletons> skeletons,
                int64_t cells_of_group, int64_t num_cells);

  int Group(int cell) const { return static_cast<int>(cell / of_group_); }
  // Loads points `ids` of `points`, at most kPiece, of a group.
  void Project(int group, const ResidualPoints& points,
               absl::Span<const int32_t> ids, Projected& projected) const;
  absl::Status AddCell(int cell, const CellView& points, Projected& projected);
  // Finds what queries first + l, sixteen at most, want of cells
  // [begin, end) of `others`, all of one group that is not `from`.
  void FindPanel(int from, const Projected& projected, int first,
                 absl::Span<const float> theta,
                 absl::Span<const int32_t> others, int32_t number,
                 absl::FunctionRef<void(int32_t, int32_t)> wanted,
                 const SkeletonTables::Table& table, float* y) const;

  std::shared_ptr<const InducingFactor> factor_;
  std::shared_ptr<const ResidualCorrelation> sample_;
  std::unique_ptr<const BlockSkeletons> skeletons_;
  std::unique_ptr<SkeletonTables> tables_;  // once tasks are done
  int64_t of_group_;
  std::vector<BlockLengths> lengths_;  // of each cell
};

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_SKELETON_CELLS_H_
