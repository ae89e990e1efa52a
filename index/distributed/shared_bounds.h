// The bounds of cells that ranks share: each makes what is known of its own
// cells and its part of the pairs, and all get all of it.
//
// Skeletons are made of a sample of each group, at most 256 points, which all
// ranks gather; every rank makes all skeletons, and its part of the tables.
// Trials are made by the owners of the trial cells and gathered, so that all
// ranks choose the same bound.
//
// Cost: on each rank, the memory of the bounds of all cells (bound_bytes), and
// about as much to receive.

#ifndef RCT_INDEX_DISTRIBUTED_SHARED_BOUNDS_H_
#define RCT_INDEX_DISTRIBUTED_SHARED_BOUNDS_H_

#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/monitor.h"
#include "index/distributed/rank_exchange.h"
#include "index/distributed/shared_cells.h"
#include "index/streaming/bound_choice.h"
#include "index/streaming/streamed_points.h"
#include "metric/residual_factors.h"

namespace rct {

// What searches of a unit see with these bounds.
using PointsWith = absl::FunctionRef<StreamedPoints(const CellBounds&)>;

// All ranks make the call. There are at least two cells.
absl::StatusOr<BoundChoice> SharedBounds(
    std::shared_ptr<const InducingFactor> factor, const SharedCells& cells,
    int64_t groups, PointsWith points_with, int threads, Monitor* monitor,
    RankExchange& exchange);

}  // namespace rct

#endif  // RCT_INDEX_DISTRIBUTED_SHARED_BOUNDS_H_
