// Covariance functions: RBF and Matern 1/2, 3/2, 5/2, isotropic or with one
// lengthscale for each dimension.
//
//     r^2 = sum_t ((x_t - y_t) / l_t)^2
//     RBF          variance * exp(-r^2 / 2)
//     Matern 1/2   variance * exp(-r)
//     Matern 3/2   variance * (1 + a) exp(-a),           a = sqrt(3) r
//     Matern 5/2   variance * (1 + a + a^2 / 3) exp(-a), a = sqrt(5) r
//
// (Rasmussen and Williams 2006, equations 4.9 and 4.14-4.17.) The arithmetic is
// that of simd_routines.h: the same bits on every instruction set.

#ifndef RCT_METRIC_KERNEL_H_
#define RCT_METRIC_KERNEL_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "metric/metric.pb.h"
#include "metric/simd_routines.h"

namespace rct {

// A covariance function on points of a fixed dimension.
class Kernel {
 public:
  // Makes a kernel on points of `dim` coordinates. Returns InvalidArgument,
  // with the field, if `dim` < 1, the family is missing, the variance or a
  // lengthscale is not positive and finite, or the number of lengthscales is
  // neither 0, 1 nor `dim`.
  static absl::StatusOr<Kernel> Create(const KernelConfig& config, int64_t dim);

  KernelFamily family() const { return family_; }
  int dim() const { return static_cast<int>(inverse_lengthscale_.size()); }
  double variance() const { return variance_; }
  // 1 / lengthscale, for each coordinate.
  const std::vector<double>& inverse_lengthscale() const {
    return inverse_lengthscale_;
  }

  // Returns a view for SimdRoutines, which is valid while this object lives.
  KernelSpec spec() const {
    return {family_, dim(), variance_, inverse_lengthscale_.data()};
  }

  // Returns a bound on the error of a computed covariance, in units of 2^-53
  // variance. The two roundings of each dimension's difference and square are
  // damped by x exp(-x) <= 1/e; the constant covers the polynomial and the
  // exponential.
  double rounding_ulps() const { return 16.0 + dim(); }

 private:
  Kernel(KernelFamily family, double variance,
         std::vector<double> inverse_lengthscale);

  KernelFamily family_;
  double variance_;
  std::vector<double> inverse_lengthscale_;
};

}  // namespace rct

#endif  // RCT_METRIC_KERNEL_H_
