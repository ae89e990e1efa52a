#include "index/residual_index.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <thread>
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
#include "metric/metric.pb.h"
#include "metric/residual_points.h"
#include "metric/simd_routines.h"
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
constexpr int64_t kRows = 200;
constexpr int64_t kDim = 3;

const std::vector<double> kNotPositive = {0, -1, kInfinity, kNan};

testing::Matcher<absl::Status> Invalid(const std::string& what) {
  return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what));
}
testing::Matcher<absl::Status> FailedPrecondition(const std::string& what) {
  return StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(what));
}

Matrix<double> Points(uint64_t seed = 1) {
  return MakePoints("normal", kRows, kDim, seed);
}

IndexOptions Options(Strategy strategy = EXHAUSTIVE) {
  IndexOptions options;
  options.mutable_residual()->mutable_kernel()->set_family(KernelConfig::RBF);
  options.mutable_residual()->mutable_inducing()->mutable_random()->set_count(
      24);
  options.set_strategy(strategy);
  options.set_threads(1);
  return options;
}

// Inducing points that do not need data.
IndexOptions OptionsWithCoordinates(Strategy strategy) {
  IndexOptions options = Options(strategy);
  auto& coordinates =
      *options.mutable_residual()->mutable_inducing()->mutable_coordinates();
  for (const double value : {0.0, 0.0, 0.0, 1.0, -1.0, 0.5}) {
    coordinates.add_value(value);
  }
  return options;
}

absl::Status BuildStatus(const IndexOptions& options) {
  return ResidualIndex::Build(Points().view(), options).status();
}

