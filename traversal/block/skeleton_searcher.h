// Exact search by skeleton bounds.
//
// Queries are sorted by the block in which they lie; those of a block are a
// task, which one thread does (skeleton_pass.h). Inducing points that have
// bounds of their own join the tasks of the blocks in which they lie
// (inducing_pass.h). Hard queries, which the bounds do not help, and queries
// with so few predecessors that tiles are faster go to exhaustive search
// together. Answers have the bits of exhaustive search, whatever the options
// and threads. Counters do not depend on threads either.
//
// lazy_skeletons.h decides which skeletons and tables there are: a search asks
// once for the parts that it uses, and builds nothing.

#ifndef RCT_TRAVERSAL_BLOCK_SKELETON_SEARCHER_H_
#define RCT_TRAVERSAL_BLOCK_SKELETON_SEARCHER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/monitor.h"
#include "metric/residual_correlation.h"
#include "traversal/block/inducing_bounds.h"
#include "traversal/block/inducing_pass.h"
#include "traversal/block/lazy_skeletons.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/block/skeleton_bounds.h"
#include "traversal/block/skeleton_pass.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {

// Thread-safe.
class SkeletonSearcher final : public Searcher<ResidualCorrelation> {
 public:
  // Builds a searcher on `threads` threads. `metric` holds the data in the
  // caller's order and has a rounding model. Errors are those of
  // ValidateSkeletonBoundConfig and of RoundingModel::Validate; Cancelled.
  // `scale` is for tests, `rival` for a choice between bounds.
  static absl::StatusOr<std::unique_ptr<const SkeletonSearcher>> Create(
      const std::shared_ptr<const ResidualCorrelation>& metric,
      const SkeletonBoundConfig& config, int threads,
      const SlackScale& scale = {}, Monitor* monitor = nullptr,
      SkeletonRival rival = KeepSkeletons);

  // Searches by `lazy`, which is of `metric` and `config`.
  SkeletonSearcher(const std::shared_ptr<const ResidualCorrelation>& metric,
                   const SkeletonBoundConfig& config,
                   std::unique_ptr<const LazySkeletons> lazy);

  // Returns the skeletons and tables, the form, and what they cost.
  const LazySkeletons& lazy() const { return *lazy_; }

  int64_t kept_bytes() const override { return lazy_->kept_bytes(); }
  bool settled() const override { return lazy_->settled(); }

 private:
  // A task has the queries of one block, or without tables of blocks next to
  // each other.
  struct Tasks {
    std::vector<int32_t> order;     // the queries that the tasks refer to,
    std::vector<int32_t> inducing;  // and the inducing points that they do
    std::vector<BlockTask> tasks;
    std::vector<int32_t> hard;               // queries that are in none
    const InducingBounds* bounds = nullptr;  // of `inducing`
  };

  void Search(const Request& request, NeighborTable& neighbors,
              SearchStatistics& statistics) const override;
  bool ClearsTables() const override { return true; }
  Tasks Divide(const Request& request, const SkeletonParts& parts) const;
  // Returns the position of a query in the order of blocks, or -1 where it is
  // hard.
  int32_t Place(const Request& request, const BlockSkeletons& skeletons,
                int32_t query) const;
  // Does the tasks, and adds the queries that turn out hard to `divided`.
  void RunTasks(const Request& request, const SkeletonParts& parts,
                Tasks& divided, NeighborTable& neighbors,
                SearchStatistics& statistics) const;
  // Makes bounds of inducing points if the hard ones among them pay for that
  // by now, and searches for these by them.
  void SearchHardInducing(const Request& request, const SkeletonParts& parts,
                          Tasks& divided, NeighborTable& neighbors,
                          SearchCounters& counters) const;
  // Drops the bounds of `queries` inducing points if they leave too many of
  // these `hard`.
  void Judge(size_t queries, size_t hard) const;

  bool sub_blocks_;
  std::unique_ptr<const LazySkeletons> lazy_;
  ExhaustiveSearcher<ResidualCorrelation> exhaustive_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_SKELETON_SEARCHER_H_
