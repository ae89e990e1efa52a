// Exact search by skeleton bounds.
//
// Queries of one block are searched together, in float32: first their own
// block, then the others, those that its points see most first. For each,
//
//     gaps       -> which queries can find anything there    bound on the block
//     y = C w    -> their coordinates in its skeleton
//     cones      -> which sub-blocks of 16 points            bound on each
//     points     -> upper and lower bounds on |rho|
//
// and a point is kept where its upper bound reaches theta, the k-th largest
// lower bound so far. What is left at the end, hardly more than k points, is
// evaluated by the metric: first the k best by the middle of their bounds, so
// that theta becomes the true k-th |rho|, then what still reaches it. A query
// for which too much is left (near nothing, or an inducing point, whose
// correlations are all small) goes to exhaustive search together with its like.
//
// Why exact. A point is dismissed only where a bound that holds for the
// computed numbers (skeleton_bounds.h) shows that k others are nearer;
// everything else is evaluated by the metric and ordered by (distance, row) in
// a KnnHeap. Answers have the bits of exhaustive search, whatever the options
// and threads. Counters do not depend on threads either: queries are grouped by
// block.
//
// Forms. TABLES holds tables between all skeletons; a query that is no point of
// the data is projected on the skeleton of the block in which it lies, and is
// then like any other. PROJECTIONS holds none and projects each query on every
// skeleton, s evaluations a block. DENSE is exhaustive search: where the
// residuals of the skeletons are so large that no bound dismisses anything.
//
// AUTO chooses by what the forms are estimated to cost, from a sample of
// blocks: for `expected_queries` if they are given. If not, tables that 1,024
// queries pay for are made at once. Larger ones are made by each call that has
// queries enough, and given up with it, while smaller calls project: no batch
// pays for what only a larger one needs, and the searcher stays immutable.

#ifndef RCT_HEURISTICS_SKELETON_BOUND_SKELETON_SEARCHER_H_
#define RCT_HEURISTICS_SKELETON_BOUND_SKELETON_SEARCHER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "heuristics/skeleton_bound/block_skeletons.h"
#include "heuristics/skeleton_bound/skeleton_bound.pb.h"
#include "heuristics/skeleton_bound/skeleton_bounds.h"
#include "heuristics/skeleton_bound/skeleton_tables.h"
#include "metric/residual_correlation.h"
#include "traversal/exhaustive.h"
#include "traversal/searcher.h"

namespace rct {

// InvalidArgument, naming the field, where one is out of range.
absl::Status ValidateSkeletonBoundConfig(const SkeletonBoundConfig& config);

// What the forms cost (skeleton_searcher.cc).
class SkeletonCosts;

class SkeletonSearcher final : public Searcher<ResidualCorrelation> {
 public:
  // `metric` holds the data in the caller's order and has a rounding model.
  // Errors are those of ValidateSkeletonBoundConfig and of
  // RoundingModel::Validate. `scale` is for tests.
  static absl::StatusOr<std::unique_ptr<const SkeletonSearcher>> Create(
      std::shared_ptr<const ResidualCorrelation> metric,
      const SkeletonBoundConfig& config, int threads,
      const SlackScale& scale = {});

  // A searcher that another one's decisions and parts make again. Skeletons are
  // null for DENSE alone; tables may be null.
  static std::unique_ptr<const SkeletonSearcher> Restore(
      std::shared_ptr<const ResidualCorrelation> metric,
      const SkeletonBoundConfig& config, SkeletonBoundConfig::Form form,
      std::unique_ptr<const BlockSkeletons> skeletons,
      std::unique_ptr<const SkeletonTables> tables);

  // What was decided: TABLES, PROJECTIONS or DENSE; AUTO where each call
  // decides.
  SkeletonBoundConfig::Form form() const { return form_; }
  // Null where the form does without.
  const BlockSkeletons* skeletons() const { return skeletons_.get(); }
  const SkeletonTables* tables() const { return tables_.get(); }
  // Pairs whose correlation was computed for the index, and its size.
  int64_t build_evaluations() const;
  int64_t bytes() const;

