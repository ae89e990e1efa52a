#include "base/point_sets.h"

#include <cmath>
#include <cstdint>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/matrix.h"
#include "base/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;

std::string Digest(const Matrix<double>& points) {
  return Sha256Hex(std::string_view(
      reinterpret_cast<const char*>(points.data()),
      static_cast<size_t>(points.rows() * points.cols()) * sizeof(double)));
}

TEST(PointSetsTest, Example) {
  const Matrix<double> grid = MakePointSet(PointSet::kGrid, 5, 2, /*seed=*/1);
  EXPECT_THAT(std::vector(grid.row(1), grid.row(2)), ElementsAre(0.5, 0));
  EXPECT_THAT(std::vector(grid.row(2), grid.row(3)), ElementsAre(1, 0));
  EXPECT_THAT(std::vector(grid.row(4), grid.row(5)), ElementsAre(0.5, 0.5));
}

TEST(PointSetsTest, SameBitsOnEveryMachine) {
  const std::pair<PointSet, std::string_view> golden[] = {
      {PointSet::kNormal, "3a00be8ae6ce45fb"},
      {PointSet::kUniformCube, "84832423e7352308"},
      {PointSet::kClusters, "cd415c781eec3a13"},
      {PointSet::kGrid, "074a5ae50e01a6a1"},
      {PointSet::kCircle, "66c29898b89f822d"},
  };
  for (const auto& [set, digest] : golden) {
    EXPECT_EQ(Digest(MakePointSet(set, 1000, 3, 7)).substr(0, 16), digest)
        << static_cast<int>(set);
  }
}

TEST(PointSetsTest, SeedsDiffer) {
  EXPECT_NE(Digest(MakePointSet(PointSet::kNormal, 10, 2, 1)),
            Digest(MakePointSet(PointSet::kNormal, 10, 2, 2)));
}

TEST(PointSetsTest, CirclePointsHaveUnitNorm) {
  for (const int64_t dim : {1, 2, 5}) {
    const Matrix<double> points = MakePointSet(PointSet::kCircle, 100, dim, 3);
    for (int64_t i = 0; i < points.rows(); ++i) {
      double square = 0;
      for (int64_t t = 0; t < dim; ++t) square += points(i, t) * points(i, t);
      EXPECT_NEAR(square, 1, 1e-14);
    }
  }
}

TEST(PointSetsTest, GridPlacesAreDistinctAndInTheCube) {
  const Matrix<double> points = MakePointSet(PointSet::kGrid, 50, 3, 0);
  std::set<std::pair<double, std::pair<double, double>>> places;
  for (int64_t i = 0; i < points.rows(); ++i) {
    places.insert({points(i, 0), {points(i, 1), points(i, 2)}});
    for (int64_t t = 0; t < 3; ++t) {
      EXPECT_GE(points(i, t), 0);
      EXPECT_LE(points(i, t), 1);
    }
  }
  EXPECT_EQ(places.size(), 50u);
}

TEST(PointSetsTest, ClustersAreTight) {
  const Matrix<double> points =
      MakePointSet(PointSet::kClusters, 40, 2, 5, {.count = 4, .radius = 1e-5});
  for (int64_t i = 4; i < 40; ++i) {
    EXPECT_NEAR(points(i, 0), points(i - 4, 0), 2e-4);
  }
  EXPECT_GT(std::abs(points(0, 0) - points(1, 0)), 1e-3);
}

TEST(PointSetsTest, EmptySets) {
  for (const PointSet set :
       {PointSet::kNormal, PointSet::kClusters, PointSet::kGrid}) {
    EXPECT_EQ(MakePointSet(set, 0, 2, 1).rows(), 0);
  }
}

}  // namespace
}  // namespace rct
