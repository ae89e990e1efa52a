// Exact search by the far-field bound.
//
// Queries that are rows are sorted by block; those of a block are a task, which
// one thread does (far_field_pass.h). Inducing points are in no block: their
// residual covariances are jitter alpha, which bounds them, and each is
// searched for in the task of the block that sees most of it (inducing_pass.h).
// Queries with few predecessors, those that are no rows, and hard ones go to a
// search of all pairs together. Answers have the bits of exhaustive search,
// whatever the options and threads. Counters do not depend on threads either.
//
// Blocks are made at once where the config asks for the bound by name. Where
// the bound was chosen by its forecast (block_choice.h), the first call that
// they pay for makes them, as for skeletons (lazy_skeletons.h): each call adds
// what it could have saved, and when the sum exceeds the price, that call makes
// them. Until then all pairs are searched. If that call is under the
// predecessor constraint, panels are sorted by row (FarFieldOptions::balls), so
// that a query of an early row skips those of later ones: as fast for such
// queries in the plane and faster in space, and slower by a third for all
// others.

#ifndef RCT_TRAVERSAL_BLOCK_FAR_FIELD_SEARCHER_H_
#define RCT_TRAVERSAL_BLOCK_FAR_FIELD_SEARCHER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/monitor.h"
#include "metric/residual_correlation.h"
#include "traversal/block/far_field.pb.h"
#include "traversal/block/far_field_blocks.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_costs.h"
#include "traversal/block/space_partition.h"
#include "traversal/build_phase.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/exhaustive/float_screen_searcher.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {

// Returns InvalidArgument, with the field, unless all fields are in range.
absl::Status ValidateFarFieldConfig(const FarFieldConfig& config);

// Returns the options of blocks for this metric and config.
FarFieldOptions FarFieldOptionsFor(const ResidualCorrelation& metric,
                                   const FarFieldConfig& config,
                                   const FarFieldScale& scale = {});

// Thread-safe.
class FarFieldSearcher final : public Searcher<ResidualCorrelation> {
 public:
  // The cost of the float screen, as a part of that of exhaustive search.
  static constexpr double kScreenCost = 0.5;

  // Builds a searcher on `threads` threads, blocks and all. `metric` holds the
  // data in the caller's order. Where the bound is not offered
  // (FarFieldBlocks::Offered) every search is exhaustive. Errors are those of
  // ValidateFarFieldConfig; Cancelled. `scale` is for tests.
  static absl::StatusOr<std::unique_ptr<const FarFieldSearcher>> Create(
      const std::shared_ptr<const ResidualCorrelation>& metric,
      const FarFieldConfig& config, int threads,
      const FarFieldScale& scale = {}, Monitor* monitor = nullptr);

  // Makes a searcher whose blocks are made when calls pay for them: never, if
  // `costs` are absent. Until then all pairs are searched: through the float
  // screen, which the first such call makes, if `screens`, and else
  // exhaustively. `partition` is that of the blocks, if it is known.
  FarFieldSearcher(const std::shared_ptr<const ResidualCorrelation>& metric,
                   const FarFieldConfig& config,
                   const std::optional<FarFieldCosts>& costs, bool screens,
                   std::optional<SpacePartition> partition = std::nullopt);

  // Makes the float screen if there is none.
  const FloatScreenSearcher& MakeScreen(int threads) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Makes the blocks if there are none. False where the monitor is cancelled.
  bool MakeBlocks(int threads, Monitor* monitor) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Returns the blocks, or null as long as there are none.
  const FarFieldBlocks* blocks() const { return blocks_; }
  const std::vector<BuildPhase>& phases() const { return phases_; }

  int64_t kept_bytes() const override;
  bool settled() const override;

 private:
  struct Tasks;

  void Search(const Request& request, NeighborTable& neighbors,
              SearchStatistics& statistics) const override;
  bool ClearsTables() const override { return true; }
  // Returns the forecast of a call that searches all pairs.
  double AllPairsCost(const Request& request) const;
  // Returns the blocks that a call searches by, or null. Makes them first, on
  // the call's threads, where they pay by now, and counts the forecast of the
  // whole call.
  const FarFieldBlocks* BlocksFor(const Request& request,
                                  SearchCounters& counters) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Makes the blocks, for queries under the predecessor constraint or not.
  void Make(bool predecessor, int threads, Monitor* monitor) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Tasks Divide(const Request& request, const FarFieldBlocks* blocks) const;
  void RunTasks(const Request& request, const FarFieldBlocks& blocks,
                Tasks& divided, NeighborTable& neighbors,
                SearchStatistics& statistics) const;

  FarFieldOptions options_;
  std::optional<FarFieldCosts> costs_;
  std::vector<BuildPhase> phases_;
  ExhaustiveSearcher<ResidualCorrelation> exhaustive_;
  bool screens_;
  bool lazy_;

  // Set once; read without the lock.
  mutable std::atomic<const FarFieldBlocks*> blocks_ = nullptr;
  mutable std::atomic<const FloatScreenSearcher*> screen_ = nullptr;
  mutable absl::Mutex mutex_;
  mutable std::optional<SpacePartition> partition_ ABSL_GUARDED_BY(mutex_);
  mutable std::unique_ptr<const FarFieldBlocks> made_ ABSL_GUARDED_BY(mutex_);
  mutable std::unique_ptr<const FloatScreenSearcher> made_screen_
      ABSL_GUARDED_BY(mutex_);
  // The evaluations that all calls so far could have saved.
  mutable double missed_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_FAR_FIELD_SEARCHER_H_
