// The far-field bound between cells: for rough kernels, whose residual decays.
//
// U_AB of two cells and the expansions that bound one query follow from the
// boxes of far_field_boxes.h, which take the points of a cell piece by piece.
// |c(q, x)| is compared with theta sqrt(p_q) and the least sqrt(p) of the cell,
// as FarFieldPass does for a block. Inducing points are in no cell.
//
// Cost: V and twice its arithmetic for each point, p^(2d) m for each pair of
// cells; a query costs a comparison a cell, and K^2 operations where that does
// not dismiss it. Memory: 4 b^2 bytes and the expansions, 2 K^2 a pair.

#ifndef RCT_INDEX_STREAMING_FAR_FIELD_CELLS_H_
#define RCT_INDEX_STREAMING_FAR_FIELD_CELLS_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/cells.h"
#include "metric/residual_factors.h"
#include "traversal/block/far_field_boxes.h"
#include "traversal/block/far_field_expansions.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/exhaustive/screen_bound.h"

namespace rct {

class FarFieldCells final : public CellBounds {
 public:
  // Returns whether the bound is there for this factor.
  static bool Offered(const InducingFactor& factor);

  // Makes the bounds of `cells` of `points`; the bound is offered. Returns the
  // errors of InducingFactor::Project.
  static absl::StatusOr<std::unique_ptr<const FarFieldCells>> Create(
      std::shared_ptr<const InducingFactor> factor,
      MatrixView<const double> points, const Cells& cells, int threads,
      Monitor* monitor);

  void Find(int from, const CellQueries& queries,
            absl::Span<const int32_t> others,
            absl::FunctionRef<void(int32_t, int32_t)> wanted) const override;
  std::string_view name() const override { return "far field"; }
  int64_t bytes() const override;

 private:
  struct Panels;

  FarFieldCells(std::shared_ptr<const InducingFactor> factor, int64_t count);

  absl::Status AddCell(const InducingFactor& factor,
                       MatrixView<const double> points,
                       absl::Span<const int32_t> rows, int cell,
                       FarFieldBoxes::Worker& worker);
  Panels Load(int from, const CellQueries& queries) const;
  // Returns the queries first + l for which the cell may hold something.
  uint32_t Wanted(int from, int to, const Panels& panels, int64_t first,
                  float* expansion, bool& loaded) const;

  double unit_;
  ScreenBound bound_;
  const FarFieldRoutines* routines_;
  FarFieldBoxes boxes_;
  FarFieldExpansions expansions_;
  Matrix<float> most_;
  std::vector<float> min_root_;  // the least sqrt(p) of each cell
};

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_FAR_FIELD_CELLS_H_
