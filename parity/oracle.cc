#include "parity/oracle.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <queue>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/check.h"
#include "base/matrix.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "metric/metric.pb.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

using Real = long double;

// The number of points, or queries, of one task, which reads the rows that they
// share, of L or of a candidate's V, from memory once for all of them.
constexpr int64_t kTaskRows = 16;

// A candidate, in the order of a NeighborTable.
using Neighbor = std::pair<double, int64_t>;

Real Dot(const Real* a, const Real* b, int64_t size) {
  Real sum = 0;
  for (int64_t i = 0; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

Matrix<Real> Widen(MatrixView<const double> values) {
  Matrix<Real> wide(values.rows, values.cols);
  for (int64_t i = 0; i < values.rows; ++i) {
    std::copy_n(values.row(i), values.cols, wide.row(i));
  }
  return wide;
}

absl::Status ValidatePositive(std::string_view name, double value) {
  if (value > 0 && std::isfinite(value)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": is ", value, "; must be positive and finite"));
}

absl::Status ValidateValues(std::string_view name,
                            MatrixView<const double> values) {
  if (values.cols < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": has no columns; at least 1 is needed"));
  }
  for (int64_t i = 0; i < values.rows; ++i) {
    for (int64_t t = 0; t < values.cols; ++t) {
      if (std::isfinite(values(i, t))) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": row ", i, ", column ", t, " is ", values(i, t),
                       "; all values must be finite"));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateSameDim(std::string_view name,
                             MatrixView<const double> values, int64_t dim) {
  if (values.cols == dim) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": has ", values.cols,
                                                 " columns, the points have ",
                                                 dim, "; both must agree"));
}

absl::Status ValidateThreads(int num_threads) {
  if (num_threads >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("num_threads: is ", num_threads, "; must be at least 0"));
}

absl::Status ValidateSearch(int64_t k, int num_threads) {
  if (k < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("k: is ", k, "; must be at least 1"));
  }
  return ValidateThreads(num_threads);
}

}  // namespace

absl::StatusOr<OracleProblem::Kernel> OracleProblem::Kernel::Create(
    const KernelConfig& config, int64_t dim) {
  if (config.family() == KernelConfig::FAMILY_UNSPECIFIED) {
    return absl::InvalidArgumentError("kernel.family: not given");
  }
  RCT_RETURN_IF_ERROR(ValidatePositive("kernel.variance", config.variance()));
  const int given = config.lengthscale_size();
  if (given > 1 && given != dim) {
    return absl::InvalidArgumentError(
        absl::StrCat("kernel.lengthscale: ", given, " values for ", dim,
                     " columns; give none, one, or one for each column"));
  }
  for (int t = 0; t < given; ++t) {
    RCT_RETURN_IF_ERROR(ValidatePositive(
        absl::StrCat("kernel.lengthscale[", t, "]"), config.lengthscale(t)));
  }
  Kernel kernel{config.family(), config.variance(),
                std::vector<Real>(dim, given == 1 ? config.lengthscale(0) : 1)};
  if (given > 1) {
    std::copy_n(config.lengthscale().begin(), dim, kernel.lengthscale.begin());
  }
  return kernel;
}

Real OracleProblem::Kernel::operator()(const Real* x, const Real* y) const {
  Real squared = 0;
  for (size_t t = 0; t < lengthscale.size(); ++t) {
    const Real difference = (x[t] - y[t]) / lengthscale[t];
    squared += difference * difference;
  }
  const Real r = std::sqrt(squared);
  switch (family) {
    case KernelConfig::RBF:
      return variance * std::exp(-squared / 2);
    case KernelConfig::MATERN12:
      return variance * std::exp(-r);
    case KernelConfig::MATERN32: {
      const Real a = std::sqrt(Real{3}) * r;
      return variance * (1 + a) * std::exp(-a);
    }
    case KernelConfig::MATERN52: {
      const Real a = std::sqrt(Real{5}) * r;
      return variance * (1 + a + a * a / 3) * std::exp(-a);
    }
    case KernelConfig::FAMILY_UNSPECIFIED:
      break;
  }
  RCT_CHECK(false);
}

