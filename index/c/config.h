// What an index is made with.

#ifndef RCT_INDEX_C_CONFIG_H_
#define RCT_INDEX_C_CONFIG_H_

#include "absl/status/statusor.h"
#include "index/c/rct.h"
#include "index/index.pb.h"
#include "metric/metric.pb.h"
#include "traversal/traversal.pb.h"

struct rct_config {
  // The values have the positions of their words in config.cc.
  enum class Metric { kResidual, kCorrelation, kEuclidean };

  Metric metric = Metric::kResidual;
  rct::ResidualConfig residual;  // only what the caller has set
  rct::Strategy strategy = rct::STRATEGY_UNSPECIFIED;
};

namespace rct {

// Returns the metric of a config. Returns InvalidArgument, naming the function
// to call, where an option is set that the metric has no use for, or one that
// it needs is not.
absl::StatusOr<MetricConfig> MetricOf(const rct_config& config);

}  // namespace rct

#endif  // RCT_INDEX_C_CONFIG_H_
