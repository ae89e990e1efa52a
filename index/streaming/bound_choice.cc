#include "index/streaming/bound_choice.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/status_macros.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/far_field_cells.h"
#include "index/streaming/unit_plan.h"
#include "metric/kernel.h"
#include "metric/residual_factors.h"

namespace rct {
namespace {

// Cells whose queries try out a bound.
constexpr int kTrialCells = 16;

// Bounds that leave more of the other cells than this are worth nothing.
constexpr double kUselessPart = 0.5;

// Bounds that leave less are good enough.
constexpr double kFewLeft = 0.05;

// Smooth kernels: a block tells its points apart where what its skeleton leaves
// of them is no more than the distance that matters (bound (2) of
// skeleton_bounds.h leaves e_q e_j of |rho|, and theta is 1 less the square of
// that distance).
constexpr double kResidualOfDistance = 0.7;
constexpr double kLeastResidual = 0.004;
constexpr double kLargestResidual = 0.05;

}  // namespace

std::vector<int> TrialCells(int num_cells) {
  std::vector<int> cells;
  const int step = std::max(1, num_cells / kTrialCells);
  for (int c = 0; c < num_cells; c += step) cells.push_back(c);
  return cells;
}

absl::StatusOr<BoundChoice> ChooseBounds(const InducingFactor& factor,
                                         const BoundMakers& makers) {
  CellTrial by_skeletons = {.part_wanted = 1};
  CellTrial by_far_field = {.part_wanted = 1};
  RCT_ASSIGN_OR_RETURN(std::unique_ptr<CellBoundsInParts> skeletons,
                       makers.skeletons());
  if (skeletons != nullptr) {
    RCT_ASSIGN_OR_RETURN(by_skeletons, makers.try_out(*skeletons));
  }
  std::unique_ptr<CellBoundsInParts> far_field;
  if (by_skeletons.part_wanted > kFewLeft && FarFieldCells::Offered(factor)) {
    RCT_ASSIGN_OR_RETURN(far_field, makers.far_field());
    RCT_ASSIGN_OR_RETURN(by_far_field, makers.try_out(*far_field));
  }
  const double least =
      std::min(by_skeletons.part_wanted, by_far_field.part_wanted);
  BoundChoice choice;
  choice.made = static_cast<int>(skeletons != nullptr) +
                static_cast<int>(far_field != nullptr);
  if (least > kUselessPart) {
    choice.bounds = std::make_unique<NoCellBounds>();
  } else if (by_skeletons.part_wanted > least) {
    choice.bounds = std::move(far_field);
  } else {
    choice.bounds = std::move(skeletons);
    const KernelFamily family = factor.kernel().family();
    if (family == KernelFamily::kMatern52 || family == KernelFamily::kRbf) {
      choice.rms_residual =
          std::clamp(kResidualOfDistance * by_skeletons.distance,
                     kLeastResidual, kLargestResidual);
    }
  }
  return choice;
}

}  // namespace rct
