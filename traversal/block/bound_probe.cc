#include "traversal/block/bound_probe.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "metric/correlation_tile.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/skeleton_pass.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// The queries that the bound is tried on, and their neighbors.
constexpr int64_t kProbes = 16;
constexpr int64_t kProbeNeighbors = 50;
static_assert(kProbes <= kPanel);

// The number of blocks near a query, its own included, that leave about as much
// as its own does. The sample says nothing of the others of them, but much of
// those farther away.
constexpr double kBlocksAround = 8;

// Points of the sample as queries, for whom their own block and e are known.
struct Probes {
  std::vector<int64_t> rows;
  std::vector<int32_t> ids;
  std::vector<double> e;
  std::vector<int> block;
};

Probes ChooseProbes(const BlockSkeletons& sample,
                    const std::vector<int>& blocks,
                    const std::set<int64_t>& inducing) {
  Probes probes;
  for (int64_t i = 0; i < kProbes; ++i) {
    const int b = blocks[i % static_cast<int64_t>(blocks.size())];
    const BlockSkeletons::Block& block = sample.block(b);
    const int32_t* rows = sample.points(b, nullptr).row;
    int64_t place = (2 * i + 1) * block.count / (2 * kProbes);
    // Inducing points have bounds of their own, and one among so few would
    // count for many.
    for (int step = 1; step < block.count && inducing.count(rows[place]) > 0;
         ++step) {
      place = (place + 1) % block.count;
    }
    probes.ids.push_back(rows[place]);
    probes.rows.push_back(probes.ids.back());
    probes.e.push_back(double{sample.e()[block.first + place]});
    probes.block.push_back(b);
  }
  return probes;
}

// Returns how many points of block b the bound leaves to probe i, whose
// coordinates in the block's skeleton and kth |rho| are given. `outside` is the
// length of what the probe has outside its own and this skeleton.
int64_t CountLeft(const BlockSkeletons& sample, int b, int64_t i,
                  const float* coordinates, double outside, double own_e,
                  double kth) {
  const BlockSkeletons::Block& block = sample.block(b);
  const PointPanels points = sample.points(b, nullptr);
  int64_t left = 0;
  for (int j = 0; j < block.count; ++j) {
    const float* w =
        points.w + int64_t{j / kPanel} * kPanel * block.rank + j % kPanel;
    double product = 0;
    for (int c = 0; c < block.rank; ++c) {
      product += double{coordinates[kPanel * c + i]} * w[kPanel * c];
    }
    const double length =
        std::sqrt(sample.exact_squared_length(block.first + j));
    left += static_cast<int64_t>(
        std::abs(product) + outside * points.e[j] + own_e * length >= kth);
  }
  return left;
}

}  // namespace

double HardPart(const ExhaustiveSearcher<ResidualCorrelation>& exhaustive,
                const BlockSkeletons& sample, int threads) {
  const ResidualCorrelation& metric = exhaustive.metric();
  const int64_t n = metric.size();
  std::vector<int> blocks;
  for (int b = 0; b < sample.num_blocks(); ++b) {
    if (sample.block(b).rank > 0) blocks.push_back(b);
  }
  if (blocks.empty()) return 1;
  std::set<int64_t> inducing;
  if (metric.factor() != nullptr) {
    const std::vector<int64_t>& rows = metric.factor()->inducing().rows;
    inducing.insert(rows.begin(), rows.end());
  }
  const Probes probes = ChooseProbes(sample, blocks, inducing);
  SearchOptions options;
  options.k = std::min(kProbeNeighbors, n);
  options.threads = threads;
  const SearchResult nearest = exhaustive.SearchRows(probes.rows, options);

  TilePoints queries(kProbes, metric.dim());
  queries.Assign(metric.data(), probes.ids);
  BlockSkeletons::Projection projection(kProbes, sample.max_rank());
  AlignedBuffer<float> coordinates(kPanel * sample.max_rank());
  const double part = static_cast<double>(sample.num_blocks()) /
                      static_cast<double>(blocks.size());
  std::vector<double> left(kProbes);
  for (const int b : blocks) {
    sample.Project(metric, b, queries, projection, coordinates.data());
    for (int64_t i = 0; i < kProbes; ++i) {
      const double outside = std::min(
          1.0, probes.e[i] +
                   std::sqrt(std::max(0.0, 1 - projection.squared_length[i])));
      const double kth = nearest.neighbors.distances()(i, options.k - 1);
      const double weight =
          b == probes.block[i] ? std::min(kBlocksAround, part) : part;
      left[i] += weight * static_cast<double>(
                              CountLeft(sample, b, i, coordinates.data(),
                                        outside, probes.e[i], 1 - kth * kth));
    }
  }
  const auto hard = std::count_if(left.begin(), left.end(), [&](double all) {
    return all > SkeletonPass::kMaxKept || 4 * all > static_cast<double>(n);
  });
  return static_cast<double>(hard) / kProbes;
}

}  // namespace rct
