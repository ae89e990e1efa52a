// The memory that this process uses.

#ifndef RCT_EXPERIMENTS_MEMORY_H_
#define RCT_EXPERIMENTS_MEMORY_H_

#include <cstdint>

namespace rct {

// Gives memory that was freed back to the system, and resets the peak to what
// is resident at this moment. The latter has no effect where the system does
// not allow it: the peak is then that of the whole process.
void ResetPeakResidentBytes();

// Returns the largest resident set since the last reset, or 0 where it is not
// known.
int64_t PeakResidentBytes();

}  // namespace rct

#endif  // RCT_EXPERIMENTS_MEMORY_H_
