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
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/metric.pb.h"
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
                        "random or none"));
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
