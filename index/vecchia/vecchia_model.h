// VecchiaModel: from neighbor sets to a Gaussian process model.
//
//     absl::StatusOr<rct::VecchiaModel> model =
//         rct::VecchiaModel::Create(*index, {.k = 20, .noise = 0.1});
//     absl::StatusOr<double> l = model->LogLikelihood(y);   // y: n numbers
//     absl::StatusOr<rct::VecchiaPrediction> at_new =
//         model->Predict(new_points, y);                    // q x d
//
// Observations y = f(x) + noise at the rows of an index, with a process f of
// mean 0 and covariance k, the kernel of the index, and independent noise of
// variance s2. The process is the sum of a low-rank part, f(x) = v_x . u with m
// standard normal numbers u, and the residual process, whose covariance is
// r = k - v_x . v_y. Vecchia's approximation, with the row's nearest earlier
// rows under residual correlation, replaces that of the residual process and
// the noise (vecchia_factor.h):
//
//     cov(y)  =  V V' + (R + s2 I)  ~  V V' + P^-1,      P = B' diag(1 / d) B.
//
// (Gyger, Furrer and Sigrist 2025, Vecchia-inducing-points full-scale
// approximation.) Without inducing points V is empty, and this is Vecchia's
// approximation of the process itself. With sets of all earlier rows it is
// exact.
//
// Likelihood, by the lemmas of Woodbury and Sylvester, with the m x m matrix
// M = I + V' P V and the mean u = M^-1 V' P y of the low-rank part given y:
//
//     -2 log p(y) = n log(2 pi) + sum log d_i + log |M|
//                   + (y - V u)' P (y - V u) + u' u
//
// The quadratic form is written so that no two large numbers are subtracted: an
// error in u counts by its square alone.
//
// Prediction at a new point x, whose set S are its k nearest rows, with b and D
// of conditional.h:
//
//     mean      b . y_S + (v_x - V_S' b) . u
//     variance  D + |L^-1 (v_x - V_S' b)|^2,   L L' = M
//
// the variance being that of f(x); an observation has s2 more. Points are
// predicted one by one, each from the data alone.
//
// Cost: the search; n (k^2 (m + k / 3) + m (k + m / 2)) multiplications once;
// for each y n (k + 2 m); for each new point k^2 (m + k / 3) + m^2. Memory: 16
// bytes for each number of B, and up to 64 matrices m x m while M is made. The
// same bits for any number of threads and any instruction set.

#ifndef RCT_INDEX_VECCHIA_VECCHIA_MODEL_H_
#define RCT_INDEX_VECCHIA_VECCHIA_MODEL_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/residual_index.h"
#include "index/vecchia/vecchia_factor.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "traversal/neighbor_table.h"

namespace rct {

struct VecchiaOptions {
  // The size of conditioning sets, from 0 (none: independent residuals) up.
  // Sets of new points have this size as well.
  int64_t k = 20;
  // The variance of the noise (nugget), >= 0, in the unit of the kernel's.
  double noise = 0;
  // All rows in an order (index/ordering.h); empty for the order of the rows.
  absl::Span<const int64_t> order = {};
  // Of this call and of those of the model; 0 means all.
  int threads = 0;
  // Told how far the call is, and able to cancel it; may be null.
  Monitor* monitor = nullptr;
};

struct VecchiaPrediction {
  std::vector<double> mean;      // of f, and of an observation
  std::vector<double> variance;  // of f, without noise; >= 0
};

// A model of observations at the rows of an index. Immutable and thread-safe;
// moves. Shares the index.
class VecchiaModel {
 public:
  // Finds the sets and computes the factors. Returns InvalidArgument, naming
  // the option, for options out of range; the errors of ResidualIndex::Graph
  // and FactorizeSets; FailedPrecondition where M is not positive definite in
  // float64.
  static absl::StatusOr<VecchiaModel> Create(const ResidualIndex& index,
                                             const VecchiaOptions& options);

  // Takes the sets of the rows from elsewhere: `sets` is n x k, padded with -1,
  // of rows that come before each row in options.order (vecchia_factor.h).
  // options.k is the size of the sets of new points alone. Errors are those of
  // ValidateSets as well.
  static absl::StatusOr<VecchiaModel> FromSets(const ResidualIndex& index,
                                               MatrixView<const int64_t> sets,
                                               const VecchiaOptions& options);

  // Returns log p(y). `y` has one finite number a row, or the result is
  // InvalidArgument, naming the row.
  absl::StatusOr<double> LogLikelihood(absl::Span<const double> y) const;

  // Returns C y, where C is the inverse of the approximate covariance of
  // observations: for means with coefficients, say, by generalized least
  // squares. Errors are those of LogLikelihood.
  absl::StatusOr<std::vector<double>> Solve(absl::Span<const double> y) const;

  // Returns the distribution of f at new points (q x d, finite) given `y`.
  // Errors are those of LogLikelihood and ResidualIndex::SearchPoints, and
  // FailedPrecondition where the set of a new point is not positive definite in
  // float64.
  absl::StatusOr<VecchiaPrediction> Predict(MatrixView<const double> points,
                                            absl::Span<const double> y,
                                            Monitor* monitor = nullptr) const;

  // B and d of the residual process with noise.
  const VecchiaFactor& factor() const { return factor_; }
  const ResidualIndex& index() const { return index_; }
  int64_t k() const { return k_; }
  double noise() const { return noise_; }
  int64_t size() const { return index_.size(); }

 private:
  VecchiaModel(ResidualIndex index, VecchiaFactor factor,
               const VecchiaOptions& options)
      : index_(std::move(index)),
        factor_(std::move(factor)),
        k_(options.k),
        noise_(options.noise),
        threads_(options.threads) {}

  const ResidualCorrelation& metric() const { return *index_.model().metric(); }
  int64_t num_inducing() const { return metric().data().v.cols(); }

  // Computes L of M.
  absl::Status FactorizeLowRank(Monitor* monitor);

  absl::Status ValidateObservations(absl::Span<const double> y) const;
  // Returns P y.
  std::vector<double> PrecisionTimes(absl::Span<const double> y) const;
  // Returns u, the mean of the low-rank part given y: m numbers.
  std::vector<double> LowRankMean(absl::Span<const double> y) const;
  // Returns y - V u.
  std::vector<double> WithoutLowRank(absl::Span<const double> y,
                                     absl::Span<const double> u) const;

  // Predicts points with these factors and sets.
  absl::StatusOr<VecchiaPrediction> PredictFrom(const ResidualPoints& points,
                                                const NeighborTable& sets,
                                                absl::Span<const double> y,
                                                Monitor* monitor) const;

  ResidualIndex index_;
  VecchiaFactor factor_;
  int64_t k_;
  double noise_;
  int threads_;
  Matrix<double> low_rank_;  // m x m: row j is column j of L
};

}  // namespace rct

#endif  // RCT_INDEX_VECCHIA_VECCHIA_MODEL_H_
