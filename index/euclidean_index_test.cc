#include "index/euclidean_index.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/test_data.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

testing::Matcher<absl::Status> Invalid(const std::string& what) {
  return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what));
}

EuclideanIndexOptions Options(Strategy strategy) {
  EuclideanIndexOptions options;
  options.set_threads(1);
  if (strategy != STRATEGY_UNSPECIFIED) options.set_strategy(strategy);
  return options;
}

// All there are, and none, which is the index's own choice.
const std::vector<EuclideanIndexOptions>& AllOptions() {
  static const auto& all = *[] {
    auto* options = new std::vector<EuclideanIndexOptions>;
    for (const Strategy strategy :
         {STRATEGY_UNSPECIFIED, EXHAUSTIVE, LEVEL_SYNCHRONOUS, BEST_FIRST}) {
      options->push_back(Options(strategy));
    }
    for (const Strategy strategy : {LEVEL_SYNCHRONOUS, BEST_FIRST}) {
      // Deep trees as well, and no heuristics.
      EuclideanIndexOptions deep = Options(strategy);
      deep.mutable_tree()->set_leaf_size(1);
      deep.mutable_tree()->set_base(1.5);
      deep.mutable_tree()->set_node_order(CoverTreeConfig::HILBERT);
      deep.mutable_heuristics();
      deep.set_threads(2);
      options->push_back(std::move(deep));
    }
    return options;
  }();
  return all;
}

