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
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/cell_points.h"
#include "metric/residual_factors.h"
#include "traversal/block/far_field_boxes.h"
#include "traversal/block/far_field_expansions.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/exhaustive/screen_bound.h"

namespace rct {

class FarFieldCells final : public CellBoundsInParts {
 public:
  // Returns whether the bound is there for this factor.
  static bool Offered(const InducingFactor& factor);

  // Makes room for bounds of `count` cells; the bound is offered.
  FarFieldCells(std::shared_ptr<const InducingFactor> factor, int64_t count);

  // A task is the pairs of a cell and those after it.
  absl::Status AddCells(const CellPoints& cells, int first, int last,
                        int threads, Monitor* monitor) override;
  std::string PackCell(int cell) const override;
  void ReadCell(int cell, std::string_view bytes) override;
  absl::Status DoTasks(int part, int parts, int threads,
                       Monitor* monitor) override;
  int64_t num_tasks() const override { return boxes_.size(); }
  std::string PackTask(int64_t task) const override;
  void ReadTask(int64_t task, std::string_view bytes) override;

  void Find(int from, const CellQueries& queries,
            absl::Span<const int32_t> others,
            absl::FunctionRef<void(int32_t, int32_t)> wanted) const override;
  std::string_view name() const override { return "far field"; }
  int64_t bytes() const override;

 private:
  struct Panels;

  std::vector<FarFieldBoxes::Worker> Workers(int64_t most) const;
  absl::Status AddCell(int cell, const CellView& points,
                       FarFieldBoxes::Worker& worker);
  Panels Load(int from, const CellQueries& queries) const;
  // Returns the queries first + l for which the cell may hold something.
  uint32_t Wanted(int from, int to, const Panels& panels, int64_t first,
                  float* expansion, bool& loaded) const;

  std::shared_ptr<const InducingFactor> factor_;
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
