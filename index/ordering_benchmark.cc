// How long maximin orders take.
//
//     ./tools/bazel run -c opt //index:ordering_benchmark

#include <cmath>
#include <cstdint>
#include <optional>

#include "base/check.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "benchmark/benchmark.h"
#include "index/ordering.h"
#include "index/ordering.pb.h"

namespace rct {
namespace {

// Clusters within clusters: every other point is a repeat of one, and the rest
// lie at 40 scales on alternating sides of that one.
Matrix<double> MakeScales(int64_t n, int64_t dim) {
  Matrix<double> points =
      MakePointSet(PointSet::kUniformCube, n, dim, /*seed=*/42);
  for (int64_t i = 0; i < n; ++i) {
    const int scale = static_cast<int>(i / 2 % 40);
    const double sign = scale % 2 == 0 ? 1 : -1;
    for (int64_t t = 0; t < dim; ++t) {
      points(i, t) =
          i % 2 == 0 ? 0 : std::ldexp(sign * (1 + points(i, t)), -scale);
    }
  }
  return points;
}

void Maxmin(benchmark::State& state, std::optional<PointSet> set) {
  const int64_t n = state.range(0), dim = state.range(1);
  const Matrix<double> points = set.has_value()
                                    ? MakePointSet(*set, n, dim, /*seed=*/42)
                                    : MakeScales(n, dim);
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
BENCHMARK_CAPTURE(Maxmin, scales, std::nullopt)->Apply(Shapes);

}  // namespace
}  // namespace rct

BENCHMARK_MAIN();
