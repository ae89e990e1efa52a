#include "index/index_memory.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/memory_limit.h"
#include "heuristics/composition/composition.h"
#include "index/index.pb.h"
#include "metric/kernel.h"
#include "metric/residual_points.h"
#include "traversal/block/skeleton_config.h"
#include "traversal/block/skeleton_costs.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

constexpr double kReal = sizeof(double);

// The mean rank of skeletons that BLOCK makes of smooth kernels in two and
// three dimensions (docs/performance.md has measured ones).
constexpr double kTypicalRank = 36;

// What a skeleton keeps of a point beside its coordinates (skeleton_costs.h).
constexpr double kSkeletonColumns = 40;

bool HasTree(Strategy strategy) {
  return strategy == LEVEL_SYNCHRONOUS || strategy == BEST_FIRST;
}

// A tree keeps for each point its place in a leaf and a share of the nodes.
constexpr double kTreeBytes = 48;

}  // namespace

double TotalBytes(absl::Span<const MemoryNeed> needs) {
  double total = 0;
  for (const MemoryNeed& need : needs) total += need.bytes;
  return total;
}

std::vector<MemoryNeed> NeedsOf(const IndexOptions& options, int64_t n,
                                int64_t dim, int64_t m) {
  const auto points = static_cast<double>(n);
  const auto width = static_cast<double>(FactorStride(m));
  const double data = kReal * points * (static_cast<double>(dim) + width + 2);
  std::vector<MemoryNeed> needs = {
      {"points", kReal * points * static_cast<double>(dim)},
      {"V", kReal * points * width},
      {"p and 1/sqrt(p)", kReal * points * 2}};
  if (HasTree(options.strategy())) {
    needs.push_back({"tree", kTreeBytes * points});
    if (options.tree().node_order() != CoverTreeConfig::NATURAL) {
      needs.push_back({"points and factors in the tree's order", data});
    }
  }
  if (options.heuristics().has_float_screen()) {
    needs.push_back({"screen in float32", data / 2 + kReal * points * 8});
  }
  if (m > 0) {
    needs.push_back(
        {"K(Z,Z) and its factor", 2 * kReal * static_cast<double>(m) * width});
  }
  return needs;
}

std::vector<MemoryNeed> NeedsOf(const EuclideanIndexOptions& options, int64_t n,
                                int64_t dim) {
  const double points = kReal * static_cast<double>(n);
  const double copy = points * static_cast<double>(dim);
  std::vector<MemoryNeed> needs = {{"points", copy}};
  if (options.strategy() == EXHAUSTIVE) {
    needs.push_back({"points in vectors", copy});
  } else {
    const bool boxes = options.strategy() == BLOCK;
    needs.push_back({boxes ? "points in boxes" : "points in the tree's order",
                     boxes ? 2 * copy : copy});
    needs.push_back({boxes ? "boxes" : "tree", points * (boxes ? 3 : 6)});
  }
  return needs;
}

std::vector<MemoryNeed> TypicalBlockNeeds(int64_t n, int64_t m) {
  const auto points = static_cast<double>(n);
  const double blocks =
      std::ceil(points / static_cast<double>(AutomaticBlockSize(
                             n, m, KernelFamily::kMatern52)));
  const double rank = std::min(kTypicalRank, points);
  return {{"skeletons", points * (4 * rank + kSkeletonColumns)},
          {"gaps", 2 * points * blocks},
          {"tables", SkeletonCosts::TableBytes(points, blocks * rank)}};
}

absl::Status CheckMemoryLimit(absl::Span<const MemoryNeed> needs, int64_t limit,
                              std::string_view what) {
  const double total = TotalBytes(needs);
  if (limit == 0 || total <= static_cast<double>(limit)) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "memory_limit_bytes: an index of ", what, " takes ", HumanBytes(total),
      " (",
      absl::StrJoin(needs, ", ",
                    [](std::string* text, const MemoryNeed& need) {
                      absl::StrAppend(text, need.what, " ",
                                      HumanBytes(need.bytes));
                    }),
      "), and may take ", HumanBytes(static_cast<double>(limit)),
      "; raise the limit, or take fewer inducing points or points"));
}

double MemoryLeft(int64_t limit, absl::Span<const MemoryNeed> needs) {
  if (limit == 0) return std::numeric_limits<double>::infinity();
  return std::max(0.0, static_cast<double>(limit) - TotalBytes(needs));
}

Composition Within(double left, Composition composition) {
  if (std::isinf(left) || composition.strategy != BLOCK ||
      composition.heuristics.has_far_field()) {
    return composition;
  }
  SkeletonBoundConfig& bound = *composition.heuristics.mutable_skeleton_bound();
  const double least = std::min(left, MemoryOf(bound));
  bound.set_memory_bytes(std::max<int64_t>(1, static_cast<int64_t>(least)));
  return composition;
}

}  // namespace rct
