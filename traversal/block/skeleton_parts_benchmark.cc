// The parts of the skeleton bound and their floors, on one thread: pivoted
// Cholesky and cross tables in float64, the filter in float32.
//
//     ./tools/bazel run //traversal/block:skeleton_parts_benchmark --
//         --benchmark_report_aggregates_only=true
//
// Operations are those of products and substitutions, two for each fused
// multiply-add; kernel functions and what a bound needs beside its product are
// not counted. See docs/experiments.md for the table.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/point_sets.h"
#include "benchmark/benchmark.h"
#include "metric/machine_peak.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/simd_routines.h"
#include "metric/test_data.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/skeleton_tables.h"

namespace rct {
namespace {

constexpr int64_t kInducing = 512;

// The options that AUTO chooses for 32,768 points and an RBF kernel.
constexpr SkeletonOptions kOptions = {.block_size = 256, .rms_residual = 0.05};

const ResidualCorrelation& Metric() {
  static const TestModel& model = *new TestModel(MakeTestModel(
      MakePointSet(PointSet::kNormal, 32768, 3, /*seed=*/42).view(),
      KernelConfig::RBF, kInducing));
  return *model.metric;
}

BlockSkeletons MakeSkeletons() {
  return BlockSkeletons(Metric(), kOptions,
                        BlockSkeletons::Partition(Metric(), kOptions, 1), 1);
}

// Columns of correlations, and each eliminated by those before it.
void BM_PivotedCholesky(benchmark::State& state) {
  const SpacePartition partition =
      BlockSkeletons::Partition(Metric(), kOptions, 1);
  std::unique_ptr<BlockSkeletons> made;
  for (auto _ : state) {
    made = std::make_unique<BlockSkeletons>(Metric(), kOptions, partition, 1);
  }
  double operations =
      2.0 * kInducing * static_cast<double>(made->evaluations());
  for (int b = 0; b < made->num_blocks(); ++b) {
    const auto rank = static_cast<double>(made->block(b).rank);
    operations += made->block(b).count * rank * rank;
  }
  ReportArithmetic(state, operations, Precision::kFloat64);
  state.counters["rank"] = made->mean_rank();
}
BENCHMARK(BM_PivotedCholesky)
    ->Unit(benchmark::kMillisecond)
    ->Apply(BestOfRepetitions);

// Correlations of skeletons with each other and two substitutions, without
// gaps.
void BM_CrossTables(benchmark::State& state) {
  const BlockSkeletons skeletons = MakeSkeletons();
  double operations = 0;
  for (int b = 0; b < skeletons.num_blocks(); ++b) {
    const auto second = static_cast<double>(skeletons.block(b).rank);
    for (int a = 0; a < b; ++a) {
      const auto first = static_cast<double>(skeletons.block(a).rank);
      operations += first * second * (2 * kInducing + first + second);
    }
  }
  for (auto _ : state) {
    const SkeletonTables tables(Metric(), skeletons, /*keep_gaps=*/false, 1);
    benchmark::DoNotOptimize(tables.bytes());
  }
  ReportArithmetic(state, operations, Precision::kFloat64);
}
BENCHMARK(BM_CrossTables)
    ->Unit(benchmark::kMillisecond)
    ->Apply(BestOfRepetitions);

// One step of pivoted Cholesky: a column of a block less its part in `terms`
// columns.
void BM_Eliminate(benchmark::State& state) {
  const int64_t terms = state.range(0), count = state.range(1);
  const AlignedBuffer<double> w = [&] {
    AlignedBuffer<double> buffer(terms * count);
    std::fill(buffer.begin(), buffer.end(), 1e-3);
    return buffer;
  }();
  const std::vector<double> factor(terms, 1e-3);
  AlignedBuffer<double> column(count);
  std::fill(column.begin(), column.end(), 1.0);
  const FilterRoutines& filter = *FilterRoutinesFor(BestSimdRoutines().isa);
  for (auto _ : state) {
    filter.eliminate(w.data(), count, static_cast<int>(terms), factor.data(),
                     count, column.data());
    benchmark::ClobberMemory();
  }
  ReportArithmetic(state, 2.0 * static_cast<double>(terms * count),
                   Precision::kFloat64);
}
BENCHMARK(BM_Eliminate)->Args({32, 256})->Apply(BestOfRepetitions);

// Sixteen queries and one block, all of this rank.
struct FilterProblem {
  FilterProblem(int rank, int panels)
      : rank(rank),
        panels(panels),
        y(kPanel * rank),
        w(int64_t{kPanel} * rank * panels),
        zeros(int64_t{kPanel} * panels),
        ones(int64_t{kPanel} * panels),
        gaps(int64_t{kPanel} * panels, 0),
        rows(int64_t{kPanel} * panels) {
    std::fill(y.begin(), y.end(), 1e-3f);
    std::fill(w.begin(), w.end(), 1e-3f);
    std::fill(zeros.begin(), zeros.end(), 0.0f);
    std::fill(ones.begin(), ones.end(), 1.0f);
    std::iota(rows.begin(), rows.end(), 0);
  }

