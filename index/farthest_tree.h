// A tree that always knows which point is farthest from those chosen so far.
//
// Farthest-first traversal (Gonzalez, "Clustering to minimize the maximum
// intercluster distance", Theoretical Computer Science 38, 1985) keeps for each
// point x the squared distance m(x) to the nearest chosen point. A choice c
// lowers m(x) to D(c, x) where that is smaller, and the next choice is the
// point of greatest m. Updating every point takes n^2 operations. But a choice
// concerns near points only, and a k-d tree (Bentley, "Multidimensional binary
// search trees used for associative searching", CACM 18(9), 1975) finds them:
// each node holds the bounding box of its points and
//
//     farthest = max m(x) over its points, with the lowest row that has it,
//
// and a choice passes by every node whose box is at least `farthest` away. The
// root holds the next choice: no heap is needed.
//
// Exact in floating-point arithmetic, without slack. Let D be the computed
// squared distance: the sum, by fused multiply-adds in the order of the
// dimensions, of squares of differences. The bound B(c, box) is the same
// computation with, in each dimension, the difference between c and the nearest
// end of the box, or 0 where c lies between the ends. Rounding is monotone: for
// x in the box no computed difference of B is larger in size than that of D,
// and a fused multiply-add does not fall when |difference| or the sum grows. By
// induction B(c, box) <= D(c, x) for the computed numbers. A node is passed by
// if B >= farthest; then D(c, x) >= B >= farthest >= m(x), and no m(x) of the
// node would change. So each m(x) has, after every choice, the bits that the
// plain algorithm computes, and the order is its order, ties included. The
// shape of the tree decides what is skipped and nothing else.
//
// Cost. While the greatest distance is r, choices are at least r apart, and a
// choice reaches points nearer than about r. A point is hence reached by at
// most 2^O(d) choices until r has halved, and by log2(r_first / r_last) times
// as many in total. For points that fill a region evenly that is O(n log n)
// distances, found by n descents of O(log n) nodes. For clusters at many scales
// the logarithm is of the ratio of the scales, and no more than that: once a
// cluster holds a choice, its points have small m, and choices elsewhere pass
// it by as a whole. The factor 2^O(d) makes all this nearly quadratic in many
// dimensions. Repeats of a point have m = 0 once one of them is chosen, and a
// node of such points is never entered again.
//
// The tree splits at the median of the longest side, so that its depth is at
// most log2(n), whatever the points are. It takes O(n log n) to build and
// 8 (d + 1) + 4 bytes for each point, and about 3 + 2 d more for its nodes.

#ifndef RCT_INDEX_FARTHEST_TREE_H_
#define RCT_INDEX_FARTHEST_TREE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "metric/point_lanes.h"
#include "metric/simd_routines.h"

namespace rct {

// Points with the squared distance of each to the nearest chosen point. Rows
// are those of the constructor's matrix.
class FarthestTree {
 public:
  // Plants a tree of n points in d dimensions, n >= 1, d >= 1, within the range
  // of metric/euclidean_range.h. No point is chosen: all distances are
  // infinite. Must not be used if `monitor` is cancelled.
  explicit FarthestTree(MatrixView<const double> points,
                        Monitor* monitor = nullptr);

  // Chooses a place, which need be no point of the tree.
  void Choose(const double* place);

  // Sets the squared distances of all points, in the order of the rows, as if
  // places at these distances had been chosen.
  void SetSquared(absl::Span<const double> squared);

  // The greatest of the squared distances, and the lowest row that has it.
  double farthest_squared() const { return nodes_[0].farthest; }
  int64_t farthest_row() const { return nodes_[0].row; }

  // Returns the squared distance of `place` to the nearest point of the tree,
  // chosen or not: the least of all computed ones. Takes O(log n) time, unless
  // very many points are about as near as the nearest. Thread-safe.
  double NearestSquared(const double* place) const;

 private:
  // A node of positions [begin, end). Its first child, if any, is the next
  // node.
  struct Node {
    double farthest;
    int32_t row;
    int32_t begin;
    int32_t end;
    int32_t second_child;  // 0 for a leaf
  };

  // Returns the number of the node that it adds.
  int32_t Plant(MatrixView<const double> points, int32_t begin, int32_t end);
  // Appends the box of a node and returns the dimension of its longest side.
  int64_t AddBox(MatrixView<const double> points, int32_t begin, int32_t end);

  // Returns the bound B of the file's comment.
  double Bound(int32_t node, const double* place) const;

  // Computes the squared distances of `place` to the points of a leaf.
  void SquaredInLeaf(const Node& leaf, const double* place, double* out) const;

  void Choose(int32_t node, const double* place);
  void ChooseInLeaf(Node& leaf, const double* place);
  void Nearest(int32_t node, const double* place, double& least) const;

  // Sets what a node knows from its points, or from its children.
  void SummarizeLeaf(Node& leaf);
  void SummarizeChildren(int32_t node);

  const int64_t dim_;
  const SimdRoutines* simd_;
  Monitor* monitor_;             // of the constructor
  std::vector<int32_t> rows_;    // by position
  std::vector<double> squared_;  // m, by position
  PointLanes lanes_;             // by position
  std::vector<Node> nodes_;
  std::vector<double> boxes_;  // of each node: d lower ends, d upper ends
};

}  // namespace rct

#endif  // RCT_INDEX_FARTHEST_TREE_H_
