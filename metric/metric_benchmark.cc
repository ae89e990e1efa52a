// The parts of the metric and their floors, on one thread: canonical dot
// products and the residual factors.
//
//     ./tools/bazel run //metric:metric_benchmark --
//         --benchmark_report_aggregates_only=true
//
// Operations are those of the products alone, two for each fused multiply-add,
// or the bytes of V where each is read for one product. See docs/experiments.md
// for the table.

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/check.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "benchmark/benchmark.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/machine_peak.h"
#include "metric/metric.pb.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/simd_routines.h"

namespace rct {
namespace {

constexpr int64_t kInducing = 512;

// Rows as V has them.
struct Rows {
  explicit Rows(int64_t count)
      : elements(count, kInducing, FactorStride(kInducing)) {
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t c = 0; c < kInducing; ++c) {
        elements(i, c) = 1e-3 * static_cast<double>((7 * i + 3 * c) % 101);
      }
      pointers.push_back(elements.row(i));
    }
  }

  Matrix<double> elements;
  std::vector<const double*> pointers;
};

// Candidates of one call: their products stay in cache.
constexpr int64_t kTile = 512;

void RunDots(benchmark::State& state, int num_queries, int64_t num_candidates) {
  const Rows queries(num_queries);
  const Rows candidates(num_candidates);
  AlignedBuffer<double> out(num_queries * kTile);
  for (auto _ : state) {
    for (int64_t j = 0; j < num_candidates; j += kTile) {
      const auto count = static_cast<int>(std::min(kTile, num_candidates - j));
      BestSimdRoutines().dot_tile(queries.pointers.data(), num_queries,
                              candidates.pointers.data() + j, count, kInducing,
                              out.data(), kTile);
      benchmark::DoNotOptimize(out.data());
      benchmark::ClobberMemory();
    }
  }
}

double Flops(int64_t num_queries, int64_t num_candidates) {
  return 2.0 * static_cast<double>(num_queries * num_candidates * kInducing);
}

// Rows of 48 KiB or less, read for one query: from the first or second cache.
void BM_DotOneToFew(benchmark::State& state) {
  const int64_t count = state.range(0);
  RunDots(state, 1, count);
  ReportArithmetic(state, Flops(1, count), Precision::kFloat64);
}
BENCHMARK(BM_DotOneToFew)->Arg(8)->Arg(96)->Apply(BestOfRepetitions);

// V is larger than any cache: each row is read for one product.
void BM_DotOneToAll(benchmark::State& state) {
  const int64_t count = state.range(0);
  RunDots(state, 1, count);
  const int64_t bytes =
      count * FactorStride(kInducing) * static_cast<int64_t>(sizeof(double));
  ReportReading(state, static_cast<double>(count * kInducing * 8), bytes);
}
BENCHMARK(BM_DotOneToAll)->Arg(32768)->Apply(BestOfRepetitions);

// As exhaustive search multiplies: a block of queries that stays in cache with
// candidates, which do or do not.
void BM_DotTile(benchmark::State& state) {
  const auto queries = static_cast<int>(state.range(0));
  const int64_t count = state.range(1);
  RunDots(state, queries, count);
  ReportArithmetic(state, Flops(queries, count), Precision::kFloat64);
}
BENCHMARK(BM_DotTile)
    ->Args({4, 24})
    ->Args({124, 96})
    ->Args({124, 32768})
    ->Unit(benchmark::kMicrosecond)
    ->Apply(BestOfRepetitions);

struct Problem {
  Kernel kernel;
  ResidualConfig config;
  Matrix<double> points;
  InducingPoints inducing;
};

Problem MakeProblem(int64_t n, int64_t m) {
  ResidualConfig config;
  config.mutable_kernel()->set_family(KernelConfig::RBF);
  config.mutable_inducing()->mutable_random()->set_count(
      static_cast<int32_t>(m));
  Matrix<double> points = MakePointSet(PointSet::kNormal, n, 3, /*seed=*/42);
  InducingPoints inducing =
      *SelectInducingPoints(config.inducing(), points.view());
  return {*Kernel::Create(config.kernel(), 3), config, std::move(points),
          std::move(inducing)};
}

// L of K(Z, Z), m^3 / 3 operations.
void BM_Factorization(benchmark::State& state) {
  const int64_t m = state.range(0);
  const Problem problem = MakeProblem(32768, m);
  for (auto _ : state) {
    RCT_CHECK(InducingFactor::Create(
                  problem.kernel,
                  {problem.inducing.coordinates.Clone(), problem.inducing.rows},
                  problem.config)
                  .ok());
  }
  const auto size = static_cast<double>(m);
  ReportArithmetic(state, size * size * size / 3, Precision::kFloat64);
}
BENCHMARK(BM_Factorization)
    ->Arg(512)
    ->Arg(2048)
    ->Unit(benchmark::kMillisecond)
    ->Apply(BestOfRepetitions);

// V and p of n points, n m^2 operations.
void BM_Projection(benchmark::State& state) {
  const int64_t n = state.range(0);
  const Problem problem = MakeProblem(n, kInducing);
  const InducingFactor factor = *InducingFactor::Create(
      problem.kernel,
      {problem.inducing.coordinates.Clone(), problem.inducing.rows},
      problem.config);
  for (auto _ : state) {
    RCT_CHECK(factor.Project(problem.points.view(), 1).ok());
  }
  ReportArithmetic(state, static_cast<double>(n * kInducing * kInducing),
                   Precision::kFloat64);
}
BENCHMARK(BM_Projection)
    ->Arg(8192)
    ->Unit(benchmark::kMillisecond)
    ->Apply(BestOfRepetitions);

}  // namespace
}  // namespace rct

BENCHMARK_MAIN();
