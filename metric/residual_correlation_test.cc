#include "metric/residual_correlation.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "metric/kernel.h"
#include "metric/point_lanes.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "metric/test_model.h"
#include "metric/test_reference.h"
#include "metric/test_tiles.h"
#include "metric/tile.h"

namespace rct {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Ball = ResidualCorrelation::Ball;
using Points = ResidualPoints;

struct Model {
  InducingFactor factor;
  ResidualCorrelation metric;

  Points Project(const Matrix<double>& x) const {
    return factor.Project(x.view(), 1).value();
  }
};

Model MakeModel(const Kernel& kernel, const Matrix<double>& z, double jitter,
                const Matrix<double>& x,
                const SimdRoutines& simd = BestSimdRoutines()) {
  InducingFactor factor = MakeFactor(kernel, z, jitter, simd).value();
  ResidualCorrelation metric(kernel, factor.Project(x.view(), 1).value(),
                             factor.rounding(), simd);
  return {std::move(factor), std::move(metric)};
}

Model SmallModel(int64_t n, const SimdRoutines& simd = BestSimdRoutines()) {
  return MakeModel(MakeKernel(KernelFamily::kMatern32, 1.3, {0.4, 0.2}, 2),
                   UniformPoints(13, 2, 1), 1e-6, UniformPoints(n, 2, 2), simd);
}

// Points on both sides of an inducing point, by hand: v = exp(-1/2), and hence
// rho = (exp(-2) - exp(-1)) / (1 - exp(-1)) = -exp(-1).
TEST(ResidualCorrelationTest, Example) {
  Matrix<double> x(2, 1);
  x(0, 0) = -1;
  x(1, 0) = 1;
  const Model model = MakeModel(MakeKernel(KernelFamily::kRbf, 1, {1}, 1),
                                Matrix<double>::Zeros(1, 1), 1e-12, x);
  const Matrix<double> t = AllSquared(model.metric, model.metric.data());
  EXPECT_NEAR(t(0, 1), 1 - std::exp(-1), 1e-11);
  EXPECT_EQ(t(0, 0), kSelf);
  EXPECT_NEAR(FinalDistance(t(0, 1)), 0.7951, 1e-4);
}

TEST(SquaredDistancesTest, AreTheirDefinition) {
  const Model model = SmallModel(30);
  const Points& data = model.metric.data();
  const Matrix<double> t = AllSquared(model.metric, data);
  const SimdRoutines& scalar = *SimdRoutinesFor(Isa::kScalar);
  for (int64_t i = 0; i < 30; ++i) {
    for (int64_t j = 0; j < 30; ++j) {
      if (i == j) {
        EXPECT_EQ(t(i, j), kSelf);
        continue;
      }
      double y[16] = {};
      for (int d = 0; d < 2; ++d) y[8 * d] = data.points(j, d);
      double k[8];
      scalar.covariance_row(model.metric.kernel().spec(), data.points.row(i),
                            {y, 8}, 1, k);
      const double* a = data.v.row(i);
      const double* b = data.v.row(j);
      double dot;
      scalar.dot_tile(&a, 1, &b, 1, 16, &dot, 1);
      const double rho =
          (k[0] - dot) * (data.inverse_sqrt[i] * data.inverse_sqrt[j]);
      EXPECT_EQ(t(i, j), 1 - std::abs(rho));
    }
  }
}

TEST(SquaredDistancesTest, AreSymmetric) {
  const Model model = SmallModel(61);
  const Matrix<double> t = AllSquared(model.metric, model.metric.data());
  for (int64_t i = 0; i < 61; ++i) {
    for (int64_t j = 0; j < i; ++j) EXPECT_EQ(t(i, j), t(j, i));
  }
}

TEST(SquaredDistancesTest, TilesOfAnyShapeGiveTheBitsOfSingles) {
  constexpr int kPoints = 67;
  RandomStream random(1, 0);
  const Model reference = SmallModel(kPoints, *SimdRoutinesFor(Isa::kScalar));
  Matrix<double> single(kPoints, kPoints);
  TileWorkspace one(2, 1, 1);
  for (int32_t i = 0; i < kPoints; ++i) {
    for (int32_t j = 0; j < kPoints; ++j) {
      double t[8];
      reference.metric.SquaredDistances(
          reference.metric.data(), absl::MakeConstSpan(&i, 1),
          i % 2 == 0 ? Candidates::Range(j, 1)
                     : Candidates::List(absl::MakeConstSpan(&j, 1)),
          t, 8, one);
      single(i, j) = t[0];
    }
  }
  for (const Isa isa : AvailableIsas()) {
    SCOPED_TRACE(IsaName(isa));
    const Model model = SmallModel(kPoints, *SimdRoutinesFor(isa));
    const ResidualCorrelation& metric = model.metric;
    EXPECT_EQ(&metric.simd(), SimdRoutinesFor(isa));
    TileWorkspace workspace(2, 9, kPoints);
    for (int repeat = 0; repeat < 300; ++repeat) {
      std::vector<int32_t> queries(random.UniformBelow(10));
      for (int32_t& q : queries) {
        q = static_cast<int32_t>(random.UniformBelow(kPoints));
      }
      const bool range = repeat % 2 == 0;
      const auto count = static_cast<int>(random.UniformBelow(kPoints + 1));
      const auto first =
          static_cast<int32_t>(random.UniformBelow(kPoints - count + 1));
      std::vector<int32_t> ids(count);
      for (int32_t& id : ids) {
        id = static_cast<int32_t>(random.UniformBelow(kPoints));
      }
      const Candidates candidates =
          range ? Candidates::Range(first, count) : Candidates::List(ids);
      const int64_t stride = RoundUpToLanes(count) + 8;
      std::vector<double> out(9 * stride, -7);
      metric.SquaredDistances(metric.data(), queries, candidates, out.data(),
                              stride, workspace);
      for (size_t i = 0; i < queries.size(); ++i) {
        for (int j = 0; j < count; ++j) {
          ASSERT_EQ(out[i * stride + j], single(queries[i], candidates[j]));
        }
        // Rows are padded to whole vectors and no further.
        for (int64_t j = stride - 8; j < stride; ++j) {
          ASSERT_EQ(out[i * stride + j], -7);
        }
      }
    }
  }
}

TEST(SquaredDistancesTest, OtherPointsKnowNoSelf) {
  const Model model = SmallModel(20);
  const Points same = model.Project(UniformPoints(20, 2, 2));
  const Matrix<double> inside = AllSquared(model.metric, model.metric.data());
  const Matrix<double> outside = AllSquared(model.metric, same);
  for (int64_t i = 0; i < 20; ++i) {
    for (int64_t j = 0; j < 20; ++j) {
      if (i != j) {
        EXPECT_EQ(outside(i, j), inside(i, j));
      } else {
        EXPECT_EQ(inside(i, i), kSelf);
        EXPECT_NEAR(outside(i, i), 0, 1e-14);
        EXPECT_GT(outside(i, i), kSelf);
      }
    }
  }
}

TEST(SquaredDistancesTest, SurviveReordering) {
  const Model model = SmallModel(20);
  std::vector<int32_t> order = Iota(20);
  RandomStream random(2, 0);
  Shuffle(absl::MakeSpan(order), random);
  const ResidualCorrelation reordered = model.metric.Reordered(order);
  const Matrix<double> t = AllSquared(model.metric, model.metric.data());
  const Matrix<double> r = AllSquared(reordered, reordered.data());
  ASSERT_EQ(reordered.size(), 20);
  for (int64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(reordered.InverseNorm(i), model.metric.InverseNorm(order[i]));
    for (int64_t j = 0; j < 20; ++j) {
      EXPECT_EQ(r(i, j), t(order[i], order[j]));
    }
  }
}

TEST(SquaredDistancesTest, DuplicatesAreNearAndNeverNan) {
  for (const KernelFamily family : kAllFamilies) {
    for (const double jitter : {1e-6, 1e-8}) {
      // Equal points: anywhere, on an inducing point, and far from them all.
      const Matrix<double> z = UniformPoints(16, 2, 1);
      Matrix<double> x(30, 2);
      for (int64_t i = 0; i < 30; ++i) {
        const double far[] = {1e6, -3e7};
        const double middle[] = {0.3, 0.7};
        std::copy_n(i % 3 == 0   ? z.row(4)
                    : i % 3 == 1 ? middle
                                 : far,
                    2, x.row(i));
      }
      const Model model =
          MakeModel(MakeKernel(family, 1, {0.3}, 2), z, jitter, x);
      const Points& data = model.metric.data();
      const Matrix<double> t = AllSquared(model.metric, data);
      for (int64_t i = 0; i < 30; ++i) {
        for (int64_t j = 0; j < 30; ++j) {
          if (i == j) continue;
          ASSERT_FALSE(std::isnan(t(i, j)));
          // Rounding of the residual variance is all there is.
          if (i % 3 == j % 3) {
            EXPECT_LT(std::abs(t(i, j)), 1e-12);
            EXPECT_LT(FinalDistance(t(i, j)), 1e-6);
          }
        }
      }
    }
  }
}

ResidualCorrelation FromFactors(const Matrix<double>& points,
                                const Matrix<double>& v,
                                const std::vector<double>& variance) {
  return ResidualCorrelation(
      MakeKernel(KernelFamily::kRbf, 1, {}, points.cols()),
      ResidualPointsFromFactors(points.view(), v.view(), variance).value(),
      std::nullopt);
}

TEST(SquaredDistancesTest, OppositeCorrelationIsDistanceZero) {
  // All at one place, k = 1; v.v' = 1.25, 1, 2.25, 0 by turns.
  const Matrix<double> x = Matrix<double>::Zeros(3, 1);
  Matrix<double> v = Matrix<double>::Zeros(3, 2);
  v(0, 0) = 1.25;
  v(1, 0) = 1;
  v(2, 1) = 1;
  const ResidualCorrelation metric = FromFactors(x, v, {0.25, 0.25, 1});
  EXPECT_FALSE(metric.rounding().has_value());
  const Matrix<double> t = AllSquared(metric, metric.data());
  EXPECT_EQ(t(0, 1), 0);   // rho = (1 - 1.25) / 0.25 = -1
  EXPECT_EQ(t(0, 2), -1);  // rho = 2, not clamped
  EXPECT_EQ(t(1, 0), 0);
  EXPECT_EQ(FinalDistance(t(0, 1)), 0);
  EXPECT_EQ(FinalDistance(t(0, 2)), 0);
}

TEST(SquaredDistancesTest, ExtremeFactorsGiveNoNan) {
  const Matrix<double> x = Matrix<double>::Zeros(6, 1);
  Matrix<double> v = Matrix<double>::Zeros(6, 8);
  const double large = 4e153;  // eight squares of it are just finite
  for (int64_t c = 0; c < 8; ++c) {
    v(0, c) = large;
    v(1, c) = c % 2 == 0 ? large : -large;
    v(2, c) = -large;
    v(3, c) = 1e-160;
  }
  v(4, 0) = 1;  // k - v.v = 0 exactly
  v(5, 0) = 1;
  const double least = std::numeric_limits<double>::min();
  const double most = std::numeric_limits<double>::max();
  for (const auto& variance :
       {std::vector<double>(6, least), std::vector<double>(6, most),
        std::vector<double>{least, most, least, most, least, most}}) {
    const ResidualCorrelation metric = FromFactors(x, v, variance);
    const Matrix<double> t = AllSquared(metric, metric.data());
    for (int64_t i = 0; i < 6; ++i) {
      for (int64_t j = 0; j < 6; ++j) {
        ASSERT_FALSE(std::isnan(t(i, j))) << i << ", " << j;
        ASSERT_LE(t(i, j), 1);
        ASSERT_EQ(t(i, j), t(j, i));
      }
    }
  }
}

TEST(SquaredDistancesTest, EmptyTiles) {
  const Model model = SmallModel(5);
  const Points& data = model.metric.data();
  TileWorkspace workspace(2, 4, 8);
  double out[8] = {-7};
  const std::vector<int32_t> queries = {1};
  model.metric.SquaredDistances(data, queries, Candidates::List({}), out, 8,
                                workspace);
  model.metric.SquaredDistances(data, queries, Candidates::Range(5, 0), out, 8,
                                workspace);
  model.metric.SquaredDistances(data, {}, Candidates::Range(0, 5), out, 8,
                                workspace);
  EXPECT_EQ(out[0], -7);
}

TEST(SquaredDistancesTest, NoData) {
  const Model model = SmallModel(0);
  EXPECT_EQ(model.metric.size(), 0);
  EXPECT_EQ(model.metric.Reordered({}).size(), 0);
}

TEST(InverseNormTest, IsThatOfTauForDataAndNewPoints) {
  const Model model = SmallModel(20);
  const Points others = model.Project(UniformPoints(10, 2, 9));
  const double nugget = model.factor.rounding().Nugget(3);
  for (const Points* points : {&model.metric.data(), &others}) {
    for (int64_t i = 0; i < points->size(); ++i) {
      const double tau = nugget / points->variance[i] + 12 * kUnitRoundoff;
      const double inverse_norm = model.metric.InverseNorm(*points, i);
      EXPECT_NEAR(inverse_norm, 1 / std::sqrt(1 + tau), 4 * kUnitRoundoff);
      if (points == &model.metric.data()) {
        EXPECT_EQ(model.metric.InverseNorm(i), inverse_norm);
      }
    }
  }
}

TEST(InverseNormDeathTest, NeedsARoundingModel) {
  const ResidualCorrelation metric =
      FromFactors(UniformPoints(2, 1, 1), UniformPoints(2, 3, 2), {1, 1});
  EXPECT_DEATH(metric.InverseNorm(metric.data(), 0), "check failed");
}

TEST(NearnessTest, FallsWithTheAngle) {
  EXPECT_EQ(ResidualCorrelation::Nearness(0, 1, 1), 1);
  EXPECT_EQ(ResidualCorrelation::Nearness(kSelf, 1, 1), 1);
  EXPECT_EQ(ResidualCorrelation::Nearness(-kInfinity, 1, 1), 1);
  EXPECT_EQ(ResidualCorrelation::Nearness(1, 1, 1), 0);
  EXPECT_EQ(ResidualCorrelation::Nearness(0.5, 0.5, 0.5), 0.125);
  for (const double angle : {0.0, 1e-6, 0.3, 1.5}) {
    const double nearness = ResidualCorrelation::NearnessAt(angle);
    EXPECT_EQ(nearness, std::cos(angle));
    EXPECT_NEAR(ResidualCorrelation::RadiusAt(nearness), angle, 1e-9);
  }
  // Nothing is excluded at the largest angle.
  EXPECT_LT(ResidualCorrelation::NearnessAt(ResidualCorrelation::kMaxRadius),
            0);
  EXPECT_LE(ResidualCorrelation::RadiusAt(-1), ResidualCorrelation::kMaxRadius);
  EXPECT_GT(ResidualCorrelation::RadiusAt(-1), 1.57);
}

TEST(BallTest, Includes) {
  Ball ball;
  EXPECT_EQ(ResidualCorrelation::Radius(ball), 0);
  ResidualCorrelation::Include(std::cos(0.2), 0.9, ball);
  EXPECT_NEAR(ResidualCorrelation::Radius(ball), 0.2, 1e-13);
  EXPECT_GE(ResidualCorrelation::Radius(ball), 0.2);
  EXPECT_GE(ball.norm, 1 / 0.9);
  const Ball before = ball;
  ResidualCorrelation::Include(std::cos(0.1), 0.95, ball);  // inside already
  EXPECT_EQ(ball.cos_radius, before.cos_radius);
  EXPECT_EQ(ball.norm, before.norm);

  Ball wide;
  ResidualCorrelation::Include(std::cos(1.2), 0.99, wide);
  Ball both = ball;
  ResidualCorrelation::Include(wide, both);
  EXPECT_EQ(both.cos_radius, wide.cos_radius);
  EXPECT_EQ(both.sin_radius, wide.sin_radius);
  EXPECT_EQ(both.norm, ball.norm);
  ResidualCorrelation::Include(ball, wide);
  EXPECT_EQ(wide.cos_radius, both.cos_radius);
  EXPECT_EQ(wide.norm, both.norm);

  ResidualCorrelation::Include(-0.5, 1,
                               wide);  // no angle is beyond a right one
  EXPECT_EQ(wide.cos_radius, 0);
  EXPECT_EQ(wide.sin_radius, 1);
}

TEST(BallTest, BoundWhereNothingIsKnown) {
  Ball ball;
  ResidualCorrelation::Include(0.5, 0.0, ball);  // tau is infinite
  EXPECT_EQ(ball.norm, kInfinity);
  for (const double norm : {0.0, 0.5, 1.0}) {
    EXPECT_LE(ResidualCorrelation::MinSquared(0.9, norm, 0.0, ball), kSelf);
  }
}

// One adversarial data set: clusters around inducing points and elsewhere, far
// smaller than a lengthscale, some of their points twice; and new points, some
// of them on points of the data.
struct Clustered {
  Clustered(KernelFamily family, double lengthscale, double jitter,
            double radius, uint64_t seed)
      : model(MakeModel(MakeKernel(family, 1, {lengthscale}, 2), Inducing(seed),
                        jitter, Clusters(radius, seed, kClusterSize))),
        queries(model.Project(NewPoints(radius, seed))),
        inside(AllSquared(model.metric, model.metric.data())),
        outside(AllSquared(model.metric, queries)) {}

