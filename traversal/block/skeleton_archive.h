// Skeletons and tables in an archive, so that another process need not make
// them again.

#ifndef RCT_TRAVERSAL_BLOCK_SKELETON_ARCHIVE_H_
#define RCT_TRAVERSAL_BLOCK_SKELETON_ARCHIVE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "base/archive.h"
#include "metric/residual_correlation.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_searcher.h"

namespace rct {

// The form, what it was chosen by, and the skeletons and tables that are there
// at the time.
void SaveSkeletons(const SkeletonSearcher& searcher, ArchiveWriter& archive);

// Whether SaveSkeletons wrote to it.
bool HoldsSkeletons(const ArchiveReader& archive);

// A searcher with them, as Create made it but for tables that calls have made
// since. `metric` and `config` are as they were for that one. Errors of
// archive.status(), to which belongs a form without the parts that it needs.
absl::StatusOr<std::unique_ptr<const SkeletonSearcher>> RestoreSkeletons(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const SkeletonBoundConfig& config, ArchiveReader& archive);

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_SKELETON_ARCHIVE_H_
