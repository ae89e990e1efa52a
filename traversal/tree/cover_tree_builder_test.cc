#include "traversal/tree/cover_tree_builder.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/euclidean_distance.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/test_data.h"
#include "metric/tile.h"
#include "traversal/row_order.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/cover_tree_validator.h"

namespace rct {
namespace {

using testing::ElementsAre;

CoverTreeConfig Config(double base, int32_t leaf_size) {
  CoverTreeConfig config;
  config.set_base(base);
  config.set_leaf_size(leaf_size);
  return config;
}

template <class Metric>
double NearnessOf(const Metric& metric, int32_t a, int32_t b) {
  TileWorkspace tiles(metric.dim(), 1, 1);
  double squared[8];
  metric.SquaredDistances(metric.data(), absl::MakeConstSpan(&a, 1),
                          Candidates::Range(b, 1), squared, 8, tiles);
  return Metric::Nearness(squared[0], metric.InverseNorm(a),
                          metric.InverseNorm(b));
}

// One row at a time and against the whole net, through as many levels as `nets`
// has and at its radii.
template <class Metric>
void ExpectGreedyNets(const Metric& metric, const NetHierarchy& nets) {
  const int64_t n = metric.size();
  std::vector<int32_t> parent(n, -1), level(n, -1), owner(n, 0);
  std::vector<double> nearness(n);
  level[0] = 0;
  for (int32_t row = 0; row < n; ++row) {
    nearness[row] = NearnessOf(metric, 0, row);
  }
  for (int32_t l = 1; l < nets.leaf_level; ++l) {
    const double covered = Metric::NearnessAt(nets.Radius(l));
    const std::vector<int32_t> home = owner;
    for (int32_t row = 0; row < n; ++row) {
      if (level[row] >= 0 || !(nearness[row] < covered)) continue;
      level[row] = l;
      parent[row] = home[row];
      for (int32_t other = 0; other < n; ++other) {
        const double to_other = NearnessOf(metric, row, other);
        if (to_other > nearness[other]) {
          nearness[other] = to_other;
          owner[other] = row;
        }
      }
    }
  }
  for (int64_t row = 0; row < n; ++row) {
    if (level[row] >= 0) continue;
    level[row] = nets.leaf_level;
    parent[row] = owner[row];
  }
  EXPECT_EQ(nets.level, level);
  EXPECT_EQ(nets.parent, parent);
}

// Refinement stops at the first net that is fine enough, if there is one.
void ExpectRightDepth(const NetHierarchy& nets, int32_t leaf_size) {
  const int64_t wanted = nets.size() / leaf_size;
  const auto net_size = [&](int32_t level) {
    return std::count_if(nets.level.begin(), nets.level.end(),
                         [&](int32_t l) { return l <= level; });
  };
  const int32_t last = nets.leaf_level - 1;
  EXPECT_TRUE(net_size(last) >= wanted || nets.root_radius == 0 ||
              std::pow(nets.base, -last) <= 1e-9);
  if (last > 0) {
    EXPECT_LT(net_size(last - 1), wanted);
  }
}

template <class Metric>
void ExpectValid(const Metric& metric, const CoverTreeConfig& config) {
  const NetHierarchy nets = BuildNets(metric, config, 1);
  ASSERT_THAT(ValidateNets(metric, nets), IsOk());
  if (nets.size() > 0) ExpectRightDepth(nets, config.leaf_size());
  const RowOrder order = RowOrder::Natural(metric.size());
  const CoverTree tree = AssembleCoverTree(nets, order);
  ASSERT_THAT(
      ValidateTree(metric, nets, order, tree, MeasureBalls(metric, tree, 1)),
      IsOk());
}

// At base 2 the net of radius 4.5 around 0 takes row 1; the others are leaves
// of their nearest net points.
TEST(BuildNetsTest, FourPointsOnALine) {
  Matrix<double> points(4, 1);
  const double places[] = {0, 9, 1, 7};
  for (int i = 0; i < 4; ++i) points(i, 0) = places[i];
  const EuclideanDistance metric({std::move(points)});
  const NetHierarchy nets = BuildNets(metric, Config(2, 2), /*threads=*/1);
  EXPECT_THAT(nets.parent, ElementsAre(-1, 0, 0, 1));
  EXPECT_THAT(nets.level, ElementsAre(0, 1, 2, 2));
}

class CoverTreeBuilderTest : public testing::TestWithParam<std::string> {};

TEST_P(CoverTreeBuilderTest, IsACoverTree) {
  for (const int64_t n : {0, 1, 2, 3, 150}) {
    const int64_t dim = GetParam() == "circle" ? 2 : 3;
    const Matrix<double> points = MakePoints(GetParam(), n, dim, 1);
    const auto rough =
        MakeTestModel(points.view(), KernelConfig::MATERN12, 20).metric;
    const auto smooth =
        MakeTestModel(points.view(), KernelConfig::RBF, 20).metric;
    const EuclideanDistance euclidean({points.Clone()});
    for (const double base : {1.1, 1.3, 2.0, 16.0}) {
      for (const int32_t leaf_size : {1, 8, 150, 1000}) {
        SCOPED_TRACE(testing::Message() << n << " points, base " << base
                                        << ", leaf size " << leaf_size);
        ExpectValid(*rough, Config(base, leaf_size));
        ExpectValid(*smooth, Config(base, leaf_size));
        ExpectValid(euclidean, Config(base, leaf_size));
      }
    }
  }
}

TEST_P(CoverTreeBuilderTest, IsThatOfOneRowAtATime) {
  const Matrix<double> points = MakePoints(GetParam(), 150, 2, 2);
  const auto residual =
      MakeTestModel(points.view(), KernelConfig::RBF, 20).metric;
  const EuclideanDistance euclidean({points.Clone()});
  for (const double base : {1.3, 4.0}) {
    SCOPED_TRACE(base);
    ExpectGreedyNets(*residual, BuildNets(*residual, Config(base, 2), 1));
    ExpectGreedyNets(euclidean, BuildNets(euclidean, Config(base, 2), 1));
  }
}

TEST_P(CoverTreeBuilderTest, AnyNumberOfThreads) {
  const Matrix<double> points = MakePoints(GetParam(), 500, 2, 3);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::MATERN52, 20).metric;
  const NetHierarchy nets = BuildNets(*metric, Config(2, 4), 1);
  const CoverTree tree = AssembleCoverTree(nets, RowOrder::Natural(500));
  const auto balls = MeasureBalls(*metric, tree, 1);
  for (const int threads : {2, 7}) {
    const NetHierarchy same = BuildNets(*metric, Config(2, 4), threads);
    EXPECT_EQ(same.parent, nets.parent);
    EXPECT_EQ(same.level, nets.level);
    EXPECT_EQ(same.leaf_level, nets.leaf_level);
    EXPECT_EQ(same.root_radius, nets.root_radius);
    EXPECT_EQ(same.distance_evaluations, nets.distance_evaluations);
    const auto same_balls = MeasureBalls(*metric, tree, threads);
    ASSERT_EQ(same_balls.size(), balls.size());
    EXPECT_EQ(std::memcmp(same_balls.data(), balls.data(),
                          balls.size() * sizeof(balls[0])),
              0);
  }
}

INSTANTIATE_TEST_SUITE_P(PointSets, CoverTreeBuilderTest,
                         testing::ValuesIn(AdversarialNames()),
                         [](const auto& info) { return info.param; });

// More rows, and more net points, than one tile holds.
TEST(CoverTreeBuilderSizeTest, SeveralTiles) {
  const EuclideanDistance metric({MakePoints("normal", 1200, 2, 1)});
  const NetHierarchy nets = BuildNets(metric, Config(1.5, 2), 2);
  EXPECT_THAT(ValidateNets(metric, nets), IsOk());
  ExpectGreedyNets(metric, nets);
  EXPECT_LT(nets.distance_evaluations, 1200 * 1200);
}

TEST(CoverTreeBuilderSizeTest, LeavesOfTheRoot) {
  const EuclideanDistance metric({MakePoints("normal", 50, 2, 1)});
  const NetHierarchy nets = BuildNets(metric, Config(1.3, 51), 1);
  EXPECT_EQ(nets.leaf_level, 1);
  const CoverTree tree = AssembleCoverTree(nets, RowOrder::Natural(50));
  ASSERT_EQ(tree.segments.size(), 1);
  EXPECT_EQ(tree.segments[0].num_children, 49);
}

TEST(CoverTreeBuilderSizeTest, IdenticalPointsAreLeaves) {
  const EuclideanDistance metric({MakePoints("duplicates", 50, 2, 1)});
  const NetHierarchy nets = BuildNets(metric, Config(1.1, 1), 1);
  EXPECT_EQ(nets.root_radius, 0);
  EXPECT_EQ(nets.leaf_level, 1);
}

// Squares that overflow: all distances are infinite, and nothing hangs.
TEST(CoverTreeBuilderSizeTest, HugeCoordinates) {
  Matrix<double> points = MakePoints("normal", 40, 2, 1);
  for (int64_t i = 0; i < 40; ++i) points(i, 0) *= 1e300;
  const EuclideanDistance metric({std::move(points)});
  ExpectValid(metric, Config(1.3, 1));
}

TEST(CoverTreeBuilderSizeTest, TinyDistances) {
  Matrix<double> points = MakePoints("normal", 40, 2, 1);
  for (int64_t i = 0; i < 40; ++i) {
    for (int64_t t = 0; t < 2; ++t) points(i, t) *= 1e-160;
  }
  const EuclideanDistance metric({std::move(points)});
  ExpectValid(metric, Config(1.3, 1));
}

// A ball is as large as the furthest descendant needs, and no larger.
TEST(MeasureBallsTest, DirectMaxima) {
  for (const char* name : {"normal", "clusters", "scales"}) {
    const Matrix<double> points = MakePoints(name, 150, 2, 1);
    const auto metric =
        MakeTestModel(points.view(), KernelConfig::RBF, 20).metric;
    // Shaped by the wrong metric, on purpose: balls must not rely on it.
    const EuclideanDistance euclidean({points.Clone()});
    const NetHierarchy nets = BuildNets(euclidean, Config(1.5, 3), 1);
    const CoverTree tree = AssembleCoverTree(nets, RowOrder::Natural(150));
    int64_t evaluations = 5;
    const auto balls = MeasureBalls(*metric, tree, 1, &evaluations);
    int64_t depths = 0;
    for (int32_t row = 0; row < 150; ++row) {
      for (int32_t at = row; at != 0; at = nets.parent[at]) ++depths;
    }
    EXPECT_EQ(evaluations, 5 + depths);
    for (size_t s = 0; s < balls.size(); ++s) {
      const CoverTree::Segment& segment = tree.segments[s];
      ResidualCorrelation::Ball expected;
      for (int32_t row = 0; row < 150; ++row) {
        // Does it descend from this segment, or a later one of the node?
        int32_t at = row;
        while (at != -1 && nets.parent[at] != segment.node) {
          at = nets.parent[at];
        }
        if (at == -1 || nets.level[at] < segment.level) continue;
        ResidualCorrelation::Include(NearnessOf(*metric, segment.node, row),
                                     metric->InverseNorm(row), expected);
      }
      EXPECT_EQ(balls[s].cos_radius, expected.cos_radius);
      EXPECT_EQ(balls[s].sin_radius, expected.sin_radius);
      EXPECT_EQ(balls[s].norm, expected.norm);
    }
  }
}

}  // namespace
}  // namespace rct