  // Bounds stay below theta: nothing is kept.
  QueryPanel queries() const {
    return {y.data(),     zeros.data(), zeros.data(),
            zeros.data(), ones.data(),  1e-6f};
  }

  const FilterRoutines& filter = *FilterRoutinesFor(BestSimdRoutines().isa);
  int rank;
  int panels;
  AlignedBuffer<float> y;
  AlignedBuffer<float> w;
  AlignedBuffer<float> zeros;
  AlignedBuffer<float> ones;
  std::vector<uint16_t> gaps;
  std::vector<int32_t> rows;
};

// y = C w for sixteen queries, or for sixteen points whose gaps are measured.
void BM_FilterProject(benchmark::State& state) {
  const auto rank = static_cast<int>(state.range(0));
  const FilterProblem problem(rank, 1);
  AlignedBuffer<float> table(int64_t{rank} * rank);
  std::fill(table.begin(), table.end(), 1e-3f);
  AlignedBuffer<float> y(kPanel * rank);
  float squared[kPanel];
  for (auto _ : state) {
    problem.filter.project(table.data(), rank, 1, rank, rank, problem.w.data(),
                           y.data(), squared);
    benchmark::ClobberMemory();
  }
  ReportArithmetic(state, 2.0 * rank * (rank + 1) * kPanel,
                   Precision::kFloat32);
}
BENCHMARK(BM_FilterProject)->Arg(32)->Apply(BestOfRepetitions);

// Sixteen queries and the cones of a block.
void BM_PassCones(benchmark::State& state) {
  const auto rank = static_cast<int>(state.range(0));
  const FilterProblem problem(rank, 1);
  const ConePanels cones = {problem.w.data(),     rank,
                            problem.ones.data(),  problem.zeros.data(),
                            problem.zeros.data(), problem.zeros.data(),
                            problem.gaps.data()};
  uint32_t masks[kPanel];
  for (auto _ : state) {
    problem.filter.pass_cones(problem.queries(), 0xffff, cones, 1, masks);
    benchmark::ClobberMemory();
  }
  ReportArithmetic(state, 2.0 * rank * kPanel * kPanel, Precision::kFloat32);
}
BENCHMARK(BM_PassCones)->Arg(32)->Apply(BestOfRepetitions);

// All points of a block, of which the given number of queries want every panel.
void BM_KeepPoints(benchmark::State& state) {
  const auto rank = static_cast<int>(state.range(0));
  const auto panels = static_cast<int>(state.range(1));
  const auto queries = static_cast<int>(state.range(2));
  const FilterProblem problem(rank, panels);
  const PointPanels points = {problem.w.data(),     rank,
                              /*head=*/rank,        problem.zeros.data(),
                              problem.zeros.data(), problem.gaps.data(),
                              problem.rows.data()};
  std::vector<int32_t> masks(kPanel, 0);
  std::fill_n(masks.begin(), queries, 0xffff);
  const std::vector<int32_t> min_row(kPanel, 0), row_limit(kPanel, kNoRow),
      self(kPanel, -1);
  std::vector<float> upper(2 * kPanel), lower(upper.size());
  std::vector<int32_t> row(upper.size());
  std::vector<KeptList> kept(
      kPanel, KeptList{upper.data(), lower.data(), row.data(), 0, 0});
  for (auto _ : state) {
    for (int first = 0; first < panels; first += kPanel) {
      problem.filter.keep_points(problem.queries(), points, first, kPanel,
                                 masks.data(), min_row.data(), row_limit.data(),
                                 self.data(), kept.data());
    }
    benchmark::ClobberMemory();
  }
  ReportArithmetic(state, 2.0 * rank * kPanel * panels * queries,
                   Precision::kFloat32);
}
BENCHMARK(BM_KeepPoints)
    ->Args({32, 16, 1})  // a block, 32 KiB
    ->Args({32, 16, 4})
    ->Args({32, 16, 16})
    ->Args({32, 128, 16})  // eight blocks, in the second cache
    ->Apply(BestOfRepetitions);

}  // namespace
}  // namespace rct

BENCHMARK_MAIN();
