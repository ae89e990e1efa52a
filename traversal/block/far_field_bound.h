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
// Setting. alpha_q = L^-T v_q, so that v_q . v_x = sum_z alpha_qz k(z, x). B
// has a box, tensor Chebyshev nodes b_t in it, p on a side, and weights psi_t,
// the Lagrange functions of these. Lambda is the Lebesgue constant of p nodes;
// that of the d-dimensional grid is Lambda^d. For any y let
//
//     eps_y(x) = k(y, x) - sum_t psi_t(x) k(y, b_t).
//
// Since c(q, .) is a sum of kernels,
//
//     c(q, x) = sum_t psi_t(x) c(q, b_t) + eps_q(x) - sum_z alpha_qz eps_z(x),
//
// an identity whatever the psi are. Three numbers bound what interpolation
// leaves:
//
//     err_z(B)     = max |eps_z(x)| over B's points x, computed
//     abar_z(A)    = max |alpha_qz| over A's points and nodes q, computed
//     own(A, B)   >= |eps_q(x)| for q in A's box and x in B's, analytic:
//                    sum_c Lambda^(c-1) h_c^p sup |d^p k| / (p! 2^(p-1))
//
//     R_AB = own(A, B) + sum_z abar_z(A) err_z(B).
//
// Far from A the weights abar_z(A) of the inducing points in B, where err_z(B)
// is not small, are; that is why this sum of products is. Interpolating c(., b)
// over A in the same way,
//
//     |c(q, x)| <= U_AB = sum |chi_uw| + min(Lambda^d R_BA + R_AB,
//                                           Lambda^d R_AB + R_BA)
//
// for all q of A and x of B, where chi are the tensor Chebyshev coefficients of
// the node values c(a_s, b_t): Chebyshev polynomials are at most 1 on the box,
// and the two orders of interpolating give the two terms of min. ∎
//
// Derivatives. In u = |x - y|^2 / 2 (lengthscales, times a = sqrt(2 nu)) all
// four kernels are phi(u) with derivatives of alternating signs, H_j =
// |phi^(j)|, and by the chain rule
//
//     d^p k / dx_c^p = sum_j p! / (j! (p - 2j)! 2^j) x_c^(p-2j) phi^(p-j),
//
// whose terms alternate in sign: its size is at most the larger of the sums of
// even and of odd j, with |x| in place of x_c. For Matern nu = s + 1/2, H_j is
// a constant times theta_(s-j)(x) exp(-x) for j <= s, and theta_(j-s-1)(x)
// exp(-x) / x^(2 (j-s) - 1) beyond; theta are the reverse Bessel polynomials.
// The supremum over all distances from that of the boxes on is taken term by
// term.
//
// Rounding, u = 2^-53. The identity holds for the computed nodes and weights;
// what it needs of them is the remainder own, for which nodes and points count
// as moved by `shift`, a few roundings of the coordinates, and the kernel's
// slope is at most sigma^2 per lengthscale. Computed v satisfy L v = k(Z, x) +
// e with |e| <= e0 (metric/rounding.h), so that each c is off by |alpha| e0;
// nodes enter Lambda^(2d) times at most. Computed alpha are off by delta
// |alpha| (inducing_bounds.h). Kernel and product of a pair, and the
// interpolation errors err_z, have the roundings of metric/simd_routines.h.
//
// Inducing points themselves are in no block (inducing_bounds.h).
//
// Literature: Chebyshev interpolation of kernels (Fong and Darve 2009), its
// remainder and Lebesgue constants (Trefethen 2013), derivatives of the Matern
// functions (Rasmussen and Williams 2006, section 4.2; Grosswald 1978 on
// theta).

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

// Returns a bound on |d^order k / dx_c^order| / sigma^2 at all distances from
// `least` on, in lengthscales. Infinite where the derivative is not bounded.
double DerivativeBound(KernelFamily family, int order, double least);

// Returns own(A, B) / sigma^2 for a box B with these half sides at a distance
// of at least `least` from A, all in lengthscales.
double RemainderBound(KernelFamily family, const ChebyshevGrid& grid,
                      absl::Span<const double> half, double least);

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
  // Returns what U_AB is short of, where |alpha| is at most `alpha`.
  double Covariance(double alpha) const {
    return (1 + grid_ * grid_) * pair_ +
           alpha * projection_ * (1 + grid_) * (1 + grid_);
  }

 private:
  double grid_;  // Lambda^d
  double interpolation_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_FAR_FIELD_BOUND_H_
