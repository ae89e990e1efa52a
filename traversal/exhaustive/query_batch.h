// Queries that are searched together against all candidates.

#ifndef RCT_TRAVERSAL_EXHAUSTIVE_QUERY_BATCH_H_
#define RCT_TRAVERSAL_EXHAUSTIVE_QUERY_BATCH_H_

#include <algorithm>
#include <cstdint>

namespace rct {

// Returns how many queries of `bytes` each take half a mebibyte together, so
// that they stay in a second-level cache while candidates pass by: the more
// there are, the less often candidates are read. From 16 to 128.
inline int64_t QueriesThatFit(int64_t bytes) {
  return std::clamp<int64_t>(512 * 1024 / std::max<int64_t>(1, bytes), 16, 128);
}

// Returns the size of a batch, a multiple of `step` unless it is `fit`. Batches
// come in fours of equal size, so that two or four threads get equal shares.
// The size does not depend on the number of threads, and so counters do not
// either.
inline int64_t BatchSize(int64_t num_queries, int64_t fit, int64_t step) {
  const int64_t rounds = (num_queries + 4 * fit - 1) / (4 * fit);
  const int64_t share = (num_queries + 4 * rounds - 1) / (4 * rounds);
  return std::clamp<int64_t>((share + step - 1) / step * step, 16, fit);
}

}  // namespace rct

#endif  // RCT_TRAVERSAL_EXHAUSTIVE_QUERY_BATCH_H_
