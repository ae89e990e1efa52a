// BoxTree: points in leaves of 16, leaves in boxes, boxes in boxes, eight to a
// node; for Euclidean distance in few dimensions.
//
// It is a k-d tree (Friedman, Bentley & Finkel 1977) whose nodes are three
// splits deep, so that one vector instruction bounds all children of a node,
// and another evaluates half of a leaf. Points are ordered by median splits of
// the widest side; every split falls on a whole subtree. So there are no
// pointers: node j of a level has children 8 j to 8 j + 7 of the level below,
// and leaf j the points from position 16 j on.
//
// Why no slack is needed. The squared distance of x and y is the chain
//
//     t = fma(x_i - y_i, x_i - y_i, t),   i = 1, ..., d,
//
// and the bound of a box is the same chain over the gaps
// max(low_i - x_i, x_i - high_i, 0). A correctly rounded operation is monotone:
// y_i >= low_i gives fl(y_i - x_i) >= fl(low_i - x_i), and in the same way for
// high_i, so no gap is larger than the computed |x_i - y_i|; a fused
// multiply-add of nonnegative numbers is monotone in each of them. So the
// computed bound is at most the computed t of every point in the box, bit for
// bit, and a box is dismissed exactly where its bound is above the threshold.
//
// Cost. n (d + 1/2) numbers and O(n log n) to build. A search for k neighbors
// bounds some log_8(n) + k / 16 nodes where d is small; in eight dimensions it
// looks at a large part of the leaves.

#ifndef RCT_TRAVERSAL_BLOCK_BOX_TREE_H_
#define RCT_TRAVERSAL_BLOCK_BOX_TREE_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/matrix.h"
#include "metric/isa.h"
#include "traversal/block/box_routines.h"

namespace rct {

class BoxTree {
 public:
  // No row number is as large.
  static constexpr int64_t kNoRow = std::numeric_limits<int64_t>::max();

  // Makes a tree of `points` (n x d, finite, n >= 1), which need not outlive
  // it.
  BoxTree(MatrixView<const double> points, Isa isa, int threads);

  int64_t size() const { return static_cast<int64_t>(rows_.size()); }
  // The rows of the points, in the order of their positions.
  absl::Span<const int32_t> rows() const { return rows_; }
  int64_t bytes() const;

  // Leaves from `first` to `last`, exclusive.
  struct Leaves {
    int64_t first = 0;
    int64_t last = 0;
    bool Contains(int64_t leaf) const { return leaf >= first && leaf < last; }
  };

  // Returns a subtree, or half or a quarter of one, around a leaf, that holds
  // more than `count` points, or all of them: what to visit first.
  Leaves Around(int64_t leaf, int64_t count) const;

  // Returns the leaf to which a depth-first descent to the nearest box leads.
  int64_t Locate(const double* x) const;

  // What a visit did.
  struct Counts {
    int64_t points = 0;     // evaluated
    int64_t leaves = 0;     // visited
    int64_t dismissed = 0;  // nodes and leaves, by their bounds
    int64_t later = 0;      // nodes and leaves, by their rows
  };

  // Scratch space of a visit.
  struct Path {
    struct Step {
      double bound;
      int32_t level;  // 0: leaves
      int32_t node;
    };
    std::vector<Step> steps;
  };

  // Shows a visitor every point whose squared distance from `x` is at most its
  // threshold and whose leaf has rows below `before`; and perhaps others.
  //
  // The visitor has threshold(), which may fall while it is shown points, and
  // Show(position, squared), which is called once for a point. Those of the
  // leaves `seeds` come first, and then leaf by leaf, the nearer ones first.
  template <class Visitor>
  void Visit(const double* x, Leaves seeds, int64_t before, Visitor& visitor,
             Path& path, Counts& counts) const;

 private:
  // The nodes of one depth: leaves, or nodes of eight children.
  struct Level {
    int64_t size = 0;
    AlignedBuffer<double> boxes;     // of groups of eight, see BoxRoutines
    std::vector<int32_t> first_row;  // the least row in each
  };

