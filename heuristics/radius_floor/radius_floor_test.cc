#include "heuristics/radius_floor/radius_floor.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/slots.h"

namespace rct {
namespace {

using ::testing::StartsWith;

using Residual = ResidualCorrelation;
using Euclidean = EuclideanDistance;

static_assert(BoundSlot<RadiusFloor, Residual::Ball>);
static_assert(BoundSlot<RadiusFloor, Euclidean::Ball>);

RadiusFloor MakeFloor(double floor) {
  RadiusFloorConfig config;
  config.set_floor_radians(floor);
  return *RadiusFloor::Create(config);
}

Residual::Ball BallOfRadius(double radius) {
  Residual::Ball ball;
  Residual::Include(Residual::NearnessAt(radius), 1, ball);
  return ball;
}

TEST(RadiusFloorTest, ASmallBallGrowsToTheFloor) {
  RadiusFloor floor = MakeFloor(0.25);
  Euclidean::Ball small{0.1};
  Euclidean::Ball large{0.5};
  floor.Widen(small);
  floor.Widen(large);
  EXPECT_EQ(small.radius, 0.25);
  EXPECT_EQ(large.radius, 0.5);
}

TEST(RadiusFloorTest, Defaults) {
  EXPECT_EQ(RadiusFloorConfig().floor_radians(), 1e-3);
  EXPECT_THAT(RadiusFloor::Create({}), IsOk());
}

TEST(RadiusFloorTest, RefusesWhatIsNoAngle) {
  for (const double floor :
       {0.0, -1e-3, 1.5708, std::numeric_limits<double>::infinity(),
        std::numeric_limits<double>::quiet_NaN()}) {
    RadiusFloorConfig config;
    config.set_floor_radians(floor);
    EXPECT_THAT(RadiusFloor::Create(config),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         StartsWith("radius_floor.floor_radians: is ")))
        << floor;
  }
}

TEST(RadiusFloorTest, EnlargesSmallBallsAndLeavesOthersAlone) {
  RadiusFloor floor = MakeFloor(0.25);
  SearchCounters counters;
  Residual::Ball small = BallOfRadius(0.1);
  small.norm = 1;
  floor.Widen(small);
  EXPECT_NEAR(Residual::Radius(small), 0.25, 1e-14);
  EXPECT_EQ(small.norm, 1);
  Residual::Ball large = BallOfRadius(0.5);
  const Residual::Ball before = large;
  floor.Widen(large);
  EXPECT_EQ(large.cos_radius, before.cos_radius);
  EXPECT_EQ(large.sin_radius, before.sin_radius);
  EXPECT_EQ(large.norm, before.norm);
  floor.Report(counters);
  EXPECT_EQ(counters.radius_floors_applied(), 1);

  Euclidean::Ball near{0.1};
  floor.Widen(near);
  EXPECT_EQ(near.radius, 0.25);
  Euclidean::Ball wide{0.5};
  floor.Widen(wide);
  EXPECT_EQ(wide.radius, 0.5);
  floor.Report(counters);
  EXPECT_EQ(counters.radius_floors_applied(), 2);
}

// 10^-9 to 1.57, all magnitudes alike.
double RandomRadius(RandomStream& stream) {
  return Residual::kMaxRadius * std::pow(10, -9 * stream.Uniform());
}

TEST(RadiusFloorTest, NoBallShrinksOrStaysBelowTheFloor) {
  RandomStream stream(1, 0);
  for (int trial = 0; trial < 100'000; ++trial) {
    const double radius = RandomRadius(stream);
    const double least = std::min(RandomRadius(stream), 1.5707);
    RadiusFloor floor = MakeFloor(least);
    Residual::Ball ball = BallOfRadius(radius);
    const Residual::Ball before = ball;
    floor.Widen(ball);
    EXPECT_LE(ball.cos_radius, before.cos_radius);
    EXPECT_GE(ball.sin_radius, before.sin_radius);
    EXPECT_GE(Residual::Radius(ball), std::max(radius, least));
    Euclidean::Ball euclidean{radius};
    floor.Widen(euclidean);
    EXPECT_EQ(euclidean.radius, std::max(radius, least));
  }
}

// Lines through the origin of a plane: a query, the center of a ball, and a
// point on its rim.
TEST(RadiusFloorTest, BoundsStayBelowWhatTheyBound) {
  RandomStream stream(2, 0);
  int dismissals = 0;
  for (int trial = 0; trial < 100'000; ++trial) {
    const double query = RandomRadius(stream);
    const double point =
        RandomRadius(stream) * (stream.Uniform() < 0.5 ? -1 : 1);
    const double to_center = 1 - std::abs(std::cos(query));
    const double to_point = 1 - std::abs(std::cos(query - point));
    Residual::Ball ball;
    Residual::Include(Residual::Nearness(1 - std::abs(std::cos(point)), 1, 1),
                      1, ball);
    RadiusFloor floor = MakeFloor(std::min(RandomRadius(stream), 1.5707));
    floor.Widen(ball);
    const double bound = Residual::MinSquared(to_center, 1, 1, ball);
    EXPECT_LE(bound, to_point);
    dismissals += bound > 0;
  }
  EXPECT_GT(dismissals, 10'000);
}

}  // namespace
}  // namespace rct
