#include "traversal/block/lazy_skeletons.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "base/matrix.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "gtest/gtest.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/test_data.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_searcher.h"
#include "traversal/block/skeleton_tables.h"
#include "traversal/block/test_far_field.h"
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

SkeletonBoundConfig Config(SkeletonBoundConfig::Form form,
                           int block_size = 32) {
  SkeletonBoundConfig config;
  config.set_form(form);
  config.set_block_size(block_size);
  return config;
}

std::unique_ptr<const SkeletonSearcher> MakeSearcher(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const SkeletonBoundConfig& config) {
  return SkeletonSearcher::Create(metric, config, 2).value();
}

TEST(LazySkeletonsTest, PartsAreWhatTheFormSays) {
  const auto metric = MakeTestModel(MakePoints("normal", 400, 2, 1).view(),
                                    KernelConfig::RBF, 16)
                          .metric;
  const auto tables = MakeSearcher(metric, Config(SkeletonBoundConfig::TABLES));
  EXPECT_NE(tables->lazy().skeletons(), nullptr);
  EXPECT_NE(tables->lazy().tables(), nullptr);
  EXPECT_TRUE(tables->settled());
  const auto dense = MakeSearcher(metric, Config(SkeletonBoundConfig::DENSE));
  EXPECT_EQ(dense->lazy().skeletons(), nullptr);
}

// AUTO decides by the expected number of queries; where that is not known each
// call decides.
TEST(LazySkeletonsTest, FollowsTheNumberOfQueries) {
  const int64_t n = 8000;
  const Matrix<double> points = MakePoints("normal", n, 3, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 128).metric;
  const auto form = [&](int64_t queries) {
    SkeletonBoundConfig config;
    config.set_expected_queries(queries);
    return MakeSearcher(metric, config)->lazy().form();
  };
  EXPECT_EQ(form(1), SkeletonBoundConfig::DENSE);
  EXPECT_EQ(form(1'000'000), SkeletonBoundConfig::TABLES);

  // A residual that no skeleton of half a block reaches.
  const Matrix<double> scattered = MakePoints("cube", 3000, 8, 1);
  const auto rough =
      MakeTestModel(scattered.view(), KernelConfig::MATERN12, 100).metric;
  EXPECT_EQ(MakeSearcher(rough, {})->lazy().form(), SkeletonBoundConfig::DENSE);
}

