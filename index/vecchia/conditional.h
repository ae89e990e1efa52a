// The distribution of one residual given some others: the step of Vecchia's
// approximation (Vecchia 1988).
//
// Let r(x, y) = k(x, y) - v_x . v_y be the covariance of the residual process
// (metric/residual_factors.h; without inducing points r is k), and let each
// observation have noise of variance s2 (the nugget). Given the observations at
// the rows S, the residual process at x is normal with
//
//     mean      b . y_S,          b = (R + s2 I)^-1 r(S, x),   R = r(S, S)
//     variance  D = r(x, x) - r(S, x) . b.
//
// An observation at x has the variance D + s2.
//
// Numbers. r is the computed correlation times the roots of both variances. The
// triangular factor L of R + s2 I gives z = L^-1 r(S, x), b = L^-T z and
// D = r(x, x) - z . z. Since b minimizes the variance w' (R + s2 I) w of what
// is left, w = (-b, 1), errors of at most e in the covariances change D by at
// most
//
//     e |w|_1^2 = e (1 + |b_1| + ... + |b_s|)^2
//
// to first order: below this number D + s2 is nothing but rounding. Here
// e = CovarianceError().
//
// Cost: for s rows, s^2 (m + s / 3) multiplications and s^2 evaluations of the
// kernel.

#ifndef RCT_INDEX_VECCHIA_CONDITIONAL_H_
#define RCT_INDEX_VECCHIA_CONDITIONAL_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "metric/tile.h"

namespace rct {

// Returns a bound on the rounding of a computed residual covariance: the dot
// product, the kernel and the difference (metric/rounding.h).
double CovarianceError(const ResidualCorrelation& metric);

// Computes conditional distributions. For one thread at a time: it holds the
// scratch space of sets of up to `max_set` rows.
class Conditional {
 public:
  // `metric` must outlive the object. `noise` >= 0 is s2.
  Conditional(const ResidualCorrelation& metric, double noise, int64_t max_set);

  // Computes b and D of point i of `from`, which is metric.data() or any other
  // set of points with factors of the same inducing points, given `rows` of the
  // data, in whose order the weights are. Returns whether R + s2 I is positive
  // definite in float64; if not, there is no result.
  bool Compute(const ResidualPoints& from, int64_t i,
               absl::Span<const int64_t> rows);

  absl::Span<const double> weights() const { return weights_; }
  // Returns D, at least 0, without the noise of an observation at the point.
  double variance() const { return variance_; }
  // Returns the rounding error of D that the weights allow for.
  double variance_error() const { return variance_error_; }

 private:
  // Computes r(rows[j], rows[t]), t <= j, with s2 on the diagonal, into
  // covariances_.
  void Covariances(absl::Span<const int64_t> rows);

  const ResidualCorrelation* metric_;
  double noise_;
  double covariance_error_;
  int64_t stride_;  // of a tile
  TileWorkspace workspace_;
  std::vector<int32_t> ids_;
  std::vector<double> deviations_;     // sqrt(p) of the rows
  AlignedBuffer<double> tile_;         // correlations
  AlignedBuffer<double> covariances_;  // s x s, column after column
  AlignedBuffer<double> cross_;        // r(S, x)
  std::vector<double> weights_;
  double variance_ = 0;
  double variance_error_ = 0;
};

}  // namespace rct

#endif  // RCT_INDEX_VECCHIA_CONDITIONAL_H_
