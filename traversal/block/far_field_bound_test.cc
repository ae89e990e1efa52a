#include "traversal/block/far_field_bound.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
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

namespace rct {
namespace {

constexpr int kTerms = 13;

// The Taylor coefficients of a function of one variable.
using Series = std::array<long double, kTerms>;

Series Product(const Series& a, const Series& b) {
  Series product = {};
  for (int i = 0; i < kTerms; ++i) {
    for (int j = 0; i + j < kTerms; ++j) product[i + j] += a[i] * b[j];
  }
  return product;
}

// From b b = a.
Series Root(const Series& a) {
  Series b = {std::sqrt(a[0])};
  for (int i = 1; i < kTerms; ++i) {
    long double rest = a[i];
    for (int j = 1; j < i; ++j) rest -= b[j] * b[i - j];
    b[i] = rest / (2 * b[0]);
  }
  return b;
}

// From b' = a' b.
Series Exponential(const Series& a) {
  Series b = {std::exp(a[0])};
  for (int i = 1; i < kTerms; ++i) {
    for (int j = 1; j <= i; ++j) b[i] += j * a[j] * b[i - j] / i;
  }
  return b;
}

// Returns d^order k / dx_c^order at the distance r > 0, `cosine` that of the
// angle with axis c: from the Taylor series of k along the axis, and not by the
// chain rule.
long double Derivative(KernelFamily family, int order, long double r,
                       long double cosine) {
  const Series squared = {r * r, 2 * r * cosine, 1};
  Series k = {};
  if (family == KernelFamily::kRbf) {
    Series exponent = squared;
    for (long double& x : exponent) x /= -2;
    k = Exponential(exponent);
  } else {
    const int s = static_cast<int>(family) - 1;
    Series a = Root(squared);
    for (long double& x : a) x *= std::sqrt(2 * s + 1.0L);
    Series minus = a;
    for (long double& x : minus) x = -x;
    Series polynomial = {1};
    if (s > 0) {
      for (int i = 0; i < kTerms; ++i) polynomial[i] += a[i];
    }
    if (s > 1) {
      const Series square = Product(a, a);
      for (int i = 0; i < kTerms; ++i) polynomial[i] += square[i] / 3;
    }
    k = Product(polynomial, Exponential(minus));
  }
  long double factorial = 1;
  for (int i = 2; i <= order; ++i) factorial *= i;
  return k[order] * factorial;
}

double Along(KernelFamily family, int order, double least, double reach = 1e3) {
  return DerivativeBounds(family, order, least).Along(reach);
}

TEST(DerivativeBoundsTest, IsThatOfTheLargestTerms) {
  // 3 - 6 x^2 + x^4 times exp(-x^2 / 2), each term where it is largest.
  EXPECT_DOUBLE_EQ(Along(KernelFamily::kRbf, 4, 0), 3 + 16 * std::exp(-2.0));
  // (1 + x) / x exp(-x) and exp(-x) / x have opposite signs.
  EXPECT_DOUBLE_EQ(Along(KernelFamily::kMatern12, 2, 1), 2 * std::exp(-1.0));
  // exp(-x) / x alone where the points differ in other coordinates, and 3 / x
  // exp(-x) for the fourth derivative of Matern 3/2.
  EXPECT_DOUBLE_EQ(Along(KernelFamily::kMatern12, 2, 1, 0), std::exp(-1.0));
  EXPECT_DOUBLE_EQ(Along(KernelFamily::kMatern32, 4, 1, 0),
                   9 * 3 / std::sqrt(3.0) * std::exp(-std::sqrt(3.0)));
  EXPECT_DOUBLE_EQ(Along(KernelFamily::kMatern32, 2, 0), 3);
  EXPECT_EQ(Along(KernelFamily::kMatern12, 2, 0), HUGE_VAL);
  EXPECT_EQ(Along(KernelFamily::kMatern32, 4, 0), HUGE_VAL);
  EXPECT_EQ(Along(KernelFamily::kMatern52, 6, 0), HUGE_VAL);
}

// By Cramer's inequality, where that is the lesser: 1.0865 sqrt(p!) H_(p/2) at
// the distance over sqrt(2).
TEST(DerivativeBoundsTest, IsCramersWhereThatIsLess) {
  const double x = 0.1 / std::sqrt(2.0);
  EXPECT_NEAR(Along(KernelFamily::kMatern12, 6, 0.1),
              1.0865 * std::sqrt(720.0) * (x * x + 3 * x + 3) * std::exp(-x) /
                  std::pow(x, 5),
              1e-6 * std::pow(x, -5));
  const DerivativeBounds rbf(KernelFamily::kRbf, 2, 2);
  EXPECT_NEAR(rbf.AlongTwice(5), 1.0865 * std::sqrt(24) * std::exp(-1), 1e-8);
  EXPECT_NEAR(rbf.AlongTwice(0), 1.0865 * std::sqrt(24) * std::exp(-2), 1e-8);
  EXPECT_NEAR(rbf.AlongBoth(1, 1), 1.0865 * 1.0865 * 2 * std::exp(-1.5), 1e-8);
  EXPECT_NEAR(rbf.AlongBoth(3, 3), 1.0865 * 1.0865 * 2 * std::exp(-1), 1e-8);
}

// At all distances from the least on and in all directions. At some distance
// the bound is within a factor of 1.7 of the largest derivative from there on,
// or 4 for orders above four, and within 50 at all.
TEST(DerivativeBoundsTest, HoldsAndIsNotVacuous) {
  double loosest = 0;
  for (const KernelFamily family : kAllFamilies) {
    for (int order = 1; order <= 6; ++order) {
      double least_factor = HUGE_VAL;
      double most = 0;  // over the distances so far, which fall
      double most_twice = 0;
      double most_across = 0;  // of those across the axis, by a third
      for (int step = 0; step <= 400; ++step) {
        const double r = 12 * std::pow(1e-4, step / 400.0);
        for (int i = 0; i <= 40; ++i) {
          const auto size = [&](int of) {
            return static_cast<double>(
                std::abs(Derivative(family, of, r, i / 40.0L)));
          };
          most = std::max(most, size(order));
          most_twice = std::max(most_twice, size(2 * order));
          if (i <= 13) most_across = std::max(most_across, size(order));
        }
        const DerivativeBounds bounds(family, order, r);
        ASSERT_GE(bounds.Along(12), most * (1 - 1e-12)) << order << " " << r;
        ASSERT_GE(bounds.AlongTwice(12), most_twice * (1 - 1e-9));
        // What is farther away than r reaches farther, too.
        ASSERT_GE(bounds.Along(12 * 13 / 40.0), most_across * (1 - 1e-12));
        ASSERT_GE(
            bounds.Along(r),
            static_cast<double>(std::abs(Derivative(family, order, r, 1.0L))) *
                (1 - 1e-12));
        least_factor = std::min(least_factor, bounds.Along(12) / most);
        loosest = std::max(loosest, bounds.Along(12) / most);
      }
      EXPECT_LT(least_factor, order <= 4 ? 1.7 : 4)
          << order << " " << static_cast<int>(family);
      EXPECT_GE(Along(family, order, 0), most * (1 - 1e-12));
    }
  }
  EXPECT_LT(loosest, 50);
  RecordProperty("loosest", std::to_string(loosest));
}

// Differences of the derivatives along one axis, along the other: within one
// part in 100, for steps of a fiftieth of the distance.
TEST(DerivativeBoundsTest, AlongBothHolds) {
  for (const KernelFamily family : kAllFamilies) {
    for (int order = 1; order <= 5; ++order) {
      for (const double r : {0.05, 0.3, 1.0, 3.0}) {
        for (int i = 1; i < 16; ++i) {
          const double angle = i * 0.098;
          const long double x = r * std::cos(angle), y = r * std::sin(angle);
          const long double step = r / 50;
          long double difference = 0, binomial = 1;
          for (int j = 0; j <= order; ++j) {
            const long double to = y + (order / 2.0L - j) * step;
            const long double apart = std::sqrt(x * x + to * to);
            difference += (j % 2 == 0 ? 1 : -1) * binomial *
                          Derivative(family, order, apart, x / apart);
            binomial = binomial * (order - j) / (j + 1);
          }
          const double derivative =
              static_cast<double>(std::abs(difference) / std::pow(step, order));
          const DerivativeBounds bounds(family, order, r);
          const double bound =
              bounds.AlongBoth(static_cast<double>(x), static_cast<double>(y));
          EXPECT_GE(bound, 0.99 * derivative) << order << " " << r;
        }
      }
    }
  }
}

TEST(ChebyshevGridTest, HasTheNodesAndConstantsOfItsSide) {
  const ChebyshevGrid grid(2, 2);
  EXPECT_EQ(grid.size(), 4);
  EXPECT_DOUBLE_EQ(grid.node(1, 0), -std::sqrt(0.5));
  EXPECT_DOUBLE_EQ(grid.node(1, 1), std::sqrt(0.5));
  EXPECT_NEAR(grid.lebesgue(), 1.01 * std::sqrt(2.0), 1e-14);
  EXPECT_NEAR(grid.lebesgue_of_grid(), 1.01 * 1.01 * 2, 1e-14);
}

TEST(ChebyshevGridTest, HasNotTooManyNodes) {
  EXPECT_EQ(ChebyshevGrid::SideFor(KernelFamily::kMatern12, 1), 6);
  EXPECT_EQ(ChebyshevGrid::SideFor(KernelFamily::kMatern12, 2), 4);
  EXPECT_EQ(ChebyshevGrid::SideFor(KernelFamily::kMatern32, 2), 5);
  EXPECT_EQ(ChebyshevGrid::SideFor(KernelFamily::kMatern12, 3), 4);
  EXPECT_EQ(ChebyshevGrid::SideFor(KernelFamily::kRbf, 3), 4);
  EXPECT_EQ(ChebyshevGrid::SideFor(KernelFamily::kRbf, 4), 3);
  EXPECT_EQ(ChebyshevGrid::SideFor(KernelFamily::kRbf, 5), 2);
  EXPECT_EQ(ChebyshevGrid::SideFor(KernelFamily::kRbf, 7), 2);
  EXPECT_EQ(ChebyshevGrid::SideFor(KernelFamily::kRbf, 8), 0);
  EXPECT_EQ(ChebyshevGrid::SideFor(KernelFamily::kMatern52, 1000), 0);
  for (const KernelFamily family : kAllFamilies) {
    for (int dim = 1; dim <= 7; ++dim) {
      const int side = ChebyshevGrid::SideFor(family, dim);
      EXPECT_LE(ChebyshevGrid(side, dim).size(), ChebyshevGrid::kMaxSize);
    }
  }
}

// All grids that there are room for.
std::vector<ChebyshevGrid> Grids() {
  std::vector<ChebyshevGrid> grids;
  for (int side = 1; side <= ChebyshevGrid::kMaxSide; ++side) {
    for (int dim = 1; dim <= 7; ++dim) {
      if (std::pow(side, dim) > ChebyshevGrid::kMaxSize) break;
      grids.emplace_back(side, dim);
    }
  }
  return grids;
}

// The weights are those of polynomials, of degrees below the side in each
// dimension, and the matrix takes values to coefficients.
TEST(ChebyshevGridTest, ReproducesPolynomials) {
  RandomStream random(1, 1);
  for (const ChebyshevGrid& grid : Grids()) {
    const int dim = grid.dim();
    std::vector<double> psi(3 * grid.size()), x(dim);
    for (int trial = 0; trial < 50; ++trial) {
      std::vector<int> degree(dim);
      for (int c = 0; c < dim; ++c) {
        degree[c] = static_cast<int>(random.UniformBelow(grid.side()));
        x[c] = trial < 2 ? 2.0 * trial - 1 : 2 * random.Uniform() - 1;
      }
      grid.Weights(x.data(), psi.data(), 3);
      double sum = 0, value = 0, expected = 1;
      for (int t = 0; t < grid.size(); ++t) {
        sum += psi[3 * t];
        double product = psi[3 * t];
        for (int c = 0; c < dim; ++c) {
          product *= std::cos(degree[c] * std::acos(grid.node(t, c)));
        }
        value += product;
      }
      for (int c = 0; c < dim; ++c) {
        expected *= std::cos(degree[c] * std::acos(x[c]));
      }
      EXPECT_NEAR(sum, 1, 1e-13);
      EXPECT_NEAR(value, expected, 1e-13);
    }
    for (int u = 0; u < grid.side(); ++u) {
      for (int degree = 0; degree < grid.side(); ++degree) {
        double coefficient = 0;
        for (int s = 0; s < grid.side(); ++s) {
          coefficient += grid.transform()[u * grid.side() + s] *
                         std::cos(degree * std::acos(grid.node(s, 0)));
        }
        EXPECT_NEAR(coefficient, u == degree ? 1 : 0, 1e-14);
      }
    }
  }
}

TEST(ChebyshevGridTest, LebesgueConstantsAreThose) {
  for (const ChebyshevGrid& grid : Grids()) {
    const int dim = grid.dim();
    const int points = dim == 1 ? 2001 : dim == 2 ? 61 : dim == 3 ? 21 : 3;
    int64_t count = 1;
    for (int c = 0; c < dim; ++c) count *= points;
    std::vector<double> psi(grid.size()), x(dim);
    double most = 0;
    for (int64_t i = 0; i < count; ++i) {
      int64_t rest = i;
      for (int c = 0; c < dim; ++c, rest /= points) {
        x[c] = 2.0 * static_cast<double>(rest % points) / (points - 1) - 1;
      }
      grid.Weights(x.data(), psi.data(), 1);
      double sum = 0;
      for (const double weight : psi) sum += std::abs(weight);
      ASSERT_LE(sum, grid.lebesgue_of_grid());
      most = std::max(most, sum);
    }
    // In each dimension; 1% is added there.
    EXPECT_GE(most, std::pow(0.95, dim) * grid.lebesgue_of_grid());
    if (dim <= 4) {
      EXPECT_GE(most, 0.95 * grid.lebesgue_of_grid());
    }
  }
}

// Random boxes with a point in each: what interpolation leaves over the one,
// over the other, and over one of what it leaves over the other.
TEST(RemainderBoundsTest, InterpolationErrorsDoNotExceedThem) {
  RandomStream random(2, 1);
  for (const KernelFamily family : kAllFamilies) {
    double most = 0;  // of the errors, as parts of the bounds
    double most_twice = 0;
    for (const ChebyshevGrid& grid : Grids()) {
      const int dim = grid.dim();
      const int size = grid.size();
      if (dim > 3) continue;
      const std::vector<double> ones(dim, 1.0);
      const KernelSpec spec = {family, dim, 1.0, ones.data()};
      std::vector<double> half_a(dim), half_b(dim), reach(dim), center(dim);
      std::vector<double> x(dim), y(dim), place(dim);
      std::vector<double> psi_a(size), psi_b(size);
      Matrix<double> nodes_a(size + 1, dim), nodes_b(size + 1, dim);
      for (int trial = 0; trial < (size > 30 ? 20 : 300); ++trial) {
        const double scale = std::pow(10.0, -2 * random.Uniform());
        const double apart = std::pow(10.0, 1 - 3 * random.Uniform());
        const int axis = static_cast<int>(random.UniformBelow(dim));
        const auto half = [&] {
          return random.UniformBelow(8) == 0 ? 0 : scale * random.Uniform();
        };
        const auto in_cube = [&] {
          return random.UniformBelow(3) == 0 ? 1 : 2 * random.Uniform() - 1;
        };
        // A is about 0, B about `center`.
        double squared = 0;
        for (int c = 0; c < dim; ++c) {
          half_a[c] = half();
          half_b[c] = half();
          const bool off = c == axis || random.UniformBelow(2) == 0;
          const double between = off ? apart * (1 - random.Uniform() / 2) : 0;
          center[c] = off ? half_a[c] + half_b[c] + between
                          : (half_a[c] + half_b[c]) * random.Uniform();
          squared += between * between;
          reach[c] = center[c] + half_a[c] + half_b[c];
        }
        for (int c = 0; c < dim; ++c) {
          place[c] = in_cube();
          nodes_a(size, c) = half_a[c] * place[c];
        }
        grid.Weights(place.data(), psi_a.data(), 1);
        for (int c = 0; c < dim; ++c) {
          place[c] = -in_cube();
          nodes_b(size, c) = center[c] + half_b[c] * place[c];
        }
        grid.Weights(place.data(), psi_b.data(), 1);
        for (int t = 0; t < size; ++t) {
          for (int c = 0; c < dim; ++c) {
            nodes_a(t, c) = half_a[c] * grid.node(t, c);
            nodes_b(t, c) = center[c] + half_b[c] * grid.node(t, c);
          }
        }
        // What is left over B for each node of A and for its point.
        long double over_a = 0, over_b = 0, twice = 0;
        for (int s = 0; s <= size; ++s) {
          const auto k = [&](int i, int j) {
            return ReferenceCovariance(spec, nodes_a.row(i), nodes_b.row(j));
          };
          long double left = k(s, size);
          for (int t = 0; t < size; ++t) left -= psi_b[t] * k(s, t);
          if (s == size) over_b = left;
          over_a += s == size ? k(s, size) : -psi_a[s] * k(s, size);
          twice += s == size ? left : -psi_a[s] * left;
        }
        const Remainders bounds = RemainderBounds(
            family, grid, {half_a, half_b, reach, std::sqrt(squared) - 1e-14});
        const double rounding = 1e-15 * size * size;
        const auto check = [&](long double error, double bound, double& part) {
          ASSERT_LE(std::abs(error), bound + rounding)
              << static_cast<int>(family) << " " << grid.side() << " " << dim;
          if (bound > 1e3 * rounding) {
            part = std::max(part, static_cast<double>(std::abs(error)) / bound);
          }
        };
        check(over_a, bounds.over_a, most);
        check(over_b, bounds.over_b, most);
        check(twice, bounds.twice, most_twice);
      }
    }
    EXPECT_GT(most, 0.3) << static_cast<int>(family);
    EXPECT_GT(most_twice, 0.1) << static_cast<int>(family);
  }
}

TEST(RemainderBoundsTest, IsNothingWhereABoxIsAPoint) {
  const ChebyshevGrid grid(4, 2);
  const std::vector<double> none = {0, 0}, some = {0.1, 0}, other = {0, 0.1};
  const std::vector<double> reach = {10, 10};
  const auto bounds = [&](KernelFamily family, const std::vector<double>& a,
                          const std::vector<double>& b) {
    return RemainderBounds(family, grid, {a, b, reach, 0});
  };
  const Remainders points = bounds(KernelFamily::kMatern12, none, none);
  EXPECT_EQ(points.over_a + points.over_b + points.twice, 0);
  const Remainders one = bounds(KernelFamily::kMatern12, none, some);
  EXPECT_EQ(one.over_a, 0);
  EXPECT_EQ(one.over_b, HUGE_VAL);
  EXPECT_EQ(one.twice, 0);
  EXPECT_EQ(bounds(KernelFamily::kMatern12, some, some).twice, HUGE_VAL);
  const Remainders rbf = bounds(KernelFamily::kRbf, other, some);
  const double part = 1.01 * 1e-4 / (24 * 8);
  EXPECT_NEAR(rbf.over_b, part * (3 + 16 * std::exp(-2.0)), 1e-12);
  EXPECT_DOUBLE_EQ(rbf.over_a, rbf.over_b);
  EXPECT_NEAR(rbf.twice, part * part * 1.0865 * 1.0865 * 24, 1e-12);
  // The second coordinate is interpolated in after the first.
  EXPECT_NEAR(bounds(KernelFamily::kRbf, {0.1, 0.1}, none).over_a,
              (1 + grid.lebesgue()) * rbf.over_a, 1e-12);
}

// The factor L as substitution reads it, by the definition of
// residual_factors.h: each element one chain of fused multiply-adds.
Matrix<double> FactorOf(const InducingFactor& factor) {
  const int64_t m = factor.num_inducing();
  const Matrix<double>& z = factor.inducing().coordinates;
  const PointLanes lanes(z.view());
  Matrix<double> l = Matrix<double>::Zeros(m, RoundUpToLanes(m));
  for (int64_t r = 0; r < m; ++r) {
    factor.simd().covariance_row(factor.kernel().spec(), z.row(r),
                                 lanes.From(0), m, l.row(r));
    for (int64_t c = 0; c <= r; ++c) {
      double value = l(r, c);
      if (c == r) value += factor.rounding().jitter;
      for (int64_t i = 0; i < c; ++i)
        value = std::fma(-l(c, i), l(r, i), value);
      l(r, c) = c == r ? std::sqrt(value) : value * (1 / l(c, c));
    }
  }
  return l;
}

// The points of a factor and some others, and alpha of these: computed, and
// exact for the computed v and L.
struct Projected {
  Projected(const InducingFactor& factor, const Matrix<double>& x)
      : count(x.rows()),
        v(factor.padded_inducing() * count),
        alpha(v.size()),
        exact(v.size()) {
    const int64_t m = factor.num_inducing();
    const PointLanes lanes(x.view());
    std::fill(v.begin(), v.end(), 0.0);
    for (int64_t r = 0; r < m; ++r) {
      factor.simd().covariance_row(factor.kernel().spec(),
                                   factor.inducing().coordinates.row(r),
                                   lanes.From(0), count, v.data() + r * count);
    }
    const std::vector<double> k(v.begin(), v.end());
    factor.Solve(count, count, v.data());
    std::copy(v.begin(), v.end(), alpha.begin());
    factor.SolveTransposed(count, count, alpha.data());
    const Matrix<double> l = FactorOf(factor);
    for (int64_t j = 0; j < count; ++j) {
      for (int64_t r = 0; r < m; ++r) {
        // L is the factor: the same substitution has the same bits.
        double value = k[r * count + j];
        for (int64_t c = 0; c < r; ++c) {
          value = std::fma(-l(r, c), v[c * count + j], value);
        }
        EXPECT_EQ(value * (1 / l(r, r)), v[r * count + j]);
      }
      for (int64_t r = m; r-- > 0;) {
        Quad rest = v[r * count + j];
        for (int64_t c = r + 1; c < m; ++c) {
          rest -= static_cast<Quad>(l(c, r)) * exact[c * count + j];
        }
        exact[r * count + j] = rest / l(r, r);
      }
    }
  }

