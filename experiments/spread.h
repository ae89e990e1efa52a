// How far a few measurements lie apart.

#ifndef RCT_EXPERIMENTS_SPREAD_H_
#define RCT_EXPERIMENTS_SPREAD_H_

#include "absl/types/span.h"

namespace rct {

struct Spread {
  double min = 0, median = 0, max = 0;
};

// Of at least one value; the median of an even number is the mean of the middle
// two.
Spread SpreadOf(absl::Span<const double> values);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_SPREAD_H_
