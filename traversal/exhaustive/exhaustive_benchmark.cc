// Exhaustive search against a dense float64 product through OpenBLAS.
//
// Both do the whole job on the same factors: 32,768 points, m = 512, 1,024
// queries, k = 50, kernel and selection included. They take turns within each
// iteration, so that a drifting machine meets both alike, and both get the same
// threads. The floor is 2 n m operations a query at the machine's peak.
//
// The dense side: panels of candidates are multiplied with all queries of a
// block by dgemm, each thread for itself; then rows go through the same kernel
// and selection routines as ours. OpenBLAS 0.3.21 knows no processor newer than
// SKYLAKEX, and takes slow kernels unless told so: OPENBLAS_CORETYPE is set
// where the machine has AVX-512 and the caller has not chosen.

#include <cblas.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/check.h"
#include "base/matrix.h"
#include "base/parallel.h"
#include "base/point_sets.h"
#include "base/random.h"
#include "benchmark/benchmark.h"
#include "metric/metric.pb.h"
#include "metric/point_lanes.h"
#include "metric/residual_correlation.h"
#include "metric/simd_routines.h"
#include "metric/test_data.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

constexpr int64_t kPoints = 32768;
constexpr int64_t kInducing = 512;
constexpr int64_t kQueries = 1024;
constexpr int64_t kNeighbors = 50;

struct Problem {
  std::shared_ptr<const ResidualCorrelation> metric;
  std::vector<int64_t> rows;
};

const Problem& GoldSized() {
  static const Problem& problem = *[] {
    const Matrix<double> points =
        MakePointSet(PointSet::kNormal, kPoints, 3, /*seed=*/42);
    auto* result = new Problem;
    result->metric =
        MakeTestModel(points.view(), KernelConfig::RBF, kInducing).metric;
    RandomStream stream(7, 0);
    for (int64_t i = 0; i < kQueries; ++i) {
      result->rows.push_back(
          static_cast<int64_t>(stream.UniformBelow(kPoints)));
    }
    return result;
  }();
  return problem;
}

// Dense product, kernel and selection.
class DenseSearcher {
 public:
  DenseSearcher(const ResidualCorrelation& metric, int threads)
      : metric_(metric),
        lanes_(metric.data().points.view()),
        packed_(metric.size(), kInducing),
        threads_(threads) {
    for (int64_t i = 0; i < metric.size(); ++i) {
      std::copy_n(metric.data().v.row(i), kInducing, packed_.row(i));
    }
    openblas_set_num_threads(1);
  }

  NeighborTable Search(const std::vector<int64_t>& rows) const {
    constexpr int64_t kBatch = 512;
    constexpr int64_t kPanel = 1024;
    const auto n = static_cast<int64_t>(rows.size());
    NeighborTable table(n, kNeighbors);
    const SimdRoutines& simd = metric_.simd();
    const KernelSpec spec = metric_.kernel().spec();
    const ResidualPoints& data = metric_.data();
    ParallelFor(threads_, (n + kBatch - 1) / kBatch, [&](int64_t task, int) {
      const int64_t first = task * kBatch;
      const int64_t count = std::min(kBatch, n - first);
      Matrix<double> queries(count, kInducing);
      Matrix<double> product(count, kPanel);
      std::vector<int32_t> hits(kPanel + 8);
      std::vector<KnnHeap> heaps(count);
      for (int64_t i = 0; i < count; ++i) {
        std::copy_n(packed_.row(rows[first + i]), kInducing, queries.row(i));
        heaps[i].Reset(kNeighbors);
      }
      for (int64_t c = 0; c < data.size(); c += kPanel) {
        const int64_t width = std::min(kPanel, data.size() - c);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans,
                    static_cast<int>(count), static_cast<int>(width), kInducing,
                    1.0, queries.data(), kInducing, packed_.row(c), kInducing,
                    0.0, product.data(), kPanel);
        for (int64_t i = 0; i < count; ++i) {
          const int64_t row = rows[first + i];
          double* t = product.row(i);
          simd.residual_row(spec, data.points.row(row), data.inverse_sqrt[row],
                            lanes_.From(c), data.inverse_sqrt.data() + c, t,
                            width, t);
          if (row >= c && row < c + width) t[row - c] = kSelf;
          const int found = simd.select_at_most(
              t, static_cast<int>(width), heaps[i].threshold(), hits.data());
          for (int h = 0; h < found; ++h) {
            if (t[hits[h]] <= heaps[i].threshold()) {
              heaps[i].Offer(t[hits[h]], c + hits[h]);
            }
          }
        }
      }
      for (int64_t i = 0; i < count; ++i) heaps[i].MoveTo(table, first + i);
    });
    return table;
  }

 private:
  const ResidualCorrelation& metric_;
  PointLanes lanes_;
  Matrix<double> packed_;
  int threads_;
};

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

void BM_ExhaustiveAgainstOpenBlas(benchmark::State& state) {
  const Problem& problem = GoldSized();
  const int threads = static_cast<int>(state.range(0));
  const ExhaustiveSearcher<ResidualCorrelation> ours(problem.metric);
  const DenseSearcher dense(*problem.metric, threads);
  double ours_seconds = 0;
  double dense_seconds = 0;
  for (auto _ : state) {
    auto start = std::chrono::steady_clock::now();
    const SearchResult result =
        ours.SearchRows(problem.rows, {.k = kNeighbors, .threads = threads});
    ours_seconds += SecondsSince(start);
    start = std::chrono::steady_clock::now();
    const NeighborTable table = dense.Search(problem.rows);
    dense_seconds += SecondsSince(start);
    // Another order of summation moves distances by up to 1e-7.
    for (int64_t i = 0; i < kQueries; ++i) {
      for (int64_t j = 0; j < kNeighbors; ++j) {
        RCT_CHECK(std::abs(table.distances()(i, j) -
                           result.neighbors.distances()(i, j)) < 1e-6);
      }
    }
  }
  const double queries =
      static_cast<double>(kQueries) * static_cast<double>(state.iterations());
  state.counters["ours_queries_per_s"] = queries / ours_seconds;
  state.counters["openblas_queries_per_s"] = queries / dense_seconds;
  state.counters["ours_over_openblas"] = dense_seconds / ours_seconds;
  state.counters["ours_gflops"] =
      2e-9 * queries * kPoints * kInducing / ours_seconds;
}

BENCHMARK(BM_ExhaustiveAgainstOpenBlas)
    ->ArgName("threads")
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(1)
    ->Repetitions(9);

}  // namespace
}  // namespace rct

int main(int argc, char** argv) {
  // OpenBLAS reads its environment before main: set it and start again.
  if (rct::BestSimdRoutines().isa == rct::Isa::kAvx512 &&
      std::getenv("OPENBLAS_CORETYPE") == nullptr) {
    setenv("OPENBLAS_CORETYPE", "SKYLAKEX", /*overwrite=*/1);
    execv("/proc/self/exe", argv);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
