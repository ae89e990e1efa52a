// Whether factors from elsewhere can be factors of the kernel beside them.
//
// Of the points' kernel k and any V = L^-1 K(Z, X), what is left,
// K - V V^T, is a covariance, and p is its diagonal, or more where p holds a
// nugget or a floor. So for all points
//
//     |v_i|^2 <= k(x_i, x_i),     p_i >= k(x_i, x_i) - |v_i|^2,
//     |k(x_i, x_j) - v_i . v_j| <= sqrt(p_i p_j),   that is |rho| <= 1.
//
// A correlation above 1 is cut to 1, and distances to 0: points that have many
// of those get whatever rows come first as neighbors. So all rows are held to
// the first line, and a fixed sample of pairs, near ones and far ones, to the
// second; whatever float32 explains is let pass: in units of the variance,
//
//     eps = 1e-4 + m 2^-24,
//
// of sums of m products and of kernels computed in float32, and a part in a
// hundred of sqrt(p_i p_j).
//
// What is found: a variance that is forgotten; another family or lengthscale,
// and rows of V or p in another order, where V explains most of the variance,
// for then p is small and something else than p is left; V transposed. What
// cannot be: what leaves p too large, as a nugget does; differences below eps,
// even where p is as small; a few rows exchanged among many, or among points
// that are nearly equal; and anything where V explains hardly anything.
//
// Cost: n m multiply-adds for the rows, about 70000 m for the pairs.

#ifndef RCT_INDEX_FACTOR_CHECK_H_
#define RCT_INDEX_FACTOR_CHECK_H_

#include "absl/status/status.h"
#include "metric/residual_correlation.h"

namespace rct {

// InvalidArgument, "factors: ...", naming rows, the number that is impossible
// and what to look at, where V and p of `metric` contradict its kernel.
absl::Status CheckFactors(const ResidualCorrelation& metric);

}  // namespace rct

#endif  // RCT_INDEX_FACTOR_CHECK_H_
