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
// one chain of fused multiply-adds in the order of the inducing index. Blocks,
// vectors and threads run across points and never split a chain, so V and p
// have the same bits on every instruction set and for any number of threads; a
// point's factors do not depend on which others are factored with it.
//
// Cost: m^3 / 3 + n m^2 operations, n m kernel evaluations, 8 n m bytes.

#ifndef RCT_METRIC_RESIDUAL_FACTORS_H_
#define RCT_METRIC_RESIDUAL_FACTORS_H_

#include <algorithm>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "base/aligned_buffer.h"
#include "base/archive.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"

namespace rct {

// The Cholesky factor of the inducing points. Immutable, thread-safe.
class InducingFactor {
 public:
  // `config` supplies jitter and variance floor. InvalidArgument where either
  // is out of range; FailedPrecondition, naming the inducing point, where
  // K(Z,Z) + jitter I is not positive definite in float64. Cancelled, here and
  // below, where `monitor` is.
  static absl::StatusOr<InducingFactor> Create(
      Kernel kernel, InducingPoints inducing, const ResidualConfig& config,
      const SimdRoutines& simd = BestSimdRoutines(), Monitor* monitor = nullptr);

  // The factor that Save wrote; `kernel` and `config` are those of Create, and
  // `points` those of which `config` chooses the inducing points. Errors of
  // archive.status(), to which belong: other inducing points than those, and
  // numbers that no factor has.
  static absl::StatusOr<InducingFactor> Restore(
      Kernel kernel, const ResidualConfig& config,
      MatrixView<const double> points, ArchiveReader& archive,
      const SimdRoutines& simd = BestSimdRoutines());
  void Save(ArchiveWriter& archive) const;

  // Factors of `points` (n x d, finite; d as the inducing points have).
  // FailedPrecondition, naming the row, where a factor is not finite.
  // The result holds `points`, or a copy of what they show.
  absl::StatusOr<ResidualPoints> Project(Matrix<double> points, int num_threads,
                                         Monitor* monitor = nullptr) const;
  absl::StatusOr<ResidualPoints> Project(MatrixView<const double> points,
                                         int num_threads,
                                         Monitor* monitor = nullptr) const {
    return Project(Matrix<double>::Copy(points), num_threads, monitor);
  }

  // p of a point x with |v_x|^2 = `squared_length`.
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

  absl::Status Factorize(Monitor* monitor);
  void Check(const InducingPoints& expected, ArchiveReader& archive) const;
  int64_t num_panels() const;
  FactorPanel panel(int64_t index) const;

  Kernel kernel_;
  InducingPoints inducing_;
  double variance_floor_;  // absolute
  RoundingModel rounding_;
  const SimdRoutines* simd_;
  AlignedBuffer<double> panels_;            // one after the other
  AlignedBuffer<double> inverse_diagonal_;  // m, rounded up to whole panels
};

// Factors that a user computed: `v` n x m, `variance` n. InvalidArgument,
// naming row and column, where the shapes differ, a value is not finite or a
// variance is not positive.
absl::StatusOr<ResidualPoints> ResidualPointsFromFactors(
    MatrixView<const double> points, MatrixView<const double> v,
    absl::Span<const double> variance);

// Refuses points read from `archive` unless they are finite, rows of V are
// finite, short enough for every product and zero in their padding, p is
// positive and s follows from it; and p from V, bit for bit, where V is by
// `factor`, which is null for factors from elsewhere.
//
// Cost: one pass over V, which is as much memory as its digest was over and far
// less work. What it buys: no search meets a NaN, by which it could not order.
void CheckResidualPoints(const ResidualPoints& points,
                         const InducingFactor* factor, int threads,
                         ArchiveReader& archive);

}  // namespace rct

#endif  // RCT_METRIC_RESIDUAL_FACTORS_H_