// Many blocks, of which the sample holds few: what its own block leaves to a
// query says nothing of all others.
TEST(LazySkeletonsTest, DoesNotGiveUpAmongManyBlocks) {
  const Matrix<double> points = MakePoints("normal", 65'536, 3, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 32).metric;
  EXPECT_EQ(MakeSearcher(metric, Config(SkeletonBoundConfig::AUTO, 64))
                ->lazy()
                .form(),
            SkeletonBoundConfig::AUTO);
}

// Thousands of points for each inducing point are so near to each other that
// skeletons of the usual residual leave most queries to exhaustive search, and
// finer ones few.
TEST(LazySkeletonsTest, FullCellsTakeFinerSkeletons) {
  const Matrix<double> points = MakePoints("cube", 32'768, 2, 1);
  const auto metric = MakeTestModel(points.view(), KernelConfig::RBF, 8).metric;
  const auto searcher = MakeSearcher(metric, {});
  EXPECT_NE(searcher->lazy().form(), SkeletonBoundConfig::DENSE);
  EXPECT_GT(searcher->lazy().rms_residual(), 0);
  EXPECT_LT(searcher->lazy().rms_residual(), 0.05);
}

// Where gaps have no room, there are tables without them.
TEST(LazySkeletonsTest, TablesWithoutGaps) {
  constexpr int64_t kRows = 6000;
  const auto metric = MakeTestModel(MakePoints("normal", kRows, 2, 1).view(),
                                    KernelConfig::RBF, 96)
                          .metric;
  SkeletonBoundConfig config = Config(SkeletonBoundConfig::AUTO, 128);
  config.set_expected_queries(1'000'000);
  const SearchOptions options = {.k = 10, .threads = 2};
  const std::vector<int64_t> rows = AllRows(kRows);
  const auto whole = MakeSearcher(metric, config);
  ASSERT_NE(whole->lazy().tables(), nullptr);
  EXPECT_TRUE(whole->lazy().tables()->has_gaps());
  const std::string digest =
      whole->SearchRows(rows, options).neighbors.Digest();
  int without_gaps = 0;
  for (int64_t bytes = 3'000'000; bytes > 500'000; bytes -= 100'000) {
    config.set_memory_bytes(bytes);
    const auto searcher = MakeSearcher(metric, config);
    EXPECT_EQ(searcher->SearchRows(rows, options).neighbors.Digest(), digest);
    const SkeletonTables* tables = searcher->lazy().tables();
    if (tables != nullptr) without_gaps += tables->has_gaps() ? 0 : 1;
  }
  EXPECT_GT(without_gaps, 0);
}

class MadeByCallsTest : public testing::Test {
 protected:
  static constexpr int64_t kSize = 12'000;

  MadeByCallsTest()
      : metric_(MakeTestModel(MakePoints("normal", kSize, 3, 1).view(),
                              KernelConfig::MATERN52, 256)
                    .metric),
        exhaustive_(metric_),
        searcher_(MakeSearcher(metric_, {})) {}

  // The first `count` rows.
  SearchResult Search(int64_t count) const {
    std::vector<int64_t> rows = AllRows(kSize);
    rows.resize(count);
    const SearchOptions options = {.k = 10, .threads = 2};
    SearchResult result = searcher_->SearchRows(rows, options);
    EXPECT_EQ(result.neighbors.Digest(),
              exhaustive_.SearchRows(rows, options).neighbors.Digest());
    return result;
  }

  std::shared_ptr<const ResidualCorrelation> metric_;
  Exhaustive exhaustive_;
  std::unique_ptr<const SkeletonSearcher> searcher_;
};

TEST_F(MadeByCallsTest, TablesThatACallPaysForAreKept) {
  ASSERT_EQ(searcher_->lazy().form(), SkeletonBoundConfig::AUTO);
  Search(10);
  Search(1000);
  EXPECT_EQ(searcher_->lazy().tables(), nullptr);
  EXPECT_FALSE(searcher_->settled());
  const SearchResult first = Search(kSize);
  ASSERT_NE(searcher_->lazy().tables(), nullptr);
  EXPECT_TRUE(searcher_->settled());
  const LazySkeletons& lazy = searcher_->lazy();
  EXPECT_EQ(searcher_->kept_bytes(),
            lazy.skeletons()->bytes() + lazy.tables()->bytes() +
                (lazy.inducing() == nullptr ? 0 : lazy.inducing()->bytes()));
  const SearchResult second = Search(kSize);
  EXPECT_GE(first.counters.distance_evaluations() -
                second.counters.distance_evaluations(),
            searcher_->lazy().tables()->evaluations());
  EXPECT_GT(first.counters.forecast_evaluations(),
            second.counters.forecast_evaluations());
}

// The call that makes skeletons has their points in the order that suits it:
// where they are grouped by row, later ones are not even screened.
TEST_F(MadeByCallsTest, GroupsByRowForPredecessors) {
  const SearchOptions options = {.k = 10, .predecessor = true, .threads = 2};
  const auto grouped = MakeSearcher(metric_, {});
  EXPECT_EQ(grouped->SearchRows(AllRows(kSize), options).neighbors.Digest(),
            exhaustive_.SearchRows(AllRows(kSize), options).neighbors.Digest());
  Search(kSize);
  ASSERT_NE(grouped->lazy().tables(), nullptr);
  ASSERT_NE(searcher_->lazy().tables(), nullptr);
  std::vector<int64_t> early(1000);
  std::iota(early.begin(), early.end(), 2100);
  const SearchResult by_row = grouped->SearchRows(early, options);
  const SearchResult in_space = searcher_->SearchRows(early, options);
  EXPECT_EQ(by_row.neighbors.Digest(), in_space.neighbors.Digest());
  EXPECT_LT(by_row.counters.points_screened(),
            0.8 * in_space.counters.points_screened());
}

TEST_F(MadeByCallsTest, TablesThatManyCallsPayForAreMade) {
  int calls = 0;
  for (; searcher_->lazy().tables() == nullptr && calls < 100; ++calls)
    Search(500);
  EXPECT_GT(calls, 1);
  EXPECT_LT(calls, 50);
}

// However late it is cancelled: tables are whole or are not there.
TEST_F(MadeByCallsTest, ACancelledCallKeepsNothingHalfMade) {
  int late = 0;  // milliseconds
  for (; searcher_->lazy().tables() == nullptr && late < 1000;
       late += 5 + late / 2) {
    Monitor monitor([](double) { return true; });
    if (late == 0) monitor.Cancel();
    std::thread canceller([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(late));
      monitor.Cancel();
    });
    searcher_->SearchRows(AllRows(kSize),
                          {.k = 10, .monitor = &monitor, .threads = 2});
    canceller.join();
    if (late == 0) {
      EXPECT_EQ(searcher_->kept_bytes(), 0);
    }
  }
  Search(kSize);
  EXPECT_NE(searcher_->lazy().tables(), nullptr);
}

TEST_F(MadeByCallsTest, CallsAtOnceShareThem) {
  std::vector<std::string> digests(4);
  ParallelFor(4, 4, [&](int64_t i, int) {
    digests[i] = searcher_->SearchRows(AllRows(kSize), {.k = 10, .threads = 1})
                     .neighbors.Digest();
  });
  for (const std::string& digest : digests) EXPECT_EQ(digest, digests[0]);
  EXPECT_EQ(Search(kSize).neighbors.Digest(), digests[0]);
}

// With this jitter inducing points, and rows at the same places, which are
// their nearest, are so uncertain that no block holds them; and inducing points
// are hard, so that they get bounds of their own, by which they are searched
// for from the second call on.
TEST(LazyInducingTest, LooseRowsAreAmongTheirNeighbors) {
  constexpr int64_t kRows = 12000;
  constexpr int kInducing = 100;
  Matrix<double> points = MakePoints("normal", kRows, 2, 1);
  FarFieldModel model = {.family = KernelConfig::MATERN52,
                         .jitter = 3e-12,
                         .variance_floor = 1e-13};
  for (int i = 0; i < kInducing; ++i) model.rows.push_back(i);
  for (int i = 0; i < 60; ++i) {
    std::copy_n(points.row(i), 2, points.row(kInducing + i));
  }
  const auto metric = MakeFarFieldMetric(points.view(), model);
  const auto searcher = MakeSearcher(metric, {});
  const std::vector<int64_t> rows = AllRows(kRows);
  const SearchOptions options = {.k = 1, .threads = 2};
  const std::string expected = ExhaustiveSearcher<ResidualCorrelation>(metric)
                                   .SearchRows(rows, options)
                                   .neighbors.Digest();
  for (int call = 0; call < 2; ++call) {
    EXPECT_EQ(searcher->SearchRows(rows, options).neighbors.Digest(), expected);
  }
  ASSERT_NE(searcher->lazy().skeletons(), nullptr);
  EXPECT_FALSE(searcher->lazy().skeletons()->loose_rows().empty());
  ASSERT_NE(searcher->lazy().inducing(), nullptr);
  EXPECT_FALSE(searcher->lazy().inducing()->others().empty());
}

// Every third row: calls after which bounds of inducing points do not pay yet.
std::vector<int64_t> ThirdOfRows(int64_t n) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < n; row += 3) rows.push_back(row);
  return rows;
}

