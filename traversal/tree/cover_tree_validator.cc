#include "traversal/tree/cover_tree_validator.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
#include "metric/tile.h"
#include "traversal/row_order.h"
#include "traversal/tree/cover_tree.h"

namespace rct {
namespace {

// The relative and the absolute error that a radius is allowed.
constexpr double kSlack = 1e-9;

template <class... Parts>
absl::Status Violation(const Parts&... parts) {
  return absl::FailedPreconditionError(absl::StrCat(parts...));
}

// Measures the radius between two points, in the metric that shaped the tree.
template <class Metric>
class Radii {
 public:
  explicit Radii(const Metric& metric)
      : metric_(metric), tiles_(metric.dim(), 1, 1) {}

  double operator()(int32_t a, int32_t b) {
    return Metric::RadiusAt(Metric::Nearness(
        Squared(a, b), metric_.InverseNorm(a), metric_.InverseNorm(b)));
  }
  double Squared(int32_t a, int32_t b) {
    double squared[8];
    metric_.SquaredDistances(metric_.data(), absl::MakeConstSpan(&a, 1),
                             Candidates::Range(b, 1), squared, 8, tiles_);
    return squared[0];
  }

 private:
  const Metric& metric_;
  TileWorkspace tiles_;
};

absl::Status CheckParents(const NetHierarchy& nets) {
  const int64_t n = nets.size();
  if (nets.parent[0] != -1 || nets.level[0] != 0) {
    return Violation("nesting: row 0 is not the root");
  }
  for (int32_t row = 1; row < n; ++row) {
    const int32_t parent = nets.parent[row];
    if (parent < 0 || parent >= n || parent == row) {
      return Violation("nesting: row ", row, " has parent ", parent);
    }
    if (nets.level[parent] >= nets.level[row] ||
        nets.level[row] > nets.leaf_level) {
      return Violation("nesting: row ", row, " at level ", nets.level[row],
                       " below row ", parent, " at level ", nets.level[parent]);
    }
  }
  return absl::OkStatus();
}

// Returns the rows above the leaves, by level.
std::vector<int32_t> NetPoints(const NetHierarchy& nets) {
  std::vector<int32_t> net;
  for (int32_t row = 0; row < nets.size(); ++row) {
    if (nets.level[row] < nets.leaf_level) net.push_back(row);
  }
  std::stable_sort(net.begin(), net.end(), [&](int32_t a, int32_t b) {
    return nets.level[a] < nets.level[b];
  });
  return net;
}

// Checks that the parent of `row` covers it, that no other point of the net
// above is nearer, and that `row` is separated from the points that are in its
// net before it.
template <class Metric>
absl::Status CheckDistances(const NetHierarchy& nets,
                            const std::vector<int32_t>& net, int32_t row,
                            Radii<Metric>& radius) {
  const int32_t level = nets.level[row];
  const double to_parent = radius(row, nets.parent[row]);
  const double covering = nets.Radius(level - 1) * (1 + kSlack);
  if (!(to_parent <= covering + kSlack)) {
    return Violation("covering: row ", row, " at level ", level, " is ",
                     to_parent, " from its parent ", nets.parent[row],
                     ", more than ", covering);
  }
  for (const int32_t other : net) {
    if (nets.level[other] > level || other == row) break;
    const double distance = radius(row, other);
    if (nets.level[other] < level &&
        distance < to_parent * (1 - kSlack) - kSlack) {
      return Violation("covering: row ", row, " is nearer to net point ", other,
                       " (", distance, ") than to its parent ",
                       nets.parent[row], " (", to_parent, ")");
    }
    const double separation = nets.Radius(level) * (1 - kSlack) - kSlack;
    if (level < nets.leaf_level && distance <= separation) {
      return Violation("separation: rows ", row, " and ", other, " of level ",
                       level, " are ", distance, " apart, not more than ",
                       nets.Radius(level));
    }
  }
  return absl::OkStatus();
}

// Checks that the children of a segment are ascending nodes that hang where the
// nets have them, and counts them in `seen`.
absl::Status CheckChildren(const NetHierarchy& nets, const RowOrder& order,
                           const CoverTree& tree,
                           const CoverTree::Segment& segment,
                           std::vector<int>& seen) {
  const int64_t parent = order.row(segment.node);
  const auto room = static_cast<int64_t>(tree.children.size());
  if (segment.first_child < 0 || segment.num_children < 1 ||
      int64_t{segment.first_child} + segment.num_children > room) {
    return Violation("children of row ", parent, " at level ", segment.level,
                     " are out of range");
  }
  int32_t last = -1;
  for (const int32_t child : tree.Children(segment)) {
    if (child <= last || child >= tree.size()) {
      return Violation("children of row ", parent, " at level ", segment.level,
                       " are not ascending");
    }
    last = child;
    ++seen[child];
    const int64_t row = order.row(child);
    if (nets.parent[row] != parent || nets.level[row] != segment.level) {
      return Violation("row ", row, " is not where the nets have it");
    }
  }
  return absl::OkStatus();
}

// Checks the segments of all nodes and their children: each segment is reached
// once, and so is each row.
absl::Status CheckSegments(const NetHierarchy& nets, const RowOrder& order,
                           const CoverTree& tree) {
  const auto num_segments = static_cast<int64_t>(tree.segments.size());
  std::vector<int> seen(tree.size(), 0);
  ++seen[tree.root];
  int64_t num_reached = 0;
  for (int32_t node = 0; node < tree.size(); ++node) {
    int32_t level = 0;
    for (int32_t s = tree.first_segment[node]; s != -1;
         s = tree.segments[s].next) {
      if (s < 0 || s >= num_segments || tree.segments[s].node != node ||
          tree.segments[s].level <= level) {
        return Violation("segments of row ", order.row(node),
                         " are out of order");
      }
      level = tree.segments[s].level;
      ++num_reached;
      RCT_RETURN_IF_ERROR(
          CheckChildren(nets, order, tree, tree.segments[s], seen));
    }
  }
  for (int32_t i = 0; i < tree.size(); ++i) {
    if (seen[i] != 1) {
      return Violation("row ", order.row(i), " is in the tree ", seen[i],
                       " times");
    }
  }
  if (num_reached != num_segments) {
    return Violation("tree: ", num_segments, " segments, of which ",
                     num_reached, " are reached");
  }
  return absl::OkStatus();
}

// Checks the balls above `node`: from each ancestor, the node lies in the balls
// of the segments up to the one that it descends from.
template <class Metric>
absl::Status CheckBalls(const Metric& metric, const NetHierarchy& nets,
                        const RowOrder& order, const CoverTree& tree,
                        const std::vector<typename Metric::Ball>& balls,
                        int32_t node, Radii<Metric>& radius) {
  for (int64_t row = order.row(node); nets.parent[row] != -1;
       row = nets.parent[row]) {
    const int32_t above = order.position(nets.parent[row]);
    const double nearness =
        Metric::Nearness(radius.Squared(above, node), metric.InverseNorm(above),
                         metric.InverseNorm(node));
    for (int32_t s = tree.first_segment[above];
         s != -1 && tree.segments[s].level <= nets.level[row];
         s = tree.segments[s].next) {
      typename Metric::Ball grown = balls[s];
      Metric::Include(nearness, metric.InverseNorm(node), grown);
      // Bit for bit: a radius would not show the last bits of its cosine.
      if (std::memcmp(&grown, &balls[s], sizeof(grown)) != 0) {
        return Violation("row ", order.row(node),
                         " is outside the ball of row ", nets.parent[row],
                         " at level ", tree.segments[s].level);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

template <class Metric>
absl::Status ValidateNets(const Metric& metric, const NetHierarchy& nets) {
  const int64_t n = nets.size();
  if (metric.size() != n || static_cast<int64_t>(nets.level.size()) != n) {
    return Violation("nets: ", n, " rows for ", metric.size(), " points");
  }
  if (n == 0) return absl::OkStatus();
  RCT_RETURN_IF_ERROR(CheckParents(nets));
  const std::vector<int32_t> net = NetPoints(nets);
  Radii<Metric> radius(metric);
  for (int32_t row = 1; row < n; ++row) {
    RCT_RETURN_IF_ERROR(CheckDistances(nets, net, row, radius));
  }
  return absl::OkStatus();
}

template <class Metric>
absl::Status ValidateTree(const Metric& metric, const NetHierarchy& nets,
                          const RowOrder& order, const CoverTree& tree,
                          const std::vector<typename Metric::Ball>& balls) {
  const int64_t n = nets.size();
  if (tree.size() != n || order.size() != n ||
      balls.size() != tree.segments.size()) {
    return Violation("tree: ", tree.size(), " nodes for ", n, " rows, ",
                     balls.size(), " balls for ", tree.segments.size(),
                     " segments");
  }
  if (n == 0) return absl::OkStatus();
  if (tree.root != order.position(0)) {
    return Violation("tree: node ", tree.root, " is the root");
  }
  RCT_RETURN_IF_ERROR(CheckSegments(nets, order, tree));
  Radii<Metric> radius(metric);
  for (int32_t node = 0; node < n; ++node) {
    RCT_RETURN_IF_ERROR(
        CheckBalls(metric, nets, order, tree, balls, node, radius));
  }
  return absl::OkStatus();
}

template absl::Status ValidateNets(const ResidualCorrelation&,
                                   const NetHierarchy&);
template absl::Status ValidateNets(const EuclideanDistance&,
                                   const NetHierarchy&);
template absl::Status ValidateTree(
    const ResidualCorrelation&, const NetHierarchy&, const RowOrder&,
    const CoverTree&, const std::vector<ResidualCorrelation::Ball>&);
template absl::Status ValidateTree(const EuclideanDistance&,
                                   const NetHierarchy&, const RowOrder&,
                                   const CoverTree&,
                                   const std::vector<EuclideanDistance::Ball>&);

}  // namespace rct
