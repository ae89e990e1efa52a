// Residual models for tests, in one call.

#ifndef RCT_METRIC_TEST_MODEL_H_
#define RCT_METRIC_TEST_MODEL_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_factors.h"
#include "metric/simd_routines.h"
#include "metric/test_reference.h"

namespace rct {

inline Kernel MakeKernel(KernelFamily family, double variance,
                         const std::vector<double>& lengthscales, int64_t dim) {
  return Kernel::Create(MakeKernelConfig(family, variance, lengthscales), dim)
      .value();
}

// Inducing points that are rows of nothing.
inline absl::StatusOr<InducingFactor> MakeFactor(
    const Kernel& kernel, const Matrix<double>& inducing, double jitter,
    const SimdRoutines& simd = BestSimdRoutines()) {
  ResidualConfig config;
  config.set_jitter(jitter);
  return InducingFactor::Create(kernel, {inducing.Clone(), {}}, config, simd);
}

}  // namespace rct

#endif  // RCT_METRIC_TEST_MODEL_H_