// An index whose inducing points will soon have bounds is not settled before,
// and a settled one makes no more.
TEST(LazyInducingTest, SettledAfterTheyAreMade) {
  constexpr int64_t kRows = 12000;
  const auto metric = MakeTestModel(MakePoints("normal", kRows, 2, 1).view(),
                                    KernelConfig::MATERN52, 128)
                          .metric;
  const auto searcher = MakeSearcher(metric, {});
  const std::vector<int64_t> rows = ThirdOfRows(kRows);
  const SearchOptions options = {.k = 20, .threads = 2};
  int calls = 0;
  bool waited = false;
  for (; calls < 12 && !searcher->settled(); ++calls) {
    searcher->SearchRows(rows, options);
    waited = waited ||
             (searcher->lazy().tables() != nullptr &&
              searcher->lazy().inducing() == nullptr && !searcher->settled());
  }
  EXPECT_TRUE(waited);
  ASSERT_TRUE(searcher->settled());
  const int64_t kept = searcher->kept_bytes();
  searcher->SearchRows(rows, options);
  EXPECT_EQ(searcher->kept_bytes(), kept);
}

// Inducing points of a smooth kernel have weights that do not fall with
// distance. However often calls are repeated, none evaluates more than those
// before, and those that have the bounds evaluate less.
TEST(LazyInducingTest, RepeatedCallsDoNotBecomeSlower) {
  constexpr int64_t kRows = 12000;
  const auto metric = MakeTestModel(MakePoints("normal", kRows, 3, 1).view(),
                                    KernelConfig::RBF, 256)
                          .metric;
  const auto searcher = MakeSearcher(metric, {});
  const std::vector<int64_t> rows = ThirdOfRows(kRows);
  const SearchOptions options = {.k = 20, .threads = 2};
  std::vector<int64_t> evaluations;
  std::string digest;
  for (int call = 0; call < 12; ++call) {
    const SearchResult result = searcher->SearchRows(rows, options);
    evaluations.push_back(result.counters.distance_evaluations());
    if (call == 0) digest = result.neighbors.Digest();
    EXPECT_EQ(result.neighbors.Digest(), digest);
  }
  EXPECT_TRUE(searcher->settled());
  for (size_t call = 2; call < evaluations.size(); ++call) {
    EXPECT_LE(evaluations[call], evaluations[call - 1]);
  }
  EXPECT_LT(evaluations.back(), evaluations[1] / 2);
}

}  // namespace
}  // namespace rct
