#include "traversal/block/far_field_bound.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

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
  if (power <= 0) {
    for (int i = n; i >= 0; --i) sum = sum * least + ThetaCoefficient(n, i);
    return sum * std::pow(least, power) * std::exp(-least);
  }
  for (int i = 0; i <= n; ++i) {
    sum += ThetaCoefficient(n, i) * LargestPower(power + i, least);
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

// Returns s of Matern nu = s + 1/2.
int Half(KernelFamily family) {
  return family == KernelFamily::kMatern12   ? 0
         : family == KernelFamily::kMatern32 ? 1
                                             : 2;
}

// Returns a bound on x^power H_order(x) over x >= least.
double Largest(KernelFamily family, int order, int power, double least) {
  return family == KernelFamily::kRbf
             ? LargestRbf(power, least)
             : LargestMatern(Half(family), order, power, least);
}

// Returns the factor of Cramer's inequality, |He_n(z)| <= factor exp(z^2 / 4).
double CramerFactor(int n) {
  double factorial = 1;
  for (int i = 2; i <= n; ++i) factorial *= i;
  return 1.0865 * std::sqrt(factorial);
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

DerivativeBounds::DerivativeBounds(KernelFamily family, int order, double least)
    : family_(family),
      order_(order),
      scale_(family == KernelFamily::kRbf ? 1
                                          : std::sqrt(2.0 * Half(family) + 1)),
      least_(scale_ * least) {
  RCT_CHECK(order / 2 < kMaxTerms);
  for (int j = 0; 2 * j <= order; ++j) {
    whole_[j] = Largest(family, order - j, order - 2 * j, least_);
    factor_[j] = Largest(family, order - j, 0, least_);
  }
}

double DerivativeBounds::Falling(int twice, double squared) const {
  const double from =
      std::sqrt(std::max(0.0, least_ * least_ - squared / 2)) * (1 - 0x1p-30);
  const double below = Largest(family_, twice / 2, 0, from);
  return twice % 2 == 0
             ? below
             : std::sqrt(below * Largest(family_, twice / 2 + 1, 0, from));
}

double DerivativeBounds::Along(double reach) const {
  const double x = scale_ * reach;
  double sums[2] = {};
  for (int j = 0; 2 * j <= order_; ++j) {
    double largest = whole_[j];
    if (factor_[j] < kInfinity) {
      largest = std::min(largest, std::pow(x, order_ - 2 * j) * factor_[j]);
    }
    sums[j % 2] += ChainCoefficient(order_, j) * largest;
  }
  const double nearest = std::min(x, least_);
  return std::pow(scale_, order_) *
         std::min(std::max(sums[0], sums[1]),
                  CramerFactor(order_) * Falling(order_, nearest * nearest));
}

double DerivativeBounds::AlongBoth(double reach, double other) const {
  const double squared = scale_ * scale_ * (reach * reach + other * other);
  const double factor = CramerFactor(order_);
  return std::pow(scale_, 2 * order_) * factor * factor *
         Falling(2 * order_, std::min(squared, least_ * least_));
}

double DerivativeBounds::AlongTwice(double reach) const {
  const double nearest = std::min(scale_ * reach, least_);
  return std::pow(scale_, 2 * order_) * CramerFactor(2 * order_) *
         Falling(2 * order_, nearest * nearest);
}

namespace {

// Returns Lambda^i h^p / (p! 2^(p-1)) for each coordinate: what interpolation
// in it leaves of a function, as a part of the bound on its derivative. The
// coordinate of which most is left, i = 0, is interpolated in first.
std::vector<double> Parts(const ChebyshevGrid& grid,
                          absl::Span<const double> half,
                          const std::vector<double>& derivatives) {
  const int p = grid.side();
  // Nodes that are rounded leave a little more, which 1% covers.
  double divisor = std::ldexp(1.0, p - 1) / 1.01;
  for (int i = 2; i <= p; ++i) divisor *= i;
  std::vector<double> parts;
  std::vector<std::pair<double, size_t>> order;
  for (size_t c = 0; c < half.size(); ++c) {
    parts.push_back(std::pow(half[c], p) / divisor);
    order.emplace_back(parts[c] > 0 ? -parts[c] * derivatives[c] : 0, c);
  }
  std::sort(order.begin(), order.end());
  double factor = 1;
  for (const auto& [negative, c] : order) {
    parts[c] *= factor;
    factor *= grid.lebesgue();
  }
  return parts;
}

}  // namespace

Remainders RemainderBounds(KernelFamily family, const ChebyshevGrid& grid,
                           const BoxPair& boxes) {
  const DerivativeBounds bounds(family, grid.side(), boxes.least);
  std::vector<double> along;
  for (const double reach : boxes.reach) along.push_back(bounds.Along(reach));
  const std::vector<double> of_a = Parts(grid, boxes.half_a, along);
  const std::vector<double> of_b = Parts(grid, boxes.half_b, along);
  Remainders left = {};
  for (int c = 0; c < grid.dim(); ++c) {
    if (of_a[c] > 0) left.over_a += of_a[c] * along[c];
    if (of_b[c] > 0) left.over_b += of_b[c] * along[c];
    const double twice = of_a[c] * of_b[c];
    if (twice > 0) left.twice += twice * bounds.AlongTwice(boxes.reach[c]);
    for (int e = 0; e < c; ++e) {
      const double both = of_a[c] * of_b[e] + of_a[e] * of_b[c];
      if (!(both > 0)) continue;
      left.twice += both * bounds.AlongBoth(boxes.reach[c], boxes.reach[e]);
    }
  }
  left.twice = std::min(left.twice, (1 + grid.lebesgue_of_grid()) *
                                        std::min(left.over_a, left.over_b));
  return left;
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
