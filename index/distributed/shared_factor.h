// The inducing points of points that ranks share, and their factor, which every
// rank has.
//
// What is selected is what ResidualModel::Create selects, bit for bit. Rows,
// given or random, follow from the number of points, and their coordinates are
// gathered from the slices that have them. To choose by distance (k-means++,
// k-means, cover tree) takes all points: they are gathered on rank 0, which
// then needs 8 d n bytes for a while and chooses alone.

#ifndef RCT_INDEX_DISTRIBUTED_SHARED_FACTOR_H_
#define RCT_INDEX_DISTRIBUTED_SHARED_FACTOR_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/distributed/rank_exchange.h"
#include "metric/metric.pb.h"
#include "metric/residual_factors.h"

namespace rct {

// All ranks make the call, each with its slice of n points, finite. Errors are
// those of ResidualModel::Create.
absl::StatusOr<std::shared_ptr<const InducingFactor>> SharedFactor(
    MatrixView<const double> slice, int64_t n, const ResidualConfig& config,
    int threads, Monitor* monitor, RankExchange& exchange);

// Returns the first `count` of n points, which all ranks get.
absl::StatusOr<Matrix<double>> GatherFirst(MatrixView<const double> slice,
                                           int64_t n, int64_t count,
                                           RankExchange& exchange);

}  // namespace rct

#endif  // RCT_INDEX_DISTRIBUTED_SHARED_FACTOR_H_