absl::StatusOr<OracleProblem> OracleProblem::Residual(
    MatrixView<const double> points, const KernelConfig& kernel,
    MatrixView<const double> inducing, double jitter, double variance_floor,
    int num_threads) {
  RCT_RETURN_IF_ERROR(ValidateValues("points", points));
  RCT_RETURN_IF_ERROR(ValidateValues("inducing", inducing));
  RCT_RETURN_IF_ERROR(ValidateSameDim("inducing", inducing, points.cols));
  if (inducing.rows < 1) {
    return absl::InvalidArgumentError(
        "inducing: has no rows; at least 1 is needed");
  }
  RCT_RETURN_IF_ERROR(ValidatePositive("jitter", jitter));
  RCT_RETURN_IF_ERROR(ValidatePositive("variance_floor", variance_floor));
  RCT_RETURN_IF_ERROR(ValidateThreads(num_threads));
  OracleProblem problem;
  RCT_ASSIGN_OR_RETURN(problem.kernel_, Kernel::Create(kernel, points.cols));
  problem.inducing_ = Widen(inducing);
  problem.variance_floor_ = variance_floor * problem.kernel_.variance;
  RCT_RETURN_IF_ERROR(problem.Factorize(jitter * problem.kernel_.variance));
  problem.data_ = problem.Project(points, num_threads);
  return problem;
}

absl::StatusOr<OracleProblem> OracleProblem::ResidualFromFactors(
    MatrixView<const double> points, const KernelConfig& kernel,
    MatrixView<const double> v, absl::Span<const double> residual_variance) {
  RCT_RETURN_IF_ERROR(ValidateValues("points", points));
  RCT_RETURN_IF_ERROR(ValidateValues("v", v));
  const int64_t num_variances = static_cast<int64_t>(residual_variance.size());
  if (v.rows != points.rows || num_variances != points.rows) {
    return absl::InvalidArgumentError(absl::StrCat(
        "points: has ", points.rows, " rows, v has ", v.rows,
        ", residual_variance ", num_variances, "; all must agree"));
  }
  for (int64_t i = 0; i < num_variances; ++i) {
    RCT_RETURN_IF_ERROR(ValidatePositive(
        absl::StrCat("residual_variance: row ", i), residual_variance[i]));
  }
  OracleProblem problem;
  RCT_ASSIGN_OR_RETURN(problem.kernel_, Kernel::Create(kernel, points.cols));
  problem.data_ = {Widen(points),
                   Widen(v),
                   {residual_variance.begin(), residual_variance.end()}};
  return problem;
}

absl::StatusOr<OracleProblem> OracleProblem::Euclidean(
    MatrixView<const double> points) {
  RCT_RETURN_IF_ERROR(ValidateValues("points", points));
  OracleProblem problem;
  problem.euclidean_ = true;
  problem.data_.coordinates = Widen(points);
  return problem;
}

absl::Status OracleProblem::Factorize(Real jitter) {
  const int64_t m = inducing_.rows();
  cholesky_ = Matrix<Real>::Zeros(m, m);
  for (int64_t i = 0; i < m; ++i) {
    Real* row = cholesky_.row(i);
    for (int64_t j = 0; j < i; ++j) {
      row[j] = (kernel_(inducing_.row(i), inducing_.row(j)) -
                Dot(row, cholesky_.row(j), j)) /
               cholesky_(j, j);
    }
    const Real pivot =
        kernel_(inducing_.row(i), inducing_.row(i)) + jitter - Dot(row, row, i);
    if (!(pivot > 0)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "inducing: row ", i, ": k(Z, Z) + jitter is not positive definite (",
          "pivot ", static_cast<double>(pivot), ")"));
    }
    row[i] = std::sqrt(pivot);
  }
  return absl::OkStatus();
}

OracleProblem::Points OracleProblem::Project(MatrixView<const double> points,
                                             int num_threads) const {
  const int64_t n = points.rows;
  const int64_t m = inducing_.rows();
  Points projected{Widen(points), Matrix<Real>(n, m), std::vector<Real>(n)};
  const int64_t num_tasks = (n + kTaskRows - 1) / kTaskRows;
  const auto project = [&](int64_t task, int /*worker*/) {
    const int64_t begin = task * kTaskRows;
    const int64_t end = std::min(begin + kTaskRows, n);
    for (int64_t r = 0; r < m; ++r) {
      for (int64_t i = begin; i < end; ++i) {
        const Real* x = projected.coordinates.row(i);
        Real* v = projected.v.row(i);
        v[r] = (kernel_(inducing_.row(r), x) - Dot(cholesky_.row(r), v, r)) /
               cholesky_(r, r);
      }
    }
    for (int64_t i = begin; i < end; ++i) {
      const Real* x = projected.coordinates.row(i);
      const Real* v = projected.v.row(i);
      projected.variance[i] =
          std::max(kernel_(x, x) - Dot(v, v, m), variance_floor_);
    }
  };
  ParallelFor(ResolveThreads(num_threads), num_tasks, project);
  return projected;
}

