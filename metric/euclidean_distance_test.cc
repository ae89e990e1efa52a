#include "metric/euclidean_distance.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "metric/point_lanes.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "metric/test_reference.h"
#include "metric/test_tiles.h"
#include "metric/tile.h"

namespace rct {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Ball = EuclideanDistance::Ball;

TEST(EuclideanDistanceTest, Example) {
  Matrix<double> points = Matrix<double>::Zeros(2, 2);
  points(1, 0) = 3;
  points(1, 1) = 4;
  const EuclideanDistance metric({std::move(points)});
  const Matrix<double> t = AllSquared(metric, metric.data());
  EXPECT_EQ(FinalDistance(t(0, 1)), 5);
  EXPECT_EQ(FinalDistance(t(1, 1)), 0);
}

TEST(EuclideanDistanceTest, TilesOfAnyShapeAreTheDefinition) {
  constexpr int kPoints = 35;
  constexpr int kDim = 3;
  RandomStream random(1, 0);
  for (const Isa isa : AvailableIsas()) {
    SCOPED_TRACE(IsaName(isa));
    const EuclideanDistance metric({UniformPoints(kPoints, kDim, 1)},
                                   *SimdRoutinesFor(isa));
    const Matrix<double>& x = metric.data().points;
    TileWorkspace workspace(kDim, 9, kPoints);
    for (int repeat = 0; repeat < 200; ++repeat) {
      std::vector<int32_t> queries(random.UniformBelow(10));
      for (int32_t& q : queries) {
        q = static_cast<int32_t>(random.UniformBelow(kPoints));
      }
      const auto count = static_cast<int>(random.UniformBelow(kPoints + 1));
      std::vector<int32_t> ids(count);
      for (int32_t& id : ids) {
        id = static_cast<int32_t>(random.UniformBelow(kPoints));
      }
      const Candidates candidates =
          repeat % 2 == 0
              ? Candidates::Range(static_cast<int32_t>(
                                      random.UniformBelow(kPoints - count + 1)),
                                  count)
              : Candidates::List(ids);
      const int64_t stride = RoundUpToLanes(count) + 8;
      std::vector<double> out(9 * stride, -7);
      metric.SquaredDistances(metric.data(), queries, candidates, out.data(),
                              stride, workspace);
      for (size_t i = 0; i < queries.size(); ++i) {
        for (int j = 0; j < count; ++j) {
          double sum = 0;
          for (int t = 0; t < kDim; ++t) {
            const double difference = x(queries[i], t) - x(candidates[j], t);
            sum = std::fma(difference, difference, sum);
          }
          ASSERT_EQ(out[i * stride + j],
                    queries[i] == candidates[j] ? kSelf : sum);
        }
        for (int64_t j = stride - 8; j < stride; ++j) {
          ASSERT_EQ(out[i * stride + j], -7);
        }
      }
    }
  }
}

TEST(EuclideanDistanceTest, SymmetryDuplicatesAndOtherPoints) {
  Matrix<double> x = UniformPoints(20, 2, 1);
  std::copy_n(x.row(3), 2, x.row(17));
  const EuclideanDistance metric({x.Clone()});
  const Matrix<double> t = AllSquared(metric, metric.data());
  const Matrix<double> others = AllSquared(metric, {x.Clone()});
  EXPECT_EQ(t(3, 17), 0);
  EXPECT_EQ(t(3, 3), kSelf);
  EXPECT_EQ(others(3, 3), 0);
  for (int64_t i = 0; i < 20; ++i) {
    for (int64_t j = 0; j < i; ++j) {
      EXPECT_EQ(t(i, j), t(j, i));
      EXPECT_EQ(t(i, j), others(i, j));
    }
  }
}

TEST(EuclideanDistanceTest, SurvivesReordering) {
  const EuclideanDistance metric({UniformPoints(20, 2, 1)});
  std::vector<int32_t> order = Iota(20);
  RandomStream random(2, 0);
  Shuffle(absl::MakeSpan(order), random);
  const EuclideanDistance reordered = metric.Reordered(order);
  const Matrix<double> t = AllSquared(metric, metric.data());
  const Matrix<double> r = AllSquared(reordered, reordered.data());
  for (int64_t i = 0; i < 20; ++i) {
    for (int64_t j = 0; j < 20; ++j) EXPECT_EQ(r(i, j), t(order[i], order[j]));
  }
}

TEST(EuclideanDistanceTest, EmptyTilesAndNoData) {
  const EuclideanDistance metric({UniformPoints(5, 2, 1)});
  TileWorkspace workspace(2, 4, 8);
  double out[8] = {-7};
  const std::vector<int32_t> queries = {1};
  metric.SquaredDistances(metric.data(), queries, Candidates::List({}), out, 8,
                          workspace);
  metric.SquaredDistances(metric.data(), {}, Candidates::Range(0, 5), out, 8,
                          workspace);
  EXPECT_EQ(out[0], -7);
  EXPECT_EQ(EuclideanDistance({Matrix<double>(0, 2)}).size(), 0);
}

TEST(EuclideanDistanceTest, NearnessFallsWithTheDistance) {
  EXPECT_EQ(EuclideanDistance::Nearness(4, 1, 1), -4);
  EXPECT_EQ(EuclideanDistance::NearnessAt(2), -4);
  EXPECT_EQ(EuclideanDistance::RadiusAt(-4), 2);
  EXPECT_EQ(EuclideanDistance::RadiusAt(-kSelf), 0);
  EXPECT_EQ(EuclideanDistance::NearnessAt(EuclideanDistance::kMaxRadius),
            -kInfinity);
}

TEST(EuclideanDistanceTest, BallsHoldWhatTheyInclude) {
  Ball ball;
  EXPECT_EQ(EuclideanDistance::Radius(ball), 0);
  EuclideanDistance::Include(-4, 1 - 20 * kUnitRoundoff, ball);
  EXPECT_GT(EuclideanDistance::Radius(ball), 2);
  EXPECT_NEAR(EuclideanDistance::Radius(ball), 2, 1e-14);
  Ball wide;
  EuclideanDistance::Include(-9, 1, wide);
  EuclideanDistance::Include(wide, ball);
  EXPECT_EQ(ball.radius, wide.radius);
  EuclideanDistance::Include(Ball(), ball);
  EXPECT_EQ(ball.radius, wide.radius);
}

// Sets that are hard for a bound, each in its own way.
constexpr const char* kSets[] = {"normal",     "tiny",      "large",
                                 "scales",     "collinear", "offset",
                                 "duplicates", "overflow"};

Matrix<double> MakeSet(const std::string& name, int64_t n, int64_t dim,
                       uint64_t seed) {
  RandomStream random(seed, 1);
  std::vector<double> direction(dim);
  for (double& c : direction) c = random.Normal();
  Matrix<double> x(n, dim);
  for (int64_t i = 0; i < n; ++i) {
    const double at = random.Normal();
    const double scale = std::pow(10.0, -170 + 320 * random.Uniform());
    for (int64_t t = 0; t < dim; ++t) {
      const double normal = random.Normal();
      if (name == "normal") x(i, t) = normal;
      if (name == "tiny") x(i, t) = 1e-160 * normal;  // squares are denormal
      if (name == "large") x(i, t) = 1e150 * normal;
      if (name == "scales") x(i, t) = scale * normal;
      if (name == "collinear") x(i, t) = at * direction[t];  // equality holds
      if (name == "offset") x(i, t) = 1e8 + 1e-7 * normal;
      if (name == "duplicates") x(i, t) = static_cast<double>(i % 5 * (t + 1));
      // Some squares are infinite and others not.
      if (name == "overflow") x(i, t) = 7e153 * normal;
    }
  }
  return x;
}

TEST(EuclideanDistanceTest, BoundHoldsForComputedDistances) {
  constexpr int64_t kPoints = 40;
  int64_t naive = 0;  // members below the bound without slack
  int64_t useful = 0;
  int64_t checks = 0;
  for (const std::string name : kSets) {
    for (const int64_t dim : {1, 2, 5, 17}) {
      SCOPED_TRACE(testing::Message() << name << ", dimension " << dim);
      const EuclideanDistance metric({MakeSet(name, kPoints, dim, 1)});
      const EuclideanPoints others{MakeSet(name, 20, dim, 1)};
      const Matrix<double> inside = AllSquared(metric, metric.data());
      const Matrix<double> outside = AllSquared(metric, others);
      RandomStream random(3, 0);
      for (int repeat = 0; repeat < 200; ++repeat) {
        const auto center = static_cast<int64_t>(random.UniformBelow(kPoints));
        std::vector<int64_t> members = {center};
        for (uint64_t more = random.UniformBelow(6); more > 0; --more) {
          members.push_back(static_cast<int64_t>(random.UniformBelow(kPoints)));
        }
        Ball ball;
        double radius = 0;
        for (const int64_t x : members) {
          EuclideanDistance::Include(
              EuclideanDistance::Nearness(inside(center, x),
                                          metric.InverseNorm(center),
                                          metric.InverseNorm(x)),
              metric.InverseNorm(x), ball);
          radius = std::max(radius, FinalDistance(inside(center, x)));
        }
        const auto check = [&](const Matrix<double>& squared, int64_t q,
                               double query_norm) {
          const double bound = EuclideanDistance::MinSquared(
              squared(q, center), query_norm, metric.InverseNorm(center), ball);
          ASSERT_FALSE(std::isnan(bound));
          const double gap = FinalDistance(squared(q, center)) - radius;
          for (const int64_t x : members) {
            ASSERT_GE(squared(q, x), bound)
                << "query " << q << ", center " << center << ", member " << x;
            ++checks;
            naive += gap > 0 && gap < kInfinity && squared(q, x) < gap * gap;
          }
          // What the slack costs is small.
          if (gap > 1e-3 * radius && gap > 1e-130 && gap < kInfinity) {
            ++useful;
            ASSERT_GT(bound, gap * gap * (1 - 1e-10));
          }
        };
        for (int64_t q = 0; q < kPoints; ++q) {
          ASSERT_NO_FATAL_FAILURE(check(inside, q, metric.InverseNorm(q)));
        }
        for (int64_t q = 0; q < others.size(); ++q) {
          ASSERT_NO_FATAL_FAILURE(
              check(outside, q, metric.InverseNorm(others, q)));
        }
      }
    }
  }
  EXPECT_GT(naive, 0);
  EXPECT_GT(useful, checks / 100);
  RecordProperty("naive_violations", std::to_string(naive));
}

}  // namespace
}  // namespace rct
