#include "traversal/block/far_field_expansions.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "traversal/block/far_field_bound.h"

namespace rct {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int64_t kMuch = 1 << 30;

TEST(FarFieldExpansionsTest, KeepsTermsOfTotalDegreeBelowTheSide) {
  EXPECT_EQ(FarFieldExpansions(ChebyshevGrid(6, 1), 3, kMuch, 1).terms(), 6);
  EXPECT_EQ(FarFieldExpansions(ChebyshevGrid(5, 2), 3, kMuch, 1).terms(), 15);
  EXPECT_EQ(FarFieldExpansions(ChebyshevGrid(4, 3), 3, kMuch, 1).terms(), 20);
  EXPECT_EQ(FarFieldExpansions(ChebyshevGrid(2, 7), 3, kMuch, 1).terms(), 8);
}

// Six pairs of three blocks: 2,400 numbers, 600, 96 or 6.
TEST(FarFieldExpansionsTest, TakesNoMoreMemoryThanItMay) {
  const ChebyshevGrid grid(4, 3);
  const auto terms = [&](int64_t bytes) {
    return FarFieldExpansions(grid, 3, bytes, 1).terms();
  };
  EXPECT_EQ(terms(4800), 20);
  EXPECT_EQ(terms(4799), 10);
  EXPECT_EQ(terms(1199), 4);
  EXPECT_EQ(terms(191), 1);
  EXPECT_EQ(terms(0), 1);
}

TEST(FarFieldExpansionsTest, KnowsNothingAtFirst) {
  const FarFieldExpansions expansions(ChebyshevGrid(2, 2), 3, kMuch, 1);
  EXPECT_EQ(expansions.left(0, 2), kInfinity);
  EXPECT_EQ(expansions.left(1, 1), kInfinity);
  EXPECT_EQ(FarFieldExpansions::Bound(1, kInfinity), kInfinity);
}

// Polynomials of both points with random coefficients, at random places: the
// bound holds for all x, from either end, and is as tight as its terms allow.
TEST(FarFieldExpansionsTest, BoundsAPolynomialInBothPoints) {
  RandomStream random(3, 1);
  for (const ChebyshevGrid& grid :
       {ChebyshevGrid(6, 1), ChebyshevGrid(5, 2), ChebyshevGrid(4, 3)}) {
    for (const int64_t bytes : {kMuch, int64_t{500}}) {
      FarFieldExpansions expansions(grid, 4, bytes, 1);
      const int size = grid.size();
      const int terms = expansions.terms();
      const int64_t stride = size + 3;
      std::vector<double> chi(size * stride);
      double largest = 0;
      for (double& x : chi) {
        x = 3e-4 * random.Normal() * std::exp(-3 * random.Uniform());
      }
      expansions.Keep(1, 3, chi.data(), stride, /*unit=*/0.5, /*left=*/1e-5);
      EXPECT_EQ(expansions.left(1, 3), expansions.left(3, 1));
      EXPECT_EQ(expansions.left(1, 2), kInfinity);
      // All terms at once, by a grid that keeps them.
      const auto all_at = [&](const std::vector<double>& x) {
        std::vector<double> values(size, 1);
        for (int t = 0; t < size; ++t) {
          for (int c = 0, rest = t; c < grid.dim(); ++c) {
            values[t] *= std::cos(rest % grid.side() * std::acos(x[c]));
            rest /= grid.side();
          }
        }
        return values;
      };
      std::vector<float> table(terms * terms), t(terms);
      for (int trial = 0; trial < 200; ++trial) {
        std::vector<double> x(grid.dim()), y(grid.dim());
        for (double& coordinate : x) coordinate = 2 * random.Uniform() - 1;
        for (double& coordinate : y) coordinate = 2 * random.Uniform() - 1;
        const std::vector<double> of_x = all_at(x), of_y = all_at(y);
        double exact = 0;
        for (int u = 0; u < size; ++u) {
          for (int w = 0; w < size; ++w) {
            exact += 0.5 * chi[u * stride + w] * of_x[u] * of_y[w];
          }
        }
        largest = std::max(largest, std::abs(exact));
        for (const bool first : {true, false}) {
          expansions.Load(first ? 1 : 3, first ? 3 : 1, table.data());
          expansions.Polynomials(first ? x.data() : y.data(), t.data(), 1);
          double sum = 0;
          for (int w = 0; w < terms; ++w) {
            double inner = 0;
            for (int u = 0; u < terms; ++u)
              inner += table[w * terms + u] * t[u];
            sum += std::abs(inner);
          }
          const float bound = FarFieldExpansions::Bound(static_cast<float>(sum),
                                                        expansions.left(1, 3));
          EXPECT_GE(bound, std::abs(exact) + 4.9e-6);
        }
      }
      EXPECT_GT(largest, 1e-4);
      EXPECT_GT(expansions.bytes(), 2 * 10 * terms * terms);
    }
  }
}

// A constant that 16 bits round down: the bound must not fall with it.
TEST(FarFieldExpansionsTest, CountsWhatSixteenBitsLose) {
  const ChebyshevGrid grid(2, 1);
  const double constant = 1 + 0x1p-9;
  FarFieldExpansions expansions(grid, 2, kMuch, 1);
  const std::vector<double> chi = {constant, 0, 0, 0};
  expansions.Keep(0, 1, chi.data(), 2, /*unit=*/1, /*left=*/0);
  std::vector<float> table(4);
  expansions.Load(0, 1, table.data());
  ASSERT_EQ(table[0], 1);
  EXPECT_GE(FarFieldExpansions::Bound(1, expansions.left(0, 1)), constant);
  EXPECT_LT(FarFieldExpansions::Bound(1, 0), constant);
}

// T_2 - 1/2 near its root: float32 takes it for 0, and only the slack is left.
TEST(FarFieldExpansionsTest, CountsWhatFloatLoses) {
  const ChebyshevGrid grid(3, 1);
  const double x = std::sqrt(0.75 + 0x1p-28);
  const double exact = static_cast<double>(2.0L * x * x - 1.5L);
  ASSERT_GT(exact, 0x1p-28);
  const auto bound = [&](double error_scale) {
    FarFieldExpansions expansions(grid, 2, kMuch, error_scale);
    const std::vector<double> chi = {-0.5, 0, 0, 0, 0, 0, 1, 0, 0};
    expansions.Keep(0, 1, chi.data(), 3, /*unit=*/1, /*left=*/0);
    std::vector<float> table(9), t(3);
    expansions.Load(0, 1, table.data());
    expansions.Polynomials(&x, t.data(), 1);
    const float sum = table[0] * t[0] + table[1] * t[1] + table[2] * t[2];
    return FarFieldExpansions::Bound(std::abs(sum), expansions.left(0, 1));
  };
  EXPECT_GE(bound(1), exact);
  EXPECT_LT(bound(0), exact);
}

// Sums of the kept terms that bfloat16 holds leave nothing but `left`.
TEST(FarFieldExpansionsTest, LeavesNothingOfExactTerms) {
  const ChebyshevGrid grid(3, 1);
  FarFieldExpansions expansions(grid, 2, kMuch, /*error_scale=*/0);
  const std::vector<double> chi = {0.5, -0.25, 1.5, 2, 0, -3, 1, 1, 0.125};
  expansions.Keep(0, 1, chi.data(), 3, 1, 0.25);
  EXPECT_FLOAT_EQ(expansions.left(0, 1), 0.25);
  std::vector<float> table(9);
  expansions.Load(0, 1, table.data());
  EXPECT_EQ(table,
            std::vector<float>({0.5, 2, 1, -0.25, 0, 1, 1.5, -3, 0.125}));
  expansions.Load(1, 0, table.data());
  EXPECT_EQ(table,
            std::vector<float>({0.5, -0.25, 1.5, 2, 0, -3, 1, 1, 0.125}));
}

}  // namespace
}  // namespace rct
