#include "metric/rounding.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/matrix.h"
#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/kernel.h"
#include "metric/point_lanes.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/simd_routines.h"
#include "metric/test_model.h"
#include "metric/test_reference.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

TEST(FloatAboveTest, EnclosesTheNumber) {
  EXPECT_EQ(FloatAbove(0.5), 0.5f);
  EXPECT_EQ(FloatBelow(0.5), 0.5f);
  EXPECT_EQ(FloatAbove(1 + 0x1p-50), 1 + 0x1p-23f);
  EXPECT_EQ(FloatBelow(1 + 0x1p-50), 1.0f);
  EXPECT_EQ(FloatAbove(-1 - 0x1p-50), -1.0f);
}

TEST(FloatAboveTest, IsTheNextOfAnyNumber) {
  std::vector<double> numbers = {0.0, -0.0, HUGE_VAL, -HUGE_VAL, 1e300, -1e300};
  RandomStream stream(3, 0);
  for (int i = 0; i < 100'000; ++i) {
    // Of any float and what is near it: subnormal ones, and beyond the largest.
    const auto bits =
        static_cast<uint32_t>(stream.UniformBelow(uint64_t{1} << 32));
    const double x = double{std::bit_cast<float>(bits)};
    if (std::isnan(x)) continue;
    numbers.insert(numbers.end(),
                   {x, x * (1 + 0x1p-30), x * (1 - 0x1p-30), x * 1e-9});
  }
  for (const double x : numbers) {
    const auto nearest = static_cast<float>(x);
    const float above =
        double{nearest} < x ? std::nextafter(nearest, HUGE_VALF) : nearest;
    ASSERT_EQ(std::bit_cast<uint32_t>(FloatAbove(x)),
              std::bit_cast<uint32_t>(above))
        << x;
  }
  EXPECT_TRUE(std::isnan(FloatAbove(std::nan(""))));
}

TEST(FactorizationNuggetTest, Figures) {
  EXPECT_EQ(FactorizationNugget(0), 0x1p-47);  // 2 u 4^2.5
  EXPECT_EQ(FactorizationNugget(12), 0x1p-42);
  // A pivot of the largest skeletons is far above its error.
  EXPECT_LT(100 * FactorizationNugget(256), kMinPivot);
}

TEST(RoundingModelTest, Example) {
  const RoundingModel model{
      .num_inducing = 512, .variance = 1, .jitter = 1e-6, .kernel_ulps = 19};
  EXPECT_THAT(model.Validate(), IsOk());
  EXPECT_GT(model.Nugget(3), 2e-14);
  EXPECT_LT(model.Nugget(3), 3e-14);
}

TEST(RoundingModelTest, Figures) {
  // d = 3, as docs/exactness.md quotes them.
  const RoundingModel model{512, 1.0, 1e-6, 19};
  EXPECT_NEAR(model.Nugget(3), 2.9e-14, 0.03 * 2.9e-14);
  EXPECT_NEAR(model.Nugget(82), 7.9e-13, 0.03 * 7.9e-13);
  EXPECT_NEAR(model.Nugget(130), 1.27e-12, 0.03 * 1.27e-12);
}

TEST(RoundingModelTest, NuggetGrowsWithPointsAndInducingPoints) {
  for (int64_t m = 1; m < 2000; m += 37) {
    const RoundingModel model{m, 1.0, 1e-6, 17};
    const RoundingModel larger{m + 8, 1.0, 1e-6, 17};
    EXPECT_LT(model.Nugget(3), model.Nugget(4));
    EXPECT_LT(model.Nugget(3), larger.Nugget(3));
    EXPECT_DOUBLE_EQ(2 * model.Nugget(3), model.Nugget(6));
  }
}

TEST(RoundingModelTest, VarianceIsAUnit) {
  // A jitter so small that the second term counts.
  const RoundingModel one{512, 1.0, 0x1p-33, 19};
  for (const int power : {1, -3, 600, -600}) {
    const double unit = std::ldexp(1.0, power);
    const RoundingModel scaled{512, unit, unit * 0x1p-33, 19};
    EXPECT_EQ(scaled.Nugget(3), unit * one.Nugget(3));
    EXPECT_EQ(scaled.Validate().ok(), one.Validate().ok());
  }
}

