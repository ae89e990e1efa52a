// A fixed search, whose instructions callgrind counts: those of CountedSearch()
// and all that it calls. With the argument --build the program names the
// compiler instead, since other compilers and options make other instructions.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/test_data.h"
#include "traversal/row_order.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/cover_tree_builder.h"
#include "traversal/tree/level_synchronous.h"
#include "traversal/tree/node_order.h"

extern "C" __attribute__((noinline)) void CountedSearch(
    const rct::Searcher<rct::ResidualCorrelation>& searcher,
    const std::vector<int64_t>& rows) {
  const rct::SearchResult result = searcher.SearchRows(rows, {.k = 10});
  std::printf("%lld evaluations, digest %s\n",
              static_cast<long long>(result.counters.distance_evaluations()),
              result.neighbors.Digest().c_str());
}

int main(int argc, char** argv) {
  using namespace rct;
  if (argc == 2 && std::strcmp(argv[1], "--build") == 0) {
#if defined(__clang__)
    std::puts("clang");
#elif !defined(__OPTIMIZE__)
    std::puts("unoptimized");
#elif defined(__AVX2__)
    std::puts("native");
#else
    std::printf("gcc %d\n", __GNUC__);
#endif
    return 0;
  }
  const TestModel model = MakeTestModel(MakePoints("normal", 4096, 3, 1).view(),
                                        KernelConfig::RBF, 64);
  const CoverTreeConfig config;
  const NetHierarchy nets = BuildNets(*model.metric, config, 1);
  RowOrder order = MakeNodeOrder(config.node_order(), nets,
                                 model.metric->data().points.view());
  CoverTree tree = AssembleCoverTree(nets, order);
  auto stored = std::make_shared<const ResidualCorrelation>(
      model.metric->Reordered(order.rows()));
  std::vector<ResidualCorrelation::Ball> balls = MeasureBalls(*stored, tree, 1);
  const LevelSynchronousSearcher<ResidualCorrelation> searcher(
      std::move(stored), std::move(order),
      MeasuredTree<ResidualCorrelation>{std::move(tree), std::move(balls)});
  std::vector<int64_t> rows(512);
  std::iota(rows.begin(), rows.end(), 0);
  CountedSearch(searcher, rows);
  return 0;
}
