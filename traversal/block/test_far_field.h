// Residual metrics for tests of the far-field bound, whose kernels and inducing
// points differ more than those of metric/test_data.h.

#ifndef RCT_TRAVERSAL_BLOCK_TEST_FAR_FIELD_H_
#define RCT_TRAVERSAL_BLOCK_TEST_FAR_FIELD_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/matrix.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/simd_routines.h"

namespace rct {

struct FarFieldModel {
  KernelConfig::Family family = KernelConfig::MATERN12;
  std::vector<double> lengthscale = {1};  // one, or one for each dimension
  double variance = 1;
  double jitter = 1e-6;
  double variance_floor = 1e-9;
  // The inducing points: `num_inducing` random rows, or else these rows, or
  // else these coordinates.
  int64_t num_inducing = 0;
  std::vector<int64_t> rows = {};
  std::vector<double> coordinates = {};
};

// Returns the factor of the model's inducing points. Its configuration must be
// valid.
inline std::shared_ptr<const InducingFactor> MakeFarFieldFactor(
    MatrixView<const double> points, const FarFieldModel& model,
    const SimdRoutines& simd = BestSimdRoutines()) {
  ResidualConfig config;
  config.mutable_kernel()->set_family(model.family);
  config.mutable_kernel()->set_variance(model.variance);
  for (const double l : model.lengthscale) {
    config.mutable_kernel()->add_lengthscale(l);
  }
  config.set_jitter(model.jitter);
  config.set_variance_floor(model.variance_floor);
  if (model.num_inducing > 0) {
    config.mutable_inducing()->mutable_random()->set_count(model.num_inducing);
  }
  for (const int64_t row : model.rows) {
    config.mutable_inducing()->mutable_rows()->add_row(row);
  }
  for (const double x : model.coordinates) {
    config.mutable_inducing()->mutable_coordinates()->add_value(x);
  }
  Kernel kernel = Kernel::Create(config.kernel(), points.cols).value();
  InducingPoints inducing =
      SelectInducingPoints(config.inducing(), points).value();
  return std::make_shared<const InducingFactor>(
      InducingFactor::Create(std::move(kernel), std::move(inducing), config,
                             simd)
          .value());
}

// Returns the metric of that factor on `points`.
inline std::shared_ptr<const ResidualCorrelation> MakeFarFieldMetric(
    MatrixView<const double> points, const FarFieldModel& model,
    const SimdRoutines& simd = BestSimdRoutines()) {
  std::shared_ptr<const InducingFactor> factor =
      MakeFarFieldFactor(points, model, simd);
  Kernel kernel = factor->kernel();
  return std::make_shared<const ResidualCorrelation>(
      std::move(kernel), factor->Project(points, 1).value(), factor, simd);
}

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_TEST_FAR_FIELD_H_
