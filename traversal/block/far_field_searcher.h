// Exact search by the far-field bound.
//
// Queries that are rows are sorted by block; those of a block are a task, which
// one thread does (far_field_pass.h). Inducing points are in no block: their
// residual covariances are jitter alpha, which bounds them for whole blocks,
// and they are searched for one by one, blocks of large bounds first. Queries
// with few predecessors, those that are no rows, and hard ones go to exhaustive
// search together. Answers have the bits of exhaustive search, whatever the
// options and threads. Counters do not depend on threads either.

#ifndef RCT_TRAVERSAL_BLOCK_FAR_FIELD_SEARCHER_H_
#define RCT_TRAVERSAL_BLOCK_FAR_FIELD_SEARCHER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/monitor.h"
#include "metric/residual_correlation.h"
#include "traversal/block/far_field.pb.h"
#include "traversal/block/far_field_blocks.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/build_phase.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {

// Returns InvalidArgument, with the field, unless all fields are in range.
absl::Status ValidateFarFieldConfig(const FarFieldConfig& config);

// Thread-safe.
class FarFieldSearcher final : public Searcher<ResidualCorrelation> {
 public:
  // Builds a searcher on `threads` threads. `metric` holds the data in the
  // caller's order. Where the bound is not offered (FarFieldBlocks::Offered)
  // every search is exhaustive. Errors are those of ValidateFarFieldConfig;
  // Cancelled. `scale` is for tests.
  static absl::StatusOr<std::unique_ptr<const FarFieldSearcher>> Create(
      const std::shared_ptr<const ResidualCorrelation>& metric,
      const FarFieldConfig& config, int threads,
      const FarFieldScale& scale = {}, Monitor* monitor = nullptr);

  // Returns the blocks, or null where the bound is not offered.
  const FarFieldBlocks* blocks() const { return blocks_.get(); }
  const std::vector<BuildPhase>& phases() const { return phases_; }

 private:
  struct Tasks;

  explicit FarFieldSearcher(
      const std::shared_ptr<const ResidualCorrelation>& metric);

  void Search(const Request& request, NeighborTable& neighbors,
              SearchStatistics& statistics) const override;
  Tasks Divide(const Request& request) const;
  void RunTasks(const Request& request, Tasks& divided,
                NeighborTable& neighbors, SearchStatistics& statistics) const;
  void SearchInducing(const Request& request, absl::Span<const int32_t> queries,
                      NeighborTable& neighbors,
                      SearchStatistics& statistics) const;

  std::unique_ptr<const FarFieldBlocks> blocks_;
  std::vector<int32_t> inducing_number_;  // of a row, or -1
  std::vector<BuildPhase> phases_;
  ExhaustiveSearcher<ResidualCorrelation> exhaustive_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_FAR_FIELD_SEARCHER_H_
