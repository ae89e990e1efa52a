#include "traversal/block/box_tree.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/check.h"
#include "base/matrix.h"
#include "base/parallel.h"
#include "traversal/block/box_routines.h"
#include "traversal/block/median_splits.h"

namespace rct {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Returns the position at which a range of points is split: near its middle,
// and between whole subtrees of the largest size of which it has two or more.
int64_t MiddleSubtree(PointRange range) {
  int64_t subtree = kBoxLeaf;
  while (subtree * kBoxFan < range.size()) subtree *= kBoxFan;
  const int64_t subtrees = (range.size() + subtree - 1) / subtree;
  return range.first + subtree * ((subtrees + 1) / 2);
}

}  // namespace

BoxTree::BoxTree(MatrixView<const double> points, Isa isa, int threads)
    : dim_(points.cols),
      routines_(BoxRoutinesFor(isa)),
      rows_(points.rows),
      leaves_((points.rows + kBoxLeaf - 1) / kBoxLeaf * kBoxLeaf *
              points.cols) {
  RCT_CHECK(points.rows >= 1 && routines_ != nullptr);
  std::iota(rows_.begin(), rows_.end(), 0);
  const std::vector<double> scale(points.cols, 1.0);
  const auto by_row = [](PointRange) { return false; };
  const auto done = [](PointRange, const MedianSplit&) {};
  SplitByMedians(points, scale, kBoxLeaf, threads,
                 {MiddleSubtree, by_row, done}, absl::MakeSpan(rows_));
  FillLeaves(points, threads);
  while (levels_.back().size > kBoxFan) {
    levels_.push_back(LevelAbove(levels_.back()));
  }
}

AlignedBuffer<double> BoxTree::Boxes(int64_t count) const {
  AlignedBuffer<double> boxes((count + kBoxFan - 1) / kBoxFan * 2 * kBoxFan *
                              dim_);
  std::fill_n(boxes.data(), boxes.size(), 0.0);
  return boxes;
}

void BoxTree::FillLeaves(MatrixView<const double> points, int threads) {
  Level level;
  level.size = (size() + kBoxLeaf - 1) / kBoxLeaf;
  level.boxes = Boxes(level.size);
  level.first_row.resize(level.size);
  ParallelFor(threads, level.size, [&](int64_t leaf, int) {
    const int64_t first = leaf * kBoxLeaf;
    const int64_t count = std::min<int64_t>(kBoxLeaf, size() - first);
    double* box = level.boxes.data() + leaf / kBoxFan * 2 * kBoxFan * dim_ +
                  leaf % kBoxFan;
    for (int64_t t = 0; t < dim_; ++t, box += 2 * kBoxFan) {
      double* const column = leaves_.data() + first * dim_ + t * kBoxLeaf;
      std::fill_n(column, kBoxLeaf, 0.0);
      double low = kInfinity, high = -kInfinity;
      for (int64_t i = 0; i < count; ++i) {
        column[i] = points(rows_[first + i], t);
        low = std::min(low, column[i]);
        high = std::max(high, column[i]);
      }
      box[0] = low;
      box[kBoxFan] = high;
    }
    level.first_row[leaf] =
        *std::min_element(&rows_[first], &rows_[first] + count);
  });
  levels_.push_back(std::move(level));
}

BoxTree::Level BoxTree::LevelAbove(const Level& below) const {
  Level level;
  level.size = (below.size + kBoxFan - 1) / kBoxFan;
  level.boxes = Boxes(level.size);
  level.first_row.resize(level.size);
  for (int64_t node = 0; node < level.size; ++node) {
    const int64_t count =
        std::min<int64_t>(kBoxFan, below.size - node * kBoxFan);
    const double* children = below.boxes.data() + node * 2 * kBoxFan * dim_;
    double* box = level.boxes.data() + node / kBoxFan * 2 * kBoxFan * dim_ +
                  node % kBoxFan;
    for (int64_t t = 0; t < dim_; ++t) {
      box[0] = *std::min_element(children, children + count);
      box[kBoxFan] =
          *std::max_element(children + kBoxFan, children + kBoxFan + count);
      children += 2 * kBoxFan;
      box += 2 * kBoxFan;
    }
    level.first_row[node] =
        *std::min_element(&below.first_row[node * kBoxFan],
                          &below.first_row[node * kBoxFan] + count);
  }
  return level;
}

int64_t BoxTree::bytes() const {
  const auto n = static_cast<int64_t>(rows_.size());
  int64_t bytes = n * static_cast<int64_t>(sizeof(int32_t)) +
                  leaves_.size() * static_cast<int64_t>(sizeof(double));
  for (const Level& level : levels_) {
    bytes += level.boxes.size() * static_cast<int64_t>(sizeof(double)) +
             level.size * static_cast<int64_t>(sizeof(int32_t));
  }
  return bytes;
}

BoxTree::Leaves BoxTree::Around(int64_t leaf, int64_t count) const {
  int64_t run = 1;
  while (run * kBoxLeaf <= count && run < num_leaves()) run *= 2;
  const int64_t first = leaf / run * run;
  return {first, std::min(first + run, num_leaves())};
}

int64_t BoxTree::Locate(const double* x) const {
  int64_t node = 0;
  double squared[kBoxFan];
  for (auto level = static_cast<int64_t>(levels_.size()); level > 0; --level) {
    routines_->boxes(x, static_cast<int>(dim_), BoxesOfChildren(level, node),
                     kInfinity, squared);
    node = node * kBoxFan +
           (std::min_element(squared, squared + NumChildren(level, node)) -
            squared);
  }
  return node;
}

}  // namespace rct
