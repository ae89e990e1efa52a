// The oracle: neighbour sets from the definition, and from nothing else.
//
//     K    = k(Z, Z) + jitter * variance * I           Z: m inducing points
//     L    = cholesky(K), lower
//     v_i  = L^-1 k(Z, x_i)
//     p_i  = max(k(x_i, x_i) - v_i . v_i, variance_floor * variance)
//     rho  = (k(x_i, x_j) - v_i . v_j) / sqrt(p_i p_j), clamped to [-1, 1]
//     d    = sqrt(1 - |rho|),                          d(i, i) = 0
//
// One of two references. The exhaustive search shares its arithmetic with every
// other strategy, so that they must agree bit for bit; the oracle shares none
// of it. It is `long double` in plain loops over the standard library's
// functions: no instruction set, no bound, no tree. Where a strategy differs
// from the exhaustive search, the traversal is wrong; where both differ from
// the oracle, the arithmetic is.
//
// How exact. k - v . v cancels, down to 1e-7 of what it was: on the gold
// workload that moves distances by 5e-8 in float64. A long double has eleven
// bits more; 3,000 of those distances differ by at most 2e-11 from the same in
// quadruple precision. They are rounded to double at the very end.
//
// Cost. n m^2 / 2 + q n m products at about 2 ns, and 16 n m bytes: 32,768
// points, 512 inducing points and 1,024 queries take 45 s of CPU time, 270 MB.

#ifndef RCT_PARITY_ORACLE_H_
#define RCT_PARITY_ORACLE_H_

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "metric/metric.pb.h"
#include "traversal/neighbor_table.h"

namespace rct {

// Which rows are a query's candidates. Both may be set.
struct OracleSearchOptions {
  bool predecessor = false;   // only rows before the query's own
  bool exclude_self = false;  // not the query's own row
};

// Points and a distance between them. Immutable, thread-safe. Thread counts: 0
// means all there are; no answer depends on them.
//
// InvalidArgument, naming the argument and the row, wherever shapes disagree,
// there are no columns, or a value is not finite or out of its range.
class OracleProblem {
 public:
  // The residual metric of `points` (n x d; n may be 0), what `inducing`
  // (m x d, m >= 1) explains taken out. `jitter` and `variance_floor` are
  // relative to the kernel's variance, and positive. FailedPrecondition where K
  // is not positive definite.
  static absl::StatusOr<OracleProblem> Residual(
      MatrixView<const double> points, const KernelConfig& kernel,
      MatrixView<const double> inducing, double jitter, double variance_floor,
      int num_threads);

  // The residual metric with factors from elsewhere: `v` (n x m) and the
  // residual variances (n, positive) are taken for exact.
  static absl::StatusOr<OracleProblem> ResidualFromFactors(
      MatrixView<const double> points, const KernelConfig& kernel,
      MatrixView<const double> v, absl::Span<const double> residual_variance);

  // Euclidean distance.
  static absl::StatusOr<OracleProblem> Euclidean(
      MatrixView<const double> points);

  int64_t size() const { return data_.size(); }
  int64_t dim() const { return data_.coordinates.cols(); }

  // d(i, j) of two rows; symmetric bit for bit.
  long double Distance(int64_t i, int64_t j) const;

  // p of a row. Euclidean distance has none.
  long double ResidualVariance(int64_t i) const;

  // The k >= 1 nearest rows of each query, which is itself a row and may come
  // several times. Ordered by (distance rounded to double, row); where there
  // are fewer than k candidates, padded as NeighborTable says.
  absl::StatusOr<NeighborTable> Search(absl::Span<const int64_t> query_rows,
                                       int64_t k, OracleSearchOptions options,
                                       int num_threads) const;

  // The same for new points (q x d). A row with the coordinates of a query is a
  // candidate like any other. FailedPrecondition with factors from elsewhere,
  // which say nothing about new points.
  absl::StatusOr<NeighborTable> SearchPoints(MatrixView<const double> queries,
                                             int64_t k, int num_threads) const;

 private:
  using Real = long double;
  static_assert(std::numeric_limits<Real>::digits >= 64);

  // Point i is row i of each; v and variance are empty if Euclidean.
  struct Points {
    int64_t size() const { return coordinates.rows(); }

    Matrix<Real> coordinates;    // n x d
    Matrix<Real> v;              // n x m
    std::vector<Real> variance;  // p
  };

  struct Kernel {
    static absl::StatusOr<Kernel> Create(const KernelConfig& config,
                                         int64_t dim);
    Real operator()(const Real* x, const Real* y) const;

    KernelConfig::Family family;
    Real variance;
    std::vector<Real> lengthscale;  // one a dimension
  };

  OracleProblem() = default;

  absl::Status Factorize(Real jitter);
  Points Project(MatrixView<const double> points, int num_threads) const;
  Real Distance(const Points& from, int64_t i, int64_t j) const;
  NeighborTable Search(const Points& from, absl::Span<const int64_t> queries,
                       int64_t k, OracleSearchOptions options,
                       int num_threads) const;

  bool euclidean_ = false;
  Kernel kernel_{};
  Matrix<Real> inducing_;    // m x d; no rows if factors are from elsewhere
  Matrix<Real> cholesky_;    // m x m, the lower triangle
  Real variance_floor_ = 0;  // absolute
  Points data_;
};

}  // namespace rct

#endif  // RCT_PARITY_ORACLE_H_
