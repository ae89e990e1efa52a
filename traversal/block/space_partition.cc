#include "traversal/block/space_partition.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/archive.h"
#include "base/check.h"
#include "base/matrix.h"
#include "base/parallel.h"

namespace rct {
namespace {

struct Range {
  int64_t first;
  int64_t last;
  int64_t size() const { return last - first; }
};

// The first of `units` that belongs to the right half.
int64_t Middle(int64_t units) { return (units + 1) / 2; }

}  // namespace

SpacePartition::SpacePartition(MatrixView<const double> points,
                               absl::Span<const double> scale,
                               std::vector<int32_t> rows, int64_t block_size,
                               int threads, int row_splits)
    : rows_(std::move(rows)), block_size_(block_size) {
  RCT_CHECK(block_size >= kSubBlock && block_size % kSubBlock == 0);
  splits_.resize(num_blocks());
  using Key = std::pair<double, int32_t>;  // coordinate, row
  std::vector<Key> keys(rows_.size());

  // Splits `range` and returns its middle.
  const auto split = [&](Range range) {
    const int64_t unit = range.size() > block_size_ ? block_size_ : kSubBlock;
    const int64_t middle =
        range.first + unit * Middle((range.size() + unit - 1) / unit);
    int64_t widest = 0;
    double width = -1;
    for (int64_t t = 0; t < points.cols; ++t) {
      double low = points(rows_[range.first], t);
      double high = low;
      for (int64_t i = range.first; i < range.last; ++i) {
        low = std::min(low, points(rows_[i], t));
        high = std::max(high, points(rows_[i], t));
      }
      if ((high - low) * scale[t] > width) {
        width = (high - low) * scale[t];
        widest = t;
      }
    }
    const bool by_row = range.first % block_size_ == 0 &&
                        range.size() <= block_size_ &&
                        range.size() > block_size_ >> row_splits;
    for (int64_t i = range.first; i < range.last; ++i) {
      keys[i] = {by_row ? 0 : points(rows_[i], widest), rows_[i]};
    }
    std::nth_element(keys.begin() + range.first, keys.begin() + middle,
                     keys.begin() + range.last);
    for (int64_t i = range.first; i < range.last; ++i) {
      rows_[i] = keys[i].second;
    }
    if (unit == block_size_) {
      splits_[middle / block_size_] = {widest, keys[middle].first};
    }
    return middle;
  };

  std::vector<Range> level = {{0, size()}};
  while (true) {
    std::erase_if(level,
                  [](const Range& range) { return range.size() <= kSubBlock; });
    if (level.empty()) break;
    std::vector<Range> next(2 * level.size());
    ParallelFor(threads, static_cast<int64_t>(level.size()),
                [&](int64_t task, int) {
                  const Range range = level[task];
                  const int64_t middle = split(range);
                  next[2 * task] = {range.first, middle};
                  next[2 * task + 1] = {middle, range.last};
                });
    level = std::move(next);
  }
}

template <class Self, class Archive>
void SpacePartition::Describe(Self& self, Archive& archive) {
  archive.Array("partition.rows", self.rows_);
  archive.Value("partition.block_size", self.block_size_);
  archive.Array("partition.splits", self.splits_);
}

SpacePartition::SpacePartition(ArchiveReader& archive, int64_t num_points,
                               int64_t dim) {
  Describe(*this, archive);
  const bool sized = block_size_ >= kSubBlock && block_size_ % kSubBlock == 0 &&
                     block_size_ <= std::numeric_limits<int32_t>::max();
  if (!archive.Expect(sized, "partition.block_size",
                      "is no whole number of sub-blocks")) {
    return;
  }
  std::vector<bool> seen(num_points);
  for (const int32_t row : rows_) {
    if (!archive.Expect(row >= 0 && row < num_points && !seen[row],
                        "partition.rows",
                        "has a row that does not exist or is there twice")) {
      return;
    }
    seen[row] = true;
  }
  archive.Expect(static_cast<int64_t>(splits_.size()) == num_blocks(),
                 "partition.splits", "has not a split for each block");
  for (const Split& split : splits_) {
    archive.Expect(split.dimension >= 0 && split.dimension < dim &&
                       std::isfinite(split.value),
                   "partition.splits",
                   "splits a coordinate that points do not have, or nowhere");
  }
}

void SpacePartition::Save(ArchiveWriter& archive) const {
  Describe(*this, archive);
}

int64_t SpacePartition::Locate(const double* point) const {
  int64_t first = 0;
  int64_t last = num_blocks();
  RCT_CHECK(last > 0);
  while (last - first > 1) {
    const int64_t middle = first + Middle(last - first);
    const Split& split = splits_[middle];
    (point[split.dimension] < split.value ? last : first) = middle;
  }
  return first;
}

}  // namespace rct
