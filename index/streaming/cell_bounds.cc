#include "index/streaming/cell_bounds.h"

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/monitor.h"
#include "base/status_macros.h"
#include "index/streaming/cell_points.h"

namespace rct {
namespace {

// The share of the points in the work.
constexpr double kPointShare = 0.7;

}  // namespace

absl::Status MakeWhole(const CellPoints& cells, int threads, Monitor* monitor,
                       CellBoundsInParts& bounds) {
  const Monitor::Part whole(monitor);
  {
    const Monitor::Part part(monitor, kPointShare);
    RCT_RETURN_IF_ERROR(
        bounds.AddCells(cells, 0, cells.size(), threads, monitor));
  }
  return bounds.DoTasks(/*part=*/0, /*parts=*/1, threads, monitor);
}

void NoCellBounds::Find(
    int /*from*/, const CellQueries& queries, absl::Span<const int32_t> others,
    absl::FunctionRef<void(int32_t, int32_t)> wanted) const {
  for (const int32_t other : others) {
    for (int32_t i = 0; i < static_cast<int32_t>(queries.positions.size());
         ++i) {
      wanted(i, other);
    }
  }
}

}  // namespace rct
