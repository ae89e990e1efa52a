// The far-field bound: why residual covariances of distant points are small.
//
// A rough kernel leaves vectors v that no skeleton explains, but its residual
// covariance
//
//     c(q, x) = k(q, x) - v_q . v_x
//
// decays within a few spacings of the inducing points z: between them the
// process interpolates, and far away q is known from them alone. This bound
// proves the decay for two whole blocks A and B of points at once.
//
// Setting. alpha_q = L^-T v_q, so that v_q . v_x = sum_z alpha_qz k(z, x). A
// block has a box, tensor Chebyshev nodes in it, p on a side, and weights psi,
// the Lagrange functions of these. Lambda is the Lebesgue constant of p nodes;
// that of the d-dimensional grid is Lambda^d. I_A interpolates a function of q
// from the nodes of A, and I_B one of x from those of B. Since
//
//     1 - I_A I_B  =  (1 - I_B) + (1 - I_A) - (1 - I_A)(1 - I_B),
//
// three terms bound what is left of c(q, x) after interpolating it in both, for
// q of A and x of B. c(q, .) is a sum of kernels, and so
//
//     (1 - I_B) c            =  (1 - I_B) k(q, x) - sum_z alpha_qz eps_z(x),
//     (1 - I_A)(1 - I_B) c   =  (1 - I_A)(1 - I_B) k(q, x)
//                               - sum_z beta_qz eps_z(x),
//
// where eps_z = (1 - I_B) k(z, .) and beta_qz = (1 - I_A) alpha_.z, identities
// whatever the psi are; (1 - I_A) c is like the first, with A and B for each
// other. The maxima over the points of a block
//
//     err_z(B) = max |eps_z(x)|,  abar_z(A) = max |alpha_qz|,
//     bbar_z(A) = max |beta_qz|
//
// are computed, and own(A, B) >= |(1 - I_B) k|, own2(A, B) >= |(1 - I_A)(1 -
// I_B) k| follow from derivatives:
//
//     |c(q, x)| <= U_AB = sum |chi_uw| + own(A, B) + own(B, A) + own2(A, B)
//         + sum_z abar_z(A) err_z(B) + sum_z abar_z(B) err_z(A)
//         + min(sum_z bbar_z(A) err_z(B), sum_z bbar_z(B) err_z(A)),
//
// where chi are the tensor Chebyshev coefficients of the node values c(a_s,
// b_t): Chebyshev polynomials are at most 1 on the box. ∎
//
// Far from A the weights abar_z(A) of the inducing points in B, where err_z(B)
// is not small, are; that is why these sums of products are. bbar is a few
// percent of abar. To interpolate what is left of one interpolation, by
// Lambda^d times it, would leave three to six times as much.
//
// Derivatives. For one coordinate, interpolation leaves h^p sup |d^p f| / (p!
// 2^(p-1)), h the half side. I_A is a product of interpolations in each
// coordinate, in any order, and 1 - I_1 I_2 = (1 - I_1) + I_1 (1 - I_2) and so
// on: own is the sum of Lambda^i times what each leaves, the largest first, i =
// 0, 1, ..., and own2 the double sum of products, for the derivatives of order
// p in both.
//
// In u = |x - y|^2 / 2 (lengthscales, times a = sqrt(2 nu)) all four kernels
// are phi(u) with derivatives of alternating signs, H_j = |phi^(j)|. Two bounds
// on derivatives, of which the lesser counts:
//
// (1) By the chain rule
//
//     d^p k / dx_c^p = sum_j p! / (j! (p - 2j)! 2^j) x_c^(p-2j) phi^(p-j),
//
// whose terms alternate in sign: its size is at most the larger of the sums of
// even and of odd j, with |x| or the largest |x_c| of the boxes, whichever is
// less, in place of x_c. The supremum over all distances from that of the boxes
// on is taken term by term.
//
// (2) phi(u) is a mixture of exp(-s u), s >= 0 (Schoenberg 1938), and by
// Cramer's inequality, |He_n(z)| <= K sqrt(n!) exp(z^2 / 4), K = 1.0865,
//
//     |d^n / dx_c^n exp(-s r^2 / 2)| <= K sqrt(n!) s^(n/2)
//                                       exp(-s (r^2 - x_c^2 / 2) / 2),
//
// so that |d^n k / dx_c^n| <= K sqrt(n!) H_(n/2) at the distance sqrt(r^2 -
// x_c^2 / 2); for half an odd number H is at most the geometric mean of its
// neighbors. A derivative in two coordinates has the product of two such
// factors, H_n, and x_c^2 + x_e^2. This is the less near the singularity of a
// Matern kernel, where the terms of (1) cancel.
//
// For Matern nu = s + 1/2, H_j is a constant times theta_(s-j)(x) exp(-x) for j
// <= s, and theta_(j-s-1)(x) exp(-x) / x^(2 (j-s) - 1) beyond; theta are the
// reverse Bessel polynomials.
//
// Rounding, u = 2^-53. The identities hold for the computed nodes and weights;
// what they need of them is own and own2, for which nodes and points count as
// moved by `shift`, a few roundings of the coordinates, and the kernel's slope
// is at most sigma^2 per lengthscale. Computed v satisfy L v = k(Z, x) + e with
// |e| <= e0 (metric/rounding.h), so that each c is off by |alpha| e0, by which
// sums over the alpha of q and over those of x differ, too: nodes enter
// Lambda^(2d) times, and what is left (1 + Lambda^d)^2 times at most. Computed
// alpha are off by delta |alpha| (inducing_bounds.h), and beta by 1 + Lambda^d
// times as much. Kernel and product of a pair, and the interpolation errors
// err_z, have the roundings of metric/simd_routines.h.
//
// Inducing points themselves are in no block (inducing_bounds.h).
//
// Literature: Chebyshev interpolation of kernels (Fong and Darve 2009), its
// remainder and Lebesgue constants (Trefethen 2013), derivatives of the Matern
// functions (Rasmussen and Williams 2006, section 4.2; Grosswald 1978 on
// theta), Hermite polynomials (Abramowitz and Stegun 1964, 22.14.17).

