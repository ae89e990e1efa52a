#include "metric/euclidean_scale.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <utility>

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
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Matrix<double> Points(
    std::initializer_list<std::initializer_list<double>> rows) {
  Matrix<double> points(static_cast<int64_t>(rows.size()),
                        static_cast<int64_t>(rows.begin()->size()));
  int64_t i = 0;
  for (const auto& row : rows)
    std::copy(row.begin(), row.end(), points.row(i++));
  return points;
}

testing::Matcher<absl::Status> Invalid(const std::string& a,
                                       const std::string& b) {
  return StatusIs(absl::StatusCode::kInvalidArgument,
                  AllOf(HasSubstr(a), HasSubstr(b)));
}

EuclideanScale Choose(const Matrix<double>& points) {
  return EuclideanScale::Choose(points.view()).value();
}

TEST(EuclideanScaleTest, OrdinaryCoordinatesStayAsTheyAre) {
  for (const double large : {1.0, 1e-100, 1e150, std::nextafter(0x1p500, 0)}) {
    for (const double small : {0.0, 0x1p-450, 1e-100}) {
      const Matrix<double> points = Points({{large, small}, {-small, -large}});
      const EuclideanScale scale = Choose(points);
      EXPECT_EQ(scale.exponent(), 0) << large << " " << small;
      EXPECT_EQ(scale.Apply(points.view())(1, 1), -large);
      EXPECT_EQ(scale.ScaledRadius(1e-300), 1e-300);
      EXPECT_EQ(scale.Distance(3), 3);
    }
  }
  EXPECT_EQ(Choose(Points({{0, 0}})).exponent(), 0);
  EXPECT_EQ(EuclideanScale::Choose(Matrix<double>(0, 2).view())->exponent(), 0);
}

TEST(EuclideanScaleTest, OthersBecomeOrdinary) {
  for (const double size :
       {0x1p500, 1e155, 1e200, 1e300, 1e-136, 1e-165, 1e-300, kDenormal}) {
    SCOPED_TRACE(size);
    const Matrix<double> points = Points({{size, 0}, {0, size}});
    const EuclideanScale scale = Choose(points);
    const Matrix<double> scaled = scale.Apply(points.view());
    EXPECT_NE(scale.exponent(), 0);
    EXPECT_GE(scaled(0, 0), 0x1p-450);
    EXPECT_LT(scaled(0, 0), 0x1p500);
    EXPECT_EQ(scale.Distance(scaled(0, 0)), size);
    EXPECT_EQ(scale.ScaledRadius(size), scaled(0, 0));
  }
}

TEST(EuclideanScaleTest, Radii) {
  for (const double size : {1e200, 1e-200}) {
    const EuclideanScale scale = Choose(Points({{size}, {0}}));
    EXPECT_EQ(scale.ScaledRadius(kInfinity), kInfinity);
    EXPECT_EQ(scale.ScaledRadius(0), 0);
    EXPECT_EQ(scale.ScaledRadius(-1), -1);
    EXPECT_TRUE(std::isnan(scale.ScaledRadius(std::nan(""))));
    EXPECT_EQ(scale.ScaledRadius(kMax), std::ldexp(kMax, scale.exponent()));
    // Below all distances but 0.
    const double least = scale.ScaledRadius(kDenormal);
    EXPECT_EQ(least,
              size > 1 ? 0x1p-510 : std::ldexp(kDenormal, scale.exponent()));
    EXPECT_EQ(scale.Distance(kInfinity), kInfinity);
  }
}

TEST(EuclideanScaleTest, DistancesThatAreNoNumbers) {
  EXPECT_THAT(
      EuclideanScale::Choose(Points({{0, 3}, {1, -1e308}, {2, 1e308}}).view())
          .status(),
      Invalid("in column 1 row 1 is -1e+308 and row 2 is 1e+308",
              "scale the points"));
  // Each difference is a number, and their distance is none.
  const double half = kMax / 4 * 3;
  EXPECT_THAT(
      EuclideanScale::Choose(Points({{0, 0}, {half, half}}).view()).status(),
      Invalid("column 0", "no float64"));
  EXPECT_THAT(
      EuclideanScale::Choose(Points({{0, 0}, {half, 0}}).view()).status(),
      IsOk());
}

TEST(EuclideanScaleTest, Mixtures) {
  // Small numbers that tell no two points apart.
  const Matrix<double> mixed = Points({{1e200, 1e-200}, {0, 2e-200}, {1, 0}});
  const EuclideanScale scale = Choose(mixed);
  EXPECT_LT(scale.Apply(mixed.view())(0, 0), 0x1p500);
  // Beside 1, what is above 2^-949 does.
  EXPECT_THAT(
      EuclideanScale::Choose(Points({{1, 1e-280}, {1, 0}}).view()).status(),
      IsOk());
  EXPECT_THAT(EuclideanScale::Choose(
                  Points({{7, 0}, {1, 1e-300}, {5, 0}, {1, 0}}).view())
                  .status(),
              Invalid("rows 1 and 3 differ by 1e-300 and 0 in column 1",
                      "set numbers so small to 0"));
  // Equal points are no matter.
  EXPECT_THAT(EuclideanScale::Choose(Points({{1, 1e-300}, {1, 1e-300}}).view())
                  .status(),
              IsOk());
  EXPECT_THAT(EuclideanScale::Choose(Points({{1e300, 0}, {0, -1e-200}}).view())
                  .status(),
              Invalid("row 0, column 0 is 1e+300 and row 1, column 1 is 1e-200",
                      "scale the columns"));
}

TEST(EuclideanScaleTest, NewPoints) {
  const auto status = [](const Matrix<double>& data,
                         const Matrix<double>& queries) {
    const EuclideanScale scale = Choose(data);
    const Matrix<double> scaled = scale.Apply(data.view());
    return scale.Validate(queries.view(), std::as_const(scaled).view());
  };
  const Matrix<double> ordinary = Points({{1, 2}, {3, 0}});
  EXPECT_THAT(status(ordinary, Points({{1e150, 0}, {5, 1e-100}})), IsOk());
  EXPECT_THAT(status(ordinary, Points({{0, 0}, {1, 1e200}})),
              Invalid("query points: row 1, column 1 is 1e+200", "overflow"));
  // Small numbers matter beside a point that has none of the like.
  EXPECT_THAT(status(ordinary, Points({{5, 1e-200}})), IsOk());
  EXPECT_THAT(status(ordinary, Points({{5, 0}, {3, 1e-200}})),
              Invalid("row 1, column 1 is 1e-200", "set it to 0"));
  const Matrix<double> tiny = Points({{1e-200, 2e-200}, {3e-200, 0}});
  EXPECT_THAT(status(tiny, tiny), IsOk());
  EXPECT_THAT(status(tiny, Points({{1, 0}})), Invalid("row 0", "overflow"));
  EXPECT_THAT(status(tiny, Points({{3e-200, kDenormal}})), IsOk());
  const Matrix<double> huge = Points({{1e308, 0}, {0, 0}});
  EXPECT_THAT(status(huge, huge), IsOk());
  EXPECT_THAT(status(huge, Points({{0, 0}, {-1e308, 5}})),
              Invalid("row 1, column 0 is -1e+308", "no float64"));
  // It would be 0 if it were scaled.
  EXPECT_THAT(status(huge, Points({{0, kDenormal}})),
              Invalid("row 0, column 1", "set it to 0"));
}

}  // namespace
}  // namespace rct
