#include "traversal/block/block_skeletons.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "gtest/gtest.h"
#include "metric/correlation_tile.h"
#include "metric/metric.pb.h"
#include "metric/point_lanes.h"
#include "metric/residual_correlation.h"
#include "metric/rounding.h"
#include "metric/test_data.h"
#include "traversal/block/filter_routines.h"
#include "traversal/row_order.h"

namespace rct {
namespace {

BlockSkeletons Make(const ResidualCorrelation& metric,
                    const SkeletonOptions& options, int threads = 1) {
  return BlockSkeletons(metric, options,
                        BlockSkeletons::Partition(metric, options, threads),
                        threads);
}

double Coordinate(const BlockSkeletons& skeletons, int b, int64_t position,
                  int c) {
  const PointPanels points = skeletons.points(b, nullptr);
  const int64_t j = position - skeletons.block(b).first;
  return points.w[(j / kPanel * points.rank + c) * kPanel + j % kPanel];
}

// The correlations of the points of block b with each other.
std::vector<double> Correlations(const ResidualCorrelation& metric,
                                 const BlockSkeletons& skeletons, int b) {
  const BlockSkeletons::Block& block = skeletons.block(b);
  const std::vector<int32_t> ids(
      skeletons.points(b, nullptr).row,
      skeletons.points(b, nullptr).row + block.count);
  TilePoints points(block.count, metric.dim());
  points.Assign(metric.data(), ids);
  const int64_t stride = RoundUpToLanes(block.count);
  std::vector<double> tile(block.count * stride);
  CorrelationTile(metric, points, 0, block.count, points, 0, block.count,
                  tile.data(), stride);
  std::vector<double> rho;
  for (int i = 0; i < block.count; ++i) {
    const auto row = tile.begin() + i * stride;
    rho.insert(rho.end(), row, row + block.count);
  }
  return rho;
}

class BlockSkeletonsTest : public testing::TestWithParam<std::string> {};

// |rho - w_i . w_j| <= e_i e_j, with what float32 adds.
TEST_P(BlockSkeletonsTest, BoundsHoldWithinABlock) {
  const Matrix<double> points = MakePoints(GetParam(), 200, 3, 1);
  for (const auto family : {KernelConfig::RBF, KernelConfig::MATERN12}) {
    const auto metric = MakeTestModel(points.view(), family, 20).metric;
    const BlockSkeletons skeletons =
        Make(*metric, {.block_size = 64, .rms_residual = 0.1});
    ASSERT_EQ(skeletons.num_blocks(), 4);
    EXPECT_TRUE(skeletons.sound());
    EXPECT_TRUE(skeletons.loose_rows().empty());
    for (int b = 0; b < 4; ++b) {
      const BlockSkeletons::Block& block = skeletons.block(b);
      const std::vector<double> rho = Correlations(*metric, skeletons, b);
      const double slack = skeletons.slack().Product(block.rank);
      for (int i = 0; i < block.count; ++i) {
        for (int j = 0; j < i; ++j) {
          double product = 0;
          for (int c = 0; c < block.rank; ++c) {
            product += Coordinate(skeletons, b, block.first + i, c) *
                       Coordinate(skeletons, b, block.first + j, c);
          }
          EXPECT_LE(std::abs(rho[i * block.count + j] - product),
                    static_cast<double>(skeletons.e()[block.first + i]) *
                            skeletons.e()[block.first + j] +
                        slack);
        }
      }
    }
  }
}

TEST_P(BlockSkeletonsTest, SummariesHoldTheirPoints) {
  const Matrix<double> points = MakePoints(GetParam(), 150, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::MATERN52, 20).metric;
  const BlockSkeletons skeletons = Make(*metric, {.block_size = 64});
  for (int b = 0; b < skeletons.num_blocks(); ++b) {
    const BlockSkeletons::Block& block = skeletons.block(b);
    const ConePanels cones = skeletons.cones(b, nullptr);
    for (int64_t i = block.first; i < block.first + block.count; ++i) {
      const int64_t cone = (i - block.first) / kPanel;
      const double length = std::sqrt(skeletons.exact_squared_length(i));
      const int32_t row = skeletons.points(b, nullptr).row[i - block.first];
      EXPECT_EQ(skeletons.position(row), i);
      EXPECT_LE(skeletons.e()[i], block.e);
      EXPECT_LE(skeletons.e()[i], cones.e[cone]);
      EXPECT_LE(length, block.length);
      EXPECT_LE(length, cones.length[cone]);
      EXPECT_GE(row, block.min_row);
      EXPECT_GE(row, skeletons.cone_min_row()[block.first / kPanel + cone]);
      double product = 0, axis = 0;
      for (int c = 0; c < block.rank; ++c) {
        const double x = cones.axis[(cone / kPanel * block.rank + c) * kPanel +
                                    cone % kPanel];
        product += x * Coordinate(skeletons, b, i, c);
        axis += x * x;
      }
      EXPECT_LE(std::abs(axis - 1), 1e-6);
      EXPECT_GE(std::abs(product) + 1e-6, cones.cosine[cone] * length);
      EXPECT_GE(static_cast<double>(cones.cosine[cone]) * cones.cosine[cone] +
                    static_cast<double>(cones.sine[cone]) * cones.sine[cone],
                1 - 1e-6);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(PointSets, BlockSkeletonsTest,
                         testing::ValuesIn(AdversarialNames()),
                         [](const auto& info) { return info.param; });

// The factor projects the points of a block to their own coordinates.
TEST(BlockSkeletonsFactorTest, SolvesForCoordinates) {
  const Matrix<double> points = MakePoints("normal", 128, 3, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 20).metric;
  const BlockSkeletons skeletons = Make(*metric, {.block_size = 128});
  const BlockSkeletons::Block& block = skeletons.block(0);
  EXPECT_GT(block.rank, 4);
  TilePoints all(128, 3);
  all.Assign(metric->data(), skeletons.partition().rows());
  std::vector<double> rhs((block.rank + 8) * 128, 0.0);
  CorrelationTile(*metric, skeletons.members(), 0, block.rank, all, 0, 128,
                  rhs.data(), 128);
  skeletons.Solve(0, 128, 128, rhs.data());
  for (int j = 0; j < 128; ++j) {
    for (int c = 0; c < block.rank; ++c) {
      EXPECT_NEAR(rhs[c * 128 + j], Coordinate(skeletons, 0, j, c), 1e-5);
    }
  }
}

TEST(BlockSkeletonsRankTest, FollowsTheResidual) {
  const Matrix<double> points = MakePoints("normal", 512, 3, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::MATERN52, 50).metric;
  double last = 96;
  for (const double residual : {0.02, 0.1, 0.3, 0.9}) {
    const BlockSkeletons skeletons =
        Make(*metric, {.block_size = 128, .rms_residual = residual});
    EXPECT_LE(skeletons.mean_rank(), last);
    last = skeletons.mean_rank();
    EXPECT_LE(skeletons.max_rank(), 96);
    if (skeletons.max_rank() < 96) {
      EXPECT_LE(skeletons.median_residual(), residual);
    } else {
      EXPECT_LT(residual, 0.9);
    }
    // Every second block tells nearly the same.
    const SkeletonOptions options = {.block_size = 128,
                                     .rms_residual = residual};
    const BlockSkeletons sample(
        *metric, options, BlockSkeletons::Partition(*metric, options, 1), 1, 2);
    EXPECT_NEAR(sample.mean_rank(), skeletons.mean_rank(),
                0.3 * skeletons.mean_rank() + 1);
  }
}

TEST(BlockSkeletonsThreadsTest, ChangeNothing) {
  const Matrix<double> points = MakePoints("normal", 1000, 3, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 50).metric;
  const BlockSkeletons one = Make(*metric, {.block_size = 64}, 1);
  const BlockSkeletons five = Make(*metric, {.block_size = 64}, 5);
  ASSERT_EQ(one.total_rank(), five.total_rank());
  EXPECT_EQ(one.evaluations(), five.evaluations());
  for (int64_t i = 0; i < one.num_positions(); ++i) {
    EXPECT_EQ(one.e()[i], five.e()[i]);
    EXPECT_EQ(one.exact_squared_length(i), five.exact_squared_length(i));
  }
}

// Points whose correlations are mostly rounding are in no block.
TEST(BlockSkeletonsLooseTest, PointsOfLargeTau) {
  const Matrix<double> points = MakePoints("normal", 100, 1, 1);
  const auto proven =
      MakeTestModel(points.view(), KernelConfig::RBF, 10).metric;
  RoundingModel rounding = *proven->rounding();
  rounding.kernel_ulps = 1e8;  // of which the larger variances take no notice
  const ResidualCorrelation metric(
      proven->kernel(), proven->data().Reordered(RowOrder::Natural(100).rows()),
      rounding);
  const BlockSkeletons skeletons = Make(metric, {.block_size = 32});
  const auto loose = static_cast<int64_t>(skeletons.loose_rows().size());
  EXPECT_GT(loose, 0);
  EXPECT_LT(loose, 100);
  EXPECT_EQ(skeletons.partition().size(), 100 - loose);
  for (int64_t row = 0; row < 100; ++row) {
    const bool is_loose = std::binary_search(skeletons.loose_rows().begin(),
                                             skeletons.loose_rows().end(), row);
    EXPECT_EQ(skeletons.position(row) < 0, is_loose);
    EXPECT_EQ(skeletons.slack().Tau(metric.data().inverse_sqrt[row]) > kMaxTau,
              is_loose);
  }
}

}  // namespace
}  // namespace rct
