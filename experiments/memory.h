// The memory that this process uses.

#ifndef RCT_EXPERIMENTS_MEMORY_H_
#define RCT_EXPERIMENTS_MEMORY_H_

#include <cstdint>

namespace rct {

// Resets the peak to the memory that is resident at this moment. Has no effect
// where the system does not allow it: the peak is then that of the whole
// process.
void ResetPeakResidentBytes();

// Returns the largest resident set since the last reset, or 0 where it is not
// known.
int64_t PeakResidentBytes();

}  // namespace rct

#endif  // RCT_EXPERIMENTS_MEMORY_H_
