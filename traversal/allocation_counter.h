// Counts allocations, in tests of what must not allocate, and lets them fail,
// in tests of what must survive it. Linking this replaces the global operator
// new.

#ifndef RCT_TRAVERSAL_ALLOCATION_COUNTER_H_
#define RCT_TRAVERSAL_ALLOCATION_COUNTER_H_

#include <cstdint>

#include "base/sanitizers.h"

namespace rct {

// Calls of operator new so far, by all threads.
int64_t AllocationCount();

// Tests that let one allocation after the other fail try those whose numbers
// are multiples of this: all, but under the thread sanitizer, where each try
// takes many times as long, every ninth.
inline constexpr int64_t kAllocationStep = kThreadSanitizer ? 9 : 1;

// While an object of this class lives, the allocation of the given number (the
// next one is 0) fails, in any thread, and if `for_good` all after it as well.
// One object at a time may live.
class AllocationFailure {
 public:
  AllocationFailure(int64_t number, bool for_good);
  ~AllocationFailure();
  AllocationFailure(const AllocationFailure&) = delete;
  AllocationFailure& operator=(const AllocationFailure&) = delete;

  // Returns whether that allocation was asked for.
  bool happened() const;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_ALLOCATION_COUNTER_H_
