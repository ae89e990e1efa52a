// Whether numbers are what arithmetic relies on, asked of whole arrays at once.
//
// NaN lies between no two numbers. All of an array is looked at, without a
// branch for each number: it is expected to pass.

#ifndef RCT_BASE_FINITE_H_
#define RCT_BASE_FINITE_H_

#include <limits>

#include "absl/types/span.h"

namespace rct {

// Whether low <= x <= high for all of them.
template <class T>
bool AllBetween(absl::Span<const T> values, T low, T high) {
  bool all = true;
  for (const T x : values) all &= (low <= x) & (x <= high);
  return all;
}

// Whether none is infinite or NaN.
template <class T>
bool AllFinite(absl::Span<const T> values) {
  return AllBetween(values, std::numeric_limits<T>::lowest(),
                    std::numeric_limits<T>::max());
}

// The same, and none is below 0.
template <class T>
bool AllFiniteAndNotNegative(absl::Span<const T> values) {
  return AllBetween(values, T{0}, std::numeric_limits<T>::max());
}

}  // namespace rct

#endif  // RCT_BASE_FINITE_H_
