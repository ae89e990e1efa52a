// The oracle: neighbor sets computed from the definition alone.
//
//     K    = k(Z, Z) + jitter * variance * I           Z: m inducing points
//     L    = cholesky(K), lower
//     v_i  = L^-1 k(Z, x_i)
//     p_i  = max(k(x_i, x_i) - v_i . v_i, variance_floor * variance)
//     rho  = (k(x_i, x_j) - v_i . v_j) / sqrt(p_i p_j), clamped to [-1, 1]
//     d    = sqrt(1 - |rho|),                          d(i, i) = 0
//
// The oracle is one of two references. Exhaustive search shares its arithmetic
// with every other strategy, so that they must agree bit for bit; the oracle
// shares none of it. It computes in `long double`, in plain loops over the
// standard library's functions, without instruction sets, bounds or trees.
// Where a strategy differs from exhaustive search, the traversal is wrong;
// where both differ from the oracle, the arithmetic is wrong.
//
// Error. The difference k - v . v cancels down to 1e-7 of k: on the gold
// workload that moves distances by 5e-8 in float64. A long double has eleven
// bits more: 3,000 of its distances differ by at most 2e-11 from those in
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

// Constraints on the candidates of a query. Both may be set.
struct OracleSearchOptions {
  // Only rows before the query's own are candidates. Off by default.
  bool predecessor = false;
  // The query's own row is no candidate. Off by default.
  bool exclude_self = false;
};

// Points and a distance between them. Immutable, thread-safe. 0 threads means
// all; no answer depends on their number.
//
// All functions return InvalidArgument, naming the argument and the row, where
// shapes disagree, there are no columns, or a value is not finite or out of its
// range.
class OracleProblem {
 public:
  // Makes the residual metric of `points` (n x d; n may be 0) after `inducing`
  // (m x d, m >= 1). `jitter` and `variance_floor` are relative to the kernel's
  // variance, and positive. Returns FailedPrecondition where K is not positive
  // definite.
  static absl::StatusOr<OracleProblem> Residual(
      MatrixView<const double> points, const KernelConfig& kernel,
      MatrixView<const double> inducing, double jitter, double variance_floor,
      int num_threads);

  // Makes the residual metric of factors from elsewhere: `v` (n x m) and the
  // residual variances (n, positive), which are taken for exact.
  static absl::StatusOr<OracleProblem> ResidualFromFactors(
      MatrixView<const double> points, const KernelConfig& kernel,
      MatrixView<const double> v, absl::Span<const double> residual_variance);

  // Makes the Euclidean distance.
  static absl::StatusOr<OracleProblem> Euclidean(
      MatrixView<const double> points);

  int64_t size() const { return data_.size(); }
  int64_t dim() const { return data_.coordinates.cols(); }

  // Returns d(i, j) of two rows; symmetric bit for bit.
  long double Distance(int64_t i, int64_t j) const;

  // Returns p of a row. Must not be called for Euclidean distance.
  long double ResidualVariance(int64_t i) const;

  // Returns the k >= 1 nearest rows of each query, ordered by (distance rounded
  // to double, row), and padded where there are fewer than k candidates
  // (NeighborTable). Queries are rows, and may repeat.
  absl::StatusOr<NeighborTable> Search(absl::Span<const int64_t> query_rows,
                                       int64_t k, OracleSearchOptions options,
                                       int num_threads) const;

  // Does the same for new points (q x d). A row with the coordinates of a query
  // is a candidate like any other. Returns FailedPrecondition with factors from
  // elsewhere, which cannot be computed for new points.
  absl::StatusOr<NeighborTable> SearchPoints(MatrixView<const double> queries,
                                             int64_t k, int num_threads) const;

 private:
  using Real = long double;
  static_assert(std::numeric_limits<Real>::digits >= 64);

  // Point i is row i of each member; v and variance are empty for Euclidean
  // distance.
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
