#include "index/streaming/stream_factor.h"

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/status_macros.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_factors.h"
#include "metric/simd_routines.h"

namespace rct {

absl::StatusOr<std::shared_ptr<const InducingFactor>> StreamFactor(
    MatrixView<const double> points, const ResidualConfig& config, int threads,
    Monitor* monitor) {
  RCT_RETURN_IF_ERROR(ValidateFinite("points", points));
  RCT_ASSIGN_OR_RETURN(Kernel kernel,
                       Kernel::Create(config.kernel(), points.cols));
  RCT_ASSIGN_OR_RETURN(
      InducingPoints inducing,
      SelectInducingPoints(config.inducing(), points,
                           {.inverse_lengthscale = kernel.inverse_lengthscale(),
                            .threads = threads,
                            .monitor = monitor}));
  RCT_ASSIGN_OR_RETURN(
      InducingFactor factor,
      InducingFactor::Create(std::move(kernel), std::move(inducing), config,
                             BestSimdRoutines(), monitor));
  return std::make_shared<const InducingFactor>(std::move(factor));
}

}  // namespace rct
