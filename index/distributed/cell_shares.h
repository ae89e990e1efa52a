// How cells are shared out among ranks, and those of a rank among its units:
// pure functions of how many points each cell has.

#ifndef RCT_INDEX_DISTRIBUTED_CELL_SHARES_H_
#define RCT_INDEX_DISTRIBUTED_CELL_SHARES_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace rct {

// Returns what each of `ranks` ranks does for early rows (unit_search.h), as
// many points of cells as take as long. The ranks search a run of `early_rows`
// each, in an index of all rows before its end: the later ones have more to do.
std::vector<double> EarlyWork(int64_t early_rows, int ranks);

// Returns the first cell of each rank, and the number of cells: runs of whole
// groups. `work` is what each rank does besides; with it, all have about as
// many points, but for those that have more of it already.
std::vector<int> ShareOutCells(absl::Span<const int64_t> counts, int64_t groups,
                               absl::Span<const double> work);

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
