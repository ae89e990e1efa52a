// Lazy skeletons: deciding what an index of blocks is made of, and making it
// when it pays.
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
//
// A search asks once, at its beginning, and gets parts that never change: it
// knows no lock.

#ifndef RCT_TRAVERSAL_BLOCK_LAZY_SKELETONS_H_
#define RCT_TRAVERSAL_BLOCK_LAZY_SKELETONS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "base/monitor.h"
#include "metric/residual_correlation.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/inducing_bounds.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_bounds.h"
#include "traversal/block/skeleton_costs.h"
#include "traversal/block/skeleton_pass.h"
#include "traversal/block/skeleton_tables.h"
#include "traversal/block/space_partition.h"
#include "traversal/build_phase.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {

// Returns whether skeletons of these costs are worth their price.
using SkeletonRival =
    absl::FunctionRef<bool(const std::optional<SkeletonCosts>& costs)>;

// The rival of skeletons that stand alone.
inline bool KeepSkeletons(const std::optional<SkeletonCosts>&) { return true; }

// Thread-safe. What calls make and leave here changes the speed of later ones
// alone.
class LazySkeletons {
 public:
  using Form = SkeletonBoundConfig::Form;
  using Request = Searcher<ResidualCorrelation>::Request;

  // Decides the form and makes what it needs at once, on `threads` threads.
  // `metric` holds the data in the caller's order and has a valid rounding
  // model; `config` is valid. A cancelled monitor leaves an incomplete object.
  // `scale` is for tests.
  // With AUTO, `rival` is asked whether skeletons of these costs, absent where
  // they dismiss nothing, are cheaper than all else; if not, the form is DENSE.
  LazySkeletons(std::shared_ptr<const ResidualCorrelation> metric,
                const SkeletonBoundConfig& config, int threads,
                const SlackScale& scale, Monitor* monitor,
                SkeletonRival rival = KeepSkeletons);

  // Takes the decisions and parts of another one. Costs belong to AUTO;
  // skeletons and tables are null where there are none yet.
  LazySkeletons(std::shared_ptr<const ResidualCorrelation> metric,
                const SkeletonBoundConfig& config, Form form,
                const std::optional<SkeletonCosts>& costs,
                std::unique_ptr<const BlockSkeletons> skeletons,
                std::unique_ptr<const SkeletonTables> tables);

  // Returns the parts that a call searches by: none, for which it searches
  // exhaustively; skeletons, on which it projects its queries; or both, for
  // TABLES. Makes parts first, on the call's threads, where they pay by now,
  // and counts the evaluations of that and the forecast of the whole call.
  SkeletonParts PartsFor(const Request& request,
                         SearchCounters& counters) const;

  // Returns the bounds of inducing points (inducing_bounds.h), or null as long
  // as they do not pay: of a call's `queries`, skeletons leave inducing points
  // to exhaustive search, which takes `evaluations` for them. Makes the bounds
  // first, on the call's threads, where they pay by now; never where the config
  // chose the form.
  const InducingBounds* InducingFor(double evaluations, int64_t queries,
                                    const SearchOptions& options) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns the same as far as they are made.
  const InducingBounds* inducing() const { return inducing_; }
  // The bounds turned out to dismiss too little: no call uses them from now on.
  // Others may be in use of them, and so they stay.
  void DropInducing() const { inducing_ = nullptr; }

  // The decision: TABLES, PROJECTIONS or DENSE; AUTO where calls decide.
  Form form() const { return form_; }
  // Absent where the config chose the form.
  const std::optional<SkeletonCosts>& costs() const { return costs_; }
  // The config's, or what samples chose in its place; 0 where it follows the
  // kernel.
  double rms_residual() const { return config_.rms_residual(); }
  // Null as long as there are none.
  const BlockSkeletons* skeletons() const { return skeletons_; }
  const SkeletonTables* tables() const { return tables_; }

  // The phases of the build.
  const std::vector<BuildPhase>& phases() const { return phases_; }
  // Bytes that calls have made, and whether no call will make more, as far as
  // the calls so far tell: bounds of inducing points are expected where calls
  // like the last with some more queries would have paid for them.
  int64_t kept_bytes() const;
  bool settled() const;

