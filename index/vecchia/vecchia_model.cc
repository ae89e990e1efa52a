#include "index/vecchia/vecchia_model.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <optional>
#include <utility>
#include <vector>

#include "Eigen/Cholesky"
#include "Eigen/Core"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/limits.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "index/exceptions.h"
#include "index/ordering.h"
#include "index/residual_index.h"
#include "index/validation.h"
#include "index/vecchia/conditional.h"
#include "index/vecchia/smallest_row.h"
#include "index/vecchia/vecchia_factor.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

using Vector = Eigen::Map<Eigen::VectorXd>;
using ConstVector = Eigen::Map<const Eigen::VectorXd>;
using SquareMatrix = Eigen::Map<Eigen::MatrixXd>;
using ConstSquareMatrix = Eigen::Map<const Eigen::MatrixXd>;

constexpr int64_t kRowsOfChunk = 256;
constexpr int64_t kPointsOfTask = 64;

// The share of the work that a monitor is told the search takes.
constexpr double kShareOfSearch = 0.5;

absl::Status ValidateOptions(const VecchiaOptions& options, int64_t size) {
  RCT_RETURN_IF_ERROR(ValidateThreads(options.threads));
  if (options.k < 0 || options.k > kMaxRows) {
    return absl::InvalidArgumentError(
        absl::StrCat("k: must be from 0 to ", kMaxRows, ", not ", options.k));
  }
  if (!(options.noise >= 0 && std::isfinite(options.noise))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "noise: must be a finite variance of at least 0, not ", options.noise));
  }
  if (options.order.empty()) return absl::OkStatus();
  return ValidateOrder(options.order, size);
}

// Row i of V.
ConstVector FactorsOf(const ResidualPoints& points, int64_t i) {
  return {points.v.row(i), points.v.cols()};
}

// Returns the sum of `width` numbers that add(first, last, sum) adds to `sum`
// for rows [first, last) of `size`. The rows are cut into groups, whose sums
// are added in their order: groups depend on sizes alone, and the bits of the
// result not on threads. Groups are so few that their sums take no more memory
// than a matrix of `size` rows and `width` / `rank` columns.
std::vector<double> SumOverGroups(
    int64_t size, int64_t width, int64_t rank, int threads, Monitor* monitor,
    absl::FunctionRef<void(int64_t, int64_t, double*)> add) {
  const int64_t groups =
      std::clamp<int64_t>(size / std::max<int64_t>(rank, kRowsOfChunk), 1, 64);
  std::vector<std::vector<double>> sums(groups);
  ParallelFor(ResolveThreads(threads), groups, monitor,
              [&](int64_t group, int) {
                sums[group].assign(width, 0.0);
                add(size * group / groups, size * (group + 1) / groups,
                    sums[group].data());
              });
  std::vector<double> total(width, 0.0);
  for (const std::vector<double>& sum : sums) {
    for (int64_t j = 0; j < static_cast<int64_t>(sum.size()); ++j) {
      total[j] += sum[j];
    }
  }
  return total;
}

// The logarithm of a product, of which only the mantissa is rounded: no
// logarithm is taken before the end.
class LogProduct {
 public:
  void Multiply(double factor) {
    int exponent;
    mantissa_ = std::frexp(mantissa_ * factor, &exponent);
    exponent_ += exponent;
  }
  double Log() const {
    return std::log(mantissa_) +
           static_cast<double>(exponent_) * std::numbers::ln2;
  }

 private:
  double mantissa_ = 1;
  int64_t exponent_ = 0;
};

// Finds the conditioning sets of all rows.
absl::StatusOr<NeighborTable> FindSets(const ResidualIndex& index,
                                       const VecchiaOptions& options) {
  if (options.k == 0) return NeighborTable(index.size(), 0);
  const SearchOptions search = {.k = options.k,
                                .predecessor = true,
                                .monitor = options.monitor,
                                .threads = options.threads};
  RCT_ASSIGN_OR_RETURN(SearchResult found,
                       options.order.empty()
                           ? index.Graph(search)
                           : index.Graph(search, options.order));
  return std::move(found.neighbors);
}

}  // namespace

absl::StatusOr<VecchiaModel> VecchiaModel::Create(
    const ResidualIndex& index, const VecchiaOptions& options) try {
  RCT_RETURN_IF_ERROR(ValidateOptions(options, index.size()));
  const Monitor::Part whole(options.monitor);
  std::optional<Monitor::Part> part(std::in_place, options.monitor,
                                    kShareOfSearch);
  RCT_ASSIGN_OR_RETURN(const NeighborTable sets, FindSets(index, options));
  part.reset();
  return FromSets(index, sets.rows(), options);
} catch (...) {
  return StatusOfException("Create");
}