 private:
  struct Task;
  struct Worker;

  SkeletonSearcher(std::shared_ptr<const ResidualCorrelation> metric,
                   const SkeletonBoundConfig& config);

  void Build(int threads, const SlackScale& scale);
  void Use(SkeletonBoundConfig::Form form);
  SkeletonBoundConfig::Form FormAtBuild(const SkeletonCosts& costs) const;

  void Search(const Request& request, NeighborTable& neighbors,
              SearchStatistics& statistics) const override;
  void SearchExhaustively(const Request& request, NeighborTable& neighbors,
                          SearchCounters& counters) const;
  // Some of the queries against all points.
  void SearchDensely(const Request& request, absl::Span<const int32_t> queries,
                     NeighborTable& neighbors, SearchCounters& counters) const;
  // One task: queries of one block.
  void SearchTask(const Request& request, const Task& task, Worker& worker,
                  NeighborTable& neighbors) const;
  void LoadQueries(const Request& request, const Task& task,
                   Worker& worker) const;
  // The coordinates of queries that are points, in their own block.
  void LoadCoordinates(Worker& worker) const;
  // The coordinates of queries in any block, and what goes with them.
  void Project(const Request& request, int block, float* panels, float* e,
               float* norm, float* squared_length, Worker& worker) const;
  void SearchOwnBlock(const Request& request, Worker& worker) const;
  // From one block's queries to another block's points.
  struct Passage {
    int to;
    bool far;
    float norm;  // of the table
    SkeletonTables::Table table;
    BlockLengths lengths;
    float slack;
    double gap_slack;
    float both_gap_slacks;  // of a gap that is subtracted
  };
  Passage PassageTo(int to, const Worker& worker) const;
  // The queries first + l of `lanes` for which the block may hold something.
  // Their gaps are the table's, or follow from `squared`, their |y|^2.
  uint32_t FilterPanel(const Passage& passage, int first, uint32_t lanes,
                       bool has_gaps, Worker& worker, float* squared) const;
  // The same from the norm of the table alone.
  uint32_t FilterFar(const Passage& passage, int first, uint32_t lanes,
                     Worker& worker) const;
  QueryPanel TableQueries(const Passage& passage, int first,
                          const Worker& worker) const;
  void SearchByTable(const Request& request, int block, bool has_gaps,
                     Worker& worker) const;
  void SearchByProjection(const Request& request, Worker& worker) const;
  // Calls visit(first, lanes) for the panels of queries that `block` may matter
  // to, `first` a panel's first query.
  template <class Visit>
  void VisitPanels(const Request& request, int block, const Worker& worker,
                   Visit visit) const;
  // Sub-blocks and points of one block, for queries first + l of `lanes`. No
  // sub-block is tested without `cone_gaps`.
  void FilterBlock(const Request& request, int block, int first, uint32_t lanes,
                   const QueryPanel& queries, const uint16_t* cone_gaps,
                   const uint16_t* gaps, Worker& worker) const;
  void RaiseTheta(int query, Worker& worker) const;
  void Evaluate(const Request& request, int query, Worker& worker,
                NeighborTable& neighbors) const;

  SkeletonBoundConfig config_;
  SkeletonBoundConfig::Form form_ = SkeletonBoundConfig::DENSE;
  ExhaustiveSearcher<ResidualCorrelation> exhaustive_;
  std::unique_ptr<const BlockSkeletons> skeletons_;
  std::unique_ptr<const SkeletonTables> tables_;
  std::vector<float> no_gap_;      // zeros for sixteen queries
  std::vector<uint16_t> no_gaps_;  // zeros for the points of a block
};

}  // namespace rct

#endif  // RCT_HEURISTICS_SKELETON_BOUND_SKELETON_SEARCHER_H_
