// A pass for the inducing points: they as queries, against all panels.
//
// A panel of points is known to see no more of an inducing point than its code
// says (inducing_bounds.h). So panels are evaluated by the metric, those with
// the largest codes first, until codes are below what theta asks for: for k
// neighbors about four times k points in place of n. Points that are in no
// panel are evaluated, too. Where the codes leave a large part of all points,
// the pass gives a query up.
//
// Why exact. A point is left out only where k others have a |rho| that is
// larger by more than the width at which distances merge (knn_heap.h). The
// query itself, whose distance is 0 even where a floor under p makes its rho
// small, is always evaluated.
//
// Cost. The codes are read a few times, a byte for each panel, and the rows of V
// that are evaluated, which no two queries share but by the cache.

#ifndef RCT_TRAVERSAL_BLOCK_INDUCING_PASS_H_
#define RCT_TRAVERSAL_BLOCK_INDUCING_PASS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "metric/residual_correlation.h"
#include "metric/tile.h"
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

  // Answers a query, a number of the request's, which is a row of the data that
  // is an inducing point. Returns false where the bounds leave too much, and
  // the query is to be searched otherwise.
  bool Search(const Request& request, int32_t number, NeighborTable& neighbors);

  // Returns the sums over all queries so far.
  SearchCounters counters() const;

 private:
  // Returns the least code of a panel that may hold a neighbor.
  int LeastCode() const;
  // Puts a row that may count, other than the query's own, on the tile.
  void Push(const Request& request, int32_t row);
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

  int64_t evaluations_ = 0;
  int64_t filtered_ = 0;
  int64_t pushes_ = 0;
  int64_t panels_pruned_ = 0;
};

// Answers `queries`, numbers of the request's, which are inducing points, on
// the request's threads, and adds the counters of that to `statistics`. Returns
// those that the pass gave up, ascending.
std::vector<int32_t> SearchInducing(const Searcher<ResidualCorrelation>& owner,
                                    const InducingBounds& bounds,
                                    const InducingPass::Request& request,
                                    absl::Span<const int32_t> queries,
                                    NeighborTable& neighbors,
                                    SearchStatistics& statistics);

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_INDUCING_PASS_H_
