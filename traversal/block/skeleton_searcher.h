// Exact search by skeleton bounds.
//
// Queries are sorted by the block in which they lie; those of a block are a
// task, which one thread does (skeleton_pass.h). Queries for which the bounds
// are in vain, and those with so few predecessors that tiles are faster, go to
// exhaustive search together. Answers have the bits of exhaustive search,
// whatever the options and threads. Counters do not depend on threads either.
//
// Forms. TABLES holds tables between all skeletons; a query that is no point of
// the data is projected on the skeleton of the block in which it lies, and is
// then like any other. PROJECTIONS holds none and projects each query on every
// skeleton, s evaluations a block. DENSE is exhaustive search: where the
// residuals of the skeletons are so large that no bound dismisses anything.
//
// AUTO chooses by what the forms are estimated to cost (skeleton_costs.h), from
// a sample of blocks: for `expected_queries` if they are given. If not,
// skeletons, and then tables, are made as soon as calls have asked so much that
// they would have paid: the call that crosses the line makes them, and they are
// kept for all calls after it; until then calls project, or search exhaustively
// where that is cheaper. If that call is under the predecessor constraint,
// points are grouped by row (`group_by_row`), for it and all after it. So no
// batch pays for what only a larger one needs, and no sequence of calls costs
// more than about twice what it would if its length had been known (the
// argument of ski rental: rent until you have paid the price).

#ifndef RCT_TRAVERSAL_BLOCK_SKELETON_SEARCHER_H_
#define RCT_TRAVERSAL_BLOCK_SKELETON_SEARCHER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/monitor.h"
#include "metric/residual_correlation.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_bounds.h"
#include "traversal/block/skeleton_costs.h"
#include "traversal/block/skeleton_tables.h"
#include "traversal/block/space_partition.h"
#include "traversal/build_phase.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/searcher.h"

namespace rct {

// InvalidArgument, naming the field, where one is out of range.
absl::Status ValidateSkeletonBoundConfig(const SkeletonBoundConfig& config);

// Thread-safe; what is kept between calls changes the speed alone.
class SkeletonSearcher final : public Searcher<ResidualCorrelation> {
 public:
  // `metric` holds the data in the caller's order and has a rounding model.
  // Errors are those of ValidateSkeletonBoundConfig and of
  // RoundingModel::Validate; Cancelled. `scale` is for tests.
  static absl::StatusOr<std::unique_ptr<const SkeletonSearcher>> Create(
      const std::shared_ptr<const ResidualCorrelation>& metric,
      const SkeletonBoundConfig& config, int threads,
      const SlackScale& scale = {}, Monitor* monitor = nullptr);

  // A searcher that another one's decisions and parts make again, as it was
  // before its first call but for what is given. Costs belong to AUTO;
  // skeletons and tables are null where there are none yet.
  static std::unique_ptr<const SkeletonSearcher> Restore(
      const std::shared_ptr<const ResidualCorrelation>& metric,
      const SkeletonBoundConfig& config, SkeletonBoundConfig::Form form,
      const std::optional<SkeletonCosts>& costs,
      std::unique_ptr<const BlockSkeletons> skeletons,
      std::unique_ptr<const SkeletonTables> tables);

  // What was decided: TABLES, PROJECTIONS or DENSE; AUTO where calls decide.
  SkeletonBoundConfig::Form form() const { return form_; }
  // Absent where the config chose the form.
  const std::optional<SkeletonCosts>& costs() const { return costs_; }
  // Null as long as there are none.
  const BlockSkeletons* skeletons() const { return skeletons_; }
  const SkeletonTables* tables() const { return tables_; }

  // What Create() cost.
  const std::vector<BuildPhase>& phases() const { return phases_; }
  int64_t kept_bytes() const override;
  bool settled() const override;

 private:
  // Queries of one block.
  struct Task {
    int block;
    absl::Span<const int32_t> queries;
  };
  struct Tasks {
    std::vector<int32_t> order;  // what the spans refer to
    std::vector<Task> tasks;
    std::vector<int32_t> hard;  // queries that are in none
  };

  SkeletonSearcher(const std::shared_ptr<const ResidualCorrelation>& metric,
                   const SkeletonBoundConfig& config);

  // What a call costs with nothing, with skeletons and with tables.
  struct CallCosts {
    double dense;
    double projected;
    double by_tables;
  };

  void Build(int threads, const SlackScale& scale, Monitor* monitor);
  SkeletonBoundConfig::Form FormAtBuild(const SkeletonCosts& costs) const;

  void Search(const Request& request, NeighborTable& neighbors,
              SearchStatistics& statistics) const override;
  // The form for this call, with its forecast.
  SkeletonBoundConfig::Form FormOfCall(const Request& request,
                                       SearchCounters& counters) const;
  // Makes what is not there if calls, this one included, have missed so much by
  // now. Returns the forecast of what that cost. Where memory runs out the call
  // goes on without, what is whole is kept, and the next attempt is made when
  // calls have missed as much once more.
  double MakeWhatPays(const CallCosts& call, const SearchOptions& options,
                      SearchCounters& counters) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Keep(std::unique_ptr<const BlockSkeletons> skeletons) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Keep(std::unique_ptr<const SkeletonTables> tables) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // False where they turn out to be unsound, or `monitor` is cancelled.
  // std::bad_alloc where there is no memory for them. Nothing is kept then.
  bool MakeSkeletons(int threads, bool group_by_row, Monitor* monitor) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MakeTables(int threads, Monitor* monitor) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Tasks Divide(const Request& request, bool projects) const;

  SkeletonBoundConfig config_;
  SkeletonOptions options_;
  SkeletonBoundConfig::Form form_ = SkeletonBoundConfig::DENSE;
  ExhaustiveSearcher<ResidualCorrelation> exhaustive_;
  std::optional<SkeletonCosts> costs_;  // with AUTO
  std::vector<BuildPhase> phases_;

  // Set once; read without the lock.
  mutable std::atomic<const BlockSkeletons*> skeletons_ = nullptr;
  mutable std::atomic<const SkeletonTables*> tables_ = nullptr;
  mutable std::atomic<bool> in_vain_ = false;  // they are unsound

  mutable absl::Mutex mutex_;
  // What skeletons will be made of, unless they are made in another process or
  // are grouped otherwise.
  mutable std::optional<SpacePartition> partition_ ABSL_GUARDED_BY(mutex_);
  mutable std::unique_ptr<const BlockSkeletons> made_skeletons_
      ABSL_GUARDED_BY(mutex_);
  mutable std::unique_ptr<const SkeletonTables> made_tables_
      ABSL_GUARDED_BY(mutex_);
  // What all calls so far could have saved, in evaluations.
  mutable double missed_with_skeletons_ ABSL_GUARDED_BY(mutex_) = 0;
  mutable double missed_with_tables_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_SKELETON_SEARCHER_H_
