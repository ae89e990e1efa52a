// How cells are shared out among ranks, and those of a rank among its units:
// pure functions of how many points each cell has.

#ifndef RCT_INDEX_DISTRIBUTED_CELL_SHARES_H_
#define RCT_INDEX_DISTRIBUTED_CELL_SHARES_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace rct {

// Returns the first cell of each of `ranks` ranks, and the number of cells:
// runs of whole groups of about as many points each.
std::vector<int> ShareOutCells(absl::Span<const int64_t> counts, int64_t groups,
                               int ranks);

// A run of cells [first, last).
struct CellRun {
  int first = 0;
  int last = 0;
};

// Returns the units of the cells of `all`: at most `units` runs of about as
// many points each.
std::vector<CellRun> UnitRuns(absl::Span<const int64_t> counts, CellRun all,
                              int64_t units);

}  // namespace rct

#endif  // RCT_INDEX_DISTRIBUTED_CELL_SHARES_H_
