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
// a sample of blocks: for `expected_queries` if they are given. If not, tables
// that 1,024 queries pay for are made at once, and others when calls have asked
// so much that tables would have paid: the call that crosses the line makes
// them, and they are kept for all calls after it. So no batch pays for what
// only a larger one needs, and no sequence of calls costs more than about twice
// what it would if its length had been known.

#ifndef RCT_HEURISTICS_SKELETON_BOUND_SKELETON_SEARCHER_H_
#define RCT_HEURISTICS_SKELETON_BOUND_SKELETON_SEARCHER_H_

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
#include "heuristics/skeleton_bound/block_skeletons.h"
#include "heuristics/skeleton_bound/skeleton_bound.pb.h"
#include "heuristics/skeleton_bound/skeleton_bounds.h"
#include "heuristics/skeleton_bound/skeleton_costs.h"
#include "heuristics/skeleton_bound/skeleton_tables.h"
#include "metric/residual_correlation.h"
#include "traversal/build_phase.h"
#include "traversal/exhaustive.h"
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
      std::shared_ptr<const ResidualCorrelation> metric,
      const SkeletonBoundConfig& config, int threads,
      const SlackScale& scale = {}, Monitor* monitor = nullptr);

  // What was decided: TABLES, PROJECTIONS or DENSE; AUTO where calls decide.
  SkeletonBoundConfig::Form form() const { return form_; }
  // Null where the form does without.
  const BlockSkeletons* skeletons() const { return skeletons_.get(); }
  // Null as long as there are none.
  const SkeletonTables* tables() const { return tables_; }

  // What Create() cost.
  const std::vector<BuildPhase>& phases() const { return phases_; }
  int64_t kept_bytes() const override;

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

  SkeletonSearcher(std::shared_ptr<const ResidualCorrelation> metric,
                   const SkeletonBoundConfig& config);

  void Build(int threads, const SlackScale& scale, Monitor* monitor);
  SkeletonBoundConfig::Form FormAtBuild(const SkeletonCosts& costs) const;

  void Search(const Request& request, NeighborTable& neighbors,
              SearchStatistics& statistics) const override;
  // The form for this call, with its forecast.
  SkeletonBoundConfig::Form FormOfCall(const Request& request,
                                       SearchCounters& counters) const;
  // Makes the tables if there are none and calls, this one included, have
  // missed so much by now: `missed` evaluations in this call, which goes on
  // with as many as `by_tables`. Whether it has made them.
  bool MakeTables(double missed, double by_tables, const SearchOptions& options,
                  SearchCounters& counters) const;
  Tasks Divide(const Request& request, bool projects) const;
  // Exhaustive search for these queries, added to what is there.
  void SearchExhaustively(const Request& request,
                          absl::Span<const int32_t> queries,
                          NeighborTable& neighbors,
                          SearchStatistics& statistics) const;

  SkeletonBoundConfig config_;
  SkeletonBoundConfig::Form form_ = SkeletonBoundConfig::DENSE;
  ExhaustiveSearcher<ResidualCorrelation> exhaustive_;
  std::unique_ptr<const BlockSkeletons> skeletons_;
  std::optional<SkeletonCosts> costs_;  // with AUTO
  std::vector<BuildPhase> phases_;

  // Set once; read without the lock.
  mutable std::atomic<const SkeletonTables*> tables_ = nullptr;
  mutable absl::Mutex mutex_;
  mutable std::unique_ptr<const SkeletonTables> made_ ABSL_GUARDED_BY(mutex_);
  // What all calls so far could have saved with tables, in evaluations.
  mutable double missed_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace rct

#endif  // RCT_HEURISTICS_SKELETON_BOUND_SKELETON_SEARCHER_H_