TEST(RoundingModelTest, ValidateWantsJitter) {
  for (const int64_t m : {1, 24, 512, 5000}) {
    const double least = 2.0 * m * (m + 20) * kUnitRoundoff;
    EXPECT_THAT((RoundingModel{m, 1, 1.01 * least, 19}.Validate()), IsOk());
    EXPECT_THAT((RoundingModel{m, 4, 4.04 * least, 19}.Validate()), IsOk());
    EXPECT_THAT(
        (RoundingModel{m, 4, 3.96 * least, 19}.Validate()),
        StatusIs(absl::StatusCode::kFailedPrecondition,
                 AllOf(StartsWith("jitter: "),
                       HasSubstr(std::to_string(m) + " inducing points"),
                       HasSubstr("raise the jitter"))));
    // What passes leaves at least half of the jitter to absorb errors.
    EXPECT_GT((RoundingModel{m, 1, 1.01 * least, 19}.Nugget(3)), 0);
  }
  EXPECT_THAT((RoundingModel{512, 1, 1e-7, 19}.Validate()), IsOk());
  EXPECT_FALSE((RoundingModel{512, 1, std::nan(""), 19}.Validate().ok()));
}

TEST(RoundingModelTest, AtTheLeastJitterHalfOfItAbsorbs) {
  for (const double m : {1.0, 24.0, 512.0}) {
    const double least = 2 * m * (m + 20) * kUnitRoundoff;
    const double error = std::sqrt(m) * (m + 22) * kUnitRoundoff;
    const auto count = static_cast<int64_t>(m);
    const RoundingModel tight{count, 1, least, 19};
    const RoundingModel loose{count, 1, 1e200 * least, 19};
    const double second = 3 * error * error / (least / 2);
    EXPECT_NEAR(tight.Nugget(3) - loose.Nugget(3), second, 1e-8 * second);
  }
}

using Matrix3 = std::array<std::array<Quad, 3>, 3>;

// The least eigenvalue, by Jacobi's rotations.
Quad LeastEigenvalue(Matrix3 a) {
  constexpr int kPairs[][2] = {{0, 1}, {0, 2}, {1, 2}};
  for (int sweep = 0; sweep < 8; ++sweep) {
    for (const auto& [p, q] : kPairs) {
      const Quad off = a[p][q] * a[p][q];
      if (off <= 1e-80 * (a[p][p] * a[p][p] + a[q][q] * a[q][q])) continue;
      const Quad half = (a[q][q] - a[p][p]) / (2 * a[p][q]);
      const Quad root = SqrtQuad(half * half + 1);
      const Quad tangent = half < 0 ? 1 / (half - root) : 1 / (half + root);
      const Quad cosine = 1 / SqrtQuad(tangent * tangent + 1);
      const Quad sine = tangent * cosine;
      for (auto& row : a) {
        const Quad kept = row[p];
        row[p] = cosine * kept - sine * row[q];
        row[q] = sine * kept + cosine * row[q];
      }
      for (int c = 0; c < 3; ++c) {
        const Quad kept = a[p][c];
        a[p][c] = cosine * kept - sine * a[q][c];
        a[q][c] = sine * kept + cosine * a[q][c];
      }
    }
  }
  return std::min({a[0][0], a[1][1], a[2][2]});
}

TEST(LeastEigenvalueTest, KnownMatrices) {
  EXPECT_EQ(static_cast<double>(
                LeastEigenvalue({{{3, 0, 0}, {0, -2, 0}, {0, 0, 1}}})),
            -2);
  // 1 - r and 1 + 2r.
  const Quad r = 0.25;
  EXPECT_NEAR(static_cast<double>(
                  LeastEigenvalue({{{1, r, r}, {r, 1, r}, {r, r, 1}}}) - 0.75),
              0, 1e-28);
  EXPECT_NEAR(
      static_cast<double>(
          LeastEigenvalue({{{1, -r, -r}, {-r, 1, -r}, {-r, -r, 1}}}) - 0.5),
      0, 1e-28);
}

