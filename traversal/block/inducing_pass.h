// A pass for the inducing points: they as queries, against all panels.
//
// A point is known to see no more of an inducing point than its code says
// (inducing_bounds.h). So the metric evaluates the points of near panels with
// the k largest codes first, and then those that theta asks for: for k
// neighbors hardly more than k points in place of n. Where near panels do not
// reach, whole panels follow, those with the largest codes first. Points that
// are in no panel are evaluated, too. Where the codes leave a large part of all
// points, the pass gives a query up.
//
// Why exact. A point is left out only where k others have a |rho| that is
// larger by more than the width at which distances merge (knn_heap.h). The
// query itself, whose distance is 0 even where a floor under p makes its rho
// small, is always evaluated.
//
// Cost. The codes are read a few times, a byte for each panel, and the rows of
// V that are evaluated, most of which come from memory. Inducing points are
// searched for in the tasks of the blocks that they lie in, so that threads
// share them out together with all other queries.

#ifndef RCT_TRAVERSAL_BLOCK_INDUCING_PASS_H_
#define RCT_TRAVERSAL_BLOCK_INDUCING_PASS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "metric/residual_correlation.h"
#include "metric/tile.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/inducing_bounds.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {

// The scratch space of one thread.
class InducingPass {
 public:
  using Request = Searcher<ResidualCorrelation>::Request;

  // `owner` searches the data that `bounds` are of, in the caller's order.
  InducingPass(const Searcher<ResidualCorrelation>& owner,
               const InducingBounds& bounds, int64_t k);

  InducingPass(const InducingPass&) = delete;
  InducingPass& operator=(const InducingPass&) = delete;

  // Answers `queries`, numbers of the request's, which are rows of the data
  // that are inducing points, but for those of which the bounds leave too much.
  void Search(const Request& request, absl::Span<const int32_t> queries,
              NeighborTable& neighbors);

  // Returns the queries so far that are to be searched otherwise.
  const std::vector<int32_t>& hard_queries() const { return hard_queries_; }
  // Returns the sums over all queries so far.
  SearchCounters counters() const;

 private:
  // Answers one query, or returns false.
  bool SearchOne(const Request& request, int32_t number,
                 NeighborTable& neighbors);
  // Returns the least code of a panel that may hold a neighbor.
  int LeastCode() const;
  // Returns whether a row, kNoRow included, counts for the query, other than
  // its own.
  bool Counts(const Request& request, int32_t row) const {
    return row < limit_ && row != kNoRow && row != request.positions[number_] &&
           request.options.Allows(row);
  }
  // Puts a row that counts on the tile.
  void Push(const Request& request, int32_t row);
  // Evaluates the points of near panels.
  void SearchNear(const Request& request, int64_t inducing);
  // Evaluates those of all others, or returns false where these are too many.
  bool SearchOthers(const Request& request, int64_t inducing);
  void EvaluateTile(const Request& request);

  const Searcher<ResidualCorrelation>& owner_;
  const InducingBounds& bounds_;
  std::vector<int32_t> tile_;
  int tile_size_ = 0;
  TileWorkspace workspace_;
  AlignedBuffer<double> squared_;
  std::vector<int32_t> hits_;

  // The query that is being searched.
  int32_t number_ = 0;
  int64_t limit_ = 0;  // only rows below it count
  KnnHeap heap_;

  std::vector<int32_t> hard_queries_;
  int64_t evaluations_ = 0;
  int64_t filtered_ = 0;
  int64_t pushes_ = 0;
  int64_t panels_pruned_ = 0;
};

// The passes of several threads.
class InducingPasses {
 public:
  using Request = InducingPass::Request;

  // For `workers` threads. Without `bounds` there are no passes.
  InducingPasses(const Searcher<ResidualCorrelation>& owner,
                 const InducingBounds* bounds, const SearchOptions& options,
                 int workers);

  // Answers `queries` by the pass of a worker, which must have one unless there
  // are none.
  void Search(const Request& request, absl::Span<const int32_t> queries,
              int worker, NeighborTable& neighbors) {
    if (!queries.empty()) passes_[worker]->Search(request, queries, neighbors);
  }

  // Adds the counters of all passes, and their hard queries.
  void AddTo(SearchCounters& counters, std::vector<int32_t>& hard) const;

 private:
  std::vector<std::unique_ptr<InducingPass>> passes_;
};

// What one thread does at a time: the queries of a block, and inducing points
// that lie in it, all of them numbers of a request.
struct BlockTask {
  int block;
  absl::Span<const int32_t> queries;
  absl::Span<const int32_t> inducing;
};

// Distributes `inducing`, queries that are inducing points, among the tasks of
// their blocks, and makes tasks where there are none. `tasks` are in the order
// of their blocks, and stay so; they refer to `inducing`, whose order changes.
void AddInducing(const InducingBounds& bounds, int64_t block_size,
                 const InducingPass::Request& request,
                 std::vector<int32_t>& inducing, std::vector<BlockTask>& tasks);

// Answers `inducing` on the request's threads and adds the counters of that.
// Returns those queries that are to be searched otherwise, ascending.
std::vector<int32_t> SearchInducing(const Searcher<ResidualCorrelation>& owner,
                                    const InducingBounds& bounds,
                                    const InducingPass::Request& request,
                                    std::vector<int32_t>& inducing,
                                    NeighborTable& neighbors,
                                    SearchCounters& counters);

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_INDUCING_PASS_H_
