#include "traversal/block/median_splits.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/parallel.h"

namespace rct {
namespace {

// Returns the dimension in which `rows` of `points` extend farthest.
int64_t WidestSide(MatrixView<const double> points,
                   absl::Span<const double> scale,
                   absl::Span<const int32_t> rows) {
  int64_t widest = 0;
  double width = -1;
  for (int64_t t = 0; t < points.cols; ++t) {
    double low = points(rows[0], t);
    double high = low;
    for (const int32_t row : rows) {
      low = std::min(low, points(row, t));
      high = std::max(high, points(row, t));
    }
    if ((high - low) * scale[t] > width) {
      width = (high - low) * scale[t];
      widest = t;
    }
  }
  return widest;
}

}  // namespace

void SplitByMedians(MatrixView<const double> points,
                    absl::Span<const double> scale, int64_t smallest,
                    int threads, const MedianSplitRules& rules,
                    absl::Span<int32_t> rows) {
  using Key = std::pair<double, int32_t>;  // coordinate, row
  std::vector<Key> keys(rows.size());
  const auto split = [&](PointRange range) {
    MedianSplit split;
    split.middle = rules.middle(range);
    split.dimension =
        WidestSide(points, scale, rows.subspan(range.first, range.size()));
    const bool by_row = rules.by_row(range);
    for (int64_t i = range.first; i < range.last; ++i) {
      keys[i] = {by_row ? 0 : points(rows[i], split.dimension), rows[i]};
    }
    std::nth_element(keys.begin() + range.first, keys.begin() + split.middle,
                     keys.begin() + range.last);
    for (int64_t i = range.first; i < range.last; ++i) {
      rows[i] = keys[i].second;
    }
    split.value = keys[split.middle].first;
    rules.done(range, split);
    return split.middle;
  };

  std::vector<PointRange> level = {{0, static_cast<int64_t>(rows.size())}};
  while (true) {
    std::erase_if(level, [smallest](const PointRange& range) {
      return range.size() <= smallest;
    });
    if (level.empty()) break;
    std::vector<PointRange> next(2 * level.size());
    ParallelFor(threads, static_cast<int64_t>(level.size()),
                [&](int64_t task, int) {
                  const PointRange range = level[task];
                  const int64_t middle = split(range);
                  next[2 * task] = {range.first, middle};
                  next[2 * task + 1] = {middle, range.last};
                });
    level = std::move(next);
  }
}

}  // namespace rct