std::vector<int64_t> AllRows(int64_t n) {
  std::vector<int64_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// An example of use: without inducing points the metric is the correlation of
// the process itself, here exp(-(x - y)^2 / 2).
TEST(ResidualIndexExample, FindsTheMostCorrelatedPoints) {
  Matrix<double> points(4, 1);
  for (const int64_t i : {0, 1, 2, 3}) points(i, 0) = i * i;
  IndexOptions options;
  options.mutable_residual()->mutable_kernel()->set_family(KernelConfig::RBF);
  options.mutable_residual()->mutable_inducing()->mutable_none();
  const ResidualIndex index =
      ResidualIndex::Build(points.view(), options).value();
  const SearchResult result = index.Search({0, 3}, {.k = 2}).value();
  EXPECT_EQ(result.neighbors.rows()(0, 0), 0);  // a row is its own nearest
  EXPECT_EQ(result.neighbors.rows()(0, 1), 1);
  EXPECT_EQ(result.neighbors.rows()(1, 1), 2);
  EXPECT_DOUBLE_EQ(result.neighbors.distances()(0, 1),
                   std::sqrt(1 - std::exp(-0.5)));
}

TEST(BuildErrorsTest, PointsThatAreNotFinite) {
  for (const double value : {kNan, kInfinity, -kInfinity}) {
    Matrix<double> points = Points();
    points(17, 2) = value;
    points(42, 0) = value;  // the first is named
    EXPECT_THAT(ResidualIndex::Build(points.view(), Options()).status(),
                Invalid("points: row 17, column 2"));
  }
}

TEST(BuildErrorsTest, NoColumns) {
  const Matrix<double> points(kRows, 0);
  EXPECT_THAT(ResidualIndex::Build(points.view(), Options()).status(),
              Invalid("points: has 0 columns"));
}

TEST(BuildErrorsTest, Kernel) {
  IndexOptions options = Options();
  options.mutable_residual()->mutable_kernel()->clear_family();
  EXPECT_THAT(BuildStatus(options), Invalid("kernel.family"));
  options.clear_residual();
  EXPECT_THAT(BuildStatus(options), Invalid("kernel.family"));

  for (const double value : kNotPositive) {
    options = Options();
    KernelConfig& kernel = *options.mutable_residual()->mutable_kernel();
    kernel.set_variance(value);
    EXPECT_THAT(BuildStatus(options), Invalid("kernel.variance"));
    kernel.clear_variance();
    kernel.add_lengthscale(value);
    EXPECT_THAT(BuildStatus(options), Invalid("kernel.lengthscale[0]"));
    kernel.set_lengthscale(0, 1);
    kernel.add_lengthscale(2);
    kernel.add_lengthscale(value);
    EXPECT_THAT(BuildStatus(options), Invalid("kernel.lengthscale[2]"));
  }
  options = Options();
  KernelConfig& kernel = *options.mutable_residual()->mutable_kernel();
  kernel.add_lengthscale(1);
  kernel.add_lengthscale(1);
  EXPECT_THAT(BuildStatus(options),
              Invalid("kernel.lengthscale: 2 values for points of 3"));
  kernel.clear_lengthscale();
  kernel.add_lengthscale(5e-324);  // its inverse is infinite
  EXPECT_THAT(BuildStatus(options), Invalid("kernel.lengthscale[0]"));
}

TEST(BuildErrorsTest, InducingPoints) {
  IndexOptions options = Options();
  InducingConfig& inducing = *options.mutable_residual()->mutable_inducing();
  inducing.Clear();
  EXPECT_THAT(BuildStatus(options), Invalid("inducing: no source"));
  inducing.mutable_rows();
  EXPECT_THAT(BuildStatus(options), Invalid("inducing: no inducing points"));
  inducing.mutable_coordinates();
  EXPECT_THAT(BuildStatus(options), Invalid("inducing: no inducing points"));
  inducing.mutable_random();
  EXPECT_THAT(BuildStatus(options), Invalid("inducing.random.count: is 0"));
  for (const int64_t count : {int64_t{-1}, kRows + 1}) {
    inducing.mutable_random()->set_count(count);
    EXPECT_THAT(BuildStatus(options), Invalid("inducing.random.count"));
  }
  for (const int64_t row : {int64_t{-1}, kRows}) {
    inducing.mutable_rows()->add_row(3);
    inducing.mutable_rows()->add_row(row);
    EXPECT_THAT(BuildStatus(options),
                Invalid("inducing.rows.row[1]: row " + std::to_string(row)));
    inducing.clear_rows();
  }
  for (const int64_t row : {7, 8, 7}) inducing.mutable_rows()->add_row(row);
  EXPECT_THAT(BuildStatus(options),
              Invalid("inducing.rows.row[2]: row 7 is already there at [0]"));
  for (int i = 0; i < 4; ++i) inducing.mutable_coordinates()->add_value(i);
  EXPECT_THAT(BuildStatus(options),
              Invalid("inducing.coordinates.value: 4 numbers"));
  inducing.mutable_coordinates()->add_value(0);
  inducing.mutable_coordinates()->add_value(kNan);
  EXPECT_THAT(BuildStatus(options),
              Invalid("inducing.coordinates: row 1, column 2"));
}

TEST(BuildErrorsTest, JitterAndFloor) {
  for (const double value : kNotPositive) {
    IndexOptions options = Options();
    options.mutable_residual()->set_jitter(value);
    EXPECT_THAT(BuildStatus(options), Invalid("jitter"));
    options = Options();
    options.mutable_residual()->set_variance_floor(value);
    EXPECT_THAT(BuildStatus(options), Invalid("variance_floor"));
  }
}

TEST(BuildErrorsTest, InducingPointsThatCoincide) {
  const Matrix<double> points = MakePoints("duplicates", 20, kDim, 1);
  IndexOptions options = Options();
  auto& inducing = *options.mutable_residual()->mutable_inducing();
  for (const int64_t row : {4, 9}) inducing.mutable_rows()->add_row(row);
  options.mutable_residual()->set_jitter(1e-300);
  EXPECT_THAT(ResidualIndex::Build(points.view(), options).status(),
              FailedPrecondition("inducing point 1 (row 9)"));
}

TEST(BuildErrorsTest, Threads) {
  IndexOptions options = Options();
  options.set_threads(1'000'000);
  EXPECT_THAT(BuildStatus(options), Invalid("threads: is 1000000"));
  options.set_threads(-1);
  EXPECT_THAT(BuildStatus(options), Invalid("threads: is -1"));
  const absl::StatusOr<ResidualModel> model =
      ResidualModel::Create(Points().view(), Options().residual(), 1);
  ASSERT_THAT(model, IsOk());
  options.clear_residual();
  EXPECT_THAT(ResidualIndex::Build(*model, options).status(),
              Invalid("threads: is -1"));
  EXPECT_THAT(
      ResidualModel::Create(Points().view(), Options().residual(), -1).status(),
      Invalid("threads: is -1"));
}

TEST(BuildErrorsTest, StrategyAndTree) {
  EXPECT_THAT(BuildStatus(Options(STRATEGY_UNSPECIFIED)), Invalid("strategy"));

  IndexOptions options = Options(EXHAUSTIVE);
  options.mutable_tree();
  EXPECT_THAT(BuildStatus(options), Invalid("tree: given, but"));
  options.clear_strategy();
  EXPECT_THAT(BuildStatus(options), Invalid("tree: given, but strategy BLOCK"));

  options = Options(LEVEL_SYNCHRONOUS);
  for (const double base : {1.0, 0.5, kNan, 17.0}) {
    options.mutable_tree()->set_base(base);
    EXPECT_THAT(BuildStatus(options), Invalid("tree.base"));
  }
  options.mutable_tree()->Clear();
  options.mutable_tree()->set_leaf_size(0);
  EXPECT_THAT(BuildStatus(options), Invalid("tree.leaf_size"));
  options.mutable_tree()->Clear();
  options.mutable_tree()->set_structure(CoverTreeConfig::STRUCTURE_UNSPECIFIED);
  EXPECT_THAT(BuildStatus(options), Invalid("tree.structure"));
  options.mutable_tree()->Clear();
  options.mutable_tree()->set_node_order(
      CoverTreeConfig::NODE_ORDER_UNSPECIFIED);
  EXPECT_THAT(BuildStatus(options), Invalid("tree.node_order"));
}

TEST(BuildErrorsTest, Heuristics) {
  IndexOptions options;
  options.mutable_heuristics()->mutable_level_cache();
  for (const Strategy strategy : {EXHAUSTIVE, BLOCK}) {
    options.set_strategy(strategy);
    EXPECT_THAT(ValidateIndexOptions(options),
                Invalid("heuristics.level_cache"));
  }
  for (const Strategy strategy : {LEVEL_SYNCHRONOUS, BEST_FIRST}) {
    options.set_strategy(strategy);
    EXPECT_THAT(ValidateIndexOptions(options), IsOk());
  }
  options.mutable_heuristics()->Clear();
  options.mutable_heuristics()->mutable_skeleton_bound();
  EXPECT_THAT(ValidateIndexOptions(options),
              Invalid("heuristics.skeleton_bound"));
  options.set_strategy(BLOCK);
  EXPECT_THAT(ValidateIndexOptions(options), IsOk());
}

// Errors in the options are found before any work on the points.
TEST(BuildErrorsTest, OptionsComeFirst) {
  const Matrix<double> no_columns(kRows, 0);
  IndexOptions options = Options(LEVEL_SYNCHRONOUS);
  options.mutable_tree()->set_base(1);
  EXPECT_THAT(ValidateIndexOptions(options), Invalid("tree.base"));
  EXPECT_THAT(ResidualIndex::Build(no_columns.view(), options).status(),
              Invalid("tree.base"));
  EXPECT_THAT(ValidateIndexOptions(Options(STRATEGY_UNSPECIFIED)),
              Invalid("strategy"));
  EXPECT_THAT(ValidateIndexOptions(Options(LEVEL_SYNCHRONOUS)), IsOk());
}

TEST(BuildErrorsTest, AModelHasItsOwnMetric) {
  const absl::StatusOr<ResidualModel> model =
      ResidualModel::Create(Points().view(), Options().residual(), 1);
  ASSERT_THAT(model, IsOk());
  EXPECT_THAT(ResidualIndex::Build(*model, Options()).status(),
              Invalid("residual"));
}

// Where bounds are not proven, trees are refused and exhaustive search still
// answers.
TEST(BuildErrorsTest, TooSmallAJitter) {
  IndexOptions options = Options(LEVEL_SYNCHRONOUS);
  options.mutable_residual()->set_jitter(1e-14);
  EXPECT_THAT(BuildStatus(options), FailedPrecondition("jitter"));
  options.set_strategy(EXHAUSTIVE);
  EXPECT_THAT(BuildStatus(options), IsOk());
}

class SearchErrorsTest : public testing::TestWithParam<Strategy> {
 protected:
  SearchErrorsTest()
      : index_(*ResidualIndex::Build(Points().view(), Options(GetParam()))) {}

  ResidualIndex index_;
};

TEST_P(SearchErrorsTest, K) {
  for (const int64_t k :
       {int64_t{0}, int64_t{-1}, std::numeric_limits<int64_t>::min(),
        std::numeric_limits<int64_t>::max()}) {
    const std::string message = "k: is " + std::to_string(k);
    EXPECT_THAT(index_.Search({1}, {.k = k}).status(), Invalid(message));
    EXPECT_THAT(index_.SearchPoints(Points().view(), {.k = k}).status(),
                Invalid(message));
  }
}

TEST_P(SearchErrorsTest, Threads) {
  EXPECT_THAT(index_.Search({1}, {.threads = -1}).status(),
              Invalid("threads: is -1"));
  EXPECT_THAT(index_.SearchPoints(Points().view(), {.threads = -1}).status(),
              Invalid("threads: is -1"));
  EXPECT_THAT(index_.Search({1}, {.threads = 0}).status(), IsOk());
}

TEST_P(SearchErrorsTest, Rows) {
  for (const int64_t row :
       {int64_t{-1}, kRows, std::numeric_limits<int64_t>::max(),
        std::numeric_limits<int64_t>::min()}) {
    EXPECT_THAT(index_.Search({5, 0, row, -7}, {.k = 1}).status(),
                Invalid("query 2: row " + std::to_string(row)));
  }
}

TEST_P(SearchErrorsTest, NewPoints) {
  for (const int64_t dim : {1, 2, 4}) {
    EXPECT_THAT(
        index_.SearchPoints(MakePoints("cube", 5, dim, 1).view(), {.k = 1})
            .status(),
        Invalid("query points: have " + std::to_string(dim)));
  }
  EXPECT_THAT(
      index_.SearchPoints(Matrix<double>(5, 0).view(), {.k = 1}).status(),
      Invalid("query points: has 0 columns"));
  Matrix<double> points = Points();
  points(6, 1) = kNan;
  EXPECT_THAT(index_.SearchPoints(points.view(), {.k = 1}).status(),
              Invalid("query points: row 6, column 1"));
}

TEST_P(SearchErrorsTest, NewPointsHaveNoRow) {
  const Matrix<double> points = Points(2);
  EXPECT_THAT(index_.SearchPoints(points.view(), {.k = 1, .predecessor = true})
                  .status(),
              Invalid("predecessor"));
  EXPECT_THAT(index_.SearchPoints(points.view(), {.k = 1, .exclude_self = true})
                  .status(),
              Invalid("exclude_self"));
}

INSTANTIATE_TEST_SUITE_P(Strategies, SearchErrorsTest,
                         testing::Values(EXHAUSTIVE, LEVEL_SYNCHRONOUS,
                                         BEST_FIRST, BLOCK),
                         [](const auto& info) {
                           return Strategy_Name(info.param);
                         });

// The squares of these coordinates over- or underflow. All code that reads
// points divides by lengthscales first, or affects only the speed.
TEST(ResidualIndexScaleTest, HugeAndTinyCoordinates) {
  const Matrix<double> points = Points();
  for (const Strategy strategy :
       {EXHAUSTIVE, LEVEL_SYNCHRONOUS, BEST_FIRST, BLOCK}) {
    for (const bool fixed : {false, true}) {
      IndexOptions options = Options(strategy);
      if (strategy == LEVEL_SYNCHRONOUS || strategy == BEST_FIRST) {
        options.mutable_tree()->set_structure(
            fixed ? CoverTreeConfig::STATIC : CoverTreeConfig::RESIDUAL);
        options.mutable_tree()->set_node_order(CoverTreeConfig::HILBERT);
      } else if (strategy == BLOCK) {
        options.mutable_heuristics()->mutable_skeleton_bound()->set_form(
            fixed ? SkeletonBoundConfig::TABLES
                  : SkeletonBoundConfig::PROJECTIONS);
      } else if (fixed) {
        options.mutable_heuristics()->mutable_float_screen();
      }
      KernelConfig& kernel = *options.mutable_residual()->mutable_kernel();
      kernel.clear_lengthscale();
      kernel.add_lengthscale(0.5);
      const auto expected = ResidualIndex::Build(points.view(), options);
      ASSERT_THAT(expected.status(), IsOk());
      const std::string digest =
          expected->Search(AllRows(kRows), {.k = 7})->neighbors.Digest();
      for (const int exponent : {1015, 700, -700, -1000}) {
        SCOPED_TRACE(
            absl::StrCat(Strategy_Name(strategy), " ", fixed, " ", exponent));
        Matrix<double> scaled = points.Clone();
        for (int64_t i = 0; i < kRows; ++i) {
          for (int64_t t = 0; t < scaled.cols(); ++t) {
            scaled(i, t) = std::ldexp(points(i, t), exponent);
          }
        }
        kernel.set_lengthscale(0, std::ldexp(0.5, exponent));
        const auto index = ResidualIndex::Build(scaled.view(), options);
        ASSERT_THAT(index.status(), IsOk());
        EXPECT_EQ(index->Search(AllRows(kRows), {.k = 7})->neighbors.Digest(),
                  digest);
        EXPECT_EQ(
            index->SearchPoints(scaled.view(), {.k = 7})->neighbors.Digest(),
            expected->SearchPoints(points.view(), {.k = 7})
                ->neighbors.Digest());
      }
    }
  }
}

TEST(FromFactorsTest, Errors) {
  const Matrix<double> points = Points();
  const KernelConfig kernel = Options().residual().kernel();
  const Matrix<double> v = Matrix<double>::Zeros(kRows, 4);
  const std::vector<double> ones(kRows, 1.0);

  KernelConfig no_kernel;
  EXPECT_THAT(
      ResidualModel::FromFactors(points.view(), no_kernel, v.view(), ones)
          .status(),
      Invalid("kernel.family"));
  Matrix<double> bad_points = points.Clone();
  bad_points(3, 0) = kNan;
  EXPECT_THAT(
      ResidualModel::FromFactors(bad_points.view(), kernel, v.view(), ones)
          .status(),
      Invalid("points: row 3, column 0"));
  Matrix<double> bad_v = v.Clone();
  bad_v(9, 2) = kInfinity;
  EXPECT_THAT(
      ResidualModel::FromFactors(points.view(), kernel, bad_v.view(), ones)
          .status(),
      Invalid("V: row 9, column 2"));
  EXPECT_THAT(ResidualModel::FromFactors(points.view(), kernel,
                                         Matrix<double>(kRows, 0).view(), ones)
                  .status(),
              Invalid("V: has 0 columns"));
  EXPECT_THAT(ResidualModel::FromFactors(
                  points.view(), kernel,
                  Matrix<double>::Zeros(kRows - 1, 4).view(), ones)
                  .status(),
              Invalid("V has 199 rows"));
  EXPECT_THAT(ResidualModel::FromFactors(points.view(), kernel, v.view(),
                                         absl::MakeConstSpan(ones).subspan(1))
                  .status(),
              Invalid("199 elements"));
  for (const double value : kNotPositive) {
    std::vector<double> variance = ones;
    variance[11] = value;
    EXPECT_THAT(
        ResidualModel::FromFactors(points.view(), kernel, v.view(), variance)
            .status(),
        Invalid("residual variance, row 11"));
  }
}

// The factors are those of a model of this library.
TEST(FromFactorsTest, SameAnswers) {
  const Matrix<double> points = Points();
  const absl::StatusOr<ResidualModel> model =
      ResidualModel::Create(points.view(), Options().residual(), 1);
  ASSERT_THAT(model, IsOk());
  const ResidualPoints& data = model->metric()->data();
  const absl::StatusOr<ResidualModel> again =
      ResidualModel::FromFactors(points.view(), Options().residual().kernel(),
                                 data.v.view(), data.variance.span());
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->factor(), nullptr);

  IndexOptions options;
  const absl::StatusOr<ResidualIndex> expected =
      ResidualIndex::Build(*model, options);
  const absl::StatusOr<ResidualIndex> actual =
      ResidualIndex::Build(*again, options);
  ASSERT_THAT(expected, IsOk());
  ASSERT_THAT(actual, IsOk());
  EXPECT_EQ(actual->Search(AllRows(kRows), {.k = 7})->neighbors.Digest(),
            expected->Search(AllRows(kRows), {.k = 7})->neighbors.Digest());
  EXPECT_THAT(actual->SearchPoints(points.view(), {.k = 7}).status(),
              FailedPrecondition("new points need inducing points"));
  options.set_strategy(LEVEL_SYNCHRONOUS);
  EXPECT_THAT(ResidualIndex::Build(*again, options).status(),
              FailedPrecondition("use EXHAUSTIVE"));
}

