// How much memory this process has in use.

#ifndef RCT_EXPERIMENTS_MEMORY_H_
#define RCT_EXPERIMENTS_MEMORY_H_

#include <cstdint>

namespace rct {

// Starts the peak again from what is resident now. Without effect where the
// kernel does not allow it: the peak is then that of the whole process.
void ResetPeakResidentBytes();

// The largest resident set since the last reset; 0 where it is not known.
int64_t PeakResidentBytes();

}  // namespace rct

#endif  // RCT_EXPERIMENTS_MEMORY_H_
