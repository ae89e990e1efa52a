#include "traversal/block/far_field_balls.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/slabs.h"
#include "gtest/gtest.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/rounding.h"
#include "metric/test_data.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/block/test_far_field.h"
#include "traversal/exhaustive/screen_frame.h"
#include "traversal/exhaustive/test_exhaustive.h"

namespace rct {
namespace {

// Balls around sixteen rows each, in the order of the rows.
class Balls {
 public:
  explicit Balls(std::shared_ptr<const ResidualCorrelation> metric,
                 const FarFieldScale& scale = {})
      : metric_(std::move(metric)),
        frame_(*metric_, 1),
        balls_(*metric_, frame_, 1, RoundUp(), scale) {
    std::vector<int32_t> rows(metric_->size());
    std::iota(rows.begin(), rows.end(), 0);
    FarFieldBalls::Worker worker(metric_->dim());
    for (int p = 0; p < num_panels(); ++p) {
      balls_.Choose(*metric_, frame_, p,
                    absl::MakeConstSpan(rows).subspan(p * kFarPanel, kFarPanel),
                    worker);
    }
    const std::vector<float> zeros(RoundUp() * metric_->dim());
    FarPoints points = {};
    points.z = points.length = points.error = zeros.data();
    balls_.AddBlock(/*b=*/0, points, num_panels(), slabs_);
  }

  const FarFieldBalls& balls() const { return balls_; }
  int num_panels() const { return static_cast<int>(RoundUp() / kFarPanel); }
  int Center(int panel) const {
    return panel * kFarPanel + balls_.center(panel);
  }
  FarBalls Of(int panel) const { return balls_.of(0, panel / kFarPanel); }
  double InverseSqrt(int64_t row) const {
    return frame_.InverseSqrt(metric_->data(), row);
  }

  struct Count {
    int64_t wrong = 0;    // dismissed, with a point that reaches theta
    int64_t skipped = 0;  // dismissed for theta = 0.9
    int64_t tests = 0;
  };
  // Puts the test to all queries and panels. Covariances are rounded down as
  // far as those of the filter may be.
  Count TestAll() const {
    const Matrix<double> rho = AllCorrelations(*metric_);
    Count count;
    for (int64_t q = 0; q < metric_->size(); ++q) {
      for (int p = 0; p < num_panels(); ++p) {
        double most = 0;
        for (int64_t x = int64_t{p} * kFarPanel;
             x < std::min<int64_t>(metric_->size(), (p + 1) * kFarPanel); ++x) {
          if (x != q) most = std::max(most, std::abs(rho(q, x)));
        }
        const double size = std::abs(rho(q, Center(p))) /
                            (InverseSqrt(q) * InverseSqrt(Center(p)));
        const auto c = static_cast<float>(size * (1 - 3 * kFloatRoundoff));
        const auto dismisses = [&](double theta) {
          const BallBound::Angle query = balls_.bound().Query(
              FloatBelow(std::min(theta, 1.0)), InverseSqrt(q));
          const int lane = p % kFarPanel;
          return c < query.cosine * Of(p).cosine[lane] -
                         query.sine * Of(p).sine[lane];
        };
        ++count.tests;
        count.wrong += static_cast<int64_t>(dismisses(most));
        count.skipped += static_cast<int64_t>(dismisses(0.9));
      }
    }
    return count;
  }

 private:
  int64_t RoundUp() const {
    return (metric_->size() + kFarPanel - 1) / kFarPanel * kFarPanel;
  }

