// The configuration of the skeleton bound: what it may be, and the options that
// follow from it and from the data where it leaves them open.

#ifndef RCT_TRAVERSAL_BLOCK_SKELETON_CONFIG_H_
#define RCT_TRAVERSAL_BLOCK_SKELETON_CONFIG_H_

#include "absl/status/status.h"
#include "metric/residual_correlation.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_bounds.h"

namespace rct {

// Returns InvalidArgument, naming the field, where one is out of range.
absl::Status ValidateSkeletonBoundConfig(const SkeletonBoundConfig& config);

// Returns the options of skeletons over `metric`. Points of a block are grouped
// by row where `group_by_row` says so.
SkeletonOptions SkeletonOptionsFor(const ResidualCorrelation& metric,
                                   const SkeletonBoundConfig& config,
                                   bool group_by_row, const SlackScale& scale);

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_SKELETON_CONFIG_H_
