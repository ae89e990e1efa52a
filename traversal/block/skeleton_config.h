// The configuration of the skeleton bound: what it may be, and the options that
// follow from it and from the data where it leaves them open.

#ifndef RCT_TRAVERSAL_BLOCK_SKELETON_CONFIG_H_
#define RCT_TRAVERSAL_BLOCK_SKELETON_CONFIG_H_

#include <cstdint>

#include "absl/status/status.h"
#include "metric/kernel.h"
#include "metric/residual_correlation.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_bounds.h"

namespace rct {

// The residual field has about m cells: with n / m points in a cell a block of
// this size covers a few of them, fewer where they are full, or where the
// kernel is rough and a block of few points has residuals enough.
// Returns its points, a power of two.
int64_t AutomaticBlockSize(int64_t n, int64_t m, KernelFamily family);

// Returns the bytes that skeletons and tables may take: infinity for no limit.
double MemoryOf(const SkeletonBoundConfig& config);

// Returns InvalidArgument, naming the field, where one is out of range.
absl::Status ValidateSkeletonBoundConfig(const SkeletonBoundConfig& config);

// Returns the options of skeletons over `metric`. Points of a block are grouped
// by row where `group_by_row` says so.
SkeletonOptions SkeletonOptionsFor(const ResidualCorrelation& metric,
                                   const SkeletonBoundConfig& config,
                                   bool group_by_row, const SlackScale& scale);

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_SKELETON_CONFIG_H_
