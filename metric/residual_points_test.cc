#include "metric/residual_points.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "metric/point_lanes.h"

namespace rct {
namespace {

TEST(FactorStrideTest, WholeVectorsButNotWholePages) {
  EXPECT_EQ(FactorStride(1), 8);
  EXPECT_EQ(FactorStride(8), 8);
  EXPECT_EQ(FactorStride(9), 16);
  EXPECT_EQ(FactorStride(504), 504);
  EXPECT_EQ(FactorStride(505), 520);
  EXPECT_EQ(FactorStride(512), 520);
  EXPECT_EQ(FactorStride(1024), 1032);
  for (int64_t m = 1; m < 2000; ++m) {
    EXPECT_EQ(FactorStride(m) % 8, 0);
    EXPECT_NE(FactorStride(m) % 512, 0);
    EXPECT_GE(FactorStride(m), RoundUpToLanes(m));
    EXPECT_LE(FactorStride(m), RoundUpToLanes(m) + 8);
  }
}

ResidualPoints Numbered(int64_t n, int64_t dim, int64_t m) {
  ResidualPoints points(n, dim, m);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t t = 0; t < dim; ++t) points.points(i, t) = 100.0 * i + t;
    for (int64_t c = 0; c < points.v.stride(); ++c) {
      points.v.row(i)[c] = c < m ? 1000.0 * i + c : 0;
    }
    points.variance[i] = i + 0.25;
    points.inverse_sqrt[i] = i + 0.5;
  }
  return points;
}

TEST(ResidualPointsTest, Example) {
  ResidualPoints points(/*count=*/2, /*dim=*/3, /*num_inducing=*/13);
  points.variance[1] = 0.25;
  EXPECT_EQ(points.v.stride(), 16);
  EXPECT_EQ(points.Reordered({1, 0}).variance[0], 0.25);
}

TEST(ResidualPointsTest, ShapesAndAlignment) {
  const ResidualPoints points(5, 3, 13);
  EXPECT_EQ(points.size(), 5);
  EXPECT_EQ(points.points.cols(), 3);
  EXPECT_EQ(points.v.rows(), 5);
  EXPECT_EQ(points.v.cols(), 13);
  EXPECT_EQ(points.v.stride(), 16);
  EXPECT_EQ(points.variance.size(), 5u);
  EXPECT_EQ(points.inverse_sqrt.size(), 5u);
  for (int64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(points.v.row(i)) % 64, 0u);
  }
  EXPECT_EQ(ResidualPoints(0, 3, 13).size(), 0);
}

TEST(ResidualPointsTest, ReorderedTakesEverythingAlong) {
  const ResidualPoints points = Numbered(4, 2, 9);
  const std::vector<int32_t> order = {2, 0, 3, 1};
  const ResidualPoints reordered = points.Reordered(order);
  ASSERT_EQ(reordered.size(), 4);
  for (int64_t i = 0; i < 4; ++i) {
    const int32_t from = order[i];
    EXPECT_EQ(reordered.points(i, 1), points.points(from, 1));
    EXPECT_EQ(reordered.variance[i], points.variance[from]);
    EXPECT_EQ(reordered.inverse_sqrt[i], points.inverse_sqrt[from]);
    // Padding too: dot products run over it.
    for (int64_t c = 0; c < points.v.stride(); ++c) {
      EXPECT_EQ(reordered.v.row(i)[c], points.v.row(from)[c]);
    }
  }
}

}  // namespace
}  // namespace rct