  static constexpr int64_t kClusters = 8;
  static constexpr int64_t kClusterSize = 10;
  static constexpr int64_t kInducing = 40;

  static Matrix<double> Inducing(uint64_t seed) {
    return UniformPoints(kInducing, 2, 100 + seed);
  }
  // `size` points for each cluster, one after another.
  static Matrix<double> Clusters(double radius, uint64_t seed, int64_t size) {
    const Matrix<double> z = Inducing(seed);
    const Matrix<double> elsewhere = UniformPoints(kClusters, 2, 200 + seed);
    RandomStream random(seed, static_cast<uint64_t>(size));
    Matrix<double> x(kClusters * size, 2);
    for (int64_t i = 0; i < x.rows(); ++i) {
      const int64_t cluster = i / size;
      const double* center =
          cluster % 2 == 0 ? z.row(cluster) : elsewhere.row(cluster);
      for (int64_t t = 0; t < 2; ++t) {
        x(i, t) = center[t] + radius * random.Normal();
      }
      if (i % size == 1) std::copy_n(x.row(i - 1), 2, x.row(i));
    }
    return x;
  }
  static Matrix<double> NewPoints(double radius, uint64_t seed) {
    const Matrix<double> data = Clusters(radius, seed, kClusterSize);
    Matrix<double> x = Clusters(radius, seed, 3);
    for (int64_t cluster = 0; cluster < kClusters; ++cluster) {
      std::copy_n(data.row(cluster * kClusterSize + cluster), 2,
                  x.row(cluster * 3));
    }
    return x;
  }
  // A point of the same cluster as point i of the data, or any.
  int64_t Neighbor(int64_t i, bool same_cluster, RandomStream& random) const {
    if (!same_cluster) {
      return static_cast<int64_t>(
          random.UniformBelow(static_cast<uint64_t>(model.metric.size())));
    }
    return i / kClusterSize * kClusterSize +
           static_cast<int64_t>(random.UniformBelow(kClusterSize));
  }

