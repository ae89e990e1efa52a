#include "metric/inducing_points.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/isa.h"
#include "metric/metric.pb.h"
#include "metric/simd_routines.h"
#include "metric/test_reference.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

InducingConfig Rows(const std::vector<int64_t>& rows) {
  InducingConfig config;
  config.mutable_rows();
  for (const int64_t row : rows) config.mutable_rows()->add_row(row);
  return config;
}

InducingConfig Coordinates(const std::vector<double>& values) {
  InducingConfig config;
  config.mutable_coordinates();
  for (const double x : values) config.mutable_coordinates()->add_value(x);
  return config;
}

InducingConfig Random(int64_t count, uint64_t seed) {
  InducingConfig config;
  config.mutable_random()->set_count(count);
  config.mutable_random()->set_seed(seed);
  return config;
}

auto IsInvalid(const std::string& message) {
  return StatusIs(absl::StatusCode::kInvalidArgument, message);
}

TEST(SelectInducingPointsTest, Example) {
  const double data[] = {0.5, 1.5, 2.5, 3.5};
  const auto z =
      SelectInducingPoints(Rows({3, 0}), MatrixView<const double>(data, 4, 1));
  ASSERT_THAT(z, IsOk());
  EXPECT_THAT(z->rows, ElementsAre(3, 0));
  EXPECT_EQ(z->coordinates(0, 0), 3.5);
}

TEST(SelectInducingPointsTest, RowsInTheirOrder) {
  const Matrix<double> points = UniformPoints(5, 2, 1);
  const auto z = SelectInducingPoints(Rows({4, 0, 3}), points.view());
  ASSERT_THAT(z, IsOk());
  EXPECT_THAT(z->rows, ElementsAre(4, 0, 3));
  ASSERT_EQ(z->coordinates.rows(), 3);
  ASSERT_EQ(z->coordinates.cols(), 2);
  for (int64_t i = 0; i < 3; ++i) {
    for (int64_t t = 0; t < 2; ++t) {
      EXPECT_EQ(z->coordinates(i, t), points(z->rows[i], t));
    }
  }
}

TEST(SelectInducingPointsTest, RowsOfAViewWithPadding) {
  const double data[] = {1, 2, -1, 3, 4, -1};
  const auto z =
      SelectInducingPoints(Rows({1}), MatrixView<const double>(data, 2, 2, 3));
  ASSERT_THAT(z, IsOk());
  EXPECT_EQ(z->coordinates(0, 0), 3);
  EXPECT_EQ(z->coordinates(0, 1), 4);
}

TEST(SelectInducingPointsTest, RowsOutOfRange) {
  const Matrix<double> points = UniformPoints(5, 2, 1);
  for (const int64_t row :
       {int64_t{-1}, int64_t{5}, std::numeric_limits<int64_t>::min(),
        std::numeric_limits<int64_t>::max()}) {
    EXPECT_THAT(SelectInducingPoints(Rows({2, row}), points.view()),
                IsInvalid("inducing.rows.row[1]: row " + std::to_string(row) +
                          " is out of range; the data has 5 rows"));
  }
}

TEST(SelectInducingPointsTest, RowsTwice) {
  const Matrix<double> points = UniformPoints(5, 2, 1);
  EXPECT_THAT(SelectInducingPoints(Rows({2, 3, 0, 3}), points.view()),
              IsInvalid("inducing.rows.row[3]: row 3 is already there at [1]; "
                        "each row may be given once"));
}

TEST(SelectInducingPointsTest, CoordinatesRowByRow) {
  const auto z = SelectInducingPoints(Coordinates({1, 2, 3, 4, 5, 6}),
                                      Matrix<double>(0, 3).view());
  ASSERT_THAT(z, IsOk());
  EXPECT_THAT(z->rows, IsEmpty());
  ASSERT_EQ(z->coordinates.rows(), 2);
  EXPECT_EQ(z->coordinates(0, 2), 3);
  EXPECT_EQ(z->coordinates(1, 0), 4);
}

TEST(SelectInducingPointsTest, CoordinatesOfAnotherDimension) {
  const Matrix<double> points = UniformPoints(5, 3, 1);
  EXPECT_THAT(SelectInducingPoints(Coordinates({1, 2, 3, 4}), points.view()),
              IsInvalid("inducing.coordinates.value: 4 numbers are no whole "
                        "points of 3 coordinates"));
}

TEST(SelectInducingPointsTest, CoordinatesWhereDataHasNone) {
  EXPECT_THAT(
      SelectInducingPoints(Coordinates({1, 2}), Matrix<double>(5, 0).view()),
      IsInvalid("inducing.coordinates.value: 2 numbers are no whole "
                "points of 0 coordinates"));
}

