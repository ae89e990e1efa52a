// Benchmarks of the choice of inducing points by distance, and of V for the
// same points, which every model computes after it.
//
//     ./tools/bazel run -c opt //metric:inducing_points_benchmark
//
// Arguments: the number of inducing points and of threads.

#include <cstdint>
#include <utility>

#include "base/check.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "benchmark/benchmark.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_factors.h"

namespace rct {
namespace {

constexpr int64_t kRows = 1'000'000;
constexpr int64_t kDim = 2;

const Matrix<double>& Points() {
  static const auto& points =
      *new Matrix<double>(MakePointSet(PointSet::kUniformCube, kRows, kDim, 1));
  return points;
}

InducingPoints Select(const InducingConfig& config, int threads) {
  auto selected =
      SelectInducingPoints(config, Points().view(), {.threads = threads});
  RCT_CHECK(selected.ok());
  return *std::move(selected);
}

void Run(benchmark::State& state, const InducingConfig& config) {
  const auto threads = static_cast<int>(state.range(1));
  Points();
  for (auto _ : state) {
    benchmark::DoNotOptimize(Select(config, threads).coordinates.data());
  }
}

void KMeansPlusPlus(benchmark::State& state) {
  InducingConfig config;
  config.mutable_kmeans_plus_plus()->set_count(state.range(0));
  Run(state, config);
}

void FarthestFirst(benchmark::State& state) {
  InducingConfig config;
  config.mutable_cover_tree()->set_count(state.range(0));
  Run(state, config);
}

void KMeans(benchmark::State& state, bool nearest_rows) {
  InducingConfig config;
  config.mutable_kmeans()->set_count(state.range(0));
  config.mutable_kmeans()->set_nearest_rows(nearest_rows);
  Run(state, config);
}

void Projection(benchmark::State& state) {
  ResidualConfig config;
  config.mutable_kernel()->set_family(KernelConfig::MATERN32);
  config.mutable_inducing()->mutable_random()->set_count(state.range(0));
  const auto factor =
      InducingFactor::Create(Kernel::Create(config.kernel(), kDim).value(),
                             Select(config.inducing(), 1), config);
  RCT_CHECK(factor.ok());
  const auto threads = static_cast<int>(state.range(1));
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        factor->Project(Points().view(), threads)->v.data());
  }
}

void Arguments(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({256, 1})->Args({256, 2})->Unit(benchmark::kMillisecond);
  benchmark->UseRealTime()->Iterations(1);
}

BENCHMARK(KMeansPlusPlus)->Apply(Arguments);
BENCHMARK(FarthestFirst)->Apply(Arguments);
BENCHMARK_CAPTURE(KMeans, centers, false)->Apply(Arguments);
BENCHMARK_CAPTURE(KMeans, nearest_rows, true)->Apply(Arguments);
BENCHMARK(Projection)->Apply(Arguments);

}  // namespace
}  // namespace rct

BENCHMARK_MAIN();
