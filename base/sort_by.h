// Sorting by keys that are small integers.

#ifndef RCT_BASE_SORT_BY_H_
#define RCT_BASE_SORT_BY_H_

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace rct {

// Sorts by a key in [0, num_keys), and keeps the order of those with equal
// keys. Cost: O(size + num_keys), or O(size log size) where there are few.
template <class Key, class T>
void SortBy(Key key, int64_t num_keys, std::vector<T>& values) {
  const auto size = static_cast<int64_t>(values.size());
  const auto below = [&](const T& a, const T& b) { return key(a) < key(b); };
  if (std::is_sorted(values.begin(), values.end(), below)) return;
  if (4 * size < num_keys) {
    std::stable_sort(values.begin(), values.end(), below);
    return;
  }
  std::vector<int64_t> next(num_keys + 1);
  for (const T& value : values) ++next[key(value) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  std::vector<T> sorted(size);
  for (const T& value : values) sorted[next[key(value)]++] = value;
  values = std::move(sorted);
}

}  // namespace rct

#endif  // RCT_BASE_SORT_BY_H_
