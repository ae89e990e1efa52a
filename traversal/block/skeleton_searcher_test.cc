#include "traversal/block/skeleton_searcher.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "base/matrix.h"
#include "base/point_sets.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "metric/test_data.h"
#include "traversal/allocation_counter.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_bounds.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

using Exhaustive = ExhaustiveSearcher<ResidualCorrelation>;

std::vector<int64_t> AllRows(int64_t n) {
  std::vector<int64_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::vector<int32_t> AllRows32(int64_t n) {
  std::vector<int32_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

SkeletonBoundConfig Config(SkeletonBoundConfig::Form form,
                           int block_size = 32) {
  SkeletonBoundConfig config;
  config.set_form(form);
  config.set_block_size(block_size);
  return config;
}

// Those that dismiss something, in all their variants.
std::vector<SkeletonBoundConfig> Variants() {
  std::vector<SkeletonBoundConfig> variants = {
      Config(SkeletonBoundConfig::TABLES),
      Config(SkeletonBoundConfig::PROJECTIONS)};
  for (const bool sub_blocks : {false, true}) {
    variants.push_back(Config(SkeletonBoundConfig::TABLES, 128));
    variants.back().set_sub_blocks(sub_blocks);
    variants.back().set_norm_table(!sub_blocks);
    variants.back().set_rms_residual(0.2);
    variants.back().set_group_by_row(!sub_blocks);
    variants.push_back(Config(SkeletonBoundConfig::PROJECTIONS, 64));
    variants.back().set_sub_blocks(sub_blocks);
    variants.back().set_group_by_row(sub_blocks);
  }
  return variants;
}

std::unique_ptr<const SkeletonSearcher> MakeSearcher(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const SkeletonBoundConfig& config, const SlackScale& scale = {}) {
  return SkeletonSearcher::Create(metric, config, 2, scale).value();
}

class SkeletonSearcherTest : public testing::TestWithParam<std::string> {};

TEST_P(SkeletonSearcherTest, IsExhaustiveSearch) {
  const int64_t n = 600;
  const Matrix<double> points = MakePoints(GetParam(), n, 2, 1);
  for (const auto family : {KernelConfig::RBF, KernelConfig::MATERN52}) {
    const auto metric = MakeTestModel(points.view(), family, 40).metric;
    const Exhaustive exhaustive(metric);
    std::vector<std::unique_ptr<const SkeletonSearcher>> searchers;
    for (const SkeletonBoundConfig& config : Variants()) {
      searchers.push_back(MakeSearcher(metric, config));
    }
    for (const bool predecessor : {false, true}) {
      for (const bool exclude_self : {false, true}) {
        const SearchOptions options = {
            .k = 10, .exclude_self = exclude_self, .predecessor = predecessor};
        const std::string expected =
            exhaustive.SearchRows(AllRows(n), options).neighbors.Digest();
        for (size_t i = 0; i < searchers.size(); ++i) {
          EXPECT_EQ(
              searchers[i]->SearchRows(AllRows(n), options).neighbors.Digest(),
              expected)
              << Variants()[i].ShortDebugString() << predecessor;
        }
      }
    }
  }
}

// What a form needs and does not fit is left out, step by step.
TEST(SkeletonSearcherMemoryTest, LeavesOutWhatDoesNotFit) {
  const Matrix<double> points = MakePoints("normal", 600, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 40).metric;
  const std::string expected =
      Exhaustive(metric).SearchRows(AllRows(600), {.k = 5}).neighbors.Digest();
  const auto form_within = [&](SkeletonBoundConfig config, int64_t bytes) {
    config.set_memory_bytes(bytes);
    const auto searcher = MakeSearcher(metric, config);
    EXPECT_EQ(searcher->SearchRows(AllRows(600), {.k = 5}).neighbors.Digest(),
              expected);
    return searcher->lazy().form();
  };
  const int64_t skeletons =
      MakeSearcher(metric, Config(SkeletonBoundConfig::PROJECTIONS))
          ->lazy()
          .skeletons()
          ->bytes();
  const SkeletonBoundConfig tables = Config(SkeletonBoundConfig::TABLES);
  EXPECT_EQ(form_within(tables, int64_t{1} << 30), SkeletonBoundConfig::TABLES);
  EXPECT_EQ(form_within(tables, skeletons), SkeletonBoundConfig::PROJECTIONS);
  EXPECT_EQ(form_within(tables, skeletons - 1), SkeletonBoundConfig::DENSE);
  const SkeletonBoundConfig projections =
      Config(SkeletonBoundConfig::PROJECTIONS);
  EXPECT_EQ(form_within(projections, skeletons),
            SkeletonBoundConfig::PROJECTIONS);
  EXPECT_EQ(form_within(projections, 1), SkeletonBoundConfig::DENSE);
}

// Rows in the order of space: the block of a query's own neighbors has few rows
// before it, down to a single one.
TEST(SkeletonSearcherPredecessorTest, OneRowOfABlockIsEnough) {
  constexpr int64_t n = 2300;
  Matrix<double> points(n, 1);
  for (int64_t i = 0; i < n; ++i) points(i, 0) = 0.01 * static_cast<double>(i);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::MATERN32, 40).metric;
  std::vector<int64_t> rows(n - 2048);
  std::iota(rows.begin(), rows.end(), 2048);
  for (const SkeletonBoundConfig& config :
       {Config(SkeletonBoundConfig::TABLES),
        Config(SkeletonBoundConfig::PROJECTIONS)}) {
    for (const int64_t k : {1, 3}) {
      const SearchOptions options = {.k = k, .predecessor = true};
      EXPECT_EQ(
          MakeSearcher(metric, config)
              ->SearchRows(rows, options)
              .neighbors.Digest(),
          Exhaustive(metric).SearchRows(rows, options).neighbors.Digest());
    }
  }
}

// Rows late enough that their predecessors are filtered.
TEST(SkeletonSearcherPredecessorTest, IsExhaustiveSearch) {
  constexpr int64_t n = 4000;
  const Matrix<double> points = MakePoints("normal", n, 3, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 100).metric;
  std::vector<int64_t> rows;
  for (int64_t row = 1900; row < n; row += 7) rows.push_back(row);
  for (const auto form :
       {SkeletonBoundConfig::TABLES, SkeletonBoundConfig::PROJECTIONS}) {
    for (const int64_t k : {1, 30}) {
      const SearchOptions options = {.k = k, .predecessor = true};
      const SearchResult result =
          MakeSearcher(metric, Config(form, 64))->SearchRows(rows, options);
      EXPECT_EQ(
          result.neighbors.Digest(),
          Exhaustive(metric).SearchRows(rows, options).neighbors.Digest());
      EXPECT_GT(result.counters.predecessor_filtered(), 0);
      // Within a distance that occurs, of which theta knows from the start.
      SearchOptions within = options;
      within.radius = result.neighbors.distances()(0, k / 2);
      const SearchResult near =
          MakeSearcher(metric, Config(form, 64))->SearchRows(rows, within);
      EXPECT_EQ(near.neighbors.Digest(),
                Exhaustive(metric).SearchRows(rows, within).neighbors.Digest());
      EXPECT_LT(near.counters.points_screened(),
                result.counters.points_screened());
      // The nearest is allowed to nobody.
      bool allowed[n];
      std::fill_n(allowed, n, true);
      for (size_t i = 0; i < rows.size(); ++i) {
        allowed[result.neighbors.rows()(static_cast<int64_t>(i), 0)] = false;
      }
      SearchOptions some = options;
      some.allowed = allowed;
      const SearchResult others =
          MakeSearcher(metric, Config(form, 64))->SearchRows(rows, some);
      EXPECT_EQ(others.neighbors.Digest(),
                Exhaustive(metric).SearchRows(rows, some).neighbors.Digest());
      EXPECT_NE(others.neighbors.First(1).Digest(),
                result.neighbors.First(1).Digest());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(PointSets, SkeletonSearcherTest,
                         testing::ValuesIn(AdversarialNames()),
                         [](const auto& info) { return info.param; });

TEST(SkeletonSearcherSizesTest, AnyNumberOfPointsQueriesAndNeighbors) {
  for (const int64_t n : {1, 2, 15, 16, 17, 33, 600}) {
    const Matrix<double> points = MakePoints("normal", n, 3, 1);
    const auto metric =
        MakeTestModel(points.view(), KernelConfig::MATERN32, 30).metric;
    const Exhaustive exhaustive(metric);
    for (const SkeletonBoundConfig& config : Variants()) {
      const auto searcher = MakeSearcher(metric, config);
      for (const int64_t num_queries : {0, 1, 17, 300}) {
        RandomStream random(n, num_queries);
        std::vector<int64_t> rows(num_queries);  // in any order, and repeated
        for (int64_t& row : rows) row = random.UniformBelow(n);
        for (const int64_t k : {int64_t{1}, int64_t{40}, n, n + 3}) {
          for (const bool predecessor : {false, true}) {
            const SearchOptions options = {.k = k, .predecessor = predecessor};
            EXPECT_EQ(searcher->SearchRows(rows, options).neighbors.Digest(),
                      exhaustive.SearchRows(rows, options).neighbors.Digest());
          }
        }
      }
    }
  }
}

TEST(SkeletonSearcherSizesTest, NoPoints) {
  const Matrix<double> points(0, 3);
  const TestModel model = MakeTestModel(points.view(), KernelConfig::RBF, 1);
  const ResidualPoints queries =
      *model.factor->Project(MakePoints("normal", 7, 3, 1).view(), 1);
  for (const SkeletonBoundConfig& config : Variants()) {
    EXPECT_EQ(MakeSearcher(model.metric, config)
                  ->SearchPoints(queries, {.k = 2})
                  .neighbors.Digest(),
              NeighborTable(7, 2).Digest());
  }
}

TEST(SkeletonSearcherNewPointsTest, AreSearchedForExactly) {
  for (const char* name : {"normal", "clusters", "pairs", "outlier"}) {
    const Matrix<double> points = MakePoints(name, 900, 3, 1);
    const TestModel model =
        MakeTestModel(points.view(), KernelConfig::MATERN52, 60);
    const Exhaustive exhaustive(model.metric);
    for (const SkeletonBoundConfig& config : Variants()) {
      const auto searcher = MakeSearcher(model.metric, config);
      for (const int64_t count : {1, 20, 700}) {
        Matrix<double> queries = MakePoints(name, count, 3, 2);
        // Some are points of the data, but do not know it.
        for (int64_t i = 0; i < count; i += 5) {
          std::copy_n(points.row(i), 3, queries.row(i));
        }
        const ResidualPoints from = *model.factor->Project(queries.view(), 1);
        for (const int64_t k : {1, 15}) {
          EXPECT_EQ(searcher->SearchPoints(from, {.k = k}).neighbors.Digest(),
                    exhaustive.SearchPoints(from, {.k = k}).neighbors.Digest())
              << name << config.ShortDebugString();
        }
      }
    }
  }
}

// Points in no block are evaluated for all, and their own queries densely.
TEST(SkeletonSearcherLooseTest, IsExhaustiveSearch) {
  const int64_t n = 4000;
  const Matrix<double> points = MakePoints("normal", n, 1, 1);
  const auto proven =
      MakeTestModel(points.view(), KernelConfig::MATERN12, 30).metric;
  RoundingModel rounding = *proven->rounding();
  rounding.kernel_ulps = 1e8;
  const auto metric = std::make_shared<const ResidualCorrelation>(
      proven->kernel(), proven->data().Reordered(AllRows32(n)), rounding);
  for (const auto form :
       {SkeletonBoundConfig::TABLES, SkeletonBoundConfig::PROJECTIONS}) {
    const auto searcher = MakeSearcher(metric, Config(form, 64));
    ASSERT_EQ(searcher->lazy().form(), form);
    ASSERT_FALSE(searcher->lazy().skeletons()->loose_rows().empty());
    EXPECT_EQ(
        searcher->SearchRows(AllRows(n), {.k = 7}).neighbors.Digest(),
        Exhaustive(metric).SearchRows(AllRows(n), {.k = 7}).neighbors.Digest());
  }
}

TEST(SkeletonSearcherThreadsTest, ChangeNoAnswerAndNoCounter) {
  const Matrix<double> points = MakePoints("normal", 1000, 3, 1);
  const TestModel model = MakeTestModel(points.view(), KernelConfig::RBF, 50);
  const ResidualPoints from =
      *model.factor->Project(MakePoints("cube", 500, 3, 2).view(), 1);
  for (const SkeletonBoundConfig& config : Variants()) {
    std::set<std::string> answers, counters;
    for (const int threads : {1, 2, 7}) {
      const auto searcher =
          *SkeletonSearcher::Create(model.metric, config, threads);
      const SearchResult rows =
          searcher->SearchRows(AllRows(1000), {.k = 9, .threads = threads});
      const SearchResult others =
          searcher->SearchPoints(from, {.k = 9, .threads = threads});
      answers.insert(rows.neighbors.Digest() + others.neighbors.Digest());
      counters.insert(rows.counters.SerializeAsString() +
                      others.counters.SerializeAsString());
    }
    EXPECT_EQ(answers.size(), 1);
    EXPECT_EQ(counters.size(), 1);
  }
}

TEST(SkeletonSearcherSimdTest, AnyInstructionSet) {
  const Matrix<double> points = MakePoints("normal", 1000, 3, 1);
  for (const SkeletonBoundConfig& config : Variants()) {
    std::set<std::string> answers, counters;
    for (const Isa isa : AvailableIsas()) {
      const auto metric = MakeTestModel(points.view(), KernelConfig::RBF, 60,
                                        *SimdRoutinesFor(isa))
                              .metric;
      const SearchResult result =
          MakeSearcher(metric, config)->SearchRows(AllRows(1000), {.k = 9});
      answers.insert(result.neighbors.Digest());
      counters.insert(result.counters.SerializeAsString());
    }
    EXPECT_EQ(answers.size(), 1);
    EXPECT_EQ(counters.size(), 1);
  }
}

// The point of it all: a few times k evaluations instead of n.
TEST(SkeletonSearcherCountersTest, EvaluatesLittle) {
  const int64_t n = 8000;
  const Matrix<double> points = MakePoints("normal", n, 3, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 128).metric;
  for (const auto form :
       {SkeletonBoundConfig::TABLES, SkeletonBoundConfig::PROJECTIONS}) {
    const auto searcher = MakeSearcher(metric, Config(form, 128));
    ASSERT_EQ(searcher->lazy().form(), form);
    const SearchResult result = searcher->SearchRows(AllRows(n), {.k = 20});
    EXPECT_LT(result.counters.distance_evaluations(),
              form == SkeletonBoundConfig::TABLES ? n * n / 50 : n * n / 3);
    EXPECT_GT(result.counters.prunes_lower_bound(), 0);
  }
}

// Memory is allocated for the call, its threads and the queries that are
// searched for exhaustively.
TEST(SkeletonSearcherAllocationTest, NoneForAQuery) {
  const int64_t n = 6000;
  const Matrix<double> points = MakePointSet(PointSet::kUniformCube, n, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 20).metric;
  const auto searcher =
      MakeSearcher(metric, Config(SkeletonBoundConfig::TABLES, 64));
  const auto allocations = [&](int64_t repeats) {
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < repeats; ++i) {
      for (int64_t row = 0; row < 200; ++row) rows.push_back(row);
    }
    const int64_t before = AllocationCount();
    const SearchResult result = searcher->SearchRows(rows, {.k = 10});
    EXPECT_LT(result.counters.distance_evaluations(),
              static_cast<int64_t>(rows.size()) * n / 4);
    return AllocationCount() - before;
  };
  allocations(1);
  EXPECT_LT(allocations(20), allocations(1) + 40);
}

}  // namespace
}  // namespace rct