class ResidualIndexTest : public testing::TestWithParam<Strategy> {};

TEST_P(ResidualIndexTest, NoPoints) {
  const Matrix<double> points(0, kDim);
  EXPECT_THAT(ResidualIndex::Build(points.view(), Options(GetParam())).status(),
              Invalid("inducing.random.count"));
  const absl::StatusOr<ResidualIndex> index =
      ResidualIndex::Build(points.view(), OptionsWithCoordinates(GetParam()));
  ASSERT_THAT(index, IsOk());
  EXPECT_EQ(index->size(), 0);
  EXPECT_EQ(index->build_distance_evaluations(), 0);
  EXPECT_THAT(index->Search({0}, {.k = 1}).status(),
              Invalid("query 0: row 0 is out of range; the data has 0 rows"));
  EXPECT_EQ(index->Search({}, {.k = 4})->neighbors.Digest(),
            NeighborTable(0, 4).Digest());
  EXPECT_EQ(index->SearchPoints(Points().view(), {.k = 4})->neighbors.Digest(),
            NeighborTable(kRows, 4).Digest());
}

// The correlation of the process itself, against the textbook's formulas.
TEST_P(ResidualIndexTest, NoInducingPoints) {
  const Matrix<double> points = Points();
  const Matrix<double> queries = Points(/*seed=*/2);
  constexpr double kVariance = 2.5, kLengthscale = 0.7;
  const std::pair<KernelConfig::Family, double (*)(double)> families[] = {
      {KernelConfig::RBF, [](double r) { return std::exp(-r * r / 2); }},
      {KernelConfig::MATERN12, [](double r) { return std::exp(-r); }},
      {KernelConfig::MATERN32,
       [](double r) {
         return (1 + std::sqrt(3) * r) * std::exp(-std::sqrt(3) * r);
       }},
      {KernelConfig::MATERN52,
       [](double r) {
         return (1 + std::sqrt(5) * r + 5 * r * r / 3) *
                std::exp(-std::sqrt(5) * r);
       }},
  };
  for (const auto& [family, correlation] : families) {
    IndexOptions options = Options(GetParam());
    ResidualConfig& residual = *options.mutable_residual();
    residual.mutable_inducing()->mutable_none();
    residual.mutable_kernel()->set_family(family);
    residual.mutable_kernel()->set_variance(kVariance);
    residual.mutable_kernel()->add_lengthscale(kLengthscale);
    const absl::StatusOr<ResidualIndex> index =
        ResidualIndex::Build(points.view(), options);
    ASSERT_THAT(index, IsOk());
    EXPECT_EQ(index->model().metric()->data().v.cols(), 0);
    EXPECT_EQ(index->model().metric()->data().variance[0], kVariance);

    const auto expect_nearest = [&, correlation = correlation](
                                    const NeighborTable& neighbors,
                                    const Matrix<double>& from) {
      for (int64_t i = 0; i < kRows; ++i) {
        std::vector<std::pair<double, int64_t>> all;
        for (int64_t j = 0; j < kRows; ++j) {
          double r2 = 0;
          for (int64_t t = 0; t < kDim; ++t) {
            r2 += std::pow((from(i, t) - points(j, t)) / kLengthscale, 2);
          }
          all.emplace_back(1 - correlation(std::sqrt(r2)), j);
        }
        std::sort(all.begin(), all.end());
        for (int64_t rank = 0; rank < neighbors.k(); ++rank) {
          ASSERT_EQ(neighbors.rows()(i, rank), all[rank].second)
              << "query " << i << ", rank " << rank;
          EXPECT_NEAR(std::pow(neighbors.distances()(i, rank), 2),
                      all[rank].first, 1e-14);
        }
      }
    };
    expect_nearest(index->Search(AllRows(kRows), {.k = 9})->neighbors, points);
    expect_nearest(index->SearchPoints(queries.view(), {.k = 9})->neighbors,
                   queries);
  }
}

