// What each slack of the far-field bound is for: without it, and with all
// others as they are, neighbors are lost. What rounding adds is shown for
// inducing points. It is not missed in pairs of blocks: there the sum over all
// coefficients of the nodes, which are rounded themselves, is larger.

#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/matrix.h"
#include "base/point_sets.h"
#include "gtest/gtest.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/test_data.h"
#include "traversal/block/far_field.pb.h"
#include "traversal/block/far_field_blocks.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_searcher.h"
#include "traversal/block/test_far_field.h"
#include "traversal/exhaustive/test_exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

// All rows as queries, in blocks of 32.
class Search {
 public:
  Search(const Matrix<double>& points, const FarFieldModel& model,
         const SearchOptions& options)
      : metric_(MakeFarFieldMetric(points.view(), model)),
        options_(options),
        expected_(ExhaustiveNeighbors(metric_, options)) {}

  int64_t WrongNeighbors(const FarFieldScale& scale = {}) const {
    FarFieldConfig config;
    config.set_block_size(32);
    return CountDifferences(FarFieldSearcher::Create(metric_, config, 1, scale)
                                .value()
                                ->SearchRows(AllRows(metric_->size()), options_)
                                .neighbors,
                            expected_);
  }

  // Returns how the pairs of points stand to the bounds of their blocks.
  PairCheck Check(const FarFieldScale& scale = {}) const {
    const FarFieldOptions options = {.block_size = 32, .scale = scale};
    return CheckPairs(
        *metric_,
        FarFieldBlocks(*metric_, options,
                       FarFieldBlocks::Partition(*metric_, options, 1), 1));
  }

 private:
  std::shared_ptr<const ResidualCorrelation> metric_;
  SearchOptions options_;
  NeighborTable expected_;
};

class FarFieldSlackTest : public testing::TestWithParam<KernelConfig::Family> {
};

// Blocks of 30 lengthscales: their nodes see nothing of the points where two
// blocks meet. 10 to 18 of 5120 neighbors are lost.
TEST_P(FarFieldSlackTest, RemainderIsNeededInASearch) {
  const Search search(
      MakePoints("cube", 1024, 1, 1),
      {.family = GetParam(), .lengthscale = {1e-3}, .num_inducing = 64},
      {.k = 5});
  EXPECT_EQ(search.WrongNeighbors(), 0);
  EXPECT_GE(search.WrongNeighbors({.remainder = 0}), 5);
}

// Tight clusters, whose neighbors differ by less than float32 resolves: 85
// (Matern 1/2) to 30949 of 40960 neighbors are lost.
TEST_P(FarFieldSlackTest, FilterIsNeededInASearch) {
  const Search search(MakePointSet(PointSet::kClusters, 4096, 1, 1,
                                   {.count = 128, .radius = 1e-5}),
                      {.family = GetParam(),
                       .lengthscale = {0.3},
                       .variance_floor = 1e-13,
                       .num_inducing = 64},
                      {.k = 10});
  EXPECT_EQ(search.WrongNeighbors(), 0);
  EXPECT_GE(search.WrongNeighbors({.filter = 0}), 40);
}

INSTANTIATE_TEST_SUITE_P(Families, FarFieldSlackTest,
                         testing::ValuesIn(kFamilies), [](const auto& info) {
                           return KernelConfig::Family_Name(info.param);
                         });

// The inducing points are the nodes of one block, so that all node values are
// 0 but for the jitter, and what is between them is in err alone. The radius
// asks for what lies above.
Search BetweenNodes(KernelConfig::Family family, double least_rho) {
  constexpr double half = 0.1;
  const ChebyshevGrid grid(ChebyshevGrid::kMaxSide, 1);
  Matrix<double> points(64, 1);
  for (int i = 0; i < 32; ++i) {
    points(i, 0) = -1 - 1e-3 * i / 31;
    points(32 + i, 0) = 2 * half * i / 31;
  }
  std::vector<double> nodes;
  for (int t = 0; t < grid.size(); ++t) {
    nodes.push_back(half + half * grid.node(t, 0));
  }
  return Search(points,
                {.family = family,
                 .jitter = 1e-9,
                 .variance_floor = 1e-12,
                 .coordinates = nodes},
                {.k = 64, .radius = std::sqrt(1 - least_rho)});
}

// In this order 64, 2142 and 1724 of 4096 places hold another row, or none.
// With Matern 1/2 only the first point of the block is not cut off by a node.
TEST(FarFieldInterpolationTest, IsNeededInASearch) {
  const struct {
    KernelConfig::Family family;
    double least_rho;
    int64_t lost;
  } cases[] = {{KernelConfig::MATERN12, 1e-3, 32},
               {KernelConfig::MATERN32, 1e-4, 1000},
               {KernelConfig::MATERN52, 1e-2, 1000}};
  for (const auto& one : cases) {
    const Search search = BetweenNodes(one.family, one.least_rho);
    EXPECT_EQ(search.WrongNeighbors(), 0);
    EXPECT_GE(search.WrongNeighbors({.interpolation = 0}), one.lost);
    EXPECT_EQ(search.Check().exceeding, 0);
    EXPECT_GE(search.Check({.interpolation = 0}).exceeding, one.lost / 2);
  }
}

// Of inducing points p is about the jitter, 1e-11, and the roundings of a
// covariance, a few u, are more than jitter alpha of points far away: 567 of
// 15360 pairs exceed it by more than codes are rounded up, and 7 of 5120
// neighbors are lost.
TEST(FarFieldRoundingTest, IsNeededInASearch) {
  const Search search(MakePoints("scales", 512, 1, 1),
                      {.family = KernelConfig::RBF,
                       .lengthscale = {0.2},
                       .jitter = 1e-11,
                       .variance_floor = 1e-13,
                       .num_inducing = 32},
                      {.k = 10});
  EXPECT_EQ(search.WrongNeighbors(), 0);
  EXPECT_GE(search.WrongNeighbors({.rounding = 0}), 4);
  EXPECT_EQ(search.Check().exceeding_inducing, 0);
  EXPECT_GE(search.Check({.rounding = 0}).exceeding_inducing, 400);
}

}  // namespace
}  // namespace rct
