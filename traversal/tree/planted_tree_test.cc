#include "traversal/tree/planted_tree.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/euclidean_distance.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/test_data.h"
#include "traversal/build_phase.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/cover_tree_validator.h"

namespace rct {
namespace {

using testing::ElementsAre;

constexpr int64_t kRows = 200;

CoverTreeConfig Config(CoverTreeConfig::Structure structure,
                       CoverTreeConfig::NodeOrder order) {
  CoverTreeConfig config;
  config.set_structure(structure);
  config.set_node_order(order);
  config.set_leaf_size(4);
  return config;
}

std::shared_ptr<const ResidualCorrelation> MakeMetric(
    KernelConfig::Family family) {
  return MakeTestModel(MakePoints("normal", kRows, 2, 1).view(), family, 16)
      .metric;
}

std::shared_ptr<const EuclideanDistance> MakeEuclidean(Matrix<double> points) {
  return std::make_shared<const EuclideanDistance>(
      EuclideanPoints{std::move(points)});
}

// Plants without a monitor.
template <class Metric>
PlantedTree<Metric> Plant(std::shared_ptr<const Metric> metric,
                          const CoverTreeConfig& config, PhaseClock& clock,
                          std::shared_ptr<const NetHierarchy> nets = nullptr) {
  absl::StatusOr<PlantedTree<Metric>> planted =
      PlantTree(std::move(metric), config, std::move(nets), /*threads=*/2,
                /*monitor=*/nullptr, clock);
  EXPECT_THAT(planted, IsOk());
  return *std::move(planted);
}

TEST(PlantTreeTest, FourPointsOnALine) {
  Matrix<double> points(4, 1);
  for (const int i : {0, 1, 2, 3}) points(i, 0) = i * i;  // 0 1 4 9
  CoverTreeConfig config =
      Config(CoverTreeConfig::STATIC, CoverTreeConfig::NATURAL);
  PhaseClock clock;
  const auto planted = Plant(MakeEuclidean(std::move(points)), config, clock);
  EXPECT_EQ(planted.tree.tree.root, 0);
  EXPECT_THAT(planted.tree.tree.children, ElementsAre(1, 2, 3));
  EXPECT_NEAR(planted.tree.balls[0].radius, 9, 1e-6);
}

TEST(PlantTreeTest, TreeMetricAndBallsAreInOneOrder) {
  const auto metric = MakeMetric(KernelConfig::RBF);
  for (const auto structure :
       {CoverTreeConfig::RESIDUAL, CoverTreeConfig::STATIC}) {
    for (const auto order : {CoverTreeConfig::NATURAL, CoverTreeConfig::HILBERT,
                             CoverTreeConfig::BREADTH_FIRST}) {
      PhaseClock clock;
      const auto planted = Plant(metric, Config(structure, order), clock);
      EXPECT_THAT(ValidateTree(*planted.metric, *planted.nets, planted.order,
                               planted.tree.tree, planted.tree.balls),
                  IsOk());
      EXPECT_EQ(planted.metric == metric, order == CoverTreeConfig::NATURAL);
      for (int32_t i = 0; i < kRows; ++i) {
        EXPECT_EQ(
            planted.metric->InverseNorm(i),
            metric->InverseNorm(static_cast<int32_t>(planted.order.row(i))));
      }
    }
  }
}

TEST(PlantTreeTest, StructureIsOfTheMetricThatConfigNames) {
  const auto metric = MakeMetric(KernelConfig::RBF);
  PhaseClock clock;
  const auto residual =
      Plant(metric, Config(CoverTreeConfig::RESIDUAL, CoverTreeConfig::NATURAL),
            clock);
  EXPECT_THAT(ValidateNets(*metric, *residual.nets), IsOk());
  const auto fixed = Plant(
      metric, Config(CoverTreeConfig::STATIC, CoverTreeConfig::NATURAL), clock);
  EXPECT_THAT(ValidateNets(EuclideanDistance({metric->data().points.Share()}),
                           *fixed.nets),
              IsOk());
}

TEST(PlantTreeTest, StaticNetsServeAnotherMetricOverTheSamePoints) {
  const CoverTreeConfig config =
      Config(CoverTreeConfig::STATIC, CoverTreeConfig::HILBERT);
  PhaseClock first_clock;
  const auto first = Plant(MakeMetric(KernelConfig::RBF), config, first_clock);
  EXPECT_GT(first_clock.Take()[0].distance_evaluations, 0);

  PhaseClock clock;
  const auto other =
      Plant(MakeMetric(KernelConfig::MATERN12), config, clock, first.nets);
  EXPECT_EQ(clock.Take()[0].distance_evaluations, 0);
  EXPECT_EQ(other.nets, first.nets);
  EXPECT_EQ(other.tree.tree.children, first.tree.tree.children);
  EXPECT_THAT(ValidateTree(*other.metric, *other.nets, other.order,
                           other.tree.tree, other.tree.balls),
              IsOk());
}

TEST(PlantTreeTest, PhasesSayWhatIsKept) {
  const auto metric = MakeMetric(KernelConfig::RBF);
  for (const auto order :
       {CoverTreeConfig::NATURAL, CoverTreeConfig::HILBERT}) {
    PhaseClock clock;
    const auto planted =
        Plant(metric, Config(CoverTreeConfig::RESIDUAL, order), clock);
    const std::vector<BuildPhase> phases = clock.Take();
    ASSERT_EQ(phases.size(), 3);
    EXPECT_EQ(phases[0].name, "nets");
    EXPECT_EQ(phases[0].distance_evaluations,
              planted.nets->distance_evaluations);
    EXPECT_EQ(phases[0].bytes, planted.tree.tree.bytes());
    EXPECT_EQ(phases[1].name, "reordering");
    EXPECT_EQ(phases[1].bytes > 0, order != CoverTreeConfig::NATURAL);
    EXPECT_EQ(phases[2].name, "balls");
    EXPECT_GT(phases[2].distance_evaluations, 0);
  }
}

TEST(PlantTreeTest, NoPoints) {
  PhaseClock clock;
  const auto planted =
      Plant(MakeEuclidean(Matrix<double>(0, 2)), CoverTreeConfig(), clock);
  EXPECT_EQ(planted.tree.tree.root, -1);
  EXPECT_EQ(planted.order.size(), 0);
}

TEST(PlantTreeTest, StopsWhereTheMonitorIsCancelled) {
  Monitor monitor([](double) { return true; });
  monitor.Cancel();
  PhaseClock clock;
  EXPECT_THAT(PlantTree(MakeMetric(KernelConfig::RBF), CoverTreeConfig(),
                        nullptr, /*threads=*/1, &monitor, clock),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace rct