// Returns the distance of row i of `from` to row j of the data.
Real OracleProblem::Distance(const Points& from, int64_t i, int64_t j) const {
  if (&from == &data_ && i == j) return 0;
  const Real* x = from.coordinates.row(i);
  const Real* y = data_.coordinates.row(j);
  if (euclidean_) {
    Real squared = 0;
    for (int64_t t = 0; t < dim(); ++t)
      squared += (x[t] - y[t]) * (x[t] - y[t]);
    return std::sqrt(squared);
  }
  const Real covariance =
      kernel_(x, y) - Dot(from.v.row(i), data_.v.row(j), data_.v.cols());
  const Real rho = covariance / std::sqrt(from.variance[i] * data_.variance[j]);
  return std::sqrt(1 - std::min(std::abs(rho), Real{1}));
}

Real OracleProblem::Distance(int64_t i, int64_t j) const {
  RCT_CHECK(0 <= i && i < size() && 0 <= j && j < size());
  return Distance(data_, i, j);
}

Real OracleProblem::ResidualVariance(int64_t i) const {
  RCT_CHECK(!euclidean_ && 0 <= i && i < size());
  return data_.variance[i];
}

NeighborTable OracleProblem::Search(const Points& from,
                                    absl::Span<const int64_t> queries,
                                    int64_t k, OracleSearchOptions options,
                                    int num_threads) const {
  const int64_t num_queries = static_cast<int64_t>(queries.size());
  NeighborTable table(num_queries, k);
  const int64_t num_tasks = (num_queries + kTaskRows - 1) / kTaskRows;
  const auto search = [&](int64_t task, int /*worker*/) {
    const int64_t begin = task * kTaskRows;
    const int64_t end = std::min(begin + kTaskRows, num_queries);
    // The k nearest so far of each query, the farthest on top.
    std::vector<std::priority_queue<Neighbor>> nearest(end - begin);
    for (int64_t j = 0; j < size(); ++j) {
      for (int64_t q = begin; q < end; ++q) {
        const int64_t i = queries[q];
        if (options.predecessor && j >= i) continue;
        if (options.exclude_self && j == i) continue;
        const Neighbor neighbor(static_cast<double>(Distance(from, i, j)), j);
        std::priority_queue<Neighbor>& heap = nearest[q - begin];
        if (static_cast<int64_t>(heap.size()) == k) {
          if (heap.top() <= neighbor) continue;
          heap.pop();
        }
        heap.push(neighbor);
      }
    }
    for (int64_t q = begin; q < end; ++q) {
      std::priority_queue<Neighbor>& heap = nearest[q - begin];
      while (!heap.empty()) {
        const int64_t rank = static_cast<int64_t>(heap.size()) - 1;
        table.distances()(q, rank) = heap.top().first;
        table.rows()(q, rank) = heap.top().second;
        heap.pop();
      }
    }
  };
  ParallelFor(ResolveThreads(num_threads), num_tasks, search);
  return table;
}

absl::StatusOr<NeighborTable> OracleProblem::Search(
    absl::Span<const int64_t> query_rows, int64_t k,
    OracleSearchOptions options, int num_threads) const {
  RCT_RETURN_IF_ERROR(ValidateSearch(k, num_threads));
  for (size_t q = 0; q < query_rows.size(); ++q) {
    if (0 <= query_rows[q] && query_rows[q] < size()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("query_rows[", q, "]: row ", query_rows[q],
                     " is out of range; there are ", size(), " rows"));
  }
  return Search(data_, query_rows, k, options, num_threads);
}

absl::StatusOr<NeighborTable> OracleProblem::SearchPoints(
    MatrixView<const double> queries, int64_t k, int num_threads) const {
  RCT_RETURN_IF_ERROR(ValidateSearch(k, num_threads));
  RCT_RETURN_IF_ERROR(ValidateValues("queries", queries));
  RCT_RETURN_IF_ERROR(ValidateSameDim("queries", queries, dim()));
  Points from;
  if (euclidean_) {
    from.coordinates = Widen(queries);
  } else if (inducing_.rows() > 0) {
    from = Project(queries, num_threads);
  } else {
    return absl::FailedPreconditionError(
        "queries: new points have no factors where those of the data came from "
        "elsewhere");
  }
  std::vector<int64_t> all(queries.rows);
  std::iota(all.begin(), all.end(), 0);
  return Search(from, all, k, OracleSearchOptions{}, num_threads);
}

}  // namespace rct
