#include "index/streaming/cells.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/check.h"
#include "base/matrix.h"
#include "base/parallel.h"
#include "traversal/block/median_splits.h"

namespace rct {
namespace {

// Where a range of points is split.
int64_t Middle(int64_t first, int64_t last) {
  return first + (last - first + 1) / 2;
}

// Appends where `count` cells of the positions [first, last) end.
void AppendEnds(int64_t first, int64_t last, int64_t count,
                std::vector<int64_t>& ends) {
  if (count == 1) {
    ends.push_back(last);
    return;
  }
  const int64_t middle = Middle(first, last);
  AppendEnds(first, middle, count / 2, ends);
  AppendEnds(middle, last, count / 2, ends);
}

}  // namespace

int64_t Cells::CountFor(int64_t num_points, int64_t wanted, int64_t least) {
  const int64_t most = std::min(wanted, num_points / least);
  return most < 1 ? 1
                  : static_cast<int64_t>(
                        std::bit_floor(static_cast<uint64_t>(most)));
}

Cells::Cells(MatrixView<const double> points, absl::Span<const double> scale,
             std::vector<int32_t> rows, int64_t count, int threads)
    : rows_(std::move(rows)), begin_{0} {
  const int64_t n = num_points();
  if (n == 0) return;
  RCT_CHECK(std::has_single_bit(static_cast<uint64_t>(count)) &&
            (count == 1 || 2 * count <= n));
  const auto middle = [](PointRange range) {
    return Middle(range.first, range.last);
  };
  const auto in_space = [](PointRange) { return false; };
  const auto done = [](PointRange, const MedianSplit&) {};
  SplitByMedians(points, scale, (n + count - 1) / count, threads,
                 {middle, in_space, done}, absl::MakeSpan(rows_));
  AppendEnds(0, n, count, begin_);
  ParallelFor(threads, count, [&](int64_t c, int) {
    std::sort(rows_.begin() + begin_[c], rows_.begin() + begin_[c + 1]);
  });
}

Matrix<double> GatherPoints(MatrixView<const double> points,
                            absl::Span<const int32_t> rows) {
  Matrix<double> gathered(static_cast<int64_t>(rows.size()), points.cols);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(points.row(rows[i]), points.cols,
                gathered.row(static_cast<int64_t>(i)));
  }
  return gathered;
}

}  // namespace rct