  std::shared_ptr<const ResidualCorrelation> metric_;
  ScreenFrame frame_;
  Slabs slabs_{0};
  FarFieldBalls balls_;
};

// Correlations exp(-x): of 16 places on a line the middle one is the center,
// and the radius is that of the farther end.
TEST(FarFieldBallsTest, TheCenterHasTheSmallestRadius) {
  Matrix<double> points(17, 1);
  for (int i = 0; i < 17; ++i) points(i, 0) = (i * 7 % 17) / 16.0;
  const Balls balls(MakeFarFieldMetric(points.view(), {.coordinates = {1000}}));
  ASSERT_EQ(balls.num_panels(), 2);
  // Row 16 is alone, at 10/16; the others lie at all other places.
  EXPECT_EQ(balls.balls().center(1), 0);
  const double place = points(balls.Center(0), 0);
  EXPECT_EQ(place, 0.5);
  const double root = std::sqrt(1.0) / balls.InverseSqrt(0);
  EXPECT_NEAR(balls.Of(0).cosine[0], std::exp(-0.5) * root, 1e-6);
  EXPECT_LE(balls.Of(0).cosine[0], std::exp(-0.5) * root);
  EXPECT_NEAR(balls.Of(0).sine[0], std::sqrt(1 - std::exp(-1)) * root, 1e-6);
  EXPECT_GE(balls.Of(0).sine[0], std::sqrt(1 - std::exp(-1)) * root);
  EXPECT_GE(balls.Of(1).sine[1], std::sqrt(2 * BallBound::kMaxTau) * 0.99);
}

// A query without theta, and rows whose correlations are mostly rounding, skip
// nothing and are not skipped.
TEST(FarFieldBallsTest, WithoutThetaOrModelNothingIsDismissed) {
  const Matrix<double> points = MakePoints("cube", 64, 2, 1);
  const auto metric =
      MakeFarFieldMetric(points.view(), {.family = KernelConfig::RBF,
                                         .jitter = 1e-9,
                                         .variance_floor = 1e-13,
                                         .rows = {0, 17}});
  const Balls balls(metric);
  const BallBound& bound = balls.balls().bound();
  for (const float theta : {-1.0f, 0.0f, NAN}) {
    EXPECT_EQ(bound.Query(theta, 1).cosine, -1);
    EXPECT_EQ(bound.Query(theta, 1).sine, 0);
  }
  ASSERT_FALSE(bound.Holds(balls.InverseSqrt(0)));
  EXPECT_EQ(bound.Query(0.9f, balls.InverseSqrt(0)).cosine, -1);
  for (const int p : {0, 1}) {
    EXPECT_EQ(balls.Of(0).cosine[p], 0);
    EXPECT_EQ(balls.Of(0).sine[p], 0);
  }
  EXPECT_GT(balls.Of(0).sine[2], 0);
}

class FarFieldBallsSetsTest : public testing::TestWithParam<std::string> {};

TEST_P(FarFieldBallsSetsTest, NoPanelThatReachesThetaIsDismissed) {
  for (const KernelConfig::Family family : kFamilies) {
    for (const int dim : {1, 3}) {
      for (const double jitter : {1e-6, 1e-11}) {
        const Matrix<double> points = MakePoints(GetParam(), 200, dim, 3);
        const Balls balls(
            MakeFarFieldMetric(points.view(), {.family = family,
                                               .lengthscale = {0.3},
                                               .jitter = jitter,
                                               .variance_floor = 1e-13,
                                               .num_inducing = 20}));
        EXPECT_EQ(balls.TestAll().wrong, 0);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(PointSets, FarFieldBallsSetsTest,
                         testing::ValuesIn(AdversarialNames()),
                         [](const auto& info) { return info.param; });

// Returns n points around random places in the unit cube, `of_place` of them
// around each, at most `radius` away in each coordinate.
Matrix<double> Clusters(int64_t n, int64_t dim, int64_t of_place,
                        double radius) {
  const Matrix<double> places = MakePoints("cube", n, dim, 1);
  const Matrix<double> offsets = MakePoints("cube", n, dim, 2);
  Matrix<double> points(n, dim);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t t = 0; t < dim; ++t) {
      points(i, t) = places(i / of_place, t) + radius * offsets(i, t);
    }
  }
  return points;
}

TEST(FarFieldBallsTest, MostClustersAreDismissed) {
  const Matrix<double> points = Clusters(512, 2, kFarPanel, 0.02);
  const Balls::Count count =
      Balls(MakeFarFieldMetric(points.view(), {.family = KernelConfig::MATERN32,
                                               .lengthscale = {0.2},
                                               .num_inducing = 16}))
          .TestAll();
  EXPECT_EQ(count.wrong, 0);
  EXPECT_GT(count.skipped, count.tests / 2);
}

// Each panel is one place: theta is the correlation with its center, and
// rounding alone decides. Of 16384 tests 2000 are wrong.
TEST(FarFieldBallsSlackTest, FilterIsNeeded) {
  const Matrix<double> points = Clusters(512, 1, kFarPanel, 0);
  const auto metric = MakeFarFieldMetric(
      points.view(), {.lengthscale = {0.3}, .coordinates = {2}});
  EXPECT_EQ(Balls(metric, {.rounding = 0}).TestAll().wrong, 0);
  EXPECT_GE(Balls(metric, {.rounding = 0, .filter = 0}).TestAll().wrong, 1000);
}

// What an inducing point leaves of the points next to it is the same for all of
// them but for rounding, which misses the triangle inequality. Of 16384 tests
// 1301 are wrong.
TEST(FarFieldBallsSlackTest, TauIsNeeded) {
  const Matrix<double> points = Clusters(512, 1, 2 * kFarPanel, 1e-8);
  const auto metric =
      MakeFarFieldMetric(points.view(), {.family = KernelConfig::MATERN52,
                                         .lengthscale = {0.3},
                                         .jitter = 1e-11,
                                         .variance_floor = 1e-14,
                                         .num_inducing = 64});
  EXPECT_EQ(Balls(metric).TestAll().wrong, 0);
  EXPECT_GE(Balls(metric, {.rounding = 0}).TestAll().wrong, 600);
}

}  // namespace
}  // namespace rct