absl::StatusOr<VecchiaModel> VecchiaModel::FromSets(
    const ResidualIndex& index, MatrixView<const int64_t> sets,
    const VecchiaOptions& options) try {
  RCT_RETURN_IF_ERROR(ValidateOptions(options, index.size()));
  RCT_RETURN_IF_ERROR(ValidateSets(sets, options.order, index.size()));
  const Monitor::Part whole(options.monitor);
  std::optional<Monitor::Part> part(std::in_place, options.monitor, 0.5);
  RCT_ASSIGN_OR_RETURN(
      VecchiaFactor factor,
      FactorizeSets(*index.model().metric(), sets, options.noise,
                    options.threads, options.monitor));
  part.reset();
  VecchiaModel model(index, std::move(factor), options);
  RCT_RETURN_IF_ERROR(model.FactorizeLowRank(options.monitor));
  return model;
} catch (...) {
  return StatusOfException("FromSets");
}

absl::Status VecchiaModel::FactorizeLowRank(Monitor* monitor) {
  const int64_t m = num_inducing();
  if (m == 0) return absl::OkStatus();
  const ResidualPoints& data = metric().data();
  const SparseMatrix& b = factor_.b;
  const auto add = [&](int64_t first, int64_t last, double* sum) {
    // A chunk of diag(1 / sqrt(d)) B V, transposed: a column is a row.
    Eigen::MatrixXd chunk(m, std::min(kRowsOfChunk, last - first));
    SquareMatrix matrix(sum, m, m);
    for (int64_t begin = first; begin < last; begin += kRowsOfChunk) {
      const int64_t end = std::min(begin + kRowsOfChunk, last);
      for (int64_t i = begin; i < end; ++i) {
        auto column = chunk.col(i - begin);
        column.setZero();
        for (int64_t e = b.offsets[i]; e < b.offsets[i + 1]; ++e) {
          column += b.values[e] * FactorsOf(data, b.columns[e]);
        }
        column /= std::sqrt(factor_.d[i]);
      }
      matrix.selfadjointView<Eigen::Lower>().rankUpdate(
          chunk.leftCols(end - begin));
      if (!Monitor::Go(monitor)) return;
    }
  };
  std::vector<double> sum =
      SumOverGroups(size(), m * m, m, threads_, monitor, add);
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));

  SquareMatrix matrix(sum.data(), m, m);
  matrix.diagonal().array() += 1;
  const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> llt(matrix);
  if (llt.info() != Eigen::Success) {
    return absl::FailedPreconditionError(absl::StrCat(
        "noise: with ", noise_, " the precision of the low-rank part of ", m,
        " inducing points is not positive definite in float64; give more noise "
        "or fewer inducing points"));
  }
  low_rank_ = Matrix<double>(m, m);
  std::copy(sum.begin(), sum.end(), low_rank_.data());
  return absl::OkStatus();
}

absl::Status VecchiaModel::ValidateObservations(
    absl::Span<const double> y) const {
  if (static_cast<int64_t>(y.size()) != size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "y: there are ", y.size(), " observations of ", size(), " points"));
  }
  for (size_t i = 0; i < y.size(); ++i) {
    if (!std::isfinite(y[i])) {
      return absl::InvalidArgumentError(
          absl::StrCat("y: the observation of row ", i, " is ", y[i]));
    }
  }
  return absl::OkStatus();
}

std::vector<double> VecchiaModel::PrecisionTimes(
    absl::Span<const double> y) const {
  std::vector<double> product = factor_.b.Times(y);
  for (int64_t i = 0; i < size(); ++i) product[i] /= factor_.d[i];
  return factor_.b.TransposedTimes(product);
}

std::vector<double> VecchiaModel::LowRankMean(
    absl::Span<const double> y) const {
  const int64_t m = num_inducing();
  if (m == 0) return {};
  const std::vector<double> weighted = PrecisionTimes(y);
  const auto add = [&](int64_t first, int64_t last, double* sum) {
    Vector total(sum, m);
    for (int64_t i = first; i < last; ++i) {
      total += weighted[i] * FactorsOf(metric().data(), i);
    }
  };
  std::vector<double> mean =
      SumOverGroups(size(), m, m, threads_, nullptr, add);
  const ConstSquareMatrix low_rank(low_rank_.data(), m, m);
  Vector u(mean.data(), m);
  low_rank.triangularView<Eigen::Lower>().solveInPlace(u);
  low_rank.triangularView<Eigen::Lower>().transpose().solveInPlace(u);
  return mean;
}

std::vector<double> VecchiaModel::WithoutLowRank(
    absl::Span<const double> y, absl::Span<const double> u) const {
  std::vector<double> rest(y.begin(), y.end());
  if (u.empty()) return rest;
  const ConstVector mean(u.data(), num_inducing());
  const int64_t chunks = (size() + kRowsOfChunk - 1) / kRowsOfChunk;
  ParallelFor(ResolveThreads(threads_), chunks, [&](int64_t chunk, int) {
    const int64_t first = chunk * kRowsOfChunk;
    for (int64_t i = first; i < std::min(first + kRowsOfChunk, size()); ++i) {
      rest[i] -= FactorsOf(metric().data(), i).dot(mean);
    }
  });
  return rest;
}