  int64_t num_leaves() const { return levels_[0].size; }
  // Returns room for the boxes of `count` nodes.
  AlignedBuffer<double> Boxes(int64_t count) const;
  void FillLeaves(MatrixView<const double> points, int threads);
  Level LevelAbove(const Level& below) const;
  const double* BoxesOfChildren(int64_t level, int64_t node) const {
    return levels_[level - 1].boxes.data() + node * 2 * kBoxFan * dim_;
  }
  int64_t NumChildren(int64_t level, int64_t node) const {
    return std::min<int64_t>(kBoxFan, levels_[level - 1].size - node * kBoxFan);
  }

  template <class Visitor>
  void VisitLeaf(const double* x, int64_t leaf, Visitor& visitor,
                 Counts& counts) const;

  int64_t dim_;
  const BoxRoutines* routines_;
  std::vector<int32_t> rows_;
  AlignedBuffer<double> leaves_;  // points, leaf by leaf, see BoxRoutines
  std::vector<Level> levels_;     // from the leaves to at most eight nodes
};

template <class Visitor>
void BoxTree::VisitLeaf(const double* x, int64_t leaf, Visitor& visitor,
                        Counts& counts) const {
  double squared[kBoxLeaf];
  const int64_t first = leaf * kBoxLeaf;
  const auto count =
      static_cast<int>(std::min<int64_t>(kBoxLeaf, size() - first));
  counts.points += count;
  ++counts.leaves;
  uint32_t near = routines_->points(x, static_cast<int>(dim_),
                                    leaves_.data() + first * dim_,
                                    visitor.threshold(), squared);
  for (near &= (1u << count) - 1; near != 0; near &= near - 1) {
    const int i = std::countr_zero(near);
    if (squared[i] <= visitor.threshold()) {
      visitor.Show(static_cast<int32_t>(first + i), squared[i]);
    }
  }
}

template <class Visitor>
void BoxTree::Visit(const double* x, Leaves seeds, int64_t before,
                    Visitor& visitor, Path& path, Counts& counts) const {
  for (int64_t leaf = seeds.first; leaf < seeds.last; ++leaf) {
    if (levels_[0].first_row[leaf] < before) {
      VisitLeaf(x, leaf, visitor, counts);
    }
  }
  std::vector<Path::Step>& steps = path.steps;
  steps.clear();
  steps.push_back({0, static_cast<int32_t>(levels_.size()), 0});
  double squared[kBoxFan];
  while (!steps.empty()) {
    const Path::Step step = steps.back();
    steps.pop_back();
    if (step.bound > visitor.threshold()) {
      ++counts.dismissed;
      continue;
    }
    if (step.level == 0) {
      VisitLeaf(x, step.node, visitor, counts);
      continue;
    }
    const int64_t children = NumChildren(step.level, step.node);
    uint32_t near = routines_->boxes(x, static_cast<int>(dim_),
                                     BoxesOfChildren(step.level, step.node),
                                     visitor.threshold(), squared) &
                    ((1u << children) - 1);
    counts.dismissed += children - std::popcount(near);
    const int32_t level = step.level - 1;
    const size_t base = steps.size();
    for (; near != 0; near &= near - 1) {
      const int c = std::countr_zero(near);
      const auto child = static_cast<int32_t>(step.node * kBoxFan + c);
      if (levels_[level].first_row[child] >= before) {
        ++counts.later;
        continue;
      }
      if (level == 0 && seeds.Contains(child)) continue;
      // The nearest child is taken next: it goes last.
      size_t place = steps.size();
      steps.push_back({});
      for (; place > base && steps[place - 1].bound < squared[c]; --place) {
        steps[place] = steps[place - 1];
      }
      steps[place] = {squared[c], level, child};
    }
  }
}

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_BOX_TREE_H_
