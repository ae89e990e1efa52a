#include "traversal/exhaustive/exhaustive.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/euclidean_distance.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "metric/simd_routines.h"
#include "metric/test_data.h"
#include "metric/tile.h"
#include "traversal/allocation_counter.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

// Pair by pair, and sorted.
template <class Metric>
NeighborTable Naive(const Metric& metric, const typename Metric::Points& from,
                    absl::Span<const int64_t> rows,
                    const SearchOptions& options) {
  const bool own = &from == &metric.data();
  TileWorkspace tiles(metric.dim(), 1, 1);
  NeighborTable table(static_cast<int64_t>(rows.size()), options.k);
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto query = static_cast<int32_t>(rows[i]);
    std::vector<std::pair<double, int64_t>> found;
    for (int32_t j = 0; j < metric.size(); ++j) {
      if (own && options.predecessor && j >= query) continue;
      if (own && options.exclude_self && j == query) continue;
      double squared[8];
      metric.SquaredDistances(from, absl::MakeConstSpan(&query, 1),
                              Candidates::Range(j, 1), squared, 8, tiles);
      found.emplace_back(FinalDistance(squared[0]), j);
    }
    std::sort(found.begin(), found.end());
    const auto k = static_cast<size_t>(options.k);
    for (size_t j = 0; j < found.size() && j < k; ++j) {
      table.distances()(i, j) = found[j].first;
      table.rows()(i, j) = found[j].second;
    }
  }
  return table;
}