  Model model;
  Points queries;
  Matrix<double> inside;   // t, data to data
  Matrix<double> outside;  // t, queries to data
};

template <class Use>
void ForClusteredSets(Use use) {
  uint64_t seed = 0;
  for (const KernelFamily family :
       {KernelFamily::kRbf, KernelFamily::kMatern12, KernelFamily::kMatern52}) {
    for (const double lengthscale : {0.05, 0.4, 3.0}) {
      for (const double jitter : {1e-6, 1e-8}) {
        for (const double radius : {1e-5, 1e-8}) {
          SCOPED_TRACE(testing::Message()
                       << "family " << static_cast<int>(family)
                       << ", lengthscale " << lengthscale << ", jitter "
                       << jitter << ", radius " << radius);
          const Clustered set(family, lengthscale, jitter, radius, ++seed);
          ASSERT_TRUE(set.model.factor.rounding().Validate().ok());
          use(set);
        }
      }
    }
  }
}

// Cosine and sine of theta, from the computed numbers, exactly.
struct Angle {
  Quad cosine;
  Quad sine;
};

Angle AngleOf(double squared, Quad norm2_a, Quad norm2_b) {
  Quad cosine = squared;
  cosine = 1 - cosine;  // |rho| to within 2^-54, which 12 u covers
  cosine = std::min<Quad>(1, cosine / SqrtQuad(norm2_a * norm2_b));
  return {cosine, SqrtQuad(1 - cosine * cosine)};
}

// a <= b + c, for angles up to a right one. The comparison itself is a matter
// of 2^-110 or so.
bool WithinSum(const Angle& a, const Angle& b, const Angle& c) {
  return a.cosine >= b.cosine * c.cosine - b.sine * c.sine - 0x1p-100;
}

TEST(AnglesTest, AreAMetricAndPlainDistancesAreNot) {
  int64_t triples = 0;
  int64_t chordal_violations = 0;
  ForClusteredSets([&](const Clustered& set) {
    const ResidualCorrelation& metric = set.model.metric;
    const Quad nugget = set.model.factor.rounding().Nugget(3);
    const auto norm2 = [&](int64_t i) {
      return 1 + nugget / metric.data().variance[i] + 12 * kUnitRoundoff;
    };
    RandomStream random(11, 0);
    for (int repeat = 0; repeat < 2000; ++repeat) {
      const int64_t i = set.Neighbor(0, false, random);
      const int64_t j = set.Neighbor(i, repeat % 4 != 0, random);
      const int64_t k = set.Neighbor(i, repeat % 4 != 0, random);
      if (i == j || j == k || i == k) continue;
      ++triples;
      const double t[] = {set.inside(i, j), set.inside(j, k), set.inside(i, k)};
      const Angle angle[] = {AngleOf(t[0], norm2(i), norm2(j)),
                             AngleOf(t[1], norm2(j), norm2(k)),
                             AngleOf(t[2], norm2(i), norm2(k))};
      bool chordal = false;
      for (int a = 0; a < 3; ++a) {
        const int b = (a + 1) % 3;
        const int c = (a + 2) % 3;
        ASSERT_TRUE(WithinSum(angle[a], angle[b], angle[c]))
            << i << ", " << j << ", " << k;
        // By more than the rounding of this sum.
        chordal |= FinalDistance(t[a]) >
                   (FinalDistance(t[b]) + FinalDistance(t[c])) * (1 + 1e-12);
      }
      chordal_violations += chordal;
    }
  });
  EXPECT_GT(chordal_violations, triples / 100);
  RecordProperty("share_of_triples_plain_distances_violate",
                 std::to_string(static_cast<double>(chordal_violations) /
                                static_cast<double>(triples)));
}

TEST(BallTest, BoundHoldsForComputedDistancesAndNaiveOnesDoNot) {
  int64_t naive_chordal = 0;  // members below a bound without tau and slack
  int64_t naive_angular = 0;
  int64_t checks = 0;
  int64_t bounds = 0;
  int64_t useful = 0;  // bounds of balls that the query is far from
  int64_t far = 0;
  ForClusteredSets([&](const Clustered& set) {
    const ResidualCorrelation& metric = set.model.metric;
    RandomStream random(12, 0);
    for (int repeat = 0; repeat < 150; ++repeat) {
      // A ball in one cluster, or anywhere, put together from two.
      const int64_t center = set.Neighbor(0, false, random);
      const bool local = repeat % 4 != 0;
      std::vector<int64_t> members = {center};
      for (uint64_t more = random.UniformBelow(10); more > 0; --more) {
        members.push_back(set.Neighbor(center, local, random));
      }
      Ball halves[2];
      double chord = 0;
      double angle = 0;
      for (size_t i = 0; i < members.size(); ++i) {
        const double t = set.inside(center, members[i]);
        ResidualCorrelation::Include(
            ResidualCorrelation::Nearness(t, metric.InverseNorm(center),
                                          metric.InverseNorm(members[i])),
            metric.InverseNorm(members[i]), halves[i % 2]);
        chord = std::max(chord, FinalDistance(t));
        angle = std::max(angle, std::acos(std::min(1.0, 1 - t)));
      }
      Ball ball = halves[0];
      ResidualCorrelation::Include(halves[1], ball);

      const auto check = [&](const Matrix<double>& squared, int64_t q,
                             double query_norm) {
        const double to_center = squared(q, center);
        const double bound = ResidualCorrelation::MinSquared(
            to_center, query_norm, metric.InverseNorm(center), ball);
        ASSERT_FALSE(std::isnan(bound));
        const double chordal = FinalDistance(to_center) - chord;
        const double angular = std::acos(std::min(1.0, 1 - to_center)) - angle;
        double nearest = kInfinity;
        for (const int64_t x : members) {
          const double t = squared(q, x);
          nearest = std::min(nearest, t);
          ASSERT_GE(t, bound)
              << "query " << q << ", center " << center << ", member " << x;
          ++checks;
          // By more than the last bits of these formulas.
          naive_chordal += chordal > 0 && t < chordal * chordal * (1 - 1e-9);
          naive_angular +=
              angular > 0 && t < (1 - std::cos(angular)) * (1 - 1e-9) - 1e-15;
        }
        ++bounds;
        if (nearest > 0.5 && local) {
          ++far;
          useful += bound > 0.25;
        }
      };
      for (int64_t q = 0; q < metric.size(); ++q) {
        ASSERT_NO_FATAL_FAILURE(check(set.inside, q, metric.InverseNorm(q)));
      }
      for (int64_t q = 0; q < set.queries.size(); ++q) {
        ASSERT_NO_FATAL_FAILURE(
            check(set.outside, q, metric.InverseNorm(set.queries, q)));
      }
    }
  });
  EXPECT_GT(naive_chordal, checks / 10000);
  EXPECT_GT(naive_angular, checks / 10000);
  // A bound that never excludes holds as well.
  EXPECT_GT(far, bounds / 20);
  EXPECT_GT(useful, far / 2);
  RecordProperty("bounds_checked", std::to_string(checks));
  RecordProperty("naive_chordal_violations", std::to_string(naive_chordal));
  RecordProperty("naive_angular_violations", std::to_string(naive_angular));
}

TEST(BallTest, BoundOfTheCenterItselfIsOpen) {
  const Model model = SmallModel(10);
  const ResidualCorrelation& metric = model.metric;
  Ball ball;
  ResidualCorrelation::Include(
      ResidualCorrelation::Nearness(kSelf, metric.InverseNorm(0),
                                    metric.InverseNorm(0)),
      metric.InverseNorm(0), ball);
  EXPECT_EQ(ResidualCorrelation::MinSquared(kSelf, metric.InverseNorm(0),
                                            metric.InverseNorm(0), ball),
            kSelf);
  // And of nothing, too.
  EXPECT_EQ(ResidualCorrelation::MinSquared(kSelf, metric.InverseNorm(0),
                                            metric.InverseNorm(0), Ball()),
            kSelf);
}

}  // namespace
}  // namespace rct
