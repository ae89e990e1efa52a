// Sums of search counters.

#ifndef RCT_TRAVERSAL_COUNTERS_H_
#define RCT_TRAVERSAL_COUNTERS_H_

#include "traversal/traversal.pb.h"

namespace rct {

// Adds each field that `more` has to that of `sum`, element by element where it
// is repeated. Fields that neither has stay absent.
void AddCounters(const SearchCounters& more, SearchCounters& sum);

}  // namespace rct

#endif  // RCT_TRAVERSAL_COUNTERS_H_
