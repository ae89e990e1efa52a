// Counts allocations, in tests of what must not allocate. Linking this replaces
// the global operator new.

#ifndef RCT_TRAVERSAL_ALLOCATION_COUNTER_H_
#define RCT_TRAVERSAL_ALLOCATION_COUNTER_H_

#include <cstdint>

namespace rct {

// Calls of operator new so far, by all threads.
int64_t AllocationCount();

}  // namespace rct

#endif  // RCT_TRAVERSAL_ALLOCATION_COUNTER_H_
