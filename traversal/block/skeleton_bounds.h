// Skeleton bounds: what two low-rank pictures tell of a correlation.
//
// Setting. u_i is the unit vector of point i in the residual feature space,
// <u_i, u_j> = rho_ij. A block B is a set of nearby points, its *skeleton* s of
// them, S_B their span and Q_B an orthonormal basis of it:
//
//     u_j = Q_B w_j + e_j n_j,   n_j a unit vector orthogonal to S_B,
//     e_j^2 = 1 - |w_j|^2.
//
// The rows of the Cholesky factor T_B of the skeleton's correlations are its
// own coordinates; those of other points follow by substitution. For two blocks
// the table C_BA = Q_B^T Q_A = T_B^-1 rho(S_B, S_A) T_A^-T takes coordinates in
// S_A to those of their projection on S_B.
//
// Bounds. Query q of block A, point j of block B, y = C_BA w_q, and the *gaps*
//
//     g_q = |(1 - Q_B Q_B^T) Q_A w_q| = sqrt(|w_q|^2 - |C_BA w_q|^2),
//     g_j = sqrt(|w_j|^2 - |C_AB w_j|^2):
//
//     (1)  |rho - y . w_j|   <= min(1, g_q + e_q) e_j + e_q g_j       B != A
//     (2)  |rho - w_q . w_j| <= e_q e_j                               B = A
//     (3)  |rho - w . w_j|   <= sqrt(1 - |w|^2) e_j        w = Q_B^T u_q
//
// Proof of (1): u_q = Q_A w_q + e_q n_q. Against e_j n_j, orthogonal to S_B,
// counts what u_q has outside S_B: at most g_q + e_q, and at most 1. Against
// Q_B w_j, Q_A w_q gives y . w_j, and n_q, orthogonal to S_A, meets what Q_B
// w_j has outside S_A: g_j. (2) and (3) are the Cauchy-Schwarz inequality. With
// the largest values in a block or sub-block in place of those of j, and |y|
// |w_j| (or what a cone around the w_j allows) in place of y . w_j, they bound
// |rho| of all its points at once. ∎
//
// Rounding. Computed correlations have no u_i. They do once tau_i is added to
// their diagonal,
//
//     tau_i = nu(N) s_i^2 + nu_rho,    N = 2 s + 2,    nu_rho = 2 u (s + 4)^2.5
//
// nu(N) as in metric/rounding.h, s_i^2 = 1 / p_i: by the first term rho, with
// the true Cholesky factors and tables, is a Gram matrix on the skeletons of A
// and B, q and j; nu_rho exceeds 2 s + 2 times the backward error of one entry
// of a Cholesky factorization and of two substitutions (each row of T_A, T_B
// and w has length near 1, of C at most sqrt(s)). So with 1 + tau_i on the
// diagonal of the factorizations and everywhere for the 1 that is |u_i|^2,
//
//     e_j^2 = 1 + tau_j - |w_j|^2,     1 -> sqrt(1 + tau_q) in min(1, .),
//
// (1) to (3) hold for the computed w, e, C of float64. A pivot's own e is 0 and
// its later coordinates are 0. Each pair (q, j) has a Gram model of its own;
// nothing global is assumed.
//
// The filter runs in float32, u32 = 2^-24. Coordinates, tables and y are
// rounded, and every sum is a chain: y is off by u32 (s_A + 2) |C|_F |w_q|, its
// product with w_j by u32 (s_B + 2) |y| |w_j| more. With W^2 >= 1 + tau of
// every point, c = max(1, |C|_F) (at most sqrt(s)) and 16 u32 for evaluating
// the bound and for comparing it,
//
//     slack     = u32 ((s_A + 2) c + s_B + 16) W^2       added to every bound,
//     gap slack = u32 (2 (s_A + 2) c + s_B + 4) W^2      added to g^2.
//
// Of y . w_j the first coordinates come first (panel by panel, PointPanels): by
// the Cauchy-Schwarz inequality the others add at most the product of their
// lengths, which are rounded up. That is one rounded sum more, of the 16.
//
// Where a table is kept as C' (skeleton_tables.h), y = C' w_q is off by at most
// d |w_q|, d >= |C - C'|_F, d <= 1/20: d W^2 is added to the slack, and 2.1 d
// W^2 to that of a g^2 that follows from |y|^2.
//
// A candidate is dismissed if its upper bound is below theta, where k points
// whose |rho| is at least theta + 2^-24 are known: distances merge what lies
// closer than 2^-50 (traversal/knn_heap.h), and points beyond |rho| = 1, all at
// distance 0, go by row, so theta stays below 1. A radius, within which t is at
// most T, asks for |rho| >= 1 - T - 2^-53: theta may be 1 - T - 2^-24 from the
// start.
//
// Points with tau_i > 1/4, whose correlations are mostly rounding, are in no
// block and always evaluated.
//
// Literature: interpolative decompositions and skeletons (Cheng, Gimbutas,
// Martinsson and Rokhlin 2005), kernel treecodes with skeletons (March, Xiao
// and Biros 2015), pivoted Cholesky (Harbrecht, Peters and Schneider 2012).

