// Compares EuclideanIndex with nanoflann's k-d tree.
//
// Both build over the same 100,000 points and find the 10 nearest neighbors of
// every one of them (itself among them), on the same threads. They take turns
// within each iteration, so that drift of the machine affects both alike; build
// and search are timed apart. The k-d tree is built on one thread, because this
// version of nanoflann has no other way; its queries are split into blocks.
//
// Distances must agree to a relative 1e-14: ours are sums of fused products,
// the k-d tree's are not.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nanoflann.hpp>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "base/matrix.h"
#include "base/parallel.h"
#include "base/point_sets.h"
#include "benchmark/benchmark.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

constexpr int64_t kPoints = 100'000;
constexpr int64_t kNeighbors = 10;
constexpr Strategy kDefault = STRATEGY_UNSPECIFIED;

// Points with the interface that nanoflann expects.
struct Cloud {
  MatrixView<const double> points;

  // NOLINTBEGIN(readability-identifier-naming): nanoflann's names.
  size_t kdtree_get_point_count() const {
    return static_cast<size_t>(points.rows);
  }
  double kdtree_get_pt(size_t row, size_t column) const {
    return points(static_cast<int64_t>(row), static_cast<int64_t>(column));
  }
  template <class Box>
  bool kdtree_get_bbox(Box&) const {
    return false;
  }
  // NOLINTEND(readability-identifier-naming)
};

// A k-d tree whose number of dimensions is known at compile time, as nanoflann
// recommends for speed.
template <int kDim>
class KdTree {
 public:
  explicit KdTree(MatrixView<const double> points)
      : cloud_{points}, tree_(kDim, cloud_, {/*leaf_max_size=*/10}) {}

  NeighborTable Search(MatrixView<const double> queries, int threads) const {
    constexpr int64_t kBatch = 1024;
    NeighborTable table(queries.rows, kNeighbors);
    ParallelFor(
        threads, (queries.rows + kBatch - 1) / kBatch, [&](int64_t batch, int) {
          const int64_t end = std::min((batch + 1) * kBatch, queries.rows);
          for (int64_t i = batch * kBatch; i < end; ++i) {
            SearchOne(queries.row(i), i, table);
          }
        });
    return table;
  }

 private:
  using Distance =
      nanoflann::L2_Simple_Adaptor<double, Cloud, double, uint32_t>;

  void SearchOne(const double* query, int64_t i, NeighborTable& table) const {
    uint32_t rows[kNeighbors];
    double squared[kNeighbors];
    nanoflann::KNNResultSet<double, uint32_t> found(kNeighbors);
    found.init(rows, squared);
    tree_.findNeighbors(found, query, nanoflann::SearchParams());
    for (int64_t j = 0; j < kNeighbors; ++j) {
      table.rows()(i, j) = rows[j];
      table.distances()(i, j) = std::sqrt(squared[j]);
    }
  }

  Cloud cloud_;
  nanoflann::KDTreeSingleIndexAdaptor<Distance, Cloud, kDim, uint32_t> tree_;
};

// Returns the result of `work` and adds the seconds that it takes to `sum`.
template <class Work>
auto Timed(double& sum, Work work) {
  const auto start = std::chrono::steady_clock::now();
  auto result = work();
  sum += std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
             .count();
  return result;
}

struct Seconds {
  double build = 0;
  double search = 0;
};

template <int kDim>
void AgainstNanoflann(benchmark::State& state, PointSet set,
                      Strategy strategy) {
  const int threads = static_cast<int>(state.range(0));
  const Matrix<double> owned = MakePointSet(set, kPoints, kDim, /*seed=*/42);
  const MatrixView<const double> points = owned.view();
  std::vector<int64_t> rows(kPoints);
  std::iota(rows.begin(), rows.end(), 0);
  EuclideanIndexOptions options;
  options.set_threads(threads);
  if (strategy != kDefault) options.set_strategy(strategy);
  Seconds ours, theirs;
  for (auto _ : state) {
    const auto tree = Timed(theirs.build, [&] {
      return std::make_unique<const KdTree<kDim>>(points);
    });
    const EuclideanIndex index = Timed(
        ours.build, [&] { return *EuclideanIndex::Build(points, options); });
    const NeighborTable expected =
        Timed(theirs.search, [&] { return tree->Search(points, threads); });
    const SearchResult result = Timed(ours.search, [&] {
      return *index.Search(rows, {.k = kNeighbors, .threads = threads});
    });
    for (int64_t i = 0; i < kPoints; ++i) {
      for (int64_t j = 0; j < kNeighbors; ++j) {
        const double distance = result.neighbors.distances()(i, j);
        RCT_CHECK(std::abs(distance - expected.distances()(i, j)) <=
                  1e-14 * distance);
      }
    }
    state.counters["evaluations_per_query"] =
        static_cast<double>(result.counters.distance_evaluations()) / kPoints;
  }
  const auto rounds = static_cast<double>(state.iterations());
  state.counters["ours_build_s"] = ours.build / rounds;
  state.counters["nanoflann_build_s"] = theirs.build / rounds;
  state.counters["ours_search_s"] = ours.search / rounds;
  state.counters["nanoflann_search_s"] = theirs.search / rounds;
  state.counters["build_ours_over_nanoflann"] = theirs.build / ours.build;
  state.counters["search_ours_over_nanoflann"] = theirs.search / ours.search;
}

// Registers a benchmark on one thread and on two.
template <int kDim>
void Register(const char* name, PointSet set, Strategy strategy = kDefault) {
  benchmark::RegisterBenchmark(name,
                               [set, strategy](benchmark::State& state) {
                                 AgainstNanoflann<kDim>(state, set, strategy);
                               })
      ->ArgName("threads")
      ->Arg(1)
      ->Arg(2)
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime()
      ->Iterations(1)
      ->Repetitions(5);
}

}  // namespace
}  // namespace rct

int main(int argc, char** argv) {
  using rct::PointSet;
  rct::Register<2>("d2/cube", PointSet::kUniformCube);
  rct::Register<2>("d2/normal", PointSet::kNormal);
  rct::Register<3>("d3/cube", PointSet::kUniformCube);
  rct::Register<3>("d3/normal", PointSet::kNormal);
  rct::Register<8>("d8/cube", PointSet::kUniformCube);
  rct::Register<8>("d8/normal", PointSet::kNormal);
  rct::Register<3>("d3/normal/best_first", PointSet::kNormal, rct::BEST_FIRST);
  rct::Register<2>("d2/cube/block", PointSet::kUniformCube, rct::BLOCK);
  rct::Register<2>("d2/normal/block", PointSet::kNormal, rct::BLOCK);
  rct::Register<3>("d3/cube/block", PointSet::kUniformCube, rct::BLOCK);
  rct::Register<3>("d3/normal/block", PointSet::kNormal, rct::BLOCK);
  rct::Register<8>("d8/cube/block", PointSet::kUniformCube, rct::BLOCK);
  rct::Register<8>("d8/normal/block", PointSet::kNormal, rct::BLOCK);
  rct::Register<8>("d8/normal/exhaustive", PointSet::kNormal, rct::EXHAUSTIVE);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
