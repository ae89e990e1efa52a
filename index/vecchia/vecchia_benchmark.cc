// How long it takes from points to a likelihood and to predictions, part by
// part.
//
//     ./tools/bazel run -c opt //index/vecchia:vecchia_benchmark
//
// Points are uniform in the square or the cube, the kernel is Matern 3/2 with
// lengthscale 0.2, inducing points are random rows, the order is that of the
// rows. Rates are rows, or new points, a second.

#include <cstdint>
#include <vector>

#include "base/check.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "base/random.h"
#include "benchmark/benchmark.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "index/vecchia/vecchia_model.h"
#include "metric/metric.pb.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

constexpr double kNoise = 0.1;

// A workload: n points, d coordinates, m inducing points, sets of k, threads.
struct Workload {
  explicit Workload(const benchmark::State& state)
      : n(state.range(0)),
        d(state.range(1)),
        m(state.range(2)),
        k(state.range(3)),
        threads(static_cast<int>(state.range(4))),
        points(MakePointSet(PointSet::kUniformCube, n, d, /*seed=*/1)),
        y(n) {
    RandomStream random(/*seed=*/2, /*stream=*/0);
    for (double& value : y) value = random.Normal();
  }

  ResidualIndex Build() const {
    IndexOptions options;
    ResidualConfig& residual = *options.mutable_residual();
    residual.mutable_kernel()->set_family(KernelConfig::MATERN32);
    residual.mutable_kernel()->add_lengthscale(0.2);
    if (m == 0) {
      residual.mutable_inducing()->mutable_none();
    } else {
      residual.mutable_inducing()->mutable_random()->set_count(m);
    }
    options.set_threads(threads);
    return ResidualIndex::Build(points.view(), options).value();
  }
  NeighborTable Sets(const ResidualIndex& index) const {
    return index.Graph({.k = k, .predecessor = true, .threads = threads})
        .value()
        .neighbors;
  }
  VecchiaOptions Options() const {
    return {.k = k, .noise = kNoise, .threads = threads};
  }
  VecchiaModel Model(const ResidualIndex& index) const {
    return VecchiaModel::Create(index, Options()).value();
  }

  int64_t n, d, m, k;
  int threads;
  Matrix<double> points;
  std::vector<double> y;
};

// From points to the first likelihood.
void Everything(benchmark::State& state) {
  const Workload workload(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        workload.Model(workload.Build()).LogLikelihood(workload.y).value());
  }
  state.SetItemsProcessed(state.iterations() * workload.n);
}

void Index(benchmark::State& state) {
  const Workload workload(state);
  for (auto _ : state) RCT_CHECK(workload.Build().size() == workload.n);
  state.SetItemsProcessed(state.iterations() * workload.n);
}

void Sets(benchmark::State& state) {
  const Workload workload(state);
  const ResidualIndex index = workload.Build();
  for (auto _ : state) RCT_CHECK(workload.Sets(index).k() == workload.k);
  state.SetItemsProcessed(state.iterations() * workload.n);
}

// B, d and the low-rank part, of given sets.
void Factors(benchmark::State& state) {
  const Workload workload(state);
  const ResidualIndex index = workload.Build();
  const NeighborTable sets = workload.Sets(index);
  for (auto _ : state) {
    RCT_CHECK(
        VecchiaModel::FromSets(index, sets.rows(), workload.Options()).ok());
  }
  state.SetItemsProcessed(state.iterations() * workload.n);
}

void LogLikelihood(benchmark::State& state) {
  const Workload workload(state);
  const VecchiaModel model = workload.Model(workload.Build());
  for (auto _ : state) RCT_CHECK(model.LogLikelihood(workload.y).ok());
  state.SetItemsProcessed(state.iterations() * workload.n);
}

void Predict(benchmark::State& state) {
  constexpr int64_t kNewPoints = 10'000;
  const Workload workload(state);
  const VecchiaModel model = workload.Model(workload.Build());
  const Matrix<double> queries =
      MakePointSet(PointSet::kUniformCube, kNewPoints, workload.d, /*seed=*/3);
  for (auto _ : state) {
    RCT_CHECK(model.Predict(queries.view(), workload.y).ok());
  }
  state.SetItemsProcessed(state.iterations() * kNewPoints);
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"n", "d", "m", "k", "threads"});
  for (const int64_t threads : {1, 2}) {
    for (const int64_t m : {0, 256}) {
      for (const int64_t d : {2, 3}) {
        benchmark->Args({100'000, d, m, 20, threads});
      }
    }
  }
  benchmark->Unit(benchmark::kMillisecond)->UseRealTime();
}

BENCHMARK(Everything)->Apply(Shapes);
BENCHMARK(Index)->Apply(Shapes);
BENCHMARK(Sets)->Apply(Shapes);
BENCHMARK(Factors)->Apply(Shapes);
BENCHMARK(LogLikelihood)->Apply(Shapes);
BENCHMARK(Predict)->Apply(Shapes);

}  // namespace
}  // namespace rct

BENCHMARK_MAIN();