  Quad Length(int64_t j) const {
    Quad sum = 0;
    for (size_t i = j; i < exact.size(); i += count) sum += exact[i] * exact[i];
    return SqrtQuad(sum);
  }

  int64_t count;
  AlignedBuffer<double> v;
  AlignedBuffer<double> alpha;
  std::vector<Quad> exact;
};

// Inducing points and, from row m on, points among them: some at random, some
// close to an inducing point or on it.
Matrix<double> PointsWithInducing(int64_t m, int64_t count, int dim) {
  Matrix<double> points = UniformPoints(m + count, dim, 3);
  RandomStream random(3, 1);
  for (int64_t i = m; i < m + count; i += 2) {
    const double distance =
        i % 4 == 0 ? 0 : std::pow(10, -8 * random.Uniform());
    for (int c = 0; c < dim; ++c) {
      points(i, c) = points(i % m, c) + distance * random.Normal();
    }
  }
  return points;
}

class FarFieldSlackTest : public testing::TestWithParam<KernelFamily> {
 protected:
  // Calls check(factor, points, projected, slack) for models that differ in
  // size and jitter; the first m points are the inducing points.
  template <class Check>
  void ForModels(Check check) const {
    for (const int64_t m : {1, 8, 40, 96}) {
      for (const double jitter : {1e-10, 1e-6, 1e-3}) {
        const double variance = 1.7;
        const Kernel kernel = MakeKernel(GetParam(), variance, {0.4}, 2);
        const Matrix<double> points = PointsWithInducing(m, 104 - m, 2);
        Matrix<double> inducing(m, 2);
        std::copy_n(points.data(), 2 * m, inducing.data());
        const InducingFactor factor = *MakeFactor(kernel, inducing, jitter);
        const FarFieldSlack slack(factor.rounding(), ChebyshevGrid(4, 2), {});
        check(factor, points, Projected(factor, points), slack);
      }
    }
  }
};

TEST_P(FarFieldSlackTest, WeightIsAboveTheErrorOfAlpha) {
  double most = 0;
  ForModels([&](const InducingFactor& factor, const Matrix<double>&,
                const Projected& projected, const FarFieldSlack& slack) {
    for (int64_t j = 0; j < projected.count; ++j) {
      Quad squared = 0;
      for (int64_t r = 0; r < factor.num_inducing(); ++r) {
        const int64_t i = r * projected.count + j;
        const Quad error = projected.exact[i] - projected.alpha[i];
        squared += error * error;
      }
      const Quad allowed = slack.Weight() * projected.Length(j);
      ASSERT_LE(static_cast<double>(SqrtQuad(squared)),
                static_cast<double>(allowed));
      most = std::max(most, static_cast<double>(SqrtQuad(squared) / allowed));
    }
  });
  EXPECT_GT(most, 1e-4);
  RecordProperty("most", std::to_string(most));
}

// The covariance is the computed one: k and the canonical product.
TEST_P(FarFieldSlackTest, InducingIsAboveTheErrorOfJitterAlpha) {
  double most = 0;
  double largest = 0;  // of jitter alpha itself, in the same unit
  ForModels([&](const InducingFactor& factor, const Matrix<double>& points,
                const Projected& projected, const FarFieldSlack& slack) {
    const int64_t m = factor.num_inducing();
    const int64_t n = projected.count;
    const ResidualPoints data = *factor.Project(points.view(), 1);
    for (int64_t j = m; j < n; ++j) {
      const PointLanes lanes(points.view());
      const auto length = static_cast<double>(projected.Length(j));
      for (int64_t i = 0; i < m; ++i) {
        const double* a = data.v.row(i);
        const double* b = data.v.row(j);
        double dot = 0;
        double k[8];
        factor.simd().dot_tile(&a, 1, &b, 1, RoundUpToLanes(m), &dot, 1);
        Matrix<double> other(1, 2);
        std::copy_n(points.row(j), 2, other.data());
        factor.simd().covariance_row(factor.kernel().spec(), points.row(i),
                                     PointLanes(other.view()).From(0), 1, k);
        const Quad expected = slack.jitter() * projected.exact[i * n + j];
        const auto error = static_cast<double>(
            std::abs(static_cast<long double>(Quad(k[0]) - dot - expected)));
        const double allowed = slack.Inducing(length);
        ASSERT_LE(error, allowed);
        most = std::max(most, error / allowed);
        largest = std::max(largest,
                           std::abs(static_cast<double>(expected)) / allowed);
      }
    }
  });
  EXPECT_GT(most, 1e-4);
  EXPECT_GT(largest, 1e5);
  RecordProperty("most", std::to_string(most));
}

INSTANTIATE_TEST_SUITE_P(Families, FarFieldSlackTest,
                         testing::ValuesIn(kAllFamilies));

TEST(FarFieldSlackScaleTest, AllIsRounding) {
  const RoundingModel rounding = {
      .num_inducing = 64, .variance = 2, .jitter = 1e-6, .kernel_ulps = 18};
  const ChebyshevGrid grid(4, 2);
  const FarFieldSlack slack(rounding, grid, {});
  EXPECT_GT(slack.Weight(), 67 * kUnitRoundoff * std::sqrt(128 / 1e-6));
  EXPECT_GT(slack.Interpolation(), 0);
  EXPECT_GT(slack.Covariance(0), 0);
  EXPECT_DOUBLE_EQ(slack.Covariance(3) - slack.Covariance(0),
                   3 * 4 * rounding.ProjectionError() *
                       std::pow(1 + grid.lebesgue_of_grid(), 2));
  EXPECT_DOUBLE_EQ(slack.Rest(3),
                   3 * (1 + grid.lebesgue_of_grid()) * slack.Weight());
  const FarFieldSlack none(rounding, grid, {.rounding = 0});
  EXPECT_EQ(none.Weight(), 0);
  EXPECT_EQ(none.Interpolation(), 0);
  EXPECT_EQ(none.Covariance(3), 0);
  EXPECT_EQ(none.Inducing(3), 0);
}

}  // namespace
}  // namespace rct
