#include "traversal/block/far_field_bound.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include "absl/types/span.h"
#include "base/check.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"

namespace rct {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Returns the coefficient of x^power in theta_n: (n + k)! / (2^k k! (n - k)!)
// with k = n - power.
double ThetaCoefficient(int n, int power) {
  const int k = n - power;
  double coefficient = 1;
  for (int i = 1; i <= n + k; ++i) coefficient *= i;
  for (int i = 1; i <= k; ++i) coefficient /= 2.0 * i;
  for (int i = 1; i <= n - k; ++i) coefficient /= i;
  return coefficient;
}

// Returns the supremum of x^power exp(-x) over x >= least.
double LargestPower(int power, double least) {
  const double x = power > 0 ? std::max(least, double{1} * power) : least;
  return std::pow(x, power) * std::exp(-x);
}

// Returns a bound on x^power theta_n(x) exp(-x) over x >= least. theta_n(x)
// exp(-x) falls (its derivative is -x theta_(n-1)(x) exp(-x)); where the power
// does not fall with it, monomials are taken one by one.
double LargestTheta(int n, int power, double least) {
  if (power <= 0 && least == 0)
    return power == 0 ? ThetaCoefficient(n, 0) : kInfinity;
  double sum = 0;
  for (int i = 0; i <= n; ++i) {
    const double term = power > 0
                            ? LargestPower(power + i, least)
                            : std::pow(least, power + i) * std::exp(-least);
    sum += ThetaCoefficient(n, i) * term;
  }
  return sum;
}

// Returns a bound on x^power H_order(x) over x >= least for Matern nu = s +
// 1/2, whose phi is theta_s(x) exp(-x) / theta_s(0).
double LargestMatern(int s, int order, int power, double least) {
  const double norm = ThetaCoefficient(s, 0);
  if (order <= s) return LargestTheta(s - order, power, least) / norm;
  const int beyond = order - s;
  return LargestTheta(beyond - 1, power - 2 * beyond + 1, least) / norm;
}

double LargestRbf(int power, double least) {
  const double x = std::max(least, std::sqrt(static_cast<double>(power)));
  return std::pow(x, power) * std::exp(-x * x / 2);
}

// Returns p! / (j! (p - 2j)! 2^j).
double ChainCoefficient(int p, int j) {
  double coefficient = 1;
  for (int i = p - 2 * j + 1; i <= p; ++i) coefficient *= i;
  for (int i = 1; i <= j; ++i) coefficient /= 2.0 * i;
  return coefficient;
}

}  // namespace

int ChebyshevGrid::SideFor(KernelFamily family, int dim) {
  int side = family == KernelFamily::kMatern12 ? 4 : 5;
  if (dim == 1) side = kMaxSide;
  if (dim > 2) side = 4;
  for (; side > 1; --side) {
    if (std::pow(side, dim) <= kMaxSize) return side;
  }
  return 0;
}

ChebyshevGrid::ChebyshevGrid(int side, int dim)
    : side_(side), dim_(dim), size_(1) {
  RCT_CHECK(side >= 1 && side <= kMaxSide && dim >= 1);
  for (int c = 0; c < dim; ++c) size_ *= side;
  RCT_CHECK(size_ <= kMaxSize);
  for (int s = 0; s < side; ++s) {
    const double angle = (2 * s + 1) * std::numbers::pi / (2 * side);
    nodes_[s] = std::cos(angle);
    lebesgue_ += 1.01 / (side * std::tan(angle / 2));
    for (int u = 0; u < side; ++u) {
      transform_[u * side + s] =
          (u == 0 ? 1.0 : 2.0) / side * std::cos(u * angle);
    }
  }
  for (int c = 0; c < dim; ++c) lebesgue_of_grid_ *= lebesgue_;
}

double ChebyshevGrid::node(int t, int c) const {
  for (int i = 0; i < c; ++i) t /= side_;
  return nodes_[t % side_];
}

void ChebyshevGrid::Weights(const double* x, double* psi,
                            int64_t stride) const {
  for (int t = 0; t < size_; ++t) psi[t * stride] = 1;
  int step = 1;
  for (int c = 0; c < dim_; ++c, step *= side_) {
    // Lagrange functions by Chebyshev polynomials: psi_s = sum_u chi_us T_u(x).
    double weight[kMaxSide] = {};
    double before = 1;
    double polynomial = 1;
    for (int u = 0; u < side_; ++u) {
      for (int s = 0; s < side_; ++s) {
        weight[s] += transform_[u * side_ + s] * polynomial;
      }
      const double next = u == 0 ? x[c] : 2 * x[c] * polynomial - before;
      before = polynomial;
      polynomial = next;
    }
    for (int t = 0; t < size_; ++t) {
      psi[t * stride] *= weight[t / step % side_];
    }
  }
}

double DerivativeBound(KernelFamily family, int order, double least) {
  double even = 0;
  double odd = 0;
  const auto add = [&](int j, double largest) {
    (j % 2 == 0 ? even : odd) += ChainCoefficient(order, j) * largest;
  };
  if (family == KernelFamily::kRbf) {
    for (int j = 0; 2 * j <= order; ++j) {
      add(j, LargestRbf(order - 2 * j, least));
    }
    return std::max(even, odd);
  }
  const int s = family == KernelFamily::kMatern12   ? 0
                : family == KernelFamily::kMatern32 ? 1
                                                    : 2;
  const double a = std::sqrt(2.0 * s + 1);
  for (int j = 0; 2 * j <= order; ++j) {
    add(j, LargestMatern(s, order - j, order - 2 * j, a * least));
  }
  return std::pow(a, order) * std::max(even, odd);
}

double RemainderBound(KernelFamily family, const ChebyshevGrid& grid,
                      absl::Span<const double> half, double least) {
  const int p = grid.side();
  double sum = 0;
  double factor = 1;
  for (const double h : half) {
    if (h > 0) sum += factor * std::pow(h, p);
    factor *= grid.lebesgue();
  }
  if (sum == 0) return 0;
  double divisor = std::ldexp(1.0, p - 1);
  for (int i = 2; i <= p; ++i) divisor *= i;
  // Nodes that are rounded leave a little more, which 1% covers.
  return 1.01 * sum * DerivativeBound(family, p, least) / divisor;
}

FarFieldSlack::FarFieldSlack(const RoundingModel& rounding,
                             const ChebyshevGrid& grid,
                             const FarFieldScale& scale)
    : WeightSlack(rounding, scale.rounding),
      grid_(grid.lebesgue_of_grid()),
      interpolation_(scale.rounding * (1 + grid_) *
                     (rounding.kernel_ulps + grid.size() + 4) * kUnitRoundoff *
                     rounding.variance) {}

}  // namespace rct
