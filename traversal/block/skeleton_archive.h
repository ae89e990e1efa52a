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

// Saves the form, the costs by which it was chosen, and the skeletons and
// tables that there are at the time.
void SaveSkeletons(const SkeletonSearcher& searcher, ArchiveWriter& archive);

// Returns whether SaveSkeletons wrote to the archive.
bool HoldsSkeletons(const ArchiveReader& archive);

// Returns a searcher with the saved parts. `metric` and `config` are those of
// the searcher that was saved. Errors are those of archive.status(); a form
// without the parts that it needs is one.
absl::StatusOr<std::unique_ptr<const SkeletonSearcher>> RestoreSkeletons(
    const std::shared_ptr<const ResidualCorrelation>& metric,
    const SkeletonBoundConfig& config, ArchiveReader& archive);

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_SKELETON_ARCHIVE_H_