std::vector<int64_t> AllRows(int64_t n) {
  std::vector<int64_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// The header's formula, for all pairs, and a sort.
NeighborTable BruteForce(const Matrix<double>& points,
                         const Matrix<double>& queries,
                         const SearchOptions& options) {
  NeighborTable table(queries.rows(), options.k);
  for (int64_t i = 0; i < queries.rows(); ++i) {
    std::vector<std::pair<double, int64_t>> all;
    for (int64_t j = 0; j < points.rows(); ++j) {
      if (options.predecessor && j >= i) continue;
      if (options.exclude_self && j == i) continue;
      double squared = 0;
      for (int64_t t = 0; t < points.cols(); ++t) {
        const double difference = queries(i, t) - points(j, t);
        squared = std::fma(difference, difference, squared);
      }
      all.emplace_back(std::sqrt(squared), j);
    }
    std::sort(all.begin(), all.end());
    for (int64_t j = 0; j < std::min<int64_t>(options.k, all.size()); ++j) {
      table.rows()(i, j) = all[j].second;
      table.distances()(i, j) = all[j].first;
    }
  }
  return table;
}

void ExpectExact(const Matrix<double>& points, const Matrix<double>& queries,
                 const std::vector<int64_t>& ks) {
  for (const EuclideanIndexOptions& options : AllOptions()) {
    SCOPED_TRACE(options.ShortDebugString());
    const absl::StatusOr<EuclideanIndex> index =
        EuclideanIndex::Build(points.view(), options);
    ASSERT_THAT(index, IsOk());
    ASSERT_EQ(index->size(), points.rows());
    for (const int64_t k : ks) {
      for (const SearchOptions& search :
           {SearchOptions{.k = k}, SearchOptions{.k = k, .exclude_self = true},
            SearchOptions{.k = k, .predecessor = true, .threads = 2}}) {
        const absl::StatusOr<SearchResult> result =
            index->Search(AllRows(points.rows()), search);
        ASSERT_THAT(result, IsOk());
        EXPECT_EQ(result->neighbors.Digest(),
                  BruteForce(points, points, search).Digest())
            << "k " << k << (search.exclude_self ? " exclude_self" : "")
            << (search.predecessor ? " predecessor" : "");
      }
      const SearchOptions search = {.k = k, .threads = 2};
      const absl::StatusOr<SearchResult> result =
          index->SearchPoints(queries.view(), search);
      ASSERT_THAT(result, IsOk());
      EXPECT_EQ(result->neighbors.Digest(),
                BruteForce(points, queries, search).Digest())
          << "new points, k " << k;
    }
  }
}

class AdversarialTest : public testing::TestWithParam<std::string> {};

TEST_P(AdversarialTest, SameBitsAsBruteForce) {
  for (const int64_t dim : {1, 2, 3, 9}) {
    SCOPED_TRACE(dim);
    const Matrix<double> points = MakePoints(GetParam(), 150, dim, 1);
    Matrix<double> queries = MakePoints(GetParam(), 70, dim, 2);
    for (int64_t t = 0; t < dim; ++t) queries(13, t) = points(99, t);
    ExpectExact(points, queries, {1, 7});
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, AdversarialTest,
                         testing::ValuesIn(AdversarialNames()),
                         [](const auto& info) { return info.param; });

TEST(EuclideanIndexTest, FewPointsAndManyNeighbors) {
  for (const int64_t n : {0, 1, 2, 3, 17}) {
    SCOPED_TRACE(n);
    ExpectExact(MakePoints("normal", n, 2, 1), MakePoints("normal", 5, 2, 2),
                {1, n == 0 ? 3 : n, n + 1, 40});
  }
}

TEST(EuclideanIndexTest, NoQueries) {
  for (const EuclideanIndexOptions& options : AllOptions()) {
    const Matrix<double> points = MakePoints("normal", 50, 2, 1);
    const absl::StatusOr<EuclideanIndex> index =
        EuclideanIndex::Build(points.view(), options);
    EXPECT_EQ(index->Search({}, {.k = 3})->neighbors.num_queries(), 0);
    EXPECT_EQ(index->SearchPoints(Matrix<double>(0, 2).view(), {.k = 3})
                  ->neighbors.num_queries(),
              0);
  }
}

// Squares that overflow and squares that vanish.
TEST(EuclideanIndexTest, HugeAndTinyCoordinates) {
  for (const double scale : {1e200, 1e154, 1e-155, 1e-170, 1e-300}) {
    SCOPED_TRACE(scale);
    Matrix<double> points = MakePoints("normal", 90, 3, 1);
    for (int64_t i = 0; i < points.rows(); ++i) {
      for (int64_t t = 0; t < 3; ++t) points(i, t) *= scale;
    }
    ExpectExact(points, points, {5});
  }
}

// What is chosen where nothing is said has to be exact where it is a tree.
TEST(EuclideanIndexTest, TheDefaultIsATreeForManyPointsInFewDimensions) {
  const auto chosen = [](int64_t n, int64_t dim) {
    const Matrix<double> points = MakePoints("clusters", n, dim, 1);
    const EuclideanIndex index = *EuclideanIndex::Build(points.view());
    const EuclideanIndex exhaustive =
        *EuclideanIndex::Build(points.view(), Options(EXHAUSTIVE));
    const std::vector<int64_t> rows = {0, 1, n / 2, n - 1};
    EXPECT_EQ(index.Search(rows, {.k = 20})->neighbors.Digest(),
              exhaustive.Search(rows, {.k = 20})->neighbors.Digest());
    EXPECT_EQ(index.phases().empty(), index.options().strategy() == EXHAUSTIVE);
    EXPECT_EQ(index.build_distance_evaluations() == 0,
              index.options().strategy() == EXHAUSTIVE);
    return index.options().strategy();
  };
  EXPECT_EQ(chosen(500, 2), EXHAUSTIVE);
  EXPECT_EQ(chosen(6000, 2), LEVEL_SYNCHRONOUS);
  EXPECT_EQ(chosen(6000, 50), EXHAUSTIVE);
}

// The example at the head of the header.
TEST(EuclideanIndexTest, HeaderExample) {
  const Matrix<double> owned = MakePoints("normal", 5000, 3, 1);
  const MatrixView<const double> points = owned.view();

  absl::StatusOr<rct::EuclideanIndex> index =
      rct::EuclideanIndex::Build(points);  // n x d
  absl::StatusOr<rct::SearchResult> result =
      index->Search({0, 17, 4711}, {.k = 10, .exclude_self = true});
  const int64_t row = result->neighbors.rows()(1, 0);  // the nearest to row 17
  const double far = result->neighbors.distances()(1, 0);  // how far it is

  EXPECT_NE(row, 17);
  EXPECT_GT(far, 0);
}

TEST(EuclideanIndexErrorsTest, Points) {
  for (const double value : {kNan, kInfinity, -kInfinity}) {
    Matrix<double> points = MakePoints("normal", 60, 3, 1);
    points(17, 2) = value;
    EXPECT_THAT(EuclideanIndex::Build(points.view()).status(),
                Invalid("points: row 17, column 2"));
  }
  EXPECT_THAT(EuclideanIndex::Build(Matrix<double>(4, 0).view()).status(),
              Invalid("points: has 0 columns"));
}

TEST(EuclideanIndexErrorsTest, OptionsComeFirst) {
  const Matrix<double> no_columns(4, 0);
  const auto expect = [&](const EuclideanIndexOptions& options,
                          const std::string& message) {
    EXPECT_THAT(ValidateEuclideanIndexOptions(options), Invalid(message));
    EXPECT_THAT(EuclideanIndex::Build(no_columns.view(), options).status(),
                Invalid(message));
  };
  EuclideanIndexOptions options;
  options.set_threads(-1);
  expect(options, "threads: is -1");
  options = Options(BLOCK);
  expect(options, "strategy: BLOCK works on correlations");
  options.set_strategy(STRATEGY_UNSPECIFIED);
  expect(options, "strategy: not given");

  options = Options(EXHAUSTIVE);
  options.mutable_tree();
  expect(options, "tree: given, but strategy EXHAUSTIVE has none");
  options.clear_strategy();
  expect(options, "strategy: not given, but");
  options.clear_tree();
  options.mutable_heuristics()->mutable_child_order();
  expect(options, "strategy: not given, but");

  options = Options(LEVEL_SYNCHRONOUS);
  options.mutable_tree()->set_base(1);
  expect(options, "tree.base");
  options.clear_tree();
  options.mutable_heuristics()->mutable_level_cache();
  expect(options, "level_cache: works on correlations");
  options = Options(EXHAUSTIVE);
  options.mutable_heuristics()->mutable_float_screen();
  expect(options, "heuristics.float_screen: works on correlations");
  EXPECT_THAT(ValidateEuclideanIndexOptions({}), IsOk());
}

TEST(EuclideanIndexErrorsTest, Searches) {
  const Matrix<double> points = MakePoints("normal", 60, 3, 1);
  for (const EuclideanIndexOptions& options : AllOptions()) {
    const EuclideanIndex index = *EuclideanIndex::Build(points.view(), options);
    EXPECT_THAT(index.Search({1}, {.k = 0}).status(), Invalid("k: is 0"));
    EXPECT_THAT(index.Search({1}, {.threads = -1}).status(),
                Invalid("threads: is -1"));
    EXPECT_THAT(index.Search({1}, {.threads = 0}).status(), IsOk());
    EXPECT_THAT(index.Search({5, 0, 60}, {.k = 1}).status(),
                Invalid("query 2: row 60"));
    EXPECT_THAT(
        index.SearchPoints(Matrix<double>::Zeros(5, 2).view(), {}).status(),
        Invalid("query points: have 2 coordinates, the data has 3"));
    EXPECT_THAT(
        index.SearchPoints(points.view(), {.predecessor = true}).status(),
        Invalid("predecessor"));
    EXPECT_THAT(
        index.SearchPoints(points.view(), {.exclude_self = true}).status(),
        Invalid("exclude_self"));
    Matrix<double> bad = points.Clone();
    bad(6, 1) = kNan;
    EXPECT_THAT(index.SearchPoints(bad.view(), {}).status(),
                Invalid("query points: row 6, column 1"));
  }
}

}  // namespace
}  // namespace rct
