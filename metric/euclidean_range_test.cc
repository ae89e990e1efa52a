#include "metric/euclidean_range.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr double kDenormal = std::numeric_limits<double>::denorm_min();
constexpr double kMax = std::numeric_limits<double>::max();

Matrix<double> Points(
    std::initializer_list<std::initializer_list<double>> rows) {
  Matrix<double> points(static_cast<int64_t>(rows.size()),
                        static_cast<int64_t>(rows.begin()->size()));
  int64_t i = 0;
  for (const auto& row : rows) {
    std::copy(row.begin(), row.end(), points.row(i++));
  }
  return points;
}

absl::Status OfPoints(
    std::initializer_list<std::initializer_list<double>> rows) {
  const Matrix<double> points = Points(rows);
  return ValidateEuclideanPoints(points.view());
}

absl::Status OfQueries(
    std::initializer_list<std::initializer_list<double>> data,
    std::initializer_list<std::initializer_list<double>> queries) {
  const Matrix<double> points = Points(data);
  EXPECT_THAT(ValidateEuclideanPoints(points.view()), IsOk());
  const Matrix<double> new_points = Points(queries);
  return ValidateEuclideanQueries(new_points.view(), points.view(),
                                  HasSmallCoordinates(points.view()));
}

testing::Matcher<absl::Status> Invalid(const std::string& a,
                                       const std::string& b) {
  return StatusIs(absl::StatusCode::kInvalidArgument,
                  AllOf(HasSubstr(a), HasSubstr(b)));
}

TEST(EuclideanRangeTest, Example) {
  EXPECT_THAT(OfPoints({{0, 1e-100}, {1, 1e100}}), IsOk());
  EXPECT_THAT(OfPoints({{1, 1e200}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("squares of distances so large overflow")));
}

TEST(EuclideanRangeTest, OrdinaryCoordinates) {
  for (const double large : {1.0, 1e-100, 1e150, std::nextafter(0x1p500, 0)}) {
    for (const double small : {0.0, 0x1p-450, 1e-100}) {
      EXPECT_THAT(OfPoints({{large, small}, {-small, -large}}), IsOk());
    }
  }
  EXPECT_THAT(OfPoints({{0, 0}, {0, 0}}), IsOk());
  EXPECT_THAT(ValidateEuclideanPoints(Matrix<double>(0, 2).view()), IsOk());
}

TEST(EuclideanRangeTest, LargeCoordinates) {
  for (const double size : {0x1p500, 1e155, 1e200, 1e308, kMax}) {
    EXPECT_THAT(OfPoints({{1, 2}, {3, -size}}),
                Invalid("points: row 1, column 1 is -",
                        "multiply all coordinates by a small power of two"));
    EXPECT_THAT(OfPoints({{size, 0}}), Invalid("row 0, column 0", "overflow"));
  }
}

TEST(EuclideanRangeTest, SmallCoordinates) {
  for (const double size : {1e-136, 1e-165, 1e-200, 1e-300, kDenormal}) {
    EXPECT_THAT(OfPoints({{size}, {0}}),
                Invalid("points: rows 0 and 1 differ by ", "in column 0"));
    EXPECT_THAT(OfPoints({{1, size}, {2, 0}, {3, size}}), IsOk());
    EXPECT_THAT(OfPoints({{7, 0}, {1, size}, {5, 0}, {1, 0}}),
                Invalid("rows 1 and 3 differ by ", "in column 1"));
    // Equal points are no matter, however many stand between them.
    EXPECT_THAT(OfPoints({{1, size}, {1, size}, {2, 0}, {1, size}}), IsOk());
    EXPECT_THAT(OfPoints({{1, size}, {1, -size}, {1, size}}),
                Invalid("differ by ", "set numbers so small to 0"));
  }
}

TEST(EuclideanRangeTest, NewPoints) {
  EXPECT_THAT(OfQueries({{1, 2}, {3, 0}}, {{1e150, 0}, {5, 1e-100}}), IsOk());
  EXPECT_THAT(OfQueries({{1, 2}}, {{0, 0}, {1, 1e200}}),
              Invalid("query points: row 1, column 1 is 1e+200", "overflow"));
  // Small coordinates matter beside a point that has none of the like.
  EXPECT_THAT(OfQueries({{1, 2}, {3, 0}}, {{5, 1e-200}}), IsOk());
  EXPECT_THAT(OfQueries({{1, 2}, {3, 0}}, {{5, 0}, {3, 1e-200}}),
              Invalid("query points: row 1 differs from a point of the data by "
                      "1e-200 and 0 in column 1",
                      "set numbers so small to 0"));
  EXPECT_THAT(OfQueries({{1, 2}, {3, 1e-200}}, {{3, 0}}),
              Invalid("row 0 differs", "0 and 1e-200"));
  EXPECT_THAT(OfQueries({{3, 1e-200}}, {{3, 1e-200}}), IsOk());
}

}  // namespace
}  // namespace rct