absl::StatusOr<double> VecchiaModel::LogLikelihood(
    absl::Span<const double> y) const try {
  RCT_RETURN_IF_ERROR(ValidateObservations(y));
  const std::vector<double> u = LowRankMean(y);
  const std::vector<double> rest = factor_.b.Times(WithoutLowRank(y, u));
  double square = 0;
  LogProduct determinant;
  for (int64_t i = 0; i < size(); ++i) {
    square += rest[i] * rest[i] / factor_.d[i];
    determinant.Multiply(factor_.d[i]);
  }
  for (int64_t j = 0; j < static_cast<int64_t>(u.size()); ++j) {
    square += u[j] * u[j];
    determinant.Multiply(low_rank_(j, j));
    determinant.Multiply(low_rank_(j, j));
  }
  return -(static_cast<double>(size()) * std::log(2 * std::numbers::pi) +
           determinant.Log() + square) /
         2;
} catch (...) {
  return StatusOfException("LogLikelihood");
}

absl::StatusOr<std::vector<double>> VecchiaModel::Solve(
    absl::Span<const double> y) const try {
  RCT_RETURN_IF_ERROR(ValidateObservations(y));
  return PrecisionTimes(WithoutLowRank(y, LowRankMean(y)));
} catch (...) {
  return StatusOfException("Solve");
}

absl::StatusOr<VecchiaPrediction> VecchiaModel::Predict(
    MatrixView<const double> points, absl::Span<const double> y,
    Monitor* monitor) const try {
  RCT_RETURN_IF_ERROR(ValidateObservations(y));
  const Monitor::Part whole(monitor);
  std::optional<Monitor::Part> part(std::in_place, monitor, kShareOfSearch);
  RCT_ASSIGN_OR_RETURN(
      SearchResult found,
      index_.SearchPoints(points, {.k = std::max<int64_t>(k_, 1),
                                   .monitor = monitor,
                                   .threads = threads_}));
  if (k_ == 0) found.neighbors = NeighborTable(points.rows, 0);
  RCT_ASSIGN_OR_RETURN(
      const ResidualPoints projected,
      index_.model().factor()->Project(points, ResolveThreads(threads_)));
  part.reset();
  return PredictFrom(projected, found.neighbors, y, monitor);
} catch (...) {
  return StatusOfException("Predict");
}

absl::StatusOr<VecchiaPrediction> VecchiaModel::PredictFrom(
    const ResidualPoints& points, const NeighborTable& sets,
    absl::Span<const double> y, Monitor* monitor) const {
  const int64_t m = num_inducing();
  const std::vector<double> mean = LowRankMean(y);
  const ConstVector u(mean.data(), m);
  const ConstSquareMatrix low_rank(low_rank_.data(), m, m);
  const int threads = ResolveThreads(threads_);
  std::vector<Conditional> conditionals;
  for (int worker = 0; worker < threads; ++worker) {
    conditionals.emplace_back(metric(), noise_, sets.k());
  }
  std::vector<Eigen::VectorXd> rests(threads);
  VecchiaPrediction result = {.mean = std::vector<double>(points.size()),
                              .variance = std::vector<double>(points.size())};
  SmallestRow bad(points.size());

  const auto predict = [&](int64_t i, int worker) {
    Conditional& given = conditionals[worker];
    const auto set = absl::MakeConstSpan(sets.rows().row(i), sets.count(i));
    if (!given.Compute(points, i, set)) return bad.Record(i);
    Eigen::VectorXd& rest = rests[worker];
    rest = FactorsOf(points, i);
    for (size_t j = 0; j < set.size(); ++j) {
      rest -= given.weights()[j] * FactorsOf(metric().data(), set[j]);
      result.mean[i] += given.weights()[j] * y[set[j]];
    }
    result.mean[i] += rest.dot(u);
    low_rank.triangularView<Eigen::Lower>().solveInPlace(rest);
    result.variance[i] = given.variance() + rest.squaredNorm();
  };
  const int64_t tasks = (points.size() + kPointsOfTask - 1) / kPointsOfTask;
  ParallelFor(threads, tasks, monitor, [&](int64_t task, int worker) {
    const int64_t first = task * kPointsOfTask;
    const int64_t last = std::min(first + kPointsOfTask, points.size());
    for (int64_t i = first; i < last; ++i) predict(i, worker);
  });
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  if (bad.row() < points.size()) {
    return absl::FailedPreconditionError(
        absl::StrCat("noise: with ", noise_, ", the covariance of the ",
                     sets.k(), " rows that say most of point ", bad.row(),
                     " is not positive definite in float64; give more noise"));
  }
  return result;
}

}  // namespace rct
