// The factor of the inducing points that a streamed search selects.

#ifndef RCT_INDEX_STREAMING_STREAM_FACTOR_H_
#define RCT_INDEX_STREAMING_STREAM_FACTOR_H_

#include <memory>

#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "metric/metric.pb.h"
#include "metric/residual_factors.h"

namespace rct {

// Selects the inducing points as ResidualModel::Create does, and factorizes
// them, with its errors.
absl::StatusOr<std::shared_ptr<const InducingFactor>> StreamFactor(
    MatrixView<const double> points, const ResidualConfig& config, int threads,
    Monitor* monitor);

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_STREAM_FACTOR_H_
