// How far residual correlations in float32 are from the canonical ones.
//
// Setting. Covariances are first multiplied by a power of four that brings the
// kernel's variance sigma into [1/2, 2), vectors v by its root, s = 1 / sqrt(p)
// by the inverse of that: correlations stay what they are. A hat marks what the
// metric computes in float64, u = 2^-53, u32 = 2^-24. From points rounded to
// float32, v~ and z~, the screen computes by screen_routines.h
//
//     c32 = fl(k32(z~_q, z~_j) - dot32(v~_q, v~_j)),
//
// and for every pair
//
//     |k^ - dot^| <= |c32| (1 + u32) + E,
//     E = alpha |v_q| |v_j| + sigma (eta_q + eta_j) + kappa sigma,
//
//     alpha = gamma(K + 2) + (m / 8 + 5) u,   K = 32 + ceil(m / 32),
//             gamma(x) = x u32 / (1 - x u32)
//     eta_i = |z~_i - z_i|, in units of the lengthscale
//     kappa = (d / 2 + 16) u32.
//
// Products. A term of dot32 is rounded at most K times: in its own chain, which
// begins at zero, and once for each chain that is added. With the two roundings
// of its factors it is v_qc v_jc (1 + delta), |delta| <= gamma(K + 2) (Higham
// 2002, lemma 3.1), and so by the Cauchy-Schwarz inequality dot32 misses
// v_q . v_j by at most gamma(K + 2) |v_q| |v_j|. The canonical product has
// chains of m / 8 terms and a tree of three sums. Elements below 2^-60 are
// replaced by zeros, so that no product is denormal: at most 2^-60 sqrt(m)
// (|v_q| + |v_j|), below 2^-41 with |v| <= 16 and m <= 2^25.
//
// Kernel. All four functions of r, in lengthscales, have slopes of at most
// sigma (Matern 1/2 at 0), and r is a norm: rounding the coordinates moves k by
// at most sigma (eta_q + eta_j). Subtracting float32 coordinates, squaring,
// adding and the root move r by a relative (d / 2 + 2.5) u32, which moves k by
// 0.75 sigma times that, since r |k'(r)| < 0.74 sigma for all four (RBF, at r =
// sqrt(2), comes nearest). The exponential: its argument is reduced without an
// error in the first step, with u32 / 4 in the second; the remainder of the
// polynomial, (ln(2) / 2)^7 / 5040, is 2.9 u32 of the value, its evaluation
// less than 2.5; the polynomials in a, the products and the rounded variance
// less than 7. Arguments are cut off at 80, where k < 2^-90. kappa exceeds the
// sum by more than what is counted in u: the canonical kernel's 16 + d, and
// 2^-41 from above.
//
// Correlation. rho^ = fl(fl(k^ - dot^) fl(s_q s_j)), so that |rho^| <= |k^ -
// dot^| s_q s_j (1 + 4 u). Candidate j is dismissed where in float32
//
//     |c32| + (A L_j + (B + e_j))  <  reach_q root_j,
//
// with A >= alpha |v_q|, L_j >= |v_j|, B >= sigma eta_q + kappa sigma, e_j >=
// sigma eta_j, root_j <= 1 / s_j, reach_q <= (theta / s_q)(1 - 8 u32). The left
// side makes three roundings of sums of positive numbers, the right side one,
// c32 itself one: 8 u32 exceeds them together, and |rho^| < theta. ∎
//
// The same numbers, with the same 8 u32, bound |rho^| of what is kept from both
// sides; theta is the k-th largest of the lower bounds so far, at most 1, less
// 2^-24: distances merge what lies closer than 2^-50 (traversal/knn_heap.h),
// and points beyond |rho| = 1, all at distance 0, go by row.
//
// Nothing here asks where v and p come from: the bound holds for factors of
// unknown error, too.
//
// Where it helps. E s_q s_j is about 4e-6 / sqrt(p_q p_j) for m = 512 and
// sigma = 1. It dismisses nearly all where that is small against the spread of
// correlations, which Matern kernels with m << n leave at 0.1 to 1, and nothing
// near inducing points or where a smooth kernel leaves p = 1e-6 everywhere.
//
// Literature: the errors of chains, Higham (2002), Accuracy and Stability of
// Numerical Algorithms, chapters 3 and 4.

#ifndef RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_BOUND_H_
#define RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_BOUND_H_

#include <cmath>
#include <cstdint>

#include "metric/rounding.h"
#include "traversal/exhaustive/screen_routines.h"

namespace rct {

class ScreenBound {
 public:
  // The size of elements of v below which they count as 0.
  static constexpr double kMinElement = 0x1p-60;
  // The largest |v| for which the bound holds.
  static constexpr double kMaxLength = 16;
  // The largest distance from the center, in lengthscales, for which it holds.
  static constexpr double kMaxDistance = 1e15;

  // Makes the bound for m = `num_inducing` and `variance` in [1/2, 2). Errors
  // are multiplied by `scale`: 1, except in the tests that show that they are
  // needed.
  ScreenBound(int64_t num_inducing, int dim, double variance, double scale)
      : scale_(scale), slop_(scale * 8 * kFloatRoundoff), variance_(variance) {
    const double roundings =
        kScreenChunk +
        std::ceil(static_cast<double>(num_inducing) / kScreenChunk) + 2;
    product_ =
        scale * (roundings * kFloatRoundoff / (1 - roundings * kFloatRoundoff) +
                 (static_cast<double>(num_inducing) / 8 + 5) * kUnitRoundoff);
    kernel_ = scale * variance * (0.5 * dim + 16) * kFloatRoundoff;
  }

  // Returns A for a query with |v| = `length`.
  float Product(double length) const { return FloatAbove(product_ * length); }
  // Return e for a point with this eta, and B for a query with that e.
  float Shift(double eta) const { return FloatAbove(scale_ * variance_ * eta); }
  float Rest(float shift) const {
    return FloatAbove(kernel_ + static_cast<double>(shift));
  }
  // Returns E for points whose coordinates lose nothing, up to |v|^2 =
  // `squared`.
  double Typical(double squared) const { return product_ * squared + kernel_; }

  // Return bounds on |rho^| from the screen's size and error, `scales` = s_q
  // s_j. The slop covers the rounding to float32, too.
  float Upper(float size, float error, double scales) const {
    return static_cast<float>(
        (static_cast<double>(size) + static_cast<double>(error)) * (1 + slop_) *
        scales);
  }
  float Lower(float size, float error, double scales) const {
    return static_cast<float>((static_cast<double>(size) * (1 - slop_) -
                               static_cast<double>(error) * (1 + slop_)) *
                              scales);
  }

  // Returns theta where k lower bounds reach `lower`.
  float Theta(float lower) const {
    return std::fmin(lower, 1.0f) - static_cast<float>(scale_ * kFloatRoundoff);
  }
  // Returns the number that |c32| + E must reach, in units of 1 / s_j.
  float Reach(float theta, double inverse_sqrt) const {
    return theta > 0 ? FloatBelow(static_cast<double>(theta) / inverse_sqrt *
                                  (1 - slop_))
                     : -1.0f;
  }

 private:
  double scale_;
  double slop_;
  double variance_;
  double product_;  // alpha
  double kernel_;   // kappa sigma
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_BOUND_H_
