// The largest inputs that the library takes.

#ifndef RCT_BASE_LIMITS_H_
#define RCT_BASE_LIMITS_H_

#include <cstdint>
#include <limits>

namespace rct {

// The largest number of points, and hence of neighbors to ask for: 2^31 - 9.
// Row numbers are 32-bit integers, and loops that take eight rows at a time
// step over the last one by up to eight.
inline constexpr int64_t kMaxRows = std::numeric_limits<int32_t>::max() - 8;

// The largest number of coordinates of a point: 2^20. The proofs that sums of
// squares neither overflow nor lose their digits count on it, and a file that
// asks for more is of another kind.
inline constexpr int64_t kMaxColumns = int64_t{1} << 20;

// 2^53: float64 holds every integer up to it, but not the next one.
inline constexpr double kMaxExactInteger = 9007199254740992;

// The largest number of threads that a config may ask for. No machine has use
// for more; a larger number is a mistake, which would cost memory for each.
inline constexpr int kMaxThreads = 4096;

}  // namespace rct

#endif  // RCT_BASE_LIMITS_H_