 private:
  // The costs of a call with nothing, with skeletons, as far as these surely
  // help, and with tables.
  struct CallCosts {
    double dense;
    double projected;
    double by_tables;
  };

  void Build(int threads, Monitor* monitor, SkeletonRival rival);
  // What a sample of skeletons says of all of them.
  struct Trial {
    double residual = 0;                 // that they are to reach
    bool reached = false;                // by most of the blocks
    double hard = 1;                     // the part of queries
    std::optional<SkeletonCosts> costs;  // absent where they dismiss nothing
    int64_t evaluations = 0;
  };
  Trial TrySkeletons(const SkeletonBoundConfig& config, int threads,
                     Monitor* monitor) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns the cost of the expected queries, or of all rows.
  double CostOf(const Trial& trial) const;
  // Decides the form of AUTO by a sample, and by others whose skeletons leave
  // less, as long as some queries are hard: the more points fill the cells of
  // the residual field, the nearer are neighbors, and the finer a skeleton has
  // to tell its points apart. False where the monitor is cancelled.
  bool Decide(int threads, Monitor* monitor, SkeletonRival rival,
              PhaseClock& clock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Form FormAtBuild(const SkeletonCosts& costs) const;
  CallCosts CostsOf(const Request& request) const;
  // Returns whether skeletons and tables are made, or will not be.
  bool HasTables() const;
  // Makes what is not there if calls, this one included, have missed so much by
  // now. Returns the forecast of what that cost. Where memory runs out the call
  // goes on without, what is whole is kept, and the next attempt is made when
  // calls have missed as much once more.
  double MakeWhatPays(const CallCosts& call, const SearchOptions& options,
                      SearchCounters& counters) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Make one part and publish it. False where it turns out to be unsound, or
  // `monitor` is cancelled; std::bad_alloc where there is no memory for it.
  // Nothing is kept then.
  bool MakeSkeletons(int threads, bool group_by_row, Monitor* monitor) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MakeTables(int threads, Monitor* monitor) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Return whether the config lets the skeletons that were made stay, and
  // tables of them, with or without gaps, take the memory that there is.
  bool SkeletonsFit() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool TablesFit(bool with_gaps) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Publish(std::unique_ptr<const BlockSkeletons> skeletons) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Publish(std::unique_ptr<const SkeletonTables> tables) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::shared_ptr<const ResidualCorrelation> metric_;
  SkeletonBoundConfig config_;
  SlackScale scale_;
  Form form_ = SkeletonBoundConfig::DENSE;
  std::optional<SkeletonCosts> costs_;  // with AUTO
  std::vector<BuildPhase> phases_;

  // Set once; read without the lock.
  mutable std::atomic<const BlockSkeletons*> skeletons_ = nullptr;
  mutable std::atomic<const SkeletonTables*> tables_ = nullptr;
  mutable std::atomic<const InducingBounds*> inducing_ = nullptr;
  mutable std::atomic<int64_t> inducing_bytes_ = 0;  // dropped or not
  mutable std::atomic<bool> expects_inducing_ = false;
  mutable std::atomic<bool> unsound_ = false;

  mutable absl::Mutex mutex_;
  // The partition for skeletons to come, unless they will be made in another
  // process or are grouped otherwise.
  mutable std::optional<SpacePartition> partition_ ABSL_GUARDED_BY(mutex_);
  mutable std::unique_ptr<const BlockSkeletons> made_skeletons_
      ABSL_GUARDED_BY(mutex_);
  mutable std::unique_ptr<const SkeletonTables> made_tables_
      ABSL_GUARDED_BY(mutex_);
  mutable std::unique_ptr<const InducingBounds> made_inducing_
      ABSL_GUARDED_BY(mutex_);
  // The evaluations that all calls so far could have saved.
  mutable double missed_with_skeletons_ ABSL_GUARDED_BY(mutex_) = 0;
  mutable double missed_with_tables_ ABSL_GUARDED_BY(mutex_) = 0;
  mutable double missed_with_inducing_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_LAZY_SKELETONS_H_
