// Which rank reads and writes which rows.

#ifndef RCT_INDEX_DISTRIBUTED_SLICES_H_
#define RCT_INDEX_DISTRIBUTED_SLICES_H_

#include <cstdint>

namespace rct {

// Rows [first, first + count) of all points.
struct RowRange {
  int64_t first = 0;
  int64_t count = 0;

  int64_t last() const { return first + count; }
};

// Returns the rows that rank `rank` of `size` reads and writes: as many as
// other ranks, or one more.
inline RowRange SliceOf(int64_t n, int rank, int size) {
  const int64_t first = n * rank / size;
  return {first, n * (rank + 1) / size - first};
}

}  // namespace rct

#endif  // RCT_INDEX_DISTRIBUTED_SLICES_H_
