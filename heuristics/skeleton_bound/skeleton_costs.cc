#include "heuristics/skeleton_bound/skeleton_costs.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "heuristics/skeleton_bound/block_skeletons.h"
#include "heuristics/skeleton_bound/correlation_tile.h"
#include "heuristics/skeleton_bound/filter_kernels.h"
#include "heuristics/skeleton_bound/skeleton_bound.pb.h"
#include "heuristics/skeleton_bound/skeleton_pass.h"
#include "metric/residual_correlation.h"
#include "traversal/exhaustive.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// Exact evaluations of a query by tables, at the price of those in tiles, and
// the multiply-adds of its filter for each dimension of a skeleton.
constexpr double kQueryEvaluations = 400;
constexpr double kQueryFilter = 6144;

// What projecting a query on one skeleton takes beside its evaluations.
constexpr double kBlockEvaluations = 25;

// Queries on which bounds are tried, and their neighbours.
constexpr int64_t kProbes = 16;
constexpr int64_t kProbeNeighbors = 50;

}  // namespace

SkeletonCosts::SkeletonCosts(const ResidualCorrelation& metric,
                             double mean_rank, double num_blocks, double hard)
    : points_(static_cast<double>(metric.size())),
      width_(static_cast<double>(metric.point_width())),
      num_blocks_(num_blocks),
      mean_rank_(mean_rank),
      total_rank_(mean_rank * num_blocks),
      hard_(hard) {}

template <class Self, class Archive>
void SkeletonCosts::Describe(Self& self, Archive& archive) {
  archive.Value("costs.points", self.points_);
  archive.Value("costs.width", self.width_);
  archive.Value("costs.num_blocks", self.num_blocks_);
  archive.Value("costs.mean_rank", self.mean_rank_);
  archive.Value("costs.total_rank", self.total_rank_);
  archive.Value("costs.hard", self.hard_);
}

SkeletonCosts::SkeletonCosts(ArchiveReader& archive) {
  Describe(*this, archive);
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
  return total_rank_ * (total_rank_ / 2 * (1 + 2 * mean_rank_ / width_) +
                        points_ * mean_rank_ / (2 * width_));
}

double SkeletonCosts::by_tables(int64_t queries) const {
  return static_cast<double>(queries) *
         (kQueryEvaluations + kQueryFilter * mean_rank_ / width_ +
          hard_ * points_);
}

double SkeletonCosts::by_projections(int64_t queries) const {
  return by_tables(queries) + static_cast<double>(queries) *
                                  (total_rank_ * (1 + mean_rank_ / width_) +
                                   kBlockEvaluations * num_blocks_);
}

SkeletonBoundConfig::Form SkeletonCosts::Cheapest(int64_t queries) const {
  const double with_tables = skeletons() + tables() + by_tables(queries);
  const double without = skeletons() + by_projections(queries);
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
  const int64_t probes = std::min(kProbes, n);
  std::vector<int64_t> rows;
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < probes; ++i) {
    rows.push_back((2 * i + 1) * n / (2 * probes));
    ids.push_back(static_cast<int32_t>(rows.back()));
  }
  SearchOptions options;
  options.k = std::min(kProbeNeighbors, n);
  options.threads = threads;
  const SearchResult nearest = exhaustive.SearchRows(rows, options);

  TilePoints queries(probes, metric.dim());
  queries.Assign(metric.data(), ids);
  BlockSkeletons::Projection projection(probes, sample.max_rank());
  AlignedBuffer<float> coordinates(kPanel * sample.max_rank());
  static_assert(kProbes <= kPanel);
  std::vector<int64_t> left(probes);
  int num_blocks = 0;
  for (int b = 0; b < sample.num_blocks(); ++b) {
    const BlockSkeletons::Block& block = sample.block(b);
    if (block.rank == 0) continue;
    ++num_blocks;
    sample.Project(metric, b, queries, projection, coordinates.data());
    const PointPanels points = sample.points(b, nullptr);
    for (int64_t i = 0; i < probes; ++i) {
      const double outside =
          std::sqrt(std::max(0.0, 1 - projection.squared_length[i]));
      const double kth = nearest.neighbors.distances()(i, options.k - 1);
      for (int j = 0; j < block.count; ++j) {
        const float* w =
            points.w + int64_t{j / kPanel} * kPanel * block.rank + j % kPanel;
        double product = 0;
        for (int c = 0; c < block.rank; ++c) {
          product += double{coordinates[kPanel * c + i]} * w[kPanel * c];
        }
        left[i] += static_cast<int64_t>(
            std::abs(product) + outside * points.e[j] >= 1 - kth * kth);
      }
    }
  }
  int64_t hard = 0;
  for (const int64_t some : left) {
    const double all = static_cast<double>(some) * sample.num_blocks() /
                       std::max(1, num_blocks);
    hard += static_cast<int64_t>(all > SkeletonPass::kMostKept ||
                                 4 * all > static_cast<double>(n));
  }
  return static_cast<double>(hard) / static_cast<double>(probes);
}

}  // namespace rct
