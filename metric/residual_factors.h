// Residual factors: V and p, which take the inducing points out of a Gaussian
// process.
//
//     L L^T = K(Z, Z) + jitter I      Cholesky, lower
//     v_x   = L^-1 k(Z, x)            a row of V
//     p_x   = max(k(x, x) - v_x . v_x, floor)
//
// so that k(x, y) - v_x . v_y is the covariance of the residual process
// (Quinonero-Candela and Rasmussen 2005; Vecchia-inducing-points-full-scale
// approximations: Gyger, Furrer and Sigrist 2025).
//
// Both the factorization and the solves are plain substitution: each element is
// one chain of fused multiply-adds in the order of the inducing index. Chunks,
// vectors and threads run across points and never split a chain. V and p hence
// have the same bits on every instruction set and for any number of threads,
// and a point's factors do not depend on the points that are factored with it.
//
// Cost: m^3 / 3 + n m^2 operations, n m kernel evaluations, 8 n m bytes.

#ifndef RCT_METRIC_RESIDUAL_FACTORS_H_
#define RCT_METRIC_RESIDUAL_FACTORS_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "base/aligned_buffer.h"
#include "base/archive.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/point_lanes.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"

namespace rct {

// The Cholesky factor of the inducing points. Immutable, thread-safe.
class InducingFactor {
 public:
  // Factorizes K(Z,Z) + jitter I with the jitter and the variance floor of
  // `config`. Returns InvalidArgument if either is out of range, and
  // FailedPrecondition, with the inducing point, if the matrix is not positive
  // definite in float64. Cancelled, here and below, if `monitor` is.
  static absl::StatusOr<InducingFactor> Create(
      Kernel kernel, InducingPoints inducing, const ResidualConfig& config,
      const SimdRoutines& simd = BestSimdRoutines(),
      Monitor* monitor = nullptr);

  // Returns the factor that Save wrote. `kernel` and `config` are those of
  // Create, and `points` the data from which `config` selects the inducing
  // points, which it does again on `threads`. Returns archive.status() if it is
  // an error. Other inducing points than those, and numbers that no factor has,
  // make it one. `monitor` may be null.
  static absl::StatusOr<InducingFactor> Restore(
      Kernel kernel, const ResidualConfig& config,
      MatrixView<const double> points, int threads, ArchiveReader& archive,
      Monitor* monitor, const SimdRoutines& simd = BestSimdRoutines());
  void Save(ArchiveWriter& archive) const;

  // Returns the same factor for data among which the inducing points are these
  // rows, in their order; none where they are no rows. Shares its memory.
  InducingFactor WithRows(std::vector<int64_t> rows) const;

  // Computes the factors of `points`, n x d. Assumes that they are finite and
  // of the inducing points' dimension. Returns FailedPrecondition, with the
  // row, if a factor is not finite. The result holds `points`, or a copy of the
  // view.
  absl::StatusOr<ResidualPoints> Project(Matrix<double> points, int num_threads,
                                         Monitor* monitor = nullptr) const;
  absl::StatusOr<ResidualPoints> Project(MatrixView<const double> points,
                                         int num_threads,
                                         Monitor* monitor = nullptr) const {
    return Project(Matrix<double>::Copy(points), num_threads, monitor);
  }

  // Compute V = L^-1 K and alpha = L^-T V in place for `count` points side by
  // side, a multiple of eight: element r of point j is columns[r * stride + j],
  // and there are padded_inducing() rows, zero from num_inducing() on.
  void Solve(int64_t stride, int64_t count, double* columns) const;
  void SolveTransposed(int64_t stride, int64_t count, double* columns) const;
  // Returns m rounded up to whole panels.
  int64_t padded_inducing() const { return num_panels() * kPanelRows; }

  // Returns p of a point x with |v_x|^2 = `squared_length`.
  double ResidualVariance(double squared_length) const {
    return std::max(kernel_.variance() - squared_length, variance_floor_);
  }

  const Kernel& kernel() const { return kernel_; }
  const InducingPoints& inducing() const { return inducing_; }
  int64_t num_inducing() const { return inducing_.coordinates.rows(); }
  const RoundingModel& rounding() const { return rounding_; }
  const SimdRoutines& simd() const { return *simd_; }

 private:
  InducingFactor(Kernel kernel, InducingPoints inducing, double jitter,
                 double variance_floor, const SimdRoutines& simd);

  template <class Self, class Archive>
  static void Describe(Self& self, Archive& archive);

  // Computes the factor panel by panel. The steps for one panel: copy its rows
  // from `columns`, which holds L^T for earlier columns, and factorize the
  // triangle on its diagonal.
  absl::Status Factorize(Monitor* monitor);
  Matrix<double> RegularizedCovariances() const;
  void CopyEarlierColumns(int64_t index, const Matrix<double>& columns);
  absl::Status FactorizeTriangle(int64_t index, const Matrix<double>& columns);
  absl::Status NotPositiveDefinite(int64_t row, double pivot) const;

  // Computes the factors of the points [first, first + count) of `result`,
  // where `rhs` is scratch space for a chunk. Returns the first row of these
  // whose factor is not finite, or -1.
  int64_t ProjectChunk(const PointLanes& lanes, int64_t first, int64_t count,
                       double* rhs, ResidualPoints& result) const;

  // Refuse points other than `expected`, and numbers that no factor has.
  void Check(const InducingPoints& expected, ArchiveReader& archive) const;
  void CheckPanels(ArchiveReader& archive) const;

  int64_t num_panels() const;
  FactorPanel panel(int64_t index) const;

  Kernel kernel_;
  InducingPoints inducing_;
  double variance_floor_;  // absolute
  RoundingModel rounding_;
  const SimdRoutines* simd_;
  AlignedBuffer<double> panels_;            // of L, one after the other
  AlignedBuffer<double> inverse_diagonal_;  // m, rounded up to whole panels
};

// Returns points with the factors that a user computed, `v` n x m and
// `variance` n. Returns InvalidArgument, with row and column, if the shapes
// differ, a value is not finite or a variance is not positive.
absl::StatusOr<ResidualPoints> ResidualPointsFromFactors(
    MatrixView<const double> points, MatrixView<const double> v,
    absl::Span<const double> variance);

// Refuses points read from `archive` unless all of this holds: coordinates are
// finite; rows of V are finite, so short that no product overflows, and zero in
// their padding; p is positive, and s follows from it bit for bit. If `factor`
// is not null, it computed V, and p must follow from V as well. No search then
// meets a NaN, which has no place in an order.
//
// Cost: one pass over V, the same memory as for its digest and far less work.
void CheckResidualPoints(const ResidualPoints& points,
                         const InducingFactor* factor, int threads,
                         ArchiveReader& archive);

}  // namespace rct

#endif  // RCT_METRIC_RESIDUAL_FACTORS_H_