TEST(SelectInducingPointsTest, CoordinatesThatAreNotFinite) {
  const Matrix<double> points = UniformPoints(5, 2, 1);
  EXPECT_THAT(
      SelectInducingPoints(Coordinates({1, 2, 3, kNan}), points.view()),
      IsInvalid("inducing.coordinates: row 1, column 1 is nan; all values must "
                "be finite"));
  EXPECT_THAT(
      SelectInducingPoints(Coordinates({1, 2, -kInfinity, 0}), points.view()),
      IsInvalid("inducing.coordinates: row 1, column 0 is -inf; all values "
                "must be finite"));
}

TEST(SelectInducingPointsTest, RandomRowsAreReplayed) {
  const Matrix<double> points = UniformPoints(1000, 2, 1);
  const auto z = SelectInducingPoints(Random(6, 1), points.view());
  ASSERT_THAT(z, IsOk());
  // For ever: figures that were published depend on it.
  EXPECT_THAT(z->rows, ElementsAre(18, 122, 581, 673, 862, 869));
  for (int64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(z->coordinates(i, 1), points(z->rows[i], 1));
  }
  const auto other = SelectInducingPoints(Random(6, 2), points.view());
  EXPECT_NE(other->rows, z->rows);

  InducingConfig default_seed;
  default_seed.mutable_random()->set_count(6);
  EXPECT_EQ(SelectInducingPoints(default_seed, points.view())->rows, z->rows);
}

TEST(SelectInducingPointsTest, RandomRowsAreDistinctAndAscend) {
  const Matrix<double> points = UniformPoints(50, 1, 1);
  for (int64_t count = 1; count <= 50; ++count) {
    const auto z = SelectInducingPoints(Random(count, 3), points.view());
    ASSERT_THAT(z, IsOk());
    ASSERT_EQ(static_cast<int64_t>(z->rows.size()), count);
    EXPECT_EQ(std::adjacent_find(z->rows.begin(), z->rows.end(),
                                 std::greater_equal<>()),
              z->rows.end());
    EXPECT_GE(z->rows.front(), 0);
    EXPECT_LT(z->rows.back(), 50);
  }
}

TEST(SelectInducingPointsTest, RandomCountIsInRange) {
  const Matrix<double> points = UniformPoints(5, 2, 1);
  for (const int64_t count : {-1, 0, 6}) {
    EXPECT_THAT(SelectInducingPoints(Random(count, 1), points.view()),
                IsInvalid("inducing.random.count: is " + std::to_string(count) +
                          "; must be from 1 to the number of rows, 5"));
  }
  InducingConfig no_count;
  no_count.mutable_random();
  EXPECT_THAT(SelectInducingPoints(no_count, points.view()),
              IsInvalid("inducing.random.count: is 0; must be from 1 to the "
                        "number of rows, 5"));
}

// Returns a config of each source that chooses by distance.
std::vector<InducingConfig> ByDistance(int64_t count) {
  std::vector<InducingConfig> configs(4);
  configs[0].mutable_kmeans_plus_plus()->set_count(count);
  configs[1].mutable_cover_tree()->set_count(count);
  configs[2].mutable_kmeans()->set_count(count);
  configs[3].mutable_kmeans()->set_count(count);
  configs[3].mutable_kmeans()->set_nearest_rows(true);
  return configs;
}

TEST(SelectInducingPointsTest, ChoicesByDistanceAreReplayed) {
  const Matrix<double> points = UniformPoints(1000, 2, 1);
  const std::vector<InducingConfig> configs = ByDistance(6);
  std::vector<std::vector<int64_t>> rows;
  for (const InducingConfig& config : configs) {
    EXPECT_TRUE(ChoosesByDistance(config));
    const auto z = SelectInducingPoints(config, points.view());
    ASSERT_THAT(z, IsOk());
    ASSERT_EQ(z->coordinates.rows(), 6);
    for (size_t i = 0; i < z->rows.size(); ++i) {
      EXPECT_EQ(z->coordinates(i, 1), points(z->rows[i], 1));
    }
    rows.push_back(z->rows);
  }
  EXPECT_FALSE(ChoosesByDistance(Random(6, 1)));
  // For ever: saved indexes are checked against it.
  EXPECT_THAT(rows[0], ElementsAre(326, 868, 375, 404, 372, 942));
  EXPECT_THAT(rows[1], ElementsAre(0, 875, 529, 945, 597, 698));
  EXPECT_THAT(rows[2], IsEmpty());
  EXPECT_THAT(rows[3], ElementsAre(122, 315, 43, 505, 704, 338));
}