std::vector<int64_t> AllRows(int64_t n) {
  std::vector<int64_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

template <class Metric>
void ExpectNaive(const std::shared_ptr<const Metric>& metric,
                 absl::Span<const int64_t> rows, SearchOptions options,
                 const std::vector<int64_t>& ks) {
  const ExhaustiveSearcher<Metric> searcher(metric);
  options.k = *std::max_element(ks.begin(), ks.end());
  const NeighborTable naive = Naive(*metric, metric->data(), rows, options);
  for (const int64_t k : ks) {
    options.k = k;
    const std::string expected = naive.First(k).Digest();
    std::string counters;
    for (const int threads : {1, 2, 7}) {
      if (threads > 1 && k != ks[0]) break;
      options.threads = threads;
      const SearchResult result = searcher.SearchRows(rows, options);
      EXPECT_EQ(result.neighbors.Digest(), expected)
          << metric->size() << " points, " << rows.size()
          << " queries, k = " << k << ", " << threads << " threads";
      if (threads == 1) counters = result.counters.SerializeAsString();
      EXPECT_EQ(result.counters.SerializeAsString(), counters);
    }
  }
}

class ExhaustiveTest : public testing::TestWithParam<std::string> {};

TEST_P(ExhaustiveTest, IsTheNaiveDoubleLoop) {
  for (const int64_t dim : {1, 3}) {
    const Matrix<double> points = MakePoints(GetParam(), 150, dim, 1);
    const auto residual =
        MakeTestModel(points.view(), KernelConfig::MATERN52, 20).metric;
    const auto euclidean = std::make_shared<const EuclideanDistance>(
        EuclideanPoints{points.Clone()});
    for (const bool predecessor : {false, true}) {
      for (const bool exclude_self : {false, true}) {
        const SearchOptions options = {.exclude_self = exclude_self,
                                       .predecessor = predecessor};
        const std::vector<int64_t> ks = {10, 1, 150, 200};
        ExpectNaive(residual, AllRows(150), options, ks);
        ExpectNaive(euclidean, AllRows(150), options, ks);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(PointSets, ExhaustiveTest,
                         testing::ValuesIn(AdversarialNames()),
                         [](const auto& info) { return info.param; });

// Queries are taken 16 to 128 at a time, by their number and that of inducing
// points; candidates 120 at a time; vectors hold 8.
TEST(ExhaustiveBlocksTest, AnySize) {
  for (const int64_t n : {1, 2, 7, 8, 9, 119, 120, 121, 239, 240, 241, 250}) {
    const Matrix<double> points = MakePoints("pairs", n, 2, 1);
    const auto metric =
        MakeTestModel(points.view(), KernelConfig::RBF, 10).metric;
    for (const int64_t num_queries : {1, 2, 63, 64, 65, 127, 128, 129, 257}) {
      RandomStream random(n, num_queries);
      std::vector<int64_t> rows(num_queries);  // in any order, and repeated
      for (int64_t& row : rows) row = random.UniformBelow(n);
      ExpectNaive(metric, rows, {}, {5});
      ExpectNaive(metric, rows, {.predecessor = true}, {5});
    }
  }
}

TEST(ExhaustiveBlocksTest, NoPoints) {
  const Matrix<double> points(0, 3);
  const TestModel model = MakeTestModel(points.view(), KernelConfig::RBF, 1);
  const ExhaustiveSearcher<ResidualCorrelation> searcher(model.metric);
  const ResidualPoints queries =
      *model.factor->Project(MakePoints("normal", 70, 3, 1).view(), 1);
  const SearchResult result = searcher.SearchPoints(queries, {.k = 2});
  EXPECT_EQ(result.neighbors.Digest(), NeighborTable(70, 2).Digest());
  EXPECT_EQ(result.counters.distance_evaluations(), 0);
  EXPECT_EQ(searcher.SearchRows({}, {.k = 2}).neighbors.num_queries(), 0);
}

TEST(ExhaustiveBlocksTest, NewPoints) {
  for (const int64_t num_queries : {0, 1, 63, 64, 65, 130}) {
    const Matrix<double> points = MakePoints("normal", 130, 3, 1);
    const TestModel model =
        MakeTestModel(points.view(), KernelConfig::MATERN32, 15);
    const ExhaustiveSearcher<ResidualCorrelation> searcher(model.metric);
    const ResidualPoints queries = *model.factor->Project(
        MakePoints("normal", num_queries, 3, 2).view(), 1);
    for (const int64_t k : {1, 10, 130, 140}) {
      const NeighborTable expected =
          Naive(*model.metric, queries, AllRows(num_queries), {.k = k});
      for (const int threads : {1, 2, 7}) {
        EXPECT_EQ(searcher.SearchPoints(queries, {.k = k, .threads = threads})
                      .neighbors.Digest(),
                  expected.Digest());
      }
    }
  }
}

TEST(ExhaustiveBlocksTest, BatchEqualsSingle) {
  const Matrix<double> points = MakePoints("clusters", 200, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 30).metric;
  const ExhaustiveSearcher<ResidualCorrelation> searcher(metric);
  const NeighborTable all =
      searcher.SearchRows(AllRows(200), {.k = 9}).neighbors;
  for (int64_t row = 0; row < 200; ++row) {
    const NeighborTable one =
        searcher.SearchRows(absl::MakeConstSpan(&row, 1), {.k = 9}).neighbors;
    for (int64_t j = 0; j < 9; ++j) {
      ASSERT_EQ(one.rows()(0, j), all.rows()(row, j));
      ASSERT_EQ(one.distances()(0, j), all.distances()(row, j));
    }
  }
}

TEST(ExhaustiveCountersTest, EveryPair) {
  const Matrix<double> points = MakePoints("normal", 200, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 10).metric;
  const ExhaustiveSearcher<ResidualCorrelation> searcher(metric);
  const SearchCounters counters =
      searcher.SearchRows(AllRows(130), {.k = 5}).counters;
  EXPECT_EQ(counters.distance_evaluations(), 130 * 200);
  EXPECT_EQ(counters.predecessor_filtered(), 0);
  EXPECT_EQ(counters.segments_expanded(), 0);
  EXPECT_EQ(counters.prunes_lower_bound(), 0);
}

// Smaller batches of queries.
TEST(ExhaustiveBlocksTest, ManyInducingPoints) {
  const Matrix<double> points = MakePoints("normal", 700, 3, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::MATERN12, 700).metric;
  for (const int64_t num_queries : {91, 92, 93, 185}) {
    ExpectNaive(metric, AllRows(num_queries), {}, {5});
    ExpectNaive(metric, AllRows(num_queries), {.predecessor = true}, {5});
  }
}

// A batch of queries meets the candidates before the last of its rows; those
// that a query may not have are filtered, as far as they are near enough to
// enter.
TEST(ExhaustiveCountersTest, Predecessors) {
  constexpr int64_t kRows = 200;
  const Matrix<double> points = MakePoints("normal", kRows, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 10).metric;
  const ExhaustiveSearcher<ResidualCorrelation> searcher(metric);
  const SearchCounters all =
      searcher.SearchRows(AllRows(kRows), {.k = kRows, .predecessor = true})
          .counters;
  const int64_t pairs = kRows * (kRows - 1) / 2;
  EXPECT_GE(all.distance_evaluations(), pairs);
  EXPECT_LT(all.distance_evaluations(), kRows * kRows);
  EXPECT_EQ(all.predecessor_filtered(), all.distance_evaluations() - pairs);
  const SearchCounters near =
      searcher.SearchRows(AllRows(kRows), {.k = 3, .predecessor = true})
          .counters;
  EXPECT_EQ(near.distance_evaluations(), all.distance_evaluations());
  EXPECT_LT(near.predecessor_filtered(), all.predecessor_filtered());
}

// What is allocated is for the call and its thread.
TEST(ExhaustiveAllocationTest, NoneForAQuery) {
  const Matrix<double> points = MakePoints("normal", 500, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 10).metric;
  const ExhaustiveSearcher<ResidualCorrelation> searcher(metric);
  const auto allocations = [&](int64_t num_queries) {
    std::vector<int64_t> queries(num_queries);
    for (int64_t i = 0; i < num_queries; ++i) queries[i] = i % 500;
    const int64_t before = AllocationCount();
    const SearchResult result = searcher.SearchRows(queries, {.k = 10});
    return AllocationCount() - before;
  };
  // Both in whole blocks.
  EXPECT_EQ(allocations(5120), allocations(512));
}

TEST(ExhaustiveSimdTest, AnyInstructionSet) {
  for (const char* name : {"normal", "clusters", "scales"}) {
    const Matrix<double> points = MakePoints(name, 150, 3, 1);
    for (const auto family : {KernelConfig::RBF, KernelConfig::MATERN12}) {
      std::string expected;
      for (const Isa isa : AvailableIsas()) {
        const auto metric =
            MakeTestModel(points.view(), family, 25, *SimdRoutinesFor(isa))
                .metric;
        const std::string digest =
            ExhaustiveSearcher<ResidualCorrelation>(metric)
                .SearchRows(AllRows(150), {.k = 20})
                .neighbors.Digest();
        if (expected.empty()) expected = digest;
        EXPECT_EQ(digest, expected) << name << ", " << IsaName(isa);
      }
    }
  }
}

}  // namespace
}  // namespace rct
