#include "traversal/block/skeleton_costs.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "metric/correlation_tile.h"
#include "metric/residual_correlation.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_pass.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// Exact evaluations of a query by tables for each of its neighbours, at the
// price of those in tiles.
constexpr double kNeighborEvaluations = 8;

// Multiply-adds of its filter for each dimension of a skeleton, and how many
// more each neighbour costs.
constexpr double kFilter = 3072;
constexpr double kNeighborFilter = 61;

// What projecting a query on one skeleton takes beside its evaluations.
constexpr double kBlockEvaluations = 25;

// Queries on which bounds are tried, and their neighbours.
constexpr int64_t kProbes = 16;
constexpr int64_t kProbeNeighbors = 50;

// What a block leaves of its own queries, the blocks around it leave as well:
// so many in all. The sample says nothing of them, but much of those farther
// away.
constexpr double kBlocksAround = 8;

}  // namespace

SkeletonCosts::SkeletonCosts(const ResidualCorrelation& metric,
                             double mean_rank, double num_blocks, double hard)
    : points_(static_cast<double>(metric.size())),
      width_(static_cast<double>(metric.point_width())),
      num_blocks_(num_blocks),
      mean_rank_(mean_rank),
      hard_(hard) {}

template <class Self, class Archive>
void SkeletonCosts::Describe(Self& self, Archive& archive) {
  archive.Value("costs.points", self.points_);
  archive.Value("costs.width", self.width_);
  archive.Value("costs.num_blocks", self.num_blocks_);
  archive.Value("costs.mean_rank", self.mean_rank_);
  archive.Value("costs.hard", self.hard_);
}

SkeletonCosts::SkeletonCosts(const ResidualCorrelation& metric,
                             ArchiveReader& archive) {
  Describe(*this, archive);
  archive.Expect(points_ == static_cast<double>(metric.size()), "costs.points",
                 "is not the number of points");
  archive.Expect(width_ == static_cast<double>(metric.point_width()),
                 "costs.width", "is not the width of V");
  const auto at_most = [&](std::string_view name, double value, double most) {
    archive.Expect(value >= 0 && value <= most, name,
                   "is negative or larger than it can be");
  };
  at_most("costs.num_blocks", num_blocks_, points_);
  at_most("costs.mean_rank", mean_rank_, points_);
  at_most("costs.hard", hard_, 1);
}

void SkeletonCosts::Save(ArchiveWriter& archive) const {
  Describe(*this, archive);
}

double SkeletonCosts::dense(int64_t queries) const {
  return static_cast<double>(queries) * points_;
}

double SkeletonCosts::skeletons() const {
  return points_ * mean_rank_ * (1.5 + mean_rank_ / width_);
}

double SkeletonCosts::tables() const {
  return total_rank() * (total_rank() / 2 * (1 + 2 * mean_rank_ / width_) +
                         points_ * mean_rank_ / (2 * width_));
}

double SkeletonCosts::by_tables(int64_t queries, int64_t k) const {
  const auto neighbors = static_cast<double>(k);
  return static_cast<double>(queries) *
         (kNeighborEvaluations * neighbors +
          (kFilter + kNeighborFilter * neighbors) * mean_rank_ / width_ +
          hard_ * points_);
}

double SkeletonCosts::by_projections(int64_t queries, int64_t k) const {
  return by_tables(queries, k) + static_cast<double>(queries) *
                                     (total_rank() * (1 + mean_rank_ / width_) +
                                      kBlockEvaluations * num_blocks_);
}

SkeletonBoundConfig::Form SkeletonCosts::Cheapest(int64_t queries) const {
  const double with_tables =
      skeletons() + tables() + by_tables(queries, kProbeNeighbors);
  const double without = skeletons() + by_projections(queries, kProbeNeighbors);
  // Exhaustive search is what the estimates are surest of.
  if (std::min(with_tables, without) > 0.9 * dense(queries)) {
    return SkeletonBoundConfig::DENSE;
  }
  return with_tables < without ? SkeletonBoundConfig::TABLES
                               : SkeletonBoundConfig::PROJECTIONS;
}

double HardPart(const ExhaustiveSearcher<ResidualCorrelation>& exhaustive,
                const BlockSkeletons& sample, int threads) {
  const ResidualCorrelation& metric = exhaustive.metric();
  const int64_t n = metric.size();
  std::vector<int> blocks;
  for (int b = 0; b < sample.num_blocks(); ++b) {
    if (sample.block(b).rank > 0) blocks.push_back(b);
  }
  if (blocks.empty()) return 1;
  // Queries are points of the sample: what a skeleton leaves of them is known.
  std::vector<int64_t> rows;
  std::vector<int32_t> ids;
  std::vector<double> own_e;
  std::vector<int> own_block;
  for (int64_t i = 0; i < kProbes; ++i) {
    const int b = blocks[i % static_cast<int64_t>(blocks.size())];
    const BlockSkeletons::Block& block = sample.block(b);
    const int64_t place = (2 * i + 1) * block.count / (2 * kProbes);
    ids.push_back(sample.points(b, nullptr).row[place]);
    rows.push_back(ids.back());
    own_e.push_back(double{sample.e()[block.first + place]});
    own_block.push_back(b);
  }
  SearchOptions options;
  options.k = std::min(kProbeNeighbors, n);
  options.threads = threads;
  const SearchResult nearest = exhaustive.SearchRows(rows, options);

  TilePoints queries(kProbes, metric.dim());
  queries.Assign(metric.data(), ids);
  BlockSkeletons::Projection projection(kProbes, sample.max_rank());
  AlignedBuffer<float> coordinates(kPanel * sample.max_rank());
  static_assert(kProbes <= kPanel);
  const double part = static_cast<double>(sample.num_blocks()) /
                      static_cast<double>(blocks.size());
  std::vector<double> left(kProbes);
  for (const int b : blocks) {
    const BlockSkeletons::Block& block = sample.block(b);
    sample.Project(metric, b, queries, projection, coordinates.data());
    const PointPanels points = sample.points(b, nullptr);
    for (int64_t i = 0; i < kProbes; ++i) {
      const double outside = std::min(
          1.0, own_e[i] +
                   std::sqrt(std::max(0.0, 1 - projection.squared_length[i])));
      const double kth = nearest.neighbors.distances()(i, options.k - 1);
      const double weight =
          b == own_block[i] ? std::min(kBlocksAround, part) : part;
      int64_t passed = 0;
      for (int j = 0; j < block.count; ++j) {
        const float* w =
            points.w + int64_t{j / kPanel} * kPanel * block.rank + j % kPanel;
        double product = 0;
        for (int c = 0; c < block.rank; ++c) {
          product += double{coordinates[kPanel * c + i]} * w[kPanel * c];
        }
        const double length =
            std::sqrt(sample.exact_squared_length(block.first + j));
        passed += static_cast<int64_t>(
            std::abs(product) + outside * points.e[j] + own_e[i] * length >=
            1 - kth * kth);
      }
      left[i] += weight * static_cast<double>(passed);
    }
  }
  const auto hard = std::count_if(left.begin(), left.end(), [&](double all) {
    return all > SkeletonPass::kMaxKept || 4 * all > static_cast<double>(n);
  });
  // One among so few is often an inducing point.
  return static_cast<double>(std::max<int64_t>(0, hard - 1)) /
         static_cast<double>(kProbes);
}

}  // namespace rct
