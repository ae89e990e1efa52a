#include "index/streaming/cell_points.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/check.h"
#include "base/matrix.h"
#include "index/streaming/cells.h"

namespace rct {

CellPoints::CellPoints(MatrixView<const double> points, const Cells& cells) {
  for (int c = 0; c < cells.size(); ++c) {
    const absl::Span<const int32_t> rows = cells.rows(c);
    counts_.push_back(std::ssize(rows));
    first_rows_.push_back(rows.front());
    views_.push_back({rows, points, rows});
  }
}

CellPoints::CellPoints(std::vector<int64_t> counts,
                       std::vector<int32_t> first_rows)
    : counts_(std::move(counts)),
      first_rows_(std::move(first_rows)),
      views_(counts_.size()),
      in_order_(counts_.empty()
                    ? 0
                    : *std::max_element(counts_.begin(), counts_.end())) {
  std::iota(in_order_.begin(), in_order_.end(), 0);
}

const CellView& CellPoints::operator[](int cell) const {
  RCT_CHECK(here(cell));
  return views_[cell];
}

void CellPoints::Put(int cell, absl::Span<const int32_t> rows,
                     MatrixView<const double> points) {
  RCT_CHECK(std::ssize(rows) == counts_[cell] && points.rows == counts_[cell] &&
            rows.front() == first_rows_[cell]);
  views_[cell] = {rows, points,
                  absl::MakeConstSpan(in_order_).first(rows.size())};
}

const double* RowPoints::operator[](int32_t row) const {
  if (!some_) return points_.row(row);
  const auto found = std::lower_bound(rows_.begin(), rows_.end(), row);
  RCT_CHECK(found != rows_.end() && *found == row);
  return points_.row(found - rows_.begin());
}

}  // namespace rct
