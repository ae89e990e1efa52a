#include "traversal/block/bound_probe.h"

#include <cstdint>

#include "base/matrix.h"
#include "gtest/gtest.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/test_data.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/exhaustive/exhaustive.h"

namespace rct {
namespace {

// Skeletons of a large part of a block that reach the residual, and yet leave
// most points to most queries.
TEST(BoundProbeTest, TellsUsefulSkeletonsFromUselessOnes) {
  const Matrix<double> points = MakePoints("normal", 6000, 8, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::MATERN52, 100).metric;
  const ExhaustiveSearcher<ResidualCorrelation> exhaustive(metric);
  SkeletonOptions options;
  options.block_size = 128;
  options.rms_residual = 0.5;
  const BlockSkeletons useless(
      *metric, options, BlockSkeletons::Partition(*metric, options, 1), 1, 4);
  EXPECT_GT(HardPart(exhaustive, useless, 1), 0.5);

  const Matrix<double> easy = MakePoints("normal", 6000, 2, 1);
  const auto smooth = MakeTestModel(easy.view(), KernelConfig::RBF, 100).metric;
  options.rms_residual = 0.04;
  const BlockSkeletons useful(
      *smooth, options, BlockSkeletons::Partition(*smooth, options, 1), 1, 4);
  EXPECT_EQ(
      HardPart(ExhaustiveSearcher<ResidualCorrelation>(smooth), useful, 2), 0);
}

}  // namespace
}  // namespace rct
