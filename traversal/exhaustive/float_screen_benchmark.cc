// The float screen against exhaustive search.
//
// Both search the same 1,024 queries, rows of 32,768 points in d = 3 with m =
// 512 and k = 50, on the same factors and threads. They take turns within each
// iteration, so that a drifting machine meets both alike, and every answer is
// compared. The floor is 2 n m operations a query, in float32, at the machine's
// peak: screen_gflops counts these alone.

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/check.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "base/random.h"
#include "benchmark/benchmark.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/exhaustive/float_screen.pb.h"
#include "traversal/exhaustive/float_screen_searcher.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

constexpr int64_t kPoints = 32768;
constexpr int64_t kInducing = 512;
constexpr int64_t kQueries = 1024;
constexpr int64_t kNeighbors = 50;
constexpr int kThreads = 2;

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

void BM_FloatScreen(benchmark::State& state, KernelConfig::Family family,
                    double lengthscale, PointSet point_set) {
  const int threads = static_cast<int>(state.range(0));
  const Matrix<double> points =
      MakePointSet(point_set, kPoints, 3, /*seed=*/42);
  ResidualConfig config;
  config.mutable_kernel()->set_family(family);
  config.mutable_kernel()->add_lengthscale(lengthscale);
  config.mutable_inducing()->mutable_random()->set_count(kInducing);
  const Kernel kernel = *Kernel::Create(config.kernel(), 3);
  const InducingFactor factor = *InducingFactor::Create(
      kernel, *SelectInducingPoints(config.inducing(), points.view()), config);
  const auto metric = std::make_shared<const ResidualCorrelation>(
      kernel, *factor.Project(points.view(), kThreads), factor.rounding());
  std::vector<int64_t> rows(kQueries);
  RandomStream stream(7, 0);
  for (int64_t& row : rows) {
    row = static_cast<int64_t>(stream.UniformBelow(kPoints));
  }
  const auto start = std::chrono::steady_clock::now();
  const auto screen =
      FloatScreenSearcher::Create(metric, FloatScreenConfig(), threads);
  const double build_seconds = SecondsSince(start);
  const ExhaustiveSearcher<ResidualCorrelation> exhaustive(metric);
  const SearchOptions options = {.k = kNeighbors, .threads = threads};
  RCT_CHECK(screen->SearchRows(rows, options).neighbors.Digest() ==
            exhaustive.SearchRows(rows, options).neighbors.Digest());

  double screen_seconds = 0;
  double exhaustive_seconds = 0;
  int64_t evaluations = 0;
  for (auto _ : state) {
    auto begin = std::chrono::steady_clock::now();
    const SearchResult found = screen->SearchRows(rows, options);
    screen_seconds += SecondsSince(begin);
    begin = std::chrono::steady_clock::now();
    const SearchResult expected = exhaustive.SearchRows(rows, options);
    exhaustive_seconds += SecondsSince(begin);
    evaluations += found.counters.distance_evaluations();
    RCT_CHECK(found.neighbors.Digest() == expected.neighbors.Digest());
  }
  const double queries =
      static_cast<double>(kQueries) * static_cast<double>(state.iterations());
  state.counters["exhaustive_queries_per_s"] = queries / exhaustive_seconds;
  state.counters["screen_queries_per_s"] = queries / screen_seconds;
  state.counters["screen_over_exhaustive"] =
      exhaustive_seconds / screen_seconds;
  state.counters["screen_gflops"] =
      2e-9 * queries * kPoints * kInducing / screen_seconds;
  state.counters["evaluations"] = static_cast<double>(evaluations) / queries;
  state.counters["typical_error"] = FloatScreenSearcher::TypicalError(*metric);
  state.counters["build_ms"] = 1e3 * build_seconds;
}

void Arguments(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("threads")
      ->Arg(1)
      ->Arg(2)
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime()
      ->Iterations(1)
      ->Repetitions(5);
}

BENCHMARK_CAPTURE(BM_FloatScreen, matern12, KernelConfig::MATERN12, 1,
                  PointSet::kNormal)
    ->Apply(Arguments);
BENCHMARK_CAPTURE(BM_FloatScreen, matern52, KernelConfig::MATERN52, 1,
                  PointSet::kNormal)
    ->Apply(Arguments);
BENCHMARK_CAPTURE(BM_FloatScreen, matern52_cube, KernelConfig::MATERN52, 0.3,
                  PointSet::kUniformCube)
    ->Apply(Arguments);
BENCHMARK_CAPTURE(BM_FloatScreen, matern52_smooth, KernelConfig::MATERN52, 3,
                  PointSet::kNormal)
    ->Apply(Arguments);
BENCHMARK_CAPTURE(BM_FloatScreen, rbf_rough, KernelConfig::RBF, 0.15,
                  PointSet::kUniformCube)
    ->Apply(Arguments);
BENCHMARK_CAPTURE(BM_FloatScreen, rbf_cube, KernelConfig::RBF, 0.2,
                  PointSet::kUniformCube)
    ->Apply(Arguments);
BENCHMARK_CAPTURE(BM_FloatScreen, rbf, KernelConfig::RBF, 1, PointSet::kNormal)
    ->Apply(Arguments);

}  // namespace
}  // namespace rct

BENCHMARK_MAIN();
