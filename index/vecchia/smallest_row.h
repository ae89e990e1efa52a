// The first of the rows at which threads find a fault, whatever their number
// is.

#ifndef RCT_INDEX_VECCHIA_SMALLEST_ROW_H_
#define RCT_INDEX_VECCHIA_SMALLEST_ROW_H_

#include <atomic>
#include <cstdint>

namespace rct {

// Any thread may record rows.
class SmallestRow {
 public:
  // Starts with `none`, which is above all rows.
  explicit SmallestRow(int64_t none) : row_(none) {}

  void Record(int64_t row) {
    int64_t seen = row_.load(std::memory_order_relaxed);
    while (row < seen &&
           !row_.compare_exchange_weak(seen, row, std::memory_order_relaxed)) {
    }
  }

  // Returns the smallest row recorded, or `none`.
  int64_t row() const { return row_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> row_;
};

}  // namespace rct

#endif  // RCT_INDEX_VECCHIA_SMALLEST_ROW_H_
