// Neighbor sets of different sizes: all neighbors within a radius.

#ifndef RCT_TRAVERSAL_RANGE_TABLE_H_
#define RCT_TRAVERSAL_RANGE_TABLE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace rct {

// The neighbors of query i are entries offsets[i] to offsets[i + 1] of `rows`
// and `distances`, ordered by (distance, row number): the index pointer, column
// indices and data of a sparse matrix by rows. Rows are the caller's row
// numbers, distances are in the metric's unit.
struct RangeTable {
  std::vector<int64_t> offsets = {0};  // num_queries() + 1, the first is 0
  std::vector<int64_t> rows;
  std::vector<double> distances;

  int64_t num_queries() const {
    return static_cast<int64_t>(offsets.size()) - 1;
  }
  int64_t count(int64_t i) const { return offsets[i + 1] - offsets[i]; }
  absl::Span<const int64_t> rows_of(int64_t i) const {
    return absl::MakeConstSpan(rows).subspan(offsets[i], count(i));
  }
  absl::Span<const double> distances_of(int64_t i) const {
    return absl::MakeConstSpan(distances).subspan(offsets[i], count(i));
  }
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_RANGE_TABLE_H_
