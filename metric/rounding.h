// The distance of computed residual covariances from a true Gram matrix.
//
// Every bound that prunes uses inequalities between inner products. Computed
// covariances k - v.v are rounded, and hence not inner products of any vectors.
// With a small number nu added to the diagonal, however, they are: for the
// computed Cholesky factor L of K(Z,Z) + jitter I, *any* float vectors v_x and
// e_x = L v_x - k(Z, x),
//
//     K(S,S) - V V^T + nu I   is positive semi-definite
//
// for every finite set S of N points, as soon as nu >= |E|^2 / J plus the
// rounding of the N x N entries themselves, J = lambda_min(L L^T - K(Z,Z)).
// (Write [[L L^T, L V^T], [V L^T, K(S,S) + nu I]] as the Gram matrix of Z and S
// plus [[L L^T - K(Z,Z), E^T], [E, nu I]] and take the Schur complement.) The
// jitter absorbs the errors of the factorization to second order:
//
//     nu(N)   = 1.01 N u variance (c + c_k + 2) + N e^2 / J
//     c       = ceil(m / 8) + 3        roundings of a canonical dot product
//     c_k     = Kernel::rounding_ulps
//     e       = sqrt(m) (m + 3 + c_k) u variance   for plain substitution
//     J       = jitter - m (m + 1 + c_k) u (variance + jitter)
//     u       = 2^-53
//
// docs/exactness.md holds the whole argument.

#ifndef RCT_METRIC_ROUNDING_H_
#define RCT_METRIC_ROUNDING_H_

#include <bit>
#include <cstdint>

#include "absl/status/status.h"

namespace rct {

// Half the distance from 1 to the next double: the largest relative error of
// one operation in float64.
inline constexpr double kUnitRoundoff = 0x1p-53;

// Half the distance from 1 to the next float, the same for float32.
inline constexpr double kFloatRoundoff = 0x1p-24;

// The smallest pivot that a Cholesky factorization of correlations, whose
// diagonal is near 1, divides by. The errors of a smaller one, divided by it,
// would grow past FactorizationNugget(); such a point lies in the span of those
// before it but for noise.
inline constexpr double kMinPivot = 1e-7;

// Returns the smallest float that is at least `x`. A float below `x` is not
// +inf and not -0, so that the next one is a step of its bits away.
inline float FloatAbove(double x) {
  const auto f = static_cast<float>(x);
  const auto bits = std::bit_cast<uint32_t>(f);
  const uint32_t step = static_cast<double>(f) < x ? 1 : 0;
  return std::bit_cast<float>(bits >> 31 != 0 ? bits - step : bits + step);
}

// Returns the largest float that is at most `x`.
inline float FloatBelow(double x) { return -FloatAbove(-x); }

// Returns nu_rho = 2 u (s + 4)^2.5 for s = `rank` pivots: the number that is
// added, beside nu / p, to the diagonal of a matrix of correlations, so that
// its computed Cholesky factor and the coordinates that substitution computes
// from it are exact for a true Gram matrix. It exceeds 2 s + 2 times the
// backward error of one entry.
double FactorizationNugget(int rank);

// The numbers on which nu depends.
struct RoundingModel {
  int64_t num_inducing;  // m
  double variance;       // of the kernel
  double jitter;         // absolute: the number that was added to the diagonal
  double kernel_ulps;    // c_k

  // Returns nu(N) for N = `num_points`, in the unit of covariances.
  double Nugget(int64_t num_points) const;

  // Returns e, a bound on |L v - k(Z, x)| of a computed v.
  double ProjectionError() const;
  // Returns a bound on the norm of L L^T - K(Z,Z) - jitter I.
  double FactorizationError() const;
  // Returns J.
  double SmallestEigenvalue() const;

  // Returns FailedPrecondition if the jitter is too small for the theorem, that
  // is below 2 m (m + 1 + c_k) u (variance + jitter).
  absl::Status Validate() const;
};

}  // namespace rct

#endif  // RCT_METRIC_ROUNDING_H_
