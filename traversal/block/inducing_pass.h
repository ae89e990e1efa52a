// A pass for the inducing points: each of them as a query, against all blocks.
//
// |c(z_i, x)| is at most jitter abar_i(B) for all points x of block B
// (inducing_bounds.h), and that falls as B leaves z_i. So blocks are evaluated
// by the metric in the order of jitter abar_i(B) / min sqrt(p), and within them
// the panels that their own min sqrt(p) leaves, until that is below theta: a
// few thousand evaluations in place of n. All inducing points are evaluated,
// too.
//
// Points that are in no block are evaluated, too.
//
// Why exact. A point is left out only where k others have a |rho| that is
// larger by more than the width at which distances merge (knn_heap.h).

#ifndef RCT_TRAVERSAL_BLOCK_INDUCING_PASS_H_
#define RCT_TRAVERSAL_BLOCK_INDUCING_PASS_H_

#include <cstdint>
#include <utility>
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

  // Answers query `number` of the request, a row of the data that is an
  // inducing point.
  void Search(const Request& request, int32_t number, NeighborTable& neighbors);

  // Returns the sums over all queries so far.
  SearchCounters counters() const;

 private:
  void Push(const Request& request, int32_t number, int32_t row);
  void EvaluateTile(const Request& request, int32_t number);

  const Searcher<ResidualCorrelation>& owner_;
  const InducingBounds& bounds_;
  std::vector<std::pair<float, int32_t>> order_;
  std::vector<int32_t> tile_;
  int tile_size_ = 0;
  TileWorkspace workspace_;
  AlignedBuffer<double> squared_;
  std::vector<int32_t> hits_;
  KnnHeap heap_;
  int64_t evaluations_ = 0;
  int64_t filtered_ = 0;
  int64_t pushes_ = 0;
  int64_t block_tests_ = 0;
  int64_t blocks_pruned_ = 0;
};

// Answers `queries`, numbers of the request's, which are inducing points, on
// the request's threads, and adds the counters of that to `statistics`.
void SearchInducing(const Searcher<ResidualCorrelation>& owner,
                    const InducingBounds& bounds,
                    const InducingPass::Request& request,
                    absl::Span<const int32_t> queries, NeighborTable& neighbors,
                    SearchStatistics& statistics);

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_INDUCING_PASS_H_
