#include "traversal/block/far_field_probe.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/monitor.h"
#include "metric/residual_correlation.h"
#include "metric/rounding.h"
#include "traversal/block/far_field_blocks.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_costs.h"
#include "traversal/block/far_field_pass.h"
#include "traversal/block/space_partition.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// The blocks whose points are queries, and the queries of each.
constexpr int kProbeBlocks = 2;
constexpr int kProbesOfBlock = 6;
constexpr int64_t kProbeNeighbors = 50;

// The blocks that a query is tried on: the nearest, its own included, and some
// of the others.
constexpr int kNearBlocks = 9;
constexpr int kOtherBlocks = 8;

// Returns the mean coordinates of each block, in lengthscales.
std::vector<double> Centers(const ResidualCorrelation& metric,
                            const SpacePartition& partition) {
  const int dim = metric.dim();
  const double* scale = metric.kernel().spec().inverse_lengthscale;
  std::vector<double> centers(partition.num_blocks() * dim);
  for (int64_t i = 0; i < partition.size(); ++i) {
    const int64_t block = i / partition.block_size();
    const int64_t count =
        std::min(partition.block_size(),
                 partition.size() - block * partition.block_size());
    for (int c = 0; c < dim; ++c) {
      centers[block * dim + c] += metric.data().points(partition.rows()[i], c) *
                                  scale[c] / static_cast<double>(count);
    }
  }
  return centers;
}

// Returns the blocks that stand for all, as seen from block `a`.
std::vector<FarFieldPass::Sample> SampleFrom(int a,
                                             const std::vector<double>& centers,
                                             int num_blocks, int dim) {
  std::vector<std::pair<double, int>> order;
  order.reserve(num_blocks);
  for (int b = 0; b < num_blocks; ++b) {
    double squared = 0;
    for (int c = 0; c < dim; ++c) {
      const double apart = centers[a * dim + c] - centers[b * dim + c];
      squared += apart * apart;
    }
    order.emplace_back(b == a ? -1 : squared, b);
  }
  std::sort(order.begin(), order.end());
  std::vector<FarFieldPass::Sample> sample;
  const int near = std::min(kNearBlocks, num_blocks);
  for (int i = 0; i < near; ++i) sample.push_back({order[i].second, 1});
  const int others = num_blocks - near;
  const int count = std::min(kOtherBlocks, others);
  for (int i = 0; i < count; ++i) {
    const int place = near + (2 * i + 1) * others / (2 * count);
    sample.push_back(
        {order[place].second, static_cast<double>(others) / count});
  }
  return sample;
}

}  // namespace

FarFieldCosts ProbeFarField(
    const ExhaustiveSearcher<ResidualCorrelation>& exhaustive,
    const FarFieldOptions& options, const SpacePartition& partition,
    int threads, Monitor* monitor) {
  const ResidualCorrelation& metric = exhaustive.metric();
  const auto num_blocks = static_cast<int>(partition.num_blocks());
  const std::vector<double> centers = Centers(metric, partition);
  std::vector<std::vector<FarFieldPass::Sample>> samples;
  std::set<int> made;
  std::vector<int> from;
  for (int i = 0; i < std::min(kProbeBlocks, num_blocks); ++i) {
    const int a = (2 * i + 1) * num_blocks / (2 * kProbeBlocks);
    from.push_back(a);
    samples.push_back(SampleFrom(a, centers, num_blocks, metric.dim()));
    for (const FarFieldPass::Sample& b : samples.back()) made.insert(b.block);
  }
  const std::vector<int> only(made.begin(), made.end());
  const FarFieldBlocks blocks(metric, options, partition, threads, monitor,
                              only);
  FarFieldLeft left;
  double rank = 0;
  for (const int b : only) rank += blocks.block(b).rank;
  rank /= static_cast<double>(only.size());
  if (!Monitor::Go(monitor)) {
    return FarFieldCosts(metric, options.block_size, options.balls, rank,
                         blocks.num_nodes(), left);
  }
  SearchOptions search;
  search.k = std::min(kProbeNeighbors, metric.size());
  search.threads = threads;
  std::vector<int64_t> rows;
  for (const int a : from) {
    const FarFieldBlocks::Block& block = blocks.block(a);
    for (int j = 0; j < kProbesOfBlock; ++j) {
      rows.push_back(blocks.rows()[block.first + (2 * j + 1) * block.count /
                                                     (2 * kProbesOfBlock)]);
    }
  }
  // Of all queries at once: V is read once.
  const SearchResult nearest = exhaustive.SearchRows(rows, search);
  std::vector<float> theta;
  for (size_t i = 0; i < rows.size(); ++i) {
    const double kth = nearest.neighbors.distances()(i, search.k - 1);
    theta.push_back(blocks.frame().bound().Theta(FloatBelow(1 - kth * kth)));
  }
  FarFieldPass pass(exhaustive, blocks, search.k);
  for (size_t i = 0; i < from.size(); ++i) {
    const size_t first = i * kProbesOfBlock;
    const Queries<ResidualPoints> queries = exhaustive.Rows(
        absl::MakeConstSpan(rows).subspan(first, kProbesOfBlock));
    for (const FarFieldLeft& of_query : pass.Measure(
             {metric.data(), queries.from(), queries.positions(),
              queries.rows(), search},
             from[i], absl::MakeConstSpan(theta).subspan(first, kProbesOfBlock),
             samples[i])) {
      left.blocks += of_query.blocks;
      left.points += of_query.points;
      left.candidates += of_query.candidates;
      left.hard += of_query.hard;
    }
  }
  const auto probes = static_cast<double>(rows.size());
  left.blocks /= probes;
  left.points /= probes;
  left.candidates /= probes;
  left.hard /= probes;
  return FarFieldCosts(metric, options.block_size, options.balls, rank,
                       blocks.num_nodes(), left);
}

}  // namespace rct
