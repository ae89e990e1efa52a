// A picture of growth: costs per row against the size of the workload.

#ifndef RCT_EXPERIMENTS_PLOT_H_
#define RCT_EXPERIMENTS_PLOT_H_

#include <string>

#include "experiments/record.pb.h"

namespace rct {

// Returns an SVG of the first four cases: three log-log panels of microseconds,
// evaluations and bytes per row, for V, index and search. Two dotted guides
// start at the first point of each line; a line that stays between them grows
// in total no faster than n log n or, where inducing points grow, than m^2.
// Points are hollow where a size other than that of the axis changed as well.
// Returns "" where the record shows no growth (growth.h). The same record gives
// the same bytes.
std::string PlotGrowth(const RunRecord& record);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_PLOT_H_