TEST_P(ResidualIndexTest, OnePoint) {
  const Matrix<double> points = MakePoints("normal", 1, kDim, 1);
  const absl::StatusOr<ResidualIndex> index =
      ResidualIndex::Build(points.view(), OptionsWithCoordinates(GetParam()));
  ASSERT_THAT(index, IsOk());
  const NeighborTable table =
      std::move(*index->Search({0}, {.k = 3})).neighbors;
  EXPECT_EQ(table.count(0), 1);
  EXPECT_EQ(table.rows()(0, 0), 0);
  EXPECT_EQ(table.distances()(0, 0), 0);
  EXPECT_EQ(
      index->Search({0}, {.k = 3, .exclude_self = true})->neighbors.count(0),
      0);
  EXPECT_EQ(
      index->Search({0}, {.k = 3, .predecessor = true})->neighbors.count(0), 0);
  EXPECT_EQ(index->SearchPoints(Points().view(), {.k = 3})->neighbors.count(9),
            1);
}

TEST_P(ResidualIndexTest, FewerNeighborsThanKAreNoError) {
  const absl::StatusOr<ResidualIndex> index =
      ResidualIndex::Build(Points().view(), Options(GetParam()));
  ASSERT_THAT(index, IsOk());
  const NeighborTable table =
      std::move(*index->Search({0, 5}, {.k = 1000, .predecessor = true}))
          .neighbors;
  EXPECT_EQ(table.k(), 1000);
  EXPECT_EQ(table.count(0), 0);
  EXPECT_EQ(table.count(1), 5);
}

// Lists of all lengths, from a table of all distances.
TEST_P(ResidualIndexTest, RangeSearchFindsAllWithinTheRadius) {
  constexpr int64_t kNumPoints = 520;
  const Matrix<double> points = MakePoints("pairs", kNumPoints, kDim, 1);
  const Matrix<double> queries = MakePoints("normal", 20, kDim, 2);
  const absl::StatusOr<ResidualIndex> index =
      ResidualIndex::Build(points.view(), Options(GetParam()));
  ASSERT_THAT(index, IsOk());
  const auto expect = [](const NeighborTable& all, double radius,
                         const RangeTable& table) {
    ASSERT_EQ(table.num_queries(), all.num_queries());
    EXPECT_EQ(table.offsets[0], 0);
    EXPECT_EQ(table.rows.size(), table.offsets.back());
    EXPECT_EQ(table.distances.size(), table.offsets.back());
    for (int64_t i = 0; i < all.num_queries(); ++i) {
      int64_t count = 0;
      while (count < all.count(i) && all.distances()(i, count) < radius) {
        ++count;
      }
      ASSERT_EQ(table.count(i), count) << "query " << i;
      for (int64_t j = 0; j < count; ++j) {
        ASSERT_EQ(table.rows_of(i)[j], all.rows()(i, j));
        ASSERT_EQ(table.distances_of(i)[j], all.distances()(i, j));
      }
    }
  };
  // A range search begins a new round at 62 and 496 neighbors.
  const NeighborTable some =
      std::move(*index->Search({300}, {.k = kNumPoints})).neighbors;
  std::vector<double> radii = {-kInfinity, 0, 1, kInfinity};
  for (const int64_t rank : {1, 61, 62, 496}) {
    radii.push_back(some.distances()(0, rank));
    radii.push_back(std::nextafter(some.distances()(0, rank), 2));
  }
  std::vector<int64_t> rows = {7};
  for (int64_t row = kNumPoints - 1; row >= 0; row -= 6) rows.push_back(row);
  for (const SearchOptions options :
       {SearchOptions{.k = 0},
        {.k = 3, .exclude_self = true},
        {.k = 3, .predecessor = true, .radius = 1e-9, .threads = 2}}) {
    SearchOptions all_options = options;
    all_options.k = kNumPoints;
    all_options.radius = kInfinity;
    const NeighborTable all =
        std::move(*index->Search(rows, all_options)).neighbors;
    for (const double radius : radii) {
      SCOPED_TRACE(radius);
      const auto found = index->RangeSearch(rows, radius, options);
      ASSERT_THAT(found, IsOk());
      expect(all, radius, found->neighbors);
    }
  }
  const NeighborTable all =
      std::move(*index->SearchPoints(queries.view(), {.k = kNumPoints}))
          .neighbors;
  for (const double radius : radii) {
    const auto found = index->RangeSearchPoints(queries.view(), radius, {});
    ASSERT_THAT(found, IsOk());
    expect(all, radius, found->neighbors);
  }
}

