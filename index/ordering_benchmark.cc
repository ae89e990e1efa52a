// How long maximin orders take.
//
//     ./tools/bazel run -c opt //index:ordering_benchmark

#include <cstdint>

#include "base/check.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "benchmark/benchmark.h"
#include "index/ordering.h"
#include "index/ordering.pb.h"

namespace rct {
namespace {

void Maxmin(benchmark::State& state, PointSet set) {
  const int64_t n = state.range(0);
  const Matrix<double> points =
      MakePointSet(set, n, state.range(1), /*seed=*/42);
  OrderingConfig config;
  config.set_method(OrderingConfig::MAXMIN);
  config.set_num_first(n * state.range(2) / 100);
  config.set_threads(1);
  for (auto _ : state) {
    RCT_CHECK(OrderPoints(points.view(), config).ok());
  }
  state.SetItemsProcessed(state.iterations() * n);
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"n", "d", "percent_first"});
  for (const int64_t n : {100'000, 1'000'000}) {
    for (const int64_t d : {2, 3}) benchmark->Args({n, d, 0});
  }
  benchmark->Args({1'000'000, 2, 50});
  benchmark->Args({100'000, 5, 0});
  benchmark->Args({100'000, 8, 0});
  benchmark->Unit(benchmark::kMillisecond)->Iterations(1)->UseRealTime();
}

BENCHMARK_CAPTURE(Maxmin, cube, PointSet::kUniformCube)->Apply(Shapes);
BENCHMARK_CAPTURE(Maxmin, normal, PointSet::kNormal)->Apply(Shapes);
BENCHMARK_CAPTURE(Maxmin, clusters, PointSet::kClusters)->Apply(Shapes);
BENCHMARK_CAPTURE(Maxmin, grid, PointSet::kGrid)->Apply(Shapes);

}  // namespace
}  // namespace rct

BENCHMARK_MAIN();
