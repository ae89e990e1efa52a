// The map between the caller's row numbers and positions in storage.
//
// A strategy may keep its points in an order of its own. Row numbers enter and
// leave through this map alone: positions never reach a caller.

#ifndef RCT_TRAVERSAL_ROW_ORDER_H_
#define RCT_TRAVERSAL_ROW_ORDER_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/check.h"

namespace rct {

// A permutation of n rows and its inverse. Immutable.
class RowOrder {
 public:
  // Stores row `row_at[i]` at position i. Assumes that `row_at` is a
  // permutation of 0 .. n - 1.
  explicit RowOrder(std::vector<int32_t> row_at)
      : row_at_(std::move(row_at)), position_of_(row_at_.size(), -1) {
    for (size_t i = 0; i < row_at_.size(); ++i) {
      const int32_t row = row_at_[i];
      RCT_CHECK(row >= 0 && row < static_cast<int64_t>(row_at_.size()));
      RCT_CHECK(position_of_[row] == -1);
      position_of_[row] = static_cast<int32_t>(i);
    }
  }

  // Returns the caller's own order.
  static RowOrder Natural(int64_t n) {
    std::vector<int32_t> row_at(n);
    for (int64_t i = 0; i < n; ++i) row_at[i] = static_cast<int32_t>(i);
    return RowOrder(std::move(row_at));
  }

  int64_t size() const { return static_cast<int64_t>(row_at_.size()); }
  int64_t row(int32_t position) const { return row_at_[position]; }
  int32_t position(int64_t row) const { return position_of_[row]; }
  absl::Span<const int32_t> rows() const { return row_at_; }

 private:
  std::vector<int32_t> row_at_;
  std::vector<int32_t> position_of_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_ROW_ORDER_H_
