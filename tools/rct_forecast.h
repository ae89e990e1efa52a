// The memory that an index would take, as a table for people.

#ifndef RCT_TOOLS_RCT_FORECAST_H_
#define RCT_TOOLS_RCT_FORECAST_H_

#include <cstdint>
#include <string>

namespace rct {

// Returns the lines of a forecast: the arrays of an index over n points of
// `dim` coordinates with m inducing points, their bytes a point and in all, and
// those of an answer of k neighbors for each point, if k > 0.
std::string ForecastLines(int64_t n, int64_t dim, int64_t m, int64_t k);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_FORECAST_H_
