// Checks of whole arrays: are all numbers finite, or within limits?
//
// NaN lies between no two numbers. The loops read the whole array and branch on
// no number, since arrays are expected to pass.

#ifndef RCT_BASE_FINITE_H_
#define RCT_BASE_FINITE_H_

#include <limits>

#include "absl/types/span.h"

namespace rct {

// Returns true if low <= x <= high for every x of `values`.
template <class T>
bool AllBetween(absl::Span<const T> values, T low, T high) {
  bool all = true;
  for (const T x : values) all &= (low <= x) & (x <= high);
  return all;
}

// Returns true if no number is infinite or NaN.
template <class T>
bool AllFinite(absl::Span<const T> values) {
  return AllBetween(values, std::numeric_limits<T>::lowest(),
                    std::numeric_limits<T>::max());
}

// Returns true if no number is infinite, NaN or below 0.
template <class T>
bool AllFiniteAndNotNegative(absl::Span<const T> values) {
  return AllBetween(values, T{0}, std::numeric_limits<T>::max());
}

}  // namespace rct

#endif  // RCT_BASE_FINITE_H_
