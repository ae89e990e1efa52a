// Which cells a unit fetches, and what a bound leaves: from trial queries.
//
// A few queries of a cell look for neighbors in the cell itself. What they have
// found then is worse than what a unit finds, and so they want more cells: the
// order in which cells are wanted is what matters.
//
// Cost: V of the points of each cell, and a few queries' evaluations of it.

#ifndef RCT_INDEX_STREAMING_UNIT_PLAN_H_
#define RCT_INDEX_STREAMING_UNIT_PLAN_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "base/monitor.h"
#include "index/streaming/streamed_points.h"

namespace rct {

// Returns the cells that a unit fetches, ascending; its own are here. Errors
// are those of InducingFactor::Project, and Cancelled.
absl::StatusOr<std::vector<int32_t>> PlanUnit(const StreamedPoints& all,
                                              const StreamUnit& unit,
                                              int threads, Monitor* monitor);

// What trial queries of a cell say, by what their own cell gives them.
struct CellTrial {
  double part_wanted = 0;  // of all other cells
  double distance = 0;     // of the kth neighbor, in the middle; or infinity
};
absl::StatusOr<CellTrial> TryCell(const StreamedPoints& all, int cell);
// Returns the mean part and the distance in the middle of some trials.
CellTrial TogetherOf(std::vector<CellTrial> trials);

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_UNIT_PLAN_H_
