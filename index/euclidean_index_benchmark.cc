// Compares the search of near points with nanoflann's k-d tree: under Euclidean
// distance and, for the same neighbors, under correlation without inducing
// points.
//
// Both build over the same 100,000 points and find the 10 nearest neighbors of
// every one of them (itself among them), on the same threads. They take turns
// within each iteration, so that drift of the machine affects both alike; build
// and search are timed apart. The k-d tree is built on one thread, because this
// version of nanoflann has no other way; its queries are split into blocks.
//
// Under the predecessor constraint a k-d tree has no answer. Its users search
// again and again, each time for four times as many neighbors, until k of them
// come before the query (as GpGp does), and so does this benchmark; the first
// rows it compares with all earlier ones.
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
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/matrix.h"
#include "base/parallel.h"
#include "base/point_sets.h"
#include "benchmark/benchmark.h"
#include "index/index.h"
#include "index/index.pb.h"
#include "metric/metric.pb.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

constexpr int64_t kPoints = 100'000;
constexpr int64_t kNeighbors = 10;

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

  // Returns the nearest to each row or, with `predecessor`, the nearest among
  // the rows before it.
  NeighborTable Search(MatrixView<const double> queries, bool predecessor,
                       int threads) const {
    constexpr int64_t kBatch = 1024;
    NeighborTable table(queries.rows, kNeighbors);
    ParallelFor(
        threads, (queries.rows + kBatch - 1) / kBatch, [&](int64_t batch, int) {
          const int64_t end = std::min((batch + 1) * kBatch, queries.rows);
          for (int64_t i = batch * kBatch; i < end; ++i) {
            if (predecessor) {
              SearchEarlier(queries.row(i), i, table);
            } else {
              SearchOne(queries.row(i), i, table);
            }
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

  void SearchEarlier(const double* query, int64_t i,
                     NeighborTable& table) const {
    std::vector<uint32_t> rows;
    std::vector<double> squared;
    for (int64_t k = 2 * kNeighbors; k < i; k *= 4) {
      rows.resize(k);
      squared.resize(k);
      nanoflann::KNNResultSet<double, uint32_t> found(k);
      found.init(rows.data(), squared.data());
      tree_.findNeighbors(found, query, nanoflann::SearchParams());
      int64_t earlier = 0;
      for (int64_t j = 0; j < k && earlier < kNeighbors; ++j) {
        if (rows[j] >= i) continue;
        table.rows()(i, earlier) = rows[j];
        table.distances()(i, earlier++) = std::sqrt(squared[j]);
      }
      if (earlier == kNeighbors) return;
    }
    SearchAllEarlier(query, i, table);
  }

  void SearchAllEarlier(const double* query, int64_t i,
                        NeighborTable& table) const {
    std::vector<std::pair<double, int64_t>> all(i);
    for (int64_t j = 0; j < i; ++j) {
      double squared = 0;
      for (int t = 0; t < kDim; ++t) {
        const double difference = query[t] - cloud_.points(j, t);
        squared += difference * difference;
      }
      all[j] = {squared, j};
    }
    const int64_t count = std::min(i, kNeighbors);
    std::partial_sort(all.begin(), all.begin() + count, all.end());
    for (int64_t j = 0; j < count; ++j) {
      table.rows()(i, j) = all[j].second;
      table.distances()(i, j) = std::sqrt(all[j].first);
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

// What is compared.
struct Case {
  PointSet set;
  Strategy strategy = STRATEGY_UNSPECIFIED;  // the default
  bool predecessor = false;
  bool correlation = false;
};

MetricConfig MetricOf(const Case& c) {
  MetricConfig metric;
  if (c.correlation) {
    metric.mutable_correlation()->set_family(KernelConfig::MATERN12);
  } else {
    metric.mutable_euclidean();
  }
  return metric;
}

// Expects the same distances; a correlation is that of exp(-distance).
void CheckSame(const NeighborTable& ours, const NeighborTable& theirs,
               const Case& c) {
  for (int64_t i = 0; i < kPoints; ++i) {
    for (int64_t j = 0; j < ours.count(i); ++j) {
      const double d = ours.distances()(i, j);
      const double distance = c.correlation ? -std::log1p(-d * d) : d;
      RCT_CHECK(std::abs(distance - theirs.distances()(i, j)) <=
                (c.correlation ? 1e-12 : 1e-14 * distance));
    }
  }
}

template <int kDim>
void AgainstNanoflann(benchmark::State& state, const Case& c) {
  const int threads = static_cast<int>(state.range(0));
  const Matrix<double> owned = MakePointSet(c.set, kPoints, kDim, /*seed=*/42);
  const MatrixView<const double> points = owned.view();
  std::vector<int64_t> rows(kPoints);
  std::iota(rows.begin(), rows.end(), 0);
  IndexOptions options;
  options.set_threads(threads);
  if (c.strategy != STRATEGY_UNSPECIFIED) options.set_strategy(c.strategy);
  Seconds ours, theirs;
  for (auto _ : state) {
    const auto tree = Timed(theirs.build, [&] {
      return std::make_unique<const KdTree<kDim>>(points);
    });
    const Index index = Timed(ours.build, [&] {
      return *Index::Build(points, MetricOf(c), options);
    });
    const NeighborTable expected = Timed(theirs.search, [&] {
      return tree->Search(points, c.predecessor, threads);
    });
    const SearchResult result = Timed(ours.search, [&] {
      return *index.Search(
          rows,
          {.k = kNeighbors, .predecessor = c.predecessor, .threads = threads});
    });
    CheckSame(result.neighbors, expected, c);
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
void Register(const std::string& name, const Case& c) {
  benchmark::RegisterBenchmark(
      name.c_str(),
      [c](benchmark::State& state) { AgainstNanoflann<kDim>(state, c); })
      ->ArgName("threads")
      ->Arg(1)
      ->Arg(2)
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime()
      ->Iterations(1)
      ->Repetitions(5);
}

template <int kDim>
void RegisterLowDimension(const std::string& name, PointSet set) {
  Register<kDim>(name, {.set = set});
  Register<kDim>(name + "/predecessor", {.set = set, .predecessor = true});
  Register<kDim>(name + "/correlation", {.set = set, .correlation = true});
}

}  // namespace
}  // namespace rct

int main(int argc, char** argv) {
  using rct::PointSet;
  rct::RegisterLowDimension<2>("d2/cube", PointSet::kUniformCube);
  rct::RegisterLowDimension<2>("d2/normal", PointSet::kNormal);
  rct::RegisterLowDimension<3>("d3/cube", PointSet::kUniformCube);
  rct::RegisterLowDimension<3>("d3/normal", PointSet::kNormal);
  rct::Register<8>("d8/cube", {.set = PointSet::kUniformCube});
  rct::Register<8>("d8/normal", {.set = PointSet::kNormal});
  for (const rct::Strategy strategy :
       {rct::EXHAUSTIVE, rct::LEVEL_SYNCHRONOUS, rct::BEST_FIRST}) {
    rct::Register<3>("d3/normal/" + Strategy_Name(strategy),
                     {.set = PointSet::kNormal, .strategy = strategy});
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
