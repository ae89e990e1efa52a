// The spread of a few measurements.

#ifndef RCT_EXPERIMENTS_SPREAD_H_
#define RCT_EXPERIMENTS_SPREAD_H_

#include "absl/types/span.h"

namespace rct {

struct Spread {
  double min = 0, median = 0, max = 0;
};

// Returns the spread of at least one value; the median of an even number of
// values is the mean of the middle two.
Spread SpreadOf(absl::Span<const double> values);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_SPREAD_H_