#ifndef RCT_TRAVERSAL_BLOCK_FAR_FIELD_BOUND_H_
#define RCT_TRAVERSAL_BLOCK_FAR_FIELD_BOUND_H_

#include <array>
#include <cstdint>

#include "absl/types/span.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "traversal/block/inducing_bounds.h"

namespace rct {

// Tensor grids of Chebyshev nodes of the first kind on the cube [-1, 1]^d.
class ChebyshevGrid {
 public:
  // The largest numbers of nodes, on a side and in all.
  static constexpr int kMaxSide = 6;
  static constexpr int kMaxSize = 128;
  static constexpr int kMaxDim = 7;  // of two nodes on a side

  // Returns the number of nodes on a side that suits a kernel, or 0 where a
  // grid of `dim` dimensions would have too many.
  static int SideFor(KernelFamily family, int dim);

  // 1 <= side <= kMaxSide, side^dim <= kMaxSize.
  ChebyshevGrid(int side, int dim);

  int side() const { return side_; }
  int dim() const { return dim_; }
  int size() const { return size_; }
  // Returns coordinate `c` of node `t`.
  double node(int t, int c) const;
  // Returns the Lebesgue constant of one dimension, and of the grid. Both are
  // raised by 1%, for nodes and weights that are rounded.
  double lebesgue() const { return lebesgue_; }
  double lebesgue_of_grid() const { return lebesgue_of_grid_; }
  // Returns the matrix, side x side, that takes the values of a function at the
  // nodes of one dimension to its Chebyshev coefficients.
  const double* transform() const { return transform_.data(); }

  // Computes the weights psi_t at a point `x` of the cube: psi[t stride].
  void Weights(const double* x, double* psi, int64_t stride) const;

 private:
  int side_;
  int dim_;
  int size_;
  double lebesgue_ = 0;
  double lebesgue_of_grid_ = 1;
  std::array<double, kMaxSide> nodes_ = {};
  std::array<double, kMaxSide* kMaxSide> transform_ = {};
};

// Bounds on the derivatives of a kernel at all distances from one on, in units
// of sigma^2 and lengthscales. Infinite where a derivative is not bounded.
class DerivativeBounds {
 public:
  // For derivatives of this order, at distances of at least `least`.
  DerivativeBounds(KernelFamily family, int order, double least);

  // Returns a bound on |d^order k / dx_c^order| where |x_c - y_c| is at most
  // `reach`.
  double Along(double reach) const;
  // Returns a bound on |d^order / dx_c^order d^order / dx_e^order k| for
  // coordinates c != e, and for c = e.
  double AlongBoth(double reach, double other) const;
  double AlongTwice(double reach) const;

 private:
  static constexpr int kMaxTerms = 4;

  // Returns sup H_j, j = twice / 2, where the square of the distance is at
  // least that of `least`, less half of `squared`, in lengthscales times a.
  double Falling(int twice, double squared) const;

  KernelFamily family_;
  int order_;
  double scale_;                               // a
  double least_;                               // times a
  std::array<double, kMaxTerms> whole_ = {};   // sup |x|^(order - 2j) H
  std::array<double, kMaxTerms> factor_ = {};  // sup H
};

// Two boxes A and B, in lengthscales.
struct BoxPair {
  absl::Span<const double> half_a;  // half sides
  absl::Span<const double> half_b;
  absl::Span<const double> reach;  // the most that coordinates differ
  double least;                    // of the distances of their points
};

// What interpolation leaves of the kernel itself, as a part of sigma^2.
struct Remainders {
  double over_a;  // own(B, A)
  double over_b;  // own(A, B)
  double twice;   // own2(A, B)
};
Remainders RemainderBounds(KernelFamily family, const ChebyshevGrid& grid,
                           const BoxPair& boxes);

// The factors of the slacks: 1, except in the tests that show that each of them
// is needed.
struct FarFieldScale {
  double remainder = 1;      // own
  double interpolation = 1;  // err_z
  double rounding = 1;       // all that is counted in u
  double filter = 1;         // all that is counted in u32
};

// What roundings add to the bounds, in the unit of covariances.
class FarFieldSlack : public WeightSlack {
 public:
  FarFieldSlack(const RoundingModel& rounding, const ChebyshevGrid& grid,
                const FarFieldScale& scale);

  // Returns the error of a computed err_z.
  double Interpolation() const { return interpolation_; }
  // Returns the error of a computed beta_z, where |alpha| is at most `alpha`.
  double Rest(double alpha) const { return (1 + grid_) * weight_ * alpha; }
  // Returns what U_AB is short of, where |alpha| is at most `alpha`.
  double Covariance(double alpha) const {
    return (1 + grid_ * grid_) * pair_ +
           4 * alpha * projection_ * (1 + grid_) * (1 + grid_);
  }

 private:
  double grid_;  // Lambda^d
  double interpolation_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_FAR_FIELD_BOUND_H_
