// A picture of growth: what a row costs against the size of the workload.

#ifndef RCT_EXPERIMENTS_PLOT_H_
#define RCT_EXPERIMENTS_PLOT_H_

#include <string>

#include "experiments/record.pb.h"

namespace rct {

// An SVG of three log-log panels: microseconds, evaluations and bytes a row,
// for V, index and search. Dotted guides leave each line's first point; one
// that stays between them grows, in all, no faster than n log n, or, where
// inducing points grow, than m^2. Points are hollow where another size than the
// axis changed as well. Of the first four cases. Empty where the record shows
// no growth (growth.h). A pure function: the same record gives the same bytes.
std::string PlotGrowth(const RunRecord& record);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_PLOT_H_
