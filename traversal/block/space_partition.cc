#include "traversal/block/space_partition.h"

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
#include "traversal/block/median_splits.h"

namespace rct {
namespace {

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
  const auto unit = [&](PointRange range) {
    return range.size() > block_size_ ? block_size_ : kSubBlock;
  };
  const auto middle = [&](PointRange range) {
    return range.first +
           unit(range) * Middle((range.size() + unit(range) - 1) / unit(range));
  };
  const auto by_row = [&](PointRange range) {
    return range.first % block_size_ == 0 && range.size() <= block_size_ &&
           range.size() > block_size_ >> row_splits;
  };
  const auto keep = [&](PointRange range, const MedianSplit& split) {
    if (unit(range) != block_size_) return;
    splits_[split.middle / block_size_] = {split.dimension, split.value};
  };
  SplitByMedians(points, scale, kSubBlock, threads, {middle, by_row, keep},
                 absl::MakeSpan(rows_));
}

SpacePartition SpacePartition::Regrouped(MatrixView<const double> points,
                                         absl::Span<const double> scale,
                                         int threads, int row_splits) const {
  SpacePartition grouped(rows_, block_size_);
  grouped.splits_ = splits_;
  const auto middle = [](PointRange range) {
    return range.first +
           kSubBlock * Middle((range.size() + kSubBlock - 1) / kSubBlock);
  };
  const auto by_row = [&](PointRange range) {
    return range.first == 0 && range.size() > block_size_ >> row_splits;
  };
  const auto done = [](PointRange, const MedianSplit&) {};
  ParallelFor(threads, num_blocks(), [&](int64_t block, int) {
    SplitByMedians(points, scale, kSubBlock, /*threads=*/1,
                   {middle, by_row, done},
                   absl::MakeSpan(grouped.rows_)
                       .subspan(block * block_size_, block_size_));
  });
  return grouped;
}

SpacePartition SpacePartition::Given(std::vector<int32_t> rows,
                                     int64_t block_size) {
  RCT_CHECK(block_size >= kSubBlock && block_size % kSubBlock == 0);
  return SpacePartition(std::move(rows), block_size);
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
  RCT_CHECK(last > 0 && static_cast<int64_t>(splits_.size()) == last);
  while (last - first > 1) {
    const int64_t middle = first + Middle(last - first);
    const Split& split = splits_[middle];
    (point[split.dimension] < split.value ? last : first) = middle;
  }
  return first;
}

}  // namespace rct
