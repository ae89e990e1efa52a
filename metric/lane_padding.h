// Arrays that are read and written eight numbers at a time.

#ifndef RCT_METRIC_LANE_PADDING_H_
#define RCT_METRIC_LANE_PADDING_H_

#include <cstdint>

namespace rct {

// The doubles that the canonical arithmetic takes at once, on every instruction
// set: one AVX-512 register. The order of a sum depends on this number, so that
// another one would change every bit of every answer.
inline constexpr int kLanes = 8;

// Returns the smallest multiple of kLanes that is at least `count` >= 0.
constexpr int64_t RoundUpToLanes(int64_t count) {
  return (count + kLanes - 1) & ~int64_t{kLanes - 1};
}

}  // namespace rct

#endif  // RCT_METRIC_LANE_PADDING_H_