#ifndef RCT_TRAVERSAL_BLOCK_SKELETON_BOUNDS_H_
#define RCT_TRAVERSAL_BLOCK_SKELETON_BOUNDS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "metric/rounding.h"
#include "traversal/block/filter_routines.h"

namespace rct {

// The factors of the slacks: 1, except in the tests that show that each of them
// is needed.
struct SlackScale {
  double nugget = 1;   // nu
  double factors = 1;  // nu_rho
  double filter = 1;   // the float32 slack, and 2^-24 below theta
  double gap = 1;      // the float32 slack of g^2
};

// Points are in blocks up to this tau.
inline constexpr double kMaxTau = 0.25;

class SkeletonSlack {
 public:
  // Makes the slacks of skeletons of up to `max_rank` points.
  SkeletonSlack(const RoundingModel& rounding, int max_rank,
                const SlackScale& scale)
      : nugget_(scale.nugget * rounding.Nugget(2 * int64_t{max_rank} + 2)),
        factors_(scale.factors * FactorizationNugget(max_rank)),
        scale_(scale) {}

  // Returns tau of a point with s = `inverse_sqrt` = 1 / sqrt(p).
  double Tau(double inverse_sqrt) const {
    return nugget_ * inverse_sqrt * inverse_sqrt + factors_;
  }

  // Returns the slack of a bound on a product y . w_j, where y = C w_q was
  // computed with a table of this Frobenius norm, which is off by `error`.
  double Product(int from_rank, int to_rank, double table_norm,
                 double error) const {
    return scale_.filter * (1 + kMaxTau) *
           (kFloatRoundoff *
                ((from_rank + 2) * std::max(1.0, table_norm) + to_rank + 16) +
            error);
  }
  // Returns the same where y itself is an exact projection, rounded.
  double Product(int rank) const {
    return scale_.filter * kFloatRoundoff * (1 + kMaxTau) * (rank + 18);
  }

  // Returns the slack of g^2 = |w|^2 - |C w|^2.
  double Gap(int from_rank, int to_rank, double table_norm,
             double error) const {
    return scale_.gap * (1 + kMaxTau) *
           (kFloatRoundoff * (2 * (from_rank + 2) * std::max(1.0, table_norm) +
                              to_rank + 4) +
            2.1 * error);
  }

  // Returns theta where k lower bounds reach `lower`.
  float Theta(float lower) const {
    return std::min(lower, 1.0f) -
           static_cast<float>(scale_.filter * kFloatRoundoff);
  }

 private:
  double nugget_;
  double factors_;
  SlackScale scale_;
};

// Returns the gap whose square, slack included, is `squared`, in kGapUnit and
// rounded up.
// Gaps are at most sqrt(1.01 (1 + tau)) plus their slack, below 2.
inline uint16_t RoundGap(double squared) {
  return static_cast<uint16_t>(
      std::min(65535.0, std::ceil(std::sqrt(std::max(0.0, squared)) /
                                  static_cast<double>(kGapUnit))));
}

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_SKELETON_BOUNDS_H_