TEST_P(ResidualIndexTest, RangeSearchInLittleData) {
  for (const int64_t n : {0, 1, 2}) {
    const Matrix<double> points = MakePoints("duplicates", n, kDim, 1);
    const absl::StatusOr<ResidualIndex> index =
        ResidualIndex::Build(points.view(), OptionsWithCoordinates(GetParam()));
    ASSERT_THAT(index, IsOk());
    const auto rows = index->RangeSearch(AllRows(n), 0.5, {});
    ASSERT_THAT(rows, IsOk());
    EXPECT_EQ(rows->neighbors.num_queries(), n);
    EXPECT_EQ(rows->neighbors.rows.size(), n * n);
    const auto nobody = index->RangeSearch({}, 0.5, {});
    ASSERT_THAT(nobody, IsOk());
    EXPECT_EQ(nobody->neighbors.num_queries(), 0);
    const auto news = index->RangeSearchPoints(
        MakePoints("normal", 3, kDim, 1).view(), kInfinity, {});
    ASSERT_THAT(news, IsOk());
    EXPECT_EQ(news->neighbors.rows.size(), 3 * n);
  }
}

TEST_P(ResidualIndexTest, RadiusOutOfRange) {
  const absl::StatusOr<ResidualIndex> index =
      ResidualIndex::Build(Points().view(), Options(GetParam()));
  ASSERT_THAT(index, IsOk());
  EXPECT_THAT(index->Search({0}, {.radius = kNan}).status(),
              Invalid("radius: is no number"));
  EXPECT_THAT(index->RangeSearch({0}, kNan, {}).status(),
              Invalid("radius: is no number"));
  EXPECT_THAT(index->RangeSearchPoints(Points().view(), kNan, {}).status(),
              Invalid("radius: is no number"));
  EXPECT_THAT(index->RangeSearch({kRows}, 1, {}).status(),
              Invalid("query 0: row 200"));
}

TEST_P(ResidualIndexTest, OnlyAllowedRowsAreNeighbors) {
  const absl::StatusOr<ResidualIndex> index =
      ResidualIndex::Build(Points().view(), Options(GetParam()));
  ASSERT_THAT(index, IsOk());
  bool allowed[kRows] = {};
  for (const absl::Span<const bool> flags :
       {absl::MakeConstSpan(allowed).first(kRows - 1),
        absl::MakeConstSpan(allowed).first(1)}) {
    EXPECT_THAT(index->Search({0}, {.allowed = flags}).status(),
                Invalid("allowed: has"));
    EXPECT_THAT(index->RangeSearch({0}, 1, {.allowed = flags}).status(),
                Invalid("the data has 200 rows"));
  }
  const Matrix<double> queries = Points(2);
  const SearchOptions options = {.k = 3, .allowed = allowed};
  EXPECT_EQ(index->Search({5}, options)->neighbors.count(0), 0);
  EXPECT_EQ(index->SearchPoints(queries.view(), options)->neighbors.count(0),
            0);
  allowed[17] = allowed[4] = true;
  const auto rows = index->Search({17, 5}, options);
  EXPECT_EQ(rows->neighbors.rows()(0, 0), 17);
  EXPECT_EQ(rows->neighbors.rows()(0, 1), 4);
  EXPECT_EQ(rows->neighbors.count(1), 2);
  EXPECT_EQ(index->SearchPoints(queries.view(), options)->neighbors.count(0),
            2);
  const auto range = index->RangeSearchPoints(queries.view(), 2, options);
  EXPECT_EQ(range->neighbors.count(9), 2);
}

testing::Matcher<absl::Status> IsCancelled() {
  return StatusIs(absl::StatusCode::kCancelled, testing::_);
}

// A monitor sees all of a call, in order, and changes no bit of it.
TEST_P(ResidualIndexTest, AMonitorChangesNothing) {
  std::vector<double> seen;
  Monitor monitor([&](double done) {
    seen.push_back(done);
    return true;
  });
  const Matrix<double> points = Points();
  const auto expect_seen = [&] {
    EXPECT_GE(seen.size(), 1);
    EXPECT_EQ(seen.front(), 0);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    EXPECT_LE(seen.back(), 1);
    seen.clear();
  };
  const absl::StatusOr<ResidualIndex> index =
      ResidualIndex::Build(points.view(), Options(GetParam()), &monitor);
  ASSERT_THAT(index, IsOk());
  expect_seen();
  const SearchOptions plain = {.k = 5};
  SearchOptions watched = plain;
  watched.monitor = &monitor;
  for (const int threads : {1, 3}) {
    watched.threads = threads;
    const auto rows = index->Search(AllRows(kRows), watched);
    ASSERT_THAT(rows, IsOk());
    expect_seen();
    EXPECT_EQ(rows->neighbors.Digest(),
              index->Search(AllRows(kRows), plain)->neighbors.Digest());
    ASSERT_THAT(index->SearchPoints(points.view(), watched), IsOk());
    expect_seen();
    ASSERT_THAT(index->RangeSearch(AllRows(kRows), 0.5, watched), IsOk());
    expect_seen();
  }
}

TEST_P(ResidualIndexTest, CancelledAtOnce) {
  const Matrix<double> points = Points();
  int calls = 0;
  const auto stop = [&](double) {
    ++calls;
    return false;
  };
  {
    Monitor monitor(stop);
    EXPECT_THAT(
        ResidualIndex::Build(points.view(), Options(GetParam()), &monitor)
            .status(),
        IsCancelled());
    EXPECT_EQ(calls, 1);
  }
  const absl::StatusOr<ResidualIndex> index =
      ResidualIndex::Build(points.view(), Options(GetParam()));
  ASSERT_THAT(index, IsOk());
  const std::string expected =
      index->Search(AllRows(kRows), {.k = 5})->neighbors.Digest();
  for (const int threads : {1, 3}) {
    Monitor monitor(stop);
    const SearchOptions options = {
        .k = 5, .monitor = &monitor, .threads = threads};
    EXPECT_THAT(index->Search(AllRows(kRows), options).status(), IsCancelled());
    EXPECT_THAT(index->SearchPoints(points.view(), options).status(),
                IsCancelled());
    EXPECT_THAT(index->RangeSearch(AllRows(kRows), 1, options).status(),
                IsCancelled());
    EXPECT_THAT(index->RangeSearchPoints(points.view(), 1, options).status(),
                IsCancelled());
    EXPECT_EQ(index->Search(AllRows(kRows), {.k = 5})->neighbors.Digest(),
              expected);
  }
}

