// Which bound certifies the cells of a streamed search.
//
// Skeletons and far field are made where they are offered, and a few trial
// queries say which of them leaves fewer cells. Who makes them and who tries
// them, one process or many, is the caller's; all processes that see the same
// trials choose alike.

#ifndef RCT_INDEX_STREAMING_BOUND_CHOICE_H_
#define RCT_INDEX_STREAMING_BOUND_CHOICE_H_

#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/unit_plan.h"
#include "metric/residual_factors.h"

namespace rct {

struct BoundMakers {
  // Null where there is no such bound.
  absl::FunctionRef<absl::StatusOr<std::unique_ptr<CellBoundsInParts>>()>
      skeletons;
  absl::FunctionRef<absl::StatusOr<std::unique_ptr<CellBoundsInParts>>()>
      far_field;
  // Tries out a bound on some cells.
  absl::FunctionRef<absl::StatusOr<CellTrial>(const CellBounds&)> try_out;
};

struct BoundChoice {
  std::unique_ptr<const CellBounds> bounds;  // NoCellBounds where none helps
  double rms_residual = 0;                   // of StreamedPoints
  int made = 0;  // bounds, each of which has had V of all points made
};

// Returns the errors of `makers`.
absl::StatusOr<BoundChoice> ChooseBounds(const InducingFactor& factor,
                                         const BoundMakers& makers);

// Returns the cells whose queries try out a bound.
std::vector<int> TrialCells(int num_cells);

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_BOUND_CHOICE_H_
