// Rows as columns: how vectors that lie in memory one by one become the
// right sides of triangular solves.
//
// Eight rows are read at a time, and each line of the cache is written once, as
// a whole: element by element a column costs a line for each number.

#ifndef RCT_BASE_WRITE_COLUMNS_H_
#define RCT_BASE_WRITE_COLUMNS_H_

#include <cstdint>

#include "absl/types/span.h"

namespace rct {

// Writes to[r * stride + j] = rows[j][r] for r < terms and all rows; stride is
// at least their number.
inline void WriteColumns(absl::Span<const double* const> rows, int64_t terms,
                         int64_t stride, double* to) {
  constexpr int64_t kLine = 8;
  const auto count = static_cast<int64_t>(rows.size());
  int64_t first = 0;
  for (; first + kLine <= count; first += kLine) {
    const double* const* from = rows.data() + first;
    for (int64_t r = 0; r < terms; ++r) {
      double* const line = to + r * stride + first;
      for (int64_t j = 0; j < kLine; ++j) line[j] = from[j][r];
    }
  }
  for (; first < count; ++first) {
    for (int64_t r = 0; r < terms; ++r) to[r * stride + first] = rows[first][r];
  }
}

}  // namespace rct

#endif  // RCT_BASE_WRITE_COLUMNS_H_