// Builds and searches that would take long end soon after the callback cancels
// them, at any point.
TEST_P(ResidualIndexTest, CancelledAfterAWhile) {
  using Clock = std::chrono::steady_clock;
  const auto soon = [](Clock::time_point since) {
    EXPECT_LT(Clock::now() - since, std::chrono::seconds(2));
  };
  constexpr int64_t kNumPoints = 6000;
  const Matrix<double> points = MakePoints("cube", kNumPoints, 3, 1);
  IndexOptions options = Options(GetParam());
  options.mutable_residual()->mutable_inducing()->mutable_random()->set_count(
      128);
  if (GetParam() != EXHAUSTIVE) {
    Clock::time_point last;
    Monitor monitor([&](double done) {
      last = Clock::now();
      return done == 0;
    });
    const auto index = ResidualIndex::Build(points.view(), options, &monitor);
    if (!index.ok()) {  // it may be done before it is asked again
      EXPECT_THAT(index.status(), IsCancelled());
      soon(last);
    }
  }
  options.set_threads(0);
  const absl::StatusOr<ResidualIndex> index =
      ResidualIndex::Build(points.view(), options);
  ASSERT_THAT(index, IsOk());
  for (const int threads : {1, 2}) {
    Clock::time_point last;
    Monitor monitor([&](double done) {
      last = Clock::now();
      return done < 1e-3;
    });
    // There are enough queries to take seconds.
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < 400'000; ++i) rows.push_back(i * 7 % kNumPoints);
    EXPECT_THAT(
        index->Search(rows, {.k = 20, .monitor = &monitor, .threads = threads})
            .status(),
        IsCancelled());
    soon(last);
  }
  // The index keeps parts that a cancelled call has completed.
  IndexOptions exhaustive = options;
  exhaustive.clear_heuristics();
  exhaustive.clear_tree();
  exhaustive.set_strategy(EXHAUSTIVE);
  EXPECT_EQ(index->Graph({.k = 5})->neighbors.Digest(),
            ResidualIndex::Build(points.view(), exhaustive)
                ->Graph({.k = 5})
                ->neighbors.Digest());
}

TEST_P(ResidualIndexTest, AGraphIsOfAllRows) {
  const absl::StatusOr<ResidualIndex> index =
      ResidualIndex::Build(Points().view(), Options(GetParam()));
  ASSERT_THAT(index, IsOk());
  for (const bool predecessor : {false, true}) {
    const auto graph = index->Graph({.k = 6, .predecessor = predecessor});
    ASSERT_THAT(graph, IsOk());
    EXPECT_EQ(
        graph->neighbors.Digest(),
        index
            ->Search(AllRows(kRows),
                     {.k = 6, .exclude_self = true, .predecessor = predecessor})
            ->neighbors.Digest());
  }
  EXPECT_THAT(index->Graph({.k = 0}).status(), Invalid("k: is 0"));
}

TEST_P(ResidualIndexTest, NoQueries) {
  const absl::StatusOr<ResidualIndex> index =
      ResidualIndex::Build(Points().view(), Options(GetParam()));
  ASSERT_THAT(index, IsOk());
  EXPECT_EQ(index->Search({}, {.k = 2})->neighbors.num_queries(), 0);
  EXPECT_EQ(index->SearchPoints(Matrix<double>(0, kDim).view(), {.k = 2})
                ->neighbors.num_queries(),
            0);
}

// A new point that equals a row has that row's neighbors, but does not know
// that the row is itself: its distance to it is computed like any other.
TEST_P(ResidualIndexTest, NewPointsEqualToRows) {
  for (const char* name : {"normal", "clusters", "pairs", "crowded"}) {
    const Matrix<double> points = MakePoints(name, kRows, kDim, 1);
    const absl::StatusOr<ResidualIndex> index =
        ResidualIndex::Build(points.view(), Options(GetParam()));
    ASSERT_THAT(index, IsOk());
    const NeighborTable of_points =
        std::move(*index->SearchPoints(points.view(), {.k = kRows})).neighbors;
    const NeighborTable of_rows =
        std::move(*index->Search(AllRows(kRows),
                                 {.k = kRows - 1, .exclude_self = true}))
            .neighbors;
    for (int64_t i = 0; i < kRows; ++i) {
      int64_t j = 0;
      for (int64_t other = 0; other < kRows; ++other) {
        if (of_points.rows()(i, other) == i) {
          // The difference is rounding, magnified by the residual variance.
          EXPECT_LT(of_points.distances()(i, other), 1e-4);
          continue;
        }
        ASSERT_EQ(of_points.rows()(i, other), of_rows.rows()(i, j));
        ASSERT_EQ(of_points.distances()(i, other), of_rows.distances()(i, j));
        ++j;
      }
      EXPECT_EQ(j, kRows - 1);
    }
  }
}

// This holds for any rounding of a point's correlation with itself.
TEST_P(ResidualIndexTest, ARowIsAtDistanceZeroFromItself) {
  for (const char* name : {"normal", "crowded"}) {
    const Matrix<double> points = MakePoints(name, kRows, kDim, 1);
    const absl::StatusOr<ResidualIndex> index =
        ResidualIndex::Build(points.view(), Options(GetParam()));
    ASSERT_THAT(index, IsOk());
    const NeighborTable table =
        std::move(*index->Search(AllRows(kRows), {.k = kRows})).neighbors;
    for (int64_t i = 0; i < kRows; ++i) {
      int64_t j = 0;
      while (table.rows()(i, j) != i) ++j;
      ASSERT_EQ(table.distances()(i, j), 0) << name << ", row " << i;
    }
  }
}

TEST_P(ResidualIndexTest, KeepsItsOwnPoints) {
  Matrix<double> points = Points();
  absl::StatusOr<ResidualIndex> built =
      ResidualIndex::Build(points.view(), Options(GetParam()));
  ASSERT_THAT(built, IsOk());
  const std::string expected =
      built->Search(AllRows(kRows), {.k = 7})->neighbors.Digest();
  for (int64_t i = 0; i < kRows; ++i) std::fill_n(points.row(i), kDim, kNan);
  const ResidualIndex moved = *std::move(built);
  EXPECT_EQ(moved.Search(AllRows(kRows), {.k = 7})->neighbors.Digest(),
            expected);
}

TEST_P(ResidualIndexTest, ReadsMatricesWithPadding) {
  const Matrix<double> points = Points();
  Matrix<double> padded(kRows, kDim, kDim + 5);
  for (int64_t i = 0; i < kRows; ++i) {
    std::fill_n(padded.row(i), padded.stride(), kNan);
    std::copy_n(points.row(i), kDim, padded.row(i));
  }
  const absl::StatusOr<ResidualIndex> expected =
      ResidualIndex::Build(points.view(), Options(GetParam()));
  const absl::StatusOr<ResidualIndex> actual =
      ResidualIndex::Build(std::as_const(padded).view(), Options(GetParam()));
  ASSERT_THAT(expected, IsOk());
  ASSERT_THAT(actual, IsOk());
  EXPECT_EQ(
      actual->SearchPoints(std::as_const(padded).view(), {.k = 5})
          ->neighbors.Digest(),
      expected->SearchPoints(points.view(), {.k = 5})->neighbors.Digest());
}

