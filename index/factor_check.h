// CheckFactors: finds factors from elsewhere that do not belong to their
// kernel.
//
// For a kernel k and any V = L^-1 K(Z, X), the remainder K - V V^T is a
// covariance, and p is its diagonal, or more where p holds a nugget or a floor.
// So for all points
//
//     |v_i|^2 <= k(x_i, x_i),     p_i >= k(x_i, x_i) - |v_i|^2,
//     |k(x_i, x_j) - v_i . v_j| <= sqrt(p_i p_j),   that is |rho| <= 1.
//
// A correlation above 1 would be cut to 1, and the distance to 0: a point with
// many such pairs would get the lowest of their rows as neighbors. So the first
// line is checked for all rows, and the second for a fixed sample of pairs,
// near ones and far ones. Differences that float32 explains are allowed: in
// units of the variance,
//
//     eps = 1e-4 + m 2^-24,
//
// for sums of m products and kernels computed in float32, and a hundredth of
// sqrt(p_i p_j).
//
// The check finds a variance that was forgotten and a V that was transposed;
// and, where V explains most of the variance (p is small then, and the
// remainder of a wrong V is not), another family or lengthscale and rows of V
// or p in another order. It cannot find an error that leaves p too large, as a
// nugget does; differences below eps, even where p is as small; a few rows
// exchanged among many, or among points that are nearly equal; or any error
// where V explains hardly anything.
//
// Cost: n m multiply-adds for the rows, about 70000 m for the pairs.

#ifndef RCT_INDEX_FACTOR_CHECK_H_
#define RCT_INDEX_FACTOR_CHECK_H_

#include "absl/status/status.h"
#include "metric/residual_correlation.h"

namespace rct {

// Returns InvalidArgument, "factors: ...", where V and p of `metric` contradict
// its kernel. The message names the rows, the impossible number and probable
// causes.
absl::Status CheckFactors(const ResidualCorrelation& metric);

}  // namespace rct

#endif  // RCT_INDEX_FACTOR_CHECK_H_
