#include "index/euclidean_index.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"
#include "metric/test_data.h"
#include "traversal/neighbor_table.h"
#include "traversal/range_search.h"
#include "traversal/range_table.h"
#include "traversal/searcher.h"
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

// Returns options of every strategy, and the default.
const std::vector<EuclideanIndexOptions>& AllOptions() {
  static const auto& all = *[] {
    auto* options = new std::vector<EuclideanIndexOptions>;
    for (const Strategy strategy : {STRATEGY_UNSPECIFIED, EXHAUSTIVE,
                                    LEVEL_SYNCHRONOUS, BEST_FIRST, BLOCK}) {
      options->push_back(Options(strategy));
    }
    for (const Strategy strategy : {LEVEL_SYNCHRONOUS, BEST_FIRST}) {
      // Deep trees without heuristics.
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

// Returns the neighbors by the formula of the header for all pairs, and a sort.
NeighborTable BruteForce(const Matrix<double>& points,
                         const Matrix<double>& queries,
                         const SearchOptions& options) {
  NeighborTable table(queries.rows(), options.k);
  for (int64_t i = 0; i < queries.rows(); ++i) {
    std::vector<std::pair<double, int64_t>> all;
    for (int64_t j = 0; j < points.rows(); ++j) {
      if (options.predecessor && j >= i) continue;
      if (options.exclude_self && j == i) continue;
      if (!options.allowed.empty() && !options.allowed[j]) continue;
      double squared = 0;
      for (int64_t t = 0; t < points.cols(); ++t) {
        const double difference = queries(i, t) - points(j, t);
        squared = std::fma(difference, difference, squared);
      }
      const double distance = std::sqrt(squared);
      if (options.radius == kInfinity || distance < options.radius) {
        all.emplace_back(distance, j);
      }
    }
    std::sort(all.begin(), all.end());
    for (int64_t j = 0; j < std::min<int64_t>(options.k, all.size()); ++j) {
      table.rows()(i, j) = all[j].second;
      table.distances()(i, j) = all[j].first;
    }
  }
  return table;
}

// Expects that the lists hold the entries of a table of all neighbors.
void ExpectLists(const RangeTable& lists, const NeighborTable& all) {
  ASSERT_EQ(lists.num_queries(), all.num_queries());
  EXPECT_EQ(lists.rows.size(), lists.offsets.back());
  EXPECT_EQ(lists.distances.size(), lists.offsets.back());
  for (int64_t i = 0; i < all.num_queries(); ++i) {
    ASSERT_EQ(lists.count(i), all.count(i)) << "query " << i;
    for (int64_t j = 0; j < all.count(i); ++j) {
      EXPECT_EQ(lists.rows_of(i)[j], all.rows()(i, j));
      EXPECT_EQ(lists.distances_of(i)[j], all.distances()(i, j));
    }
  }
}

// Expects that every index gives the neighbors of its rows and of new points:
// the k nearest or, with `lists`, all that the options allow.
void ExpectAnswers(const std::vector<EuclideanIndex>& indexes,
                   const Matrix<double>& points, const Matrix<double>& queries,
                   SearchOptions options, bool lists) {
  const std::vector<int64_t> rows = AllRows(points.rows());
  const NeighborTable of_rows = BruteForce(points, points, options);
  SearchOptions free = options;
  free.exclude_self = free.predecessor = false;
  const NeighborTable of_points = BruteForce(points, queries, free);
  for (const EuclideanIndex& index : indexes) {
    SCOPED_TRACE(absl::StrCat(index.options().ShortDebugString(), ", k ",
                              options.k, ", radius ", options.radius,
                              options.exclude_self ? ", exclude_self" : "",
                              options.predecessor ? ", predecessor" : "",
                              options.allowed.empty() ? "" : ", allowed"));
    if (lists) {
      const auto found = index.RangeSearch(rows, options.radius, options);
      ASSERT_THAT(found, IsOk());
      ExpectLists(found->neighbors, of_rows);
      const auto near =
          index.RangeSearchPoints(queries.view(), free.radius, free);
      ASSERT_THAT(near, IsOk());
      ExpectLists(near->neighbors, of_points);
    } else {
      const auto found = index.Search(rows, options);
      ASSERT_THAT(found, IsOk());
      EXPECT_EQ(found->neighbors.Digest(), of_rows.Digest());
      const auto near = index.SearchPoints(queries.view(), free);
      ASSERT_THAT(near, IsOk());
      EXPECT_EQ(near->neighbors.Digest(), of_points.Digest());
    }
  }
}

void ExpectExact(const Matrix<double>& points, const Matrix<double>& queries,
                 const std::vector<int64_t>& ks) {
  const int64_t n = points.rows();
  std::vector<EuclideanIndex> indexes;
  for (const EuclideanIndexOptions& options : AllOptions()) {
    absl::StatusOr<EuclideanIndex> index =
        EuclideanIndex::Build(points.view(), options);
    ASSERT_THAT(index, IsOk());
    ASSERT_EQ(index->size(), n);
    indexes.push_back(*std::move(index));
  }
  // The radius has neighbors on both sides and one at it.
  const double at =
      n == 0 ? 1
             : BruteForce(points, points, {.k = n}).distances()(n / 2, n / 3);
  const auto allowed = std::make_unique<bool[]>(n);
  for (int64_t i = 0; i < n; ++i) allowed[i] = i % 3 != 1;
  const absl::Span<const bool> flags = absl::MakeConstSpan(allowed.get(), n);
  for (const int64_t k : ks) {
    for (const SearchOptions& options :
         {SearchOptions{.k = k}, SearchOptions{.k = k, .exclude_self = true},
          SearchOptions{.k = k, .predecessor = true, .threads = 2},
          SearchOptions{.k = k, .radius = at},
          SearchOptions{.k = k, .predecessor = true, .allowed = flags},
          SearchOptions{.k = k, .radius = at, .allowed = flags}}) {
      ExpectAnswers(indexes, points, queries, options, /*lists=*/false);
    }
  }
  for (const SearchOptions& options :
       {SearchOptions{.k = n + 1, .radius = at},
        SearchOptions{.k = n + 1, .exclude_self = true, .allowed = flags},
        SearchOptions{.k = n + 1,
        .predecessor = true,
        .radius = std::nextafter(at, kInfinity),
        .threads = 2}}) {
    ExpectAnswers(indexes, points, queries, options, /*lists=*/true);
  }
  const NeighborTable graph =
      BruteForce(points, points, {.k = 3, .exclude_self = true});
  for (const EuclideanIndex& index : indexes) {
    EXPECT_EQ(index.Graph({.k = 3})->neighbors.Digest(), graph.Digest());
  }
}

// An example of use.
TEST(EuclideanIndexTest, FindsTheNearestPoints) {
  const double points[] = {0, 1, 3, 7};  // n = 4, d = 1
  const EuclideanIndex index = EuclideanIndex::Build({points, 4, 1}).value();
  const SearchResult result =
      index.Search({0, 3}, {.k = 2, .exclude_self = true}).value();
  EXPECT_EQ(result.neighbors.rows()(0, 0), 1);
  EXPECT_EQ(result.neighbors.distances()(0, 0), 1);
  EXPECT_EQ(result.neighbors.rows()(1, 1), 1);
  EXPECT_EQ(result.neighbors.distances()(1, 1), 6);
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
    EXPECT_EQ(index->RangeSearch({}, 1, {})->neighbors.num_queries(), 0);
    EXPECT_EQ(index->RangeSearchPoints(Matrix<double>(0, 2).view(), 1, {})
                  ->neighbors.num_queries(),
              0);
  }
}

// These points are equal in float32.
TEST(EuclideanIndexTest, FarFromTheOrigin) {
  for (const double offset : {1e6, 1e9, 1e12}) {
    SCOPED_TRACE(offset);
    Matrix<double> points = MakePoints("normal", 200, 3, 1);
    for (int64_t i = 0; i < points.rows(); ++i) {
      for (int64_t t = 0; t < 3; ++t) {
        points(i, t) = points(i, t) * 1e-3 + offset;
      }
    }
    ExpectExact(points, points, {5});
  }
}

// The lists are longer than k in the first rounds of a range search.
TEST(EuclideanIndexTest, LongLists) {
  const Matrix<double> points = MakePoints("pairs", 700, 2, 1);
  const double near = BruteForce(points, points, {.k = 700}).distances()(0, 62);
  std::vector<int64_t> rows;
  for (int64_t row = 690; row >= 0; row -= 10) rows.push_back(row);
  for (const double radius : {near, kInfinity}) {
    const NeighborTable expected =
        BruteForce(points, points, {.k = 700, .radius = radius});
    for (const EuclideanIndexOptions& options : AllOptions()) {
      const EuclideanIndex index =
          *EuclideanIndex::Build(points.view(), options);
      const absl::StatusOr<RangeResult> lists =
          index.RangeSearch(rows, radius, {});
      ASSERT_THAT(lists, IsOk());
      ExpectLists(lists->neighbors, expected.Select(rows));
    }
  }
}

Matrix<double> Times(const Matrix<double>& points, double factor) {
  Matrix<double> scaled(points.rows(), points.cols());
  for (int64_t i = 0; i < points.rows(); ++i) {
    for (int64_t t = 0; t < points.cols(); ++t) {
      scaled(i, t) = points(i, t) * factor;
    }
  }
  return scaled;
}

// Coordinates are as large and as small as their squares allow, and beyond.
TEST(EuclideanIndexTest, HugeAndTinyCoordinates) {
  const Matrix<double> ordinary = MakePoints("normal", 90, 3, 1);
  for (const double scale : {1e149, 1e100, 1e-100, 1e-130}) {
    SCOPED_TRACE(scale);
    const Matrix<double> points = Times(ordinary, scale);
    ExpectExact(points, points, {5});
  }
  for (const double scale : {1e154, 1e200, 1e307}) {
    EXPECT_THAT(EuclideanIndex::Build(Times(ordinary, scale).view()).status(),
                Invalid("points: row 0, column 0 is "));
  }
  for (const double scale : {1e-155, 1e-170, 1e-300}) {
    EXPECT_THAT(EuclideanIndex::Build(Times(ordinary, scale).view()).status(),
                Invalid("points: rows "));
  }
}

// Small numbers beside ordinary ones are usual, and decide nothing.
TEST(EuclideanIndexTest, Mixtures) {
  Matrix<double> points = MakePoints("normal", 60, 2, 1);
  for (int64_t i = 0; i < 60; ++i) points(i, 1) *= 1e-200;
  ExpectExact(points, points, {5});
  points(7, 0) = points(9, 0);
  EXPECT_THAT(EuclideanIndex::Build(points.view()).status(),
              Invalid("points: rows 7 and 9 differ by "));
}

TEST(EuclideanIndexTest, NewPointsOutOfRange) {
  const Matrix<double> points = MakePoints("normal", 50, 2, 1);
  const auto index = EuclideanIndex::Build(points.view());
  ASSERT_THAT(index.status(), IsOk());
  Matrix<double> queries = MakePoints("normal", 3, 2, 2);
  const auto expect = [&](const testing::Matcher<absl::Status>& status) {
    EXPECT_THAT(index->SearchPoints(queries.view(), {}).status(), status);
    EXPECT_THAT(index->RangeSearchPoints(queries.view(), 1, {}).status(),
                status);
  };
  queries(2, 1) = 1e149;
  expect(IsOk());
  queries(2, 1) = 1e200;
  expect(Invalid("query points: row 2, column 1 is 1e+200"));
}

TEST(EuclideanIndexTest, TheDefaultIsBlocksInFewDimensions) {
  const auto chosen = [](int64_t n, int64_t dim) {
    const Matrix<double> points = MakePoints("clusters", n, dim, 1);
    const EuclideanIndex index = *EuclideanIndex::Build(points.view());
    const EuclideanIndex exhaustive =
        *EuclideanIndex::Build(points.view(), Options(EXHAUSTIVE));
    const std::vector<int64_t> rows = {0, 1, n / 2, n - 1};
    EXPECT_EQ(index.Search(rows, {.k = 20})->neighbors.Digest(),
              exhaustive.Search(rows, {.k = 20})->neighbors.Digest());
    EXPECT_EQ(index.phases().empty(), index.options().strategy() == EXHAUSTIVE);
    EXPECT_EQ(index.build_distance_evaluations(), 0);
    return index.options().strategy();
  };
  EXPECT_EQ(chosen(500, 2), BLOCK);
  EXPECT_EQ(chosen(6000, 8), BLOCK);
  EXPECT_EQ(chosen(6000, 9), EXHAUSTIVE);
}

// The work does not depend on the number of threads.
TEST(EuclideanIndexTest, CountersDoNotDependOnThreads) {
  const Matrix<double> points = MakePoints("normal", 3000, 2, 1);
  const Matrix<double> queries = MakePoints("normal", 500, 2, 2);
  for (const EuclideanIndexOptions& options : AllOptions()) {
    const EuclideanIndex index = *EuclideanIndex::Build(points.view(), options);
    const auto counters = [&](int threads) {
      const SearchOptions search = {.k = 5, .threads = threads};
      return absl::StrCat(index.Graph(search)->counters.ShortDebugString(),
                          "\n",
                          index.SearchPoints(queries.view(), search)
                              ->counters.ShortDebugString());
    };
    EXPECT_THAT(counters(1), HasSubstr("distance_evaluations"));
    EXPECT_EQ(counters(1), counters(3));
  }
}

// A monitor sees all of a call, in order, and changes no bit of it.
TEST(EuclideanIndexTest, AMonitorChangesNothing) {
  const Matrix<double> points = MakePoints("normal", 3000, 2, 1);
  for (const EuclideanIndexOptions& options : AllOptions()) {
    std::vector<double> seen;
    Monitor monitor([&](double done) {
      seen.push_back(done);
      return true;
    });
    const auto expect_seen = [&] {
      ASSERT_GE(seen.size(), 1);
      EXPECT_EQ(seen.front(), 0);
      EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
      EXPECT_LE(seen.back(), 1);
      seen.clear();
    };
    const absl::StatusOr<EuclideanIndex> index =
        EuclideanIndex::Build(points.view(), options, &monitor);
    ASSERT_THAT(index, IsOk());
    expect_seen();
    const SearchOptions watched = {.k = 5, .monitor = &monitor, .threads = 2};
    EXPECT_EQ(index->Graph(watched)->neighbors.Digest(),
              index->Graph({.k = 5})->neighbors.Digest());
    expect_seen();
    EXPECT_THAT(index->SearchPoints(points.view(), watched), IsOk());
    expect_seen();
    EXPECT_THAT(index->RangeSearch(AllRows(100), 0.1, watched), IsOk());
    expect_seen();
    EXPECT_THAT(index->RangeSearchPoints(points.view(), 0.01, watched), IsOk());
    expect_seen();
  }
}

TEST(EuclideanIndexTest, AMonitorEndsACall) {
  const testing::Matcher<absl::Status> cancelled =
      StatusIs(absl::StatusCode::kCancelled, testing::_);
  const Matrix<double> points = MakePoints("normal", 3000, 2, 1);
  for (const EuclideanIndexOptions& options : AllOptions()) {
    Monitor monitor([](double) { return false; });
    EXPECT_THAT(
        EuclideanIndex::Build(points.view(), options, &monitor).status(),
        cancelled);
    const EuclideanIndex index = *EuclideanIndex::Build(points.view(), options);
    const SearchOptions search = {.k = 5, .monitor = &monitor, .threads = 2};
    EXPECT_THAT(index.Search({1, 2}, search).status(), cancelled);
    EXPECT_THAT(index.Graph(search).status(), cancelled);
    EXPECT_THAT(index.SearchPoints(points.view(), search).status(), cancelled);
    EXPECT_THAT(index.RangeSearch({1, 2}, 1, search).status(), cancelled);
    EXPECT_THAT(index.RangeSearchPoints(points.view(), 1, search).status(),
                cancelled);
    EXPECT_THAT(index.Graph({.k = 5}), IsOk());
  }
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
  options.mutable_heuristics()->mutable_skeleton_bound();
  expect(options, "heuristics.skeleton_bound: works on correlations");
  options.clear_heuristics();
  options.mutable_heuristics()->mutable_far_field();
  expect(options, "heuristics.far_field: works on correlations");
  options.clear_heuristics();
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
    EXPECT_THAT(index.RangeSearch({5, -1}, 1, {}).status(),
                Invalid("query 1: row -1"));
    EXPECT_THAT(index.Search({1}, {.radius = kNan}).status(),
                Invalid("radius: is no number"));
    EXPECT_THAT(index.RangeSearchPoints(points.view(), kNan, {}).status(),
                Invalid("radius: is no number"));
    const bool flags[2] = {true, true};
    EXPECT_THAT(index.Graph({.allowed = flags}).status(),
                Invalid("allowed: has 2 flags, the data has 60 rows"));
    EXPECT_THAT(index.RangeSearchPoints(points.view(), 1, {.predecessor = true})
                    .status(),
                Invalid("predecessor"));
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