// An index is immutable, so that any number of threads may search it at once.
TEST_P(ResidualIndexTest, SearchesAtOnce) {
  const absl::StatusOr<ResidualIndex> index =
      ResidualIndex::Build(Points().view(), Options(GetParam()));
  ASSERT_THAT(index, IsOk());
  const Matrix<double> points = Points(2);
  const std::string rows_digest =
      index->Search(AllRows(kRows), {.k = 7})->neighbors.Digest();
  const std::string points_digest =
      index->SearchPoints(points.view(), {.k = 7})->neighbors.Digest();
  std::vector<std::thread> threads;
  threads.reserve(6);
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 3; ++round) {
        const SearchOptions options = {.k = 7, .threads = 1 + t % 3};
        const auto result = t % 2 == 0
                                ? index->Search(AllRows(kRows), options)
                                : index->SearchPoints(points.view(), options);
        EXPECT_EQ(result->neighbors.Digest(),
                  t % 2 == 0 ? rows_digest : points_digest);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Inducing points and nets are those of a fresh build, and the old index may be
// destroyed.
TEST_P(ResidualIndexTest, ARebuiltIndexIsAFreshOne) {
  const Matrix<double> points = MakePoints("clusters", 600, kDim, 1);
  const Matrix<double> queries = Points(2);
  std::vector<IndexOptions> variants = {Options(GetParam()),
                                        OptionsWithCoordinates(GetParam())};
  variants[0].mutable_residual()->set_jitter(1e-5);
  if (GetParam() == LEVEL_SYNCHRONOUS || GetParam() == BEST_FIRST) {
    variants.push_back(variants[0]);
    variants.back().mutable_tree()->set_structure(CoverTreeConfig::STATIC);
  }
  for (IndexOptions options : variants) {
    SCOPED_TRACE(options.ShortDebugString());
    absl::StatusOr<ResidualIndex> index =
        ResidualIndex::Build(points.view(), options);
    ASSERT_THAT(index, IsOk());
    std::string before = index->Graph({.k = 9})->neighbors.Digest();
    KernelConfig& kernel = *options.mutable_residual()->mutable_kernel();
    for (const auto& [family, lengthscale] :
         {std::pair(KernelConfig::MATERN32, 0.7),
          std::pair(KernelConfig::RBF, 0.4)}) {
      kernel.set_family(family);
      kernel.clear_lengthscale();
      for (const double factor : {1.0, 1.5, 2.0}) {
        kernel.add_lengthscale(lengthscale * factor);
      }
      kernel.set_variance(2.5);
      absl::StatusOr<ResidualIndex> rebuilt = index->Rebuild(kernel, 2);
      ASSERT_THAT(rebuilt, IsOk());
      EXPECT_EQ(index->Graph({.k = 9})->neighbors.Digest(), before);
      EXPECT_EQ(rebuilt->model().metric()->data().points.data(),
                index->model().metric()->data().points.data());
      const bool keeps_nets =
          options.tree().structure() == CoverTreeConfig::STATIC;
      if (keeps_nets) {
        EXPECT_EQ(rebuilt->phases().front().distance_evaluations, 0);
      }
      index = absl::UnknownError("gone");
      const absl::StatusOr<ResidualIndex> fresh =
          ResidualIndex::Build(points.view(), options);
      ASSERT_THAT(fresh, IsOk());
      EXPECT_EQ(rebuilt->options().ShortDebugString(),
                fresh->options().ShortDebugString());
      EXPECT_EQ(rebuilt->model().config().ShortDebugString(),
                fresh->model().config().ShortDebugString());
      EXPECT_EQ(rebuilt->model().factor()->inducing().rows,
                fresh->model().factor()->inducing().rows);
      const auto expect_same = [](const absl::StatusOr<SearchResult>& a,
                                  const absl::StatusOr<SearchResult>& b) {
        ASSERT_THAT(a, IsOk());
        EXPECT_EQ(a->neighbors.Digest(), b->neighbors.Digest());
        EXPECT_EQ(a->counters.ShortDebugString(),
                  b->counters.ShortDebugString());
      };
      expect_same(rebuilt->Graph({.k = 9}), fresh->Graph({.k = 9}));
      expect_same(rebuilt->SearchPoints(queries.view(), {.k = 4}),
                  fresh->SearchPoints(queries.view(), {.k = 4}));
      // The next index is rebuilt from a rebuilt one.
      index = std::move(rebuilt);
      before = index->Graph({.k = 9})->neighbors.Digest();
    }
  }
}

TEST_P(ResidualIndexTest, RebuildErrors) {
  const Matrix<double> points = Points();
  const absl::StatusOr<ResidualIndex> index =
      ResidualIndex::Build(points.view(), Options(GetParam()));
  ASSERT_THAT(index, IsOk());
  EXPECT_THAT(index->Rebuild(KernelConfig()).status(),
              Invalid("kernel.family"));
  KernelConfig kernel = Options().residual().kernel();
  EXPECT_THAT(index->Rebuild(kernel, -1).status(), Invalid("threads: is -1"));
  kernel.add_lengthscale(0);
  EXPECT_THAT(index->Rebuild(kernel).status(),
              Invalid("kernel.lengthscale[0]"));
  kernel.set_lengthscale(0, 1);
  Monitor monitor([](double) { return false; });
  EXPECT_THAT(index->Rebuild(kernel, 1, &monitor).status(), IsCancelled());
  EXPECT_THAT(index->Rebuild(kernel), IsOk());
}

// Any other config gives what a fresh build gives, and points are shared.
TEST_P(ResidualIndexTest, RebuiltWithOtherInducingPoints) {
  const Matrix<double> points = MakePoints("clusters", 600, kDim, 1);
  IndexOptions options = Options(GetParam());
  const absl::StatusOr<ResidualIndex> index =
      ResidualIndex::Build(points.view(), options);
  ASSERT_THAT(index, IsOk());
  std::vector<ResidualConfig> configs(5, options.residual());
  configs[0].mutable_inducing()->mutable_kmeans_plus_plus()->set_count(30);
  configs[1].mutable_inducing()->mutable_kmeans()->set_count(30);
  configs[1].mutable_kernel()->add_lengthscale(0.5);
  configs[2].mutable_inducing()->mutable_cover_tree()->set_count(7);
  configs[2].set_jitter(1e-5);
  configs[2].set_variance_floor(1e-6);
  configs[3].mutable_inducing()->mutable_none();
  configs[4].mutable_inducing()->mutable_rows()->add_row(599);
  for (const ResidualConfig& config : configs) {
    SCOPED_TRACE(config.ShortDebugString());
    const auto rebuilt = index->Rebuild(config, 2);
    ASSERT_THAT(rebuilt, IsOk());
    *options.mutable_residual() = config;
    const auto fresh = ResidualIndex::Build(points.view(), options);
    ASSERT_THAT(fresh, IsOk());
    EXPECT_EQ(rebuilt->model().config().ShortDebugString(),
              config.ShortDebugString());
    EXPECT_EQ(rebuilt->model().metric()->data().points.data(),
              index->model().metric()->data().points.data());
    EXPECT_EQ(rebuilt->model().factor()->inducing().rows,
              fresh->model().factor()->inducing().rows);
    EXPECT_EQ(rebuilt->Graph({.k = 9})->neighbors.Digest(),
              fresh->Graph({.k = 9})->neighbors.Digest());
  }
  EXPECT_THAT(index->Rebuild(ResidualConfig()).status(),
              Invalid("kernel.family"));
  ResidualConfig none = options.residual();
  none.clear_inducing();
  EXPECT_THAT(index->Rebuild(none).status(), Invalid("inducing: no source"));
}

// Another kernel leaves the inducing points alone, whatever chose them. The
// config of the new model is one from which Build makes it.
TEST(RebuildTest, InducingPointsStayUnderOtherLengthscales) {
  const Matrix<double> points = Points();
  for (int source = 0; source < 3; ++source) {
    IndexOptions options = Options();
    InducingConfig& inducing = *options.mutable_residual()->mutable_inducing();
    if (source == 0) inducing.mutable_kmeans_plus_plus()->set_count(20);
    if (source == 1) inducing.mutable_kmeans()->set_count(20);
    if (source == 2) inducing.mutable_cover_tree()->set_count(20);
    const auto index = ResidualIndex::Build(points.view(), options);
    ASSERT_THAT(index, IsOk());
    const InducingPoints& z = index->model().factor()->inducing();
    const auto is_same = [&z](const ResidualModel& model) {
      const InducingPoints& other = model.factor()->inducing();
      return other.rows == z.rows &&
             std::equal(z.coordinates.data(), z.coordinates.data() + 20 * kDim,
                        other.coordinates.data());
    };
    KernelConfig kernel = options.residual().kernel();
    kernel.set_variance(2);
    for (int t = 0; t < kDim; ++t) kernel.add_lengthscale(1);
    const auto alike = index->Rebuild(kernel);
    ASSERT_THAT(alike, IsOk());
    EXPECT_TRUE(is_same(alike->model()));
    EXPECT_EQ(alike->model().config().inducing().source_case(),
              inducing.source_case());
    kernel.set_lengthscale(1, 0.1);
    const auto other = index->Rebuild(kernel);
    ASSERT_THAT(other, IsOk());
    EXPECT_TRUE(is_same(other->model()));
    EXPECT_EQ(
        other->model().config().inducing().source_case(),
        source == 1 ? InducingConfig::kCoordinates : InducingConfig::kRows);
    *options.mutable_residual() = other->model().config();
    const auto fresh = ResidualIndex::Build(points.view(), options);
    ASSERT_THAT(fresh, IsOk());
    EXPECT_TRUE(is_same(fresh->model()));
    EXPECT_EQ(other->Graph({.k = 9})->neighbors.Digest(),
              fresh->Graph({.k = 9})->neighbors.Digest());
    // Chosen anew, they are others.
    *options.mutable_residual()->mutable_inducing() =
        index->model().config().inducing();
    const auto anew = other->Rebuild(options.residual());
    ASSERT_THAT(anew, IsOk());
    EXPECT_FALSE(is_same(anew->model()));
  }
}

TEST(RebuildTest, AModelFromFactorsIsRenewedByItsMaker) {
  const Matrix<double> points = Points();
  const KernelConfig kernel = Options().residual().kernel();
  const ResidualModel model = *ResidualModel::FromFactors(
      points.view(), kernel, Matrix<double>::Zeros(kRows, 4).view(),
      std::vector<double>(kRows, 1.0));
  const ResidualIndex index = *ResidualIndex::Build(model, {});
  EXPECT_THAT(index.Rebuild(kernel).status(),
              FailedPrecondition("a model from factors has no inducing"));
  // A whole config says how to compute factors.
  const auto own = index.Rebuild(Options().residual());
  ASSERT_THAT(own, IsOk());
  EXPECT_EQ(own->Graph({.k = 5})->neighbors.Digest(),
            ResidualIndex::Build(points.view(), Options())
                ->Graph({.k = 5})
                ->neighbors.Digest());
}

INSTANTIATE_TEST_SUITE_P(Strategies, ResidualIndexTest,
                         testing::Values(EXHAUSTIVE, LEVEL_SYNCHRONOUS,
                                         BEST_FIRST, BLOCK),
                         [](const auto& info) {
                           return Strategy_Name(info.param);
                         });

// Strategy, shape of the tree, threads of the build and of the search, and
// instruction set change no bit.
TEST(OneAnswerTest, WhateverTheOptions) {
  std::vector<IndexOptions> variants(1);
  for (const auto structure :
       {CoverTreeConfig::RESIDUAL, CoverTreeConfig::STATIC}) {
    variants.emplace_back().set_strategy(LEVEL_SYNCHRONOUS);
    variants.back().mutable_tree()->set_structure(structure);
  }
  for (const char* name : {"normal", "clusters", "crowded", "pairs"}) {
    const Matrix<double> points = MakePoints(name, kRows, kDim, 1);
    const Matrix<double> queries = MakePoints(name, 70, kDim, 2);
    for (const auto family : {KernelConfig::RBF, KernelConfig::MATERN32}) {
      ResidualConfig residual = Options().residual();
      residual.mutable_kernel()->set_family(family);
      std::set<std::string> rows_digests, points_digests;
      std::vector<std::set<std::string>> counters(variants.size());
      for (const Isa isa : AvailableIsas()) {
        for (const int threads : {1, 2, 7}) {
          const absl::StatusOr<ResidualModel> model = ResidualModel::Create(
              points.view(), residual, threads, *SimdRoutinesFor(isa));
          ASSERT_THAT(model, IsOk());
          for (size_t variant = 0; variant < variants.size(); ++variant) {
            IndexOptions options = variants[variant];
            options.set_threads(threads);
            const absl::StatusOr<ResidualIndex> index =
                ResidualIndex::Build(*model, options);
            ASSERT_THAT(index, IsOk());
            const auto rows = index->Search(
                AllRows(kRows),
                {.k = 10, .predecessor = true, .threads = threads});
            ASSERT_THAT(rows, IsOk());
            rows_digests.insert(rows->neighbors.Digest());
            counters[variant].insert(rows->counters.SerializeAsString());
            const auto news = index->SearchPoints(
                queries.view(), {.k = 10, .threads = threads});
            ASSERT_THAT(news, IsOk());
            points_digests.insert(news->neighbors.Digest());
          }
        }
      }
      EXPECT_EQ(rows_digests.size(), 1) << name;
      EXPECT_EQ(points_digests.size(), 1) << name;
      for (const auto& variant : counters) EXPECT_EQ(variant.size(), 1);
    }
  }
}

TEST(OneAnswerTest, TheVarianceOfTheKernelCancels) {
  const Matrix<double> points = Points();
  std::set<std::string> digests;
  for (const double variance : {1.0, 4.0, 0x1p-40, 0x1p60}) {
    IndexOptions options = Options(LEVEL_SYNCHRONOUS);
    options.mutable_residual()->mutable_kernel()->set_variance(variance);
    const absl::StatusOr<ResidualIndex> index =
        ResidualIndex::Build(points.view(), options);
    ASSERT_THAT(index, IsOk());
    digests.insert(index->Search(AllRows(kRows), {.k = 9})->neighbors.Digest());
  }
  // Powers of four scale all numbers without rounding.
  EXPECT_EQ(digests.size(), 1);
}

}  // namespace
}  // namespace rct