// Distances are in units of the lengthscales: points on a line are spread along
// the coordinate of the short one.
TEST(SelectInducingPointsTest, LengthscalesAreTheUnits) {
  Matrix<double> points(100, 2);
  for (int64_t i = 0; i < 100; ++i) {
    points(i, 0) = static_cast<double>(i);
    points(i, 1) = static_cast<double>(37 * i % 100);
  }
  InducingConfig config;
  config.mutable_cover_tree()->set_count(2);
  const double first[] = {1, 1e-3};
  const double second[] = {1e-3, 1};
  EXPECT_THAT(SelectInducingPoints(config, points.view(),
                                   {.inverse_lengthscale = first})
                  ->rows,
              ElementsAre(0, 99));
  EXPECT_THAT(SelectInducingPoints(config, points.view(),
                                   {.inverse_lengthscale = second})
                  ->rows,
              ElementsAre(0, 27));  // 37 * 27 = 999
}

TEST(SelectInducingPointsTest, ChoicesByDistanceDoNotDependOnTheMachine) {
  const Matrix<double> points = UniformPoints(3000, 3, 2);
  const double inverse[] = {1, 0.3, 7};
  for (const InducingConfig& config : ByDistance(40)) {
    const auto expected = SelectInducingPoints(
        config, points.view(), {.inverse_lengthscale = inverse});
    ASSERT_THAT(expected, IsOk());
    for (const Isa isa : AvailableIsas()) {
      for (const int threads : {1, 2, 7}) {
        const auto z = SelectInducingPoints(config, points.view(),
                                            {.inverse_lengthscale = inverse,
                                             .threads = threads,
                                             .simd = SimdRoutinesFor(isa)});
        ASSERT_THAT(z, IsOk());
        EXPECT_EQ(z->rows, expected->rows);
        EXPECT_EQ(Bits({z->coordinates.data(), 120}),
                  Bits({expected->coordinates.data(), 120}));
      }
    }
  }
}

TEST(SelectInducingPointsTest, ChoicesByDistanceOfAllPlaces) {
  Matrix<double> points(20, 1);
  for (int64_t i = 0; i < 20; ++i) {
    points(i, 0) = 0.1 * static_cast<double>(i % 7);
  }
  for (const InducingConfig& config : ByDistance(7)) {
    const auto z = SelectInducingPoints(config, points.view());
    ASSERT_THAT(z, IsOk());
    std::vector<double> places(z->coordinates.data(),
                               z->coordinates.data() + 7);
    std::sort(places.begin(), places.end());
    for (int64_t i = 0; i < 7; ++i) EXPECT_EQ(places[i], points(i, 0));
  }
  const char* const names[] = {"kmeans_plus_plus", "cover_tree", "kmeans",
                               "kmeans"};
  for (int source = 0; source < 4; ++source) {
    EXPECT_THAT(SelectInducingPoints(ByDistance(8)[source], points.view()),
                IsInvalid(std::string("inducing.") + names[source] +
                          ".count: is 8; the data has 7 distinct places; take "
                          "at most 7 inducing points"));
    for (const int64_t count : {-1, 0, 21}) {
      EXPECT_THAT(
          SelectInducingPoints(ByDistance(count)[source], points.view()),
          IsInvalid(std::string("inducing.") + names[source] + ".count: is " +
                    std::to_string(count) +
                    "; must be from 1 to the number of rows, 20"));
    }
    EXPECT_FALSE(
        SelectInducingPoints(ByDistance(1)[source], Matrix<double>(0, 2).view())
            .ok());
    EXPECT_THAT(SelectInducingPoints(ByDistance(1)[source], points.view()),
                IsOk());
  }
}

TEST(SelectInducingPointsTest, IterationsOfKMeans) {
  const Matrix<double> points = UniformPoints(50, 2, 1);
  InducingConfig config = ByDistance(50)[2];
  for (const int iterations : {-1, 1001}) {
    config.mutable_kmeans()->set_iterations(iterations);
    EXPECT_THAT(
        SelectInducingPoints(config, points.view()),
        IsInvalid("inducing.kmeans.iterations: is " +
                  std::to_string(iterations) + "; must be from 0 to 1000"));
  }
  // Without any, the centers are the rows of k-means++.
  config = ByDistance(5)[2];
  config.mutable_kmeans()->set_iterations(0);
  EXPECT_EQ(
      Bits({SelectInducingPoints(config, points.view())->coordinates.data(),
            10}),
      Bits({SelectInducingPoints(ByDistance(5)[0], points.view())
                ->coordinates.data(),
            10}));
}

