#include "tools/rct_input.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/csv.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

Matrix<double> Rows(const std::vector<std::vector<double>>& rows) {
  Matrix<double> matrix(static_cast<int64_t>(rows.size()),
                        static_cast<int64_t>(rows[0].size()));
  double* element = matrix.data();
  for (const auto& row : rows) {
    for (const double value : row) *element++ = value;
  }
  return matrix;
}

std::string Suggest(const std::vector<std::vector<double>>& rows) {
  const Matrix<double> points = Rows(rows);
  return SuggestLengthscale(points.view());
}

PointsInfo LonLat() { return {"--points", 100, 2, {"lon", "lat"}}; }

TEST(MatchColumnsTest, ByName) {
  Table<double> table{{"lat", "lon"}, Rows({{52, 12}, {53, 13}})};
  const auto matched =
      MatchColumns("--queries", "q.csv", std::move(table), LonLat());
  ASSERT_THAT(matched, IsOk());
  EXPECT_THAT(std::vector<double>(matched->row(0), matched->row(0) + 4),
              ElementsAre(12, 52, 13, 53));
}

TEST(MatchColumnsTest, WithoutNamesByPosition) {
  for (const bool of_points : {false, true}) {
    PointsInfo points = LonLat();
    if (!of_points) points.names.clear();
    Table<double> table{{}, Rows({{1, 2}})};
    if (!of_points) table.names = {"a", "b"};
    const auto matched =
        MatchColumns("--queries", "q.csv", std::move(table), points);
    ASSERT_THAT(matched, IsOk());
    EXPECT_EQ((*matched)(0, 0), 1);
  }
}

TEST(MatchColumnsTest, OtherNamesAreAnError) {
  EXPECT_THAT(
      MatchColumns("--queries", "q.csv", {{"lon", "Lat"}, Rows({{1, 2}})},
                   LonLat()),
      StatusIs(absl::StatusCode::kInvalidArgument,
               "--queries: q.csv: has the columns 'lon', 'Lat' where --points "
               "has 'lon', 'lat'; name the columns alike"));
  EXPECT_THAT(MatchColumns("--queries", "q.csv",
                           {{"id", "lon", "lat"}, Rows({{1, 2, 3}})}, LonLat()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       StartsWith("--queries: q.csv: the number of columns is "
                                  "3, that of --points is 2")));
}

TEST(MatchColumnsTest, LongitudeAndLatitudeAreConverted) {
  PointsInfo points = LonLat();
  points.lon_lat = true;
  const auto matched = MatchColumns("--queries", "q.csv",
                                    {{"lat", "lon"}, Rows({{0, 90}})}, points);
  ASSERT_THAT(matched, IsOk());
  EXPECT_THAT(std::vector<double>(matched->row(0), matched->row(0) + 3),
              ElementsAre(0, 6371.0088, 0));
  EXPECT_THAT(
      MatchColumns("--queries", "q.npy", {{}, Rows({{0, 0}, {0, 91}})}, points),
      StatusIs(absl::StatusCode::kInvalidArgument,
               StartsWith("--queries: q.npy: row 1, column 1 is 91; a latitude "
                          "must be from -90 to 90")));
}

TEST(SuggestLengthscaleTest, TheSphereHasOne) {
  const Matrix<double> points = Rows({{-30, 0, 0, 1}, {30, 0, 0, 2}});
  EXPECT_EQ(SuggestLengthscale(points.view(), /*lon_lat=*/true), "17,0.5");
  const Matrix<double> sphere = Rows({{-30, 0, 0}, {30, 0, 0}});
  EXPECT_EQ(SuggestLengthscale(sphere.view(), /*lon_lat=*/true), "17");
}

TEST(SuggestLengthscaleTest, IsTheStandardDeviation) {
  EXPECT_EQ(Suggest({{-30}, {30}}), "30");
  EXPECT_EQ(Suggest({{0, 0}, {2, 4}}), "1.6");  // of both together
  EXPECT_EQ(Suggest({{0, 0}, {2, 2000}}), "1,1000");
  EXPECT_EQ(Suggest({{5e6, 0}, {5e6 + 40, 30}}), "18");
}

// Points that allow no suggestion still get one that can be typed.
TEST(SuggestLengthscaleTest, AlwaysAPositiveNumber) {
  EXPECT_EQ(Suggest({{7, 7}}), "1");
  EXPECT_EQ(Suggest({{3, 4}, {3, 4}}), "1");
  EXPECT_EQ(Suggest({{0, 4}, {2, 4}}), "0.71");
  constexpr double kMax = std::numeric_limits<double>::max();
  EXPECT_EQ(Suggest({{-kMax}, {kMax}}), "1");
}

}  // namespace
}  // namespace rct
