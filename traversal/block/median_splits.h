// Median splits: an order of points in which near ones follow each other.
//
// A range of points is split along its widest side, each part again, and so on
// down to few points. Where a range is split is the caller's choice: the
// points before the middle have coordinates at most as large as those after it.
// Ties of a coordinate go by row, so that the order is a pure function of its
// arguments.
//
// Cost: O(n log n), one pass of selection for each level of splits; the ranges
// of a level are shared among threads.

#ifndef RCT_TRAVERSAL_BLOCK_MEDIAN_SPLITS_H_
#define RCT_TRAVERSAL_BLOCK_MEDIAN_SPLITS_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "base/matrix.h"

namespace rct {

// The points from position `first` to position `last`, exclusive.
struct PointRange {
  int64_t first;
  int64_t last;
  int64_t size() const { return last - first; }
};

// Where a range is split: at position `middle`, whose point has `value` in
// `dimension`.
struct MedianSplit {
  int64_t middle = 0;
  int64_t dimension = 0;
  double value = 0;
};

struct MedianSplitRules {
  // Returns the middle of a range, a position within it.
  absl::FunctionRef<int64_t(PointRange)> middle;
  // Returns whether a range is split by row instead of in space.
  absl::FunctionRef<bool(PointRange)> by_row;
  // Is told of each split. Ranges are disjoint or nested; calls for disjoint
  // ones may come from several threads at once.
  absl::FunctionRef<void(PointRange, const MedianSplit&)> done;
};

// Orders `rows` of `points` (n x d, finite), whose coordinates count `scale`
// times (d elements), by splits down to at most `smallest` points.
void SplitByMedians(MatrixView<const double> points,
                    absl::Span<const double> scale, int64_t smallest,
                    int threads, const MedianSplitRules& rules,
                    absl::Span<int32_t> rows);

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_MEDIAN_SPLITS_H_