// Scaled coordinates that are out of range are refused.
TEST(SelectInducingPointsTest, ChoicesByDistanceOfHugeAndTinyCoordinates) {
  Matrix<double> points = UniformPoints(30, 2, 1);
  points(17, 1) = 1e200;
  const double inverse[] = {1, 1e-199};
  for (const InducingConfig& config : ByDistance(5)) {
    const absl::Status status =
        SelectInducingPoints(config, points.view()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                testing::HasSubstr(": coordinates divided by lengthscales: "
                                   "points: row 17, column 1 is 1e+200"));
    EXPECT_THAT(SelectInducingPoints(config, points.view(),
                                     {.inverse_lengthscale = inverse}),
                IsOk());
  }
}

TEST(SelectInducingPointsTest, ChoicesByDistanceAreCancelled) {
  const Matrix<double> points = UniformPoints(3000, 2, 1);
  for (const InducingConfig& config : ByDistance(500)) {
    Monitor monitor([](double) { return false; });
    const Monitor::Part whole(&monitor);
    EXPECT_EQ(SelectInducingPoints(config, points.view(), {.monitor = &monitor})
                  .status()
                  .code(),
              absl::StatusCode::kCancelled);
  }
}

TEST(SelectInducingPointsTest, TheCountIsKnownBefore) {
  const Matrix<double> points = UniformPoints(9, 2, 1);
  std::vector<InducingConfig> configs = ByDistance(4);
  configs.push_back(Random(3, 1));
  configs.push_back(Rows({8, 1, 2}));
  configs.push_back(Coordinates({1, 2, 3, 4}));
  configs.emplace_back().mutable_none();
  for (const InducingConfig& config : configs) {
    EXPECT_EQ(InducingCount(config, 9, 2),
              SelectInducingPoints(config, points.view())->coordinates.rows());
  }
  // A count that is refused later is of no size that matters.
  for (const int64_t count : {int64_t{-5}, int64_t{1} << 62}) {
    for (const InducingConfig& config : ByDistance(count)) {
      EXPECT_EQ(InducingCount(config, 9, 2), count < 0 ? 0 : 9);
    }
  }
}

TEST(SelectInducingPointsTest, NoneOnPurpose) {
  const Matrix<double> points = UniformPoints(5, 2, 1);
  InducingConfig config;
  config.mutable_none();
  const auto z = SelectInducingPoints(config, points.view());
  ASSERT_THAT(z, IsOk());
  EXPECT_EQ(z->coordinates.rows(), 0);
  EXPECT_EQ(z->coordinates.cols(), 2);
  EXPECT_THAT(z->rows, IsEmpty());
}

TEST(SelectInducingPointsTest, NoneByMistake) {
  const Matrix<double> points = UniformPoints(5, 2, 1);
  EXPECT_THAT(SelectInducingPoints(InducingConfig(), points.view()),
              IsInvalid("inducing: no source given; set rows, coordinates, "
                        "random, kmeans_plus_plus, kmeans, cover_tree or "
                        "none"));
  for (const InducingConfig& none : {Rows({}), Coordinates({})}) {
    EXPECT_THAT(SelectInducingPoints(none, points.view()),
                IsInvalid("inducing: no inducing points given; give at least "
                          "1, or set none"));
  }
}

TEST(ValidateFiniteTest, NamesTheFirstThatIsNot) {
  Matrix<double> points = UniformPoints(4, 3, 1);
  EXPECT_THAT(ValidateFinite("p", std::as_const(points).view()), IsOk());
  points(3, 0) = kNan;
  points(2, 1) = kInfinity;
  EXPECT_THAT(ValidateFinite("p", std::as_const(points).view()),
              IsInvalid("p: row 2, column 1 is inf; all values must be "
                        "finite"));
}

TEST(ValidateFiniteTest, Shapes) {
  EXPECT_THAT(ValidateFinite("p", Matrix<double>(0, 3).view()), IsOk());
  EXPECT_THAT(ValidateFinite("p", Matrix<double>(3, 0).view()),
              IsInvalid("p: has 0 columns; from 1 to 1048576 are supported"));
  // Rows are counted before any is read.
  EXPECT_THAT(
      ValidateFinite("p", MatrixView<const double>(nullptr, 2147483640, 1)),
      IsInvalid("p: has 2147483640 rows; at most 2147483639 are supported"));
}

TEST(ValidateFiniteTest, PaddingIsNotRead) {
  const double data[] = {1, 2, kNan, 3, 4, kNan};
  EXPECT_THAT(ValidateFinite("p", MatrixView<const double>(data, 2, 2, 3)),
              IsOk());
}

}  // namespace
}  // namespace rct