// Residual correlations as computed, ones on the diagonal.
Matrix3 ComputedCorrelations(const Kernel& kernel,
                             const ResidualPoints& points) {
  const SimdRoutines& simd = BestSimdRoutines();
  const PointLanes lanes(points.points.view());
  Matrix3 rho;
  for (int64_t i = 0; i < 3; ++i) {
    double k[8];
    simd.covariance_row(kernel.spec(), points.points.row(i), lanes.From(0), 3,
                        k);
    for (int64_t j = 0; j < 3; ++j) {
      const double* a = points.v.row(i);
      const double* b = points.v.row(j);
      double dot;
      simd.dot_tile(&a, 1, &b, 1, RoundUpToLanes(points.v.cols()), &dot, 1);
      const double scale = points.inverse_sqrt[i] * points.inverse_sqrt[j];
      const double computed = (k[j] - dot) * scale;
      rho[i][j] = i == j ? 1 : computed;
    }
  }
  return rho;
}

// The theorem at the top of rounding.h, for what it is used for: with tau on
// the diagonal, computed correlations of three points are a Gram matrix. Near
// duplicates near inducing points are the worst case: the rounding is divided
// by a small residual variance, and nothing else separates the points.
TEST(RoundingTheoremTest, TriplesAreGramMatricesWithTauAndNotWithout) {
  RandomStream random(7, 0);
  int not_without = 0;
  int triples = 0;
  Quad tightest = 0;  // the largest share of tau that was needed
  for (const int64_t m : {16, 100}) {
    const Matrix<double> z = UniformPoints(m, 2, 3);
    for (const KernelFamily family : kAllFamilies) {
      for (const double lengthscale : {0.05, 0.5, 3.0}) {
        for (const double jitter : {1e-6, 1e-8, 1e-10}) {
          const Kernel kernel = MakeKernel(family, 1, {lengthscale}, 2);
          const InducingFactor factor = MakeFactor(kernel, z, jitter).value();
          ASSERT_THAT(factor.rounding().Validate(), IsOk());
          const Quad nugget = factor.rounding().Nugget(3);
          for (int repeat = 0; repeat < 60; ++repeat) {
            // Around an inducing point, or anywhere.
            double center[2] = {random.Uniform(), random.Uniform()};
            if (repeat % 2 == 0) {
              const int64_t nearest = static_cast<int64_t>(
                  random.UniformBelow(static_cast<uint64_t>(m)));
              std::copy_n(z.row(nearest), 2, center);
            }
            const double radius = std::pow(10.0, -6 - 3 * random.Uniform());
            Matrix<double> x(3, 2);
            for (int64_t i = 0; i < 3; ++i) {
              for (int64_t t = 0; t < 2; ++t) {
                x(i, t) = center[t] + radius * random.Normal();
              }
            }
            const ResidualPoints points = factor.Project(x.view(), 1).value();
            Matrix3 rho = ComputedCorrelations(kernel, points);
            ++triples;
            if (LeastEigenvalue(rho) < 0) ++not_without;

            Matrix3 relative;  // (rho with ones) in units of tau
            Quad tau[3];
            for (int i = 0; i < 3; ++i) {
              tau[i] = nugget / points.variance[i] + 12 * kUnitRoundoff;
            }
            for (int i = 0; i < 3; ++i) {
              for (int j = 0; j < 3; ++j) {
                relative[i][j] = rho[i][j] / SqrtQuad(tau[i] * tau[j]);
              }
            }
            tightest = std::max(tightest, -LeastEigenvalue(relative));
            for (int i = 0; i < 3; ++i) rho[i][i] += tau[i];
            ASSERT_GE(LeastEigenvalue(rho), 0)
                << "family " << static_cast<int>(family) << ", lengthscale "
                << lengthscale << ", jitter " << jitter << ", m " << m
                << ", radius " << radius;
          }
        }
      }
    }
  }
  // Else tau = 0 would do, and this test would say nothing.
  EXPECT_GT(not_without, triples / 20);
  EXPECT_GT(tightest, 0.01);
  RecordProperty("share_of_triples_that_need_tau",
                 std::to_string(static_cast<double>(not_without) / triples));
  RecordProperty("share_of_tau_needed",
                 std::to_string(static_cast<double>(tightest)));
}

}  // namespace
}  // namespace rct
