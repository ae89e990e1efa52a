// Compressed cover tree.
//
// The data has nets C_0 = {root}, C_1, ... C_L, each holding the one before, at
// radii r_l = r_0 / base^l, where r_0 is the largest distance from the root:
//
//   nesting      C_l is a subset of C_{l+1}
//   separation   two points of C_l are more than r_l apart
//   covering     each point of C_{l+1}, and below C_L each data point, lies
//                within r_l of its parent, the nearest point of C_l
//
// A point enters at one level and is one node for good (Beygelzimer, Kakade and
// Langford 2006; the compressed form: Elkin and Kurlin 2021): each row of the
// data is in the tree exactly once. Refinement stops at the first net with n /
// leaf_size points; the remaining points are leaves, children of their nearest
// net point at level L + 1.
//
// The children of a node that enter at one level form a *segment*. The segments
// of a node are ordered by level: after one is expanded, the node stays on as
// its own child, and the next segment holds the rest of its subtree. The ball
// of a segment covers all of that rest, so that balls shrink with the level.
//
// Ties are broken by row order, and every decision is a comparison of canonical
// distances: the tree is the same for any number of threads.

#ifndef RCT_TRAVERSAL_TREE_COVER_TREE_H_
#define RCT_TRAVERSAL_TREE_COVER_TREE_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "traversal/row_order.h"
#include "traversal/traversal.pb.h"

namespace rct {

// The nets as a tree of rows, in the caller's row numbers. Row 0 is the root.
struct NetHierarchy {
  std::vector<int32_t> parent;  // -1 for the root
  std::vector<int32_t> level;   // the level at which a row enters
  int32_t leaf_level = 0;       // L + 1
  double root_radius = 0;       // r_0
  double base = 0;
  int64_t distance_evaluations = 0;

  int64_t size() const { return static_cast<int64_t>(parent.size()); }
  // Returns r_l.
  double Radius(int32_t level) const;
};

// Nodes are numbered by their position in storage.
struct CoverTree {
  struct Segment {
    int32_t node;          // the parent of the children
    int32_t level;         // the level at which the children enter
    int32_t first_child;   // the place of the first one in `children`
    int32_t num_children;  // >= 1
    int32_t next;          // the node's next segment, or -1
  };

  int64_t size() const { return static_cast<int64_t>(first_segment.size()); }
  int64_t bytes() const {
    return static_cast<int64_t>((first_segment.size() + children.size()) *
                                    sizeof(int32_t) +
                                segments.size() * sizeof(Segment));
  }
  absl::Span<const int32_t> Children(const Segment& segment) const {
    return absl::MakeConstSpan(children).subspan(segment.first_child,
                                                 segment.num_children);
  }

  int32_t root = -1;                   // -1 if there is no data
  std::vector<int32_t> first_segment;  // a node's first segment, or -1
  std::vector<Segment> segments;       // ordered by level
  std::vector<int32_t> children;       // ascending within a segment
};

// A tree, in the order of a metric, with the balls of its segments in that
// metric.
template <class Metric>
struct MeasuredTree {
  CoverTree tree;
  std::vector<typename Metric::Ball> balls;  // one for each segment
};

// Returns InvalidArgument, naming the field, if a value is out of range.
absl::Status ValidateCoverTreeConfig(const CoverTreeConfig& config);

// Returns the tree of `nets` whose rows are stored in `order`.
CoverTree AssembleCoverTree(const NetHierarchy& nets, const RowOrder& order);

}  // namespace rct

#endif  // RCT_TRAVERSAL_TREE_COVER_TREE_H_
