// The cost of Open() and Filter() for a segment of 32 children and 64 queries
// that know all pivots, for each pair of a query and a child.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/check.h"
#include "benchmark/benchmark.h"
#include "heuristics/level_cache/level_cache.h"
#include "heuristics/level_cache/level_cache.pb.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/test_data.h"
#include "metric/tile.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/slots.h"
#include "traversal/tree/test_search.h"

namespace rct {
namespace {

constexpr int64_t kRows = 4096;
constexpr int kChildren = 32;

void BM_OpenAndFilter(benchmark::State& state) {
  static const StoredTree<ResidualCorrelation>& stored =
      *new StoredTree<ResidualCorrelation>(
          StoreTree(MakeTestModel(MakePoints("normal", kRows, 3, 1).view(),
                                  KernelConfig::RBF, 64)
                        .metric,
                    TreeConfig(CoverTreeConfig::RESIDUAL,
                               CoverTreeConfig::BREADTH_FIRST, 2, 16)));
  const CoverTree& tree = stored.tree.tree;
  const auto segment = std::find_if(
      tree.segments.rbegin(), tree.segments.rend(),
      [](const auto& each) { return each.num_children >= kChildren; });
  RCT_CHECK(segment != tree.segments.rend());
  const auto index = static_cast<int32_t>(&*segment - tree.segments.data());

  LevelCacheConfig config;
  config.set_pivots(static_cast<int32_t>(state.range(0)));
  LevelCache cache(std::make_shared<const LevelCacheTable>(
      stored.metric, stored.tree, config, 1));

  std::vector<int32_t> queries(kBatchQueries);
  for (int i = 0; i < kBatchQueries; ++i) queries[i] = 64 * i;
  std::vector<int> places(kBatchQueries);
  std::iota(places.begin(), places.end(), 0);
  std::vector<int32_t> nodes(kRows);
  std::iota(nodes.begin(), nodes.end(), 0);
  TileWorkspace tiles(3, kBatchQueries, kRows);
  AlignedBuffer<double> rho(kBatchQueries * kRows);
  stored.metric->Correlations(stored.metric->data(), queries,
                              Candidates::Range(0, kRows), rho.data(), kRows,
                              tiles);
  cache.StartBatch(stored.metric->data(), queries);
  cache.Keep(places, nodes, rho.data(), kRows);
  // Nothing is dismissed as a whole.
  double thresholds[kBatchQueries];
  std::fill_n(thresholds, kBatchQueries, 1.0);
  QueryMask masks[kChildren];
  for (auto _ : state) {
    const QueryMask open = cache.Open(index, ~QueryMask{0}, thresholds);
    cache.Filter(0, kChildren, open, thresholds, masks);
    benchmark::DoNotOptimize(masks);
  }
  state.counters["pair"] = benchmark::Counter(
      kBatchQueries * kChildren, benchmark::Counter::kIsIterationInvariantRate |
                                     benchmark::Counter::kInvert);
}
BENCHMARK(BM_OpenAndFilter)
    ->ArgName("pivots")
    ->Arg(1)
    ->Arg(8)
    ->Arg(16)
    ->Arg(32);

}  // namespace
}  // namespace rct

BENCHMARK_MAIN();
