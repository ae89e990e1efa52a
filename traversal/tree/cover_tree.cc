#include "traversal/tree/cover_tree.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "traversal/row_order.h"

namespace rct {

double NetHierarchy::Radius(int32_t level) const {
  return root_radius * std::pow(base, -level);
}

absl::Status ValidateCoverTreeConfig(const CoverTreeConfig& config) {
  if (config.structure() == CoverTreeConfig::STRUCTURE_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        "tree.structure: not given; choose RESIDUAL or STATIC");
  }
  if (config.node_order() == CoverTreeConfig::NODE_ORDER_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        "tree.node_order: not given; choose NATURAL, HILBERT or "
        "BREADTH_FIRST");
  }
  if (!(config.base() >= 1.05) || !(config.base() <= 16)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tree.base: is ", config.base(), "; must be from 1.05 to 16"));
  }
  if (config.leaf_size() < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tree.leaf_size: is ", config.leaf_size(), "; must be at least 1"));
  }
  return absl::OkStatus();
}

CoverTree AssembleCoverTree(const NetHierarchy& nets, const RowOrder& order) {
  const int64_t n = nets.size();
  CoverTree tree;
  tree.first_segment.assign(n, -1);
  if (n == 0) return tree;
  tree.root = order.position(0);

  // In the order of (level, parent, child), the children of a segment are
  // neighbors.
  std::vector<int32_t> nodes;
  nodes.reserve(n - 1);
  for (int32_t i = 0; i < n; ++i) {
    if (i != tree.root) nodes.push_back(i);
  }
  const auto level = [&](int32_t node) { return nets.level[order.row(node)]; };
  const auto parent = [&](int32_t node) {
    return order.position(nets.parent[order.row(node)]);
  };
  std::sort(nodes.begin(), nodes.end(), [&](int32_t a, int32_t b) {
    return std::tuple(level(a), parent(a), a) <
           std::tuple(level(b), parent(b), b);
  });
  std::vector<int32_t> last_segment(n, -1);
  for (const int32_t node : nodes) {
    const int32_t above = parent(node);
    if (tree.segments.empty() || tree.segments.back().node != above ||
        tree.segments.back().level != level(node)) {
      const auto index = static_cast<int32_t>(tree.segments.size());
      tree.segments.push_back({above, level(node),
                               static_cast<int32_t>(tree.children.size()), 0,
                               -1});
      if (last_segment[above] == -1) {
        tree.first_segment[above] = index;
      } else {
        tree.segments[last_segment[above]].next = index;
      }
      last_segment[above] = index;
    }
    tree.children.push_back(node);
    ++tree.segments.back().num_children;
  }
  return tree;
}

}  // namespace rct
