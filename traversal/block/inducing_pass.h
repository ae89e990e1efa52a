// A pass for the inducing points: each of them as a query, against all blocks.
//
// An inducing point z_i has next to no residual variance, and bounds by blocks
// of its covariances would dismiss nothing. But c(z_i, x) = jitter alpha_x,i
// but for roundings (far_field_bound.h), and |alpha_x,i| falls as x leaves z_i.
// So blocks are evaluated by the metric in the order of jitter abar / min
// sqrt(p), until that is below theta: a few thousand evaluations in place of n.

#ifndef RCT_TRAVERSAL_BLOCK_INDUCING_PASS_H_
#define RCT_TRAVERSAL_BLOCK_INDUCING_PASS_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "metric/residual_correlation.h"
#include "metric/tile.h"
#include "traversal/block/far_field_blocks.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {

// The scratch space of one thread.
class InducingPass {
 public:
  using Request = Searcher<ResidualCorrelation>::Request;

  // `owner` searches the data that `blocks` are of, in the caller's order.
  InducingPass(const Searcher<ResidualCorrelation>& owner,
               const FarFieldBlocks& blocks, int64_t k);

  InducingPass(const InducingPass&) = delete;
  InducingPass& operator=(const InducingPass&) = delete;

  // Answers query `number` of the request, which is inducing point `inducing`.
  void Search(const Request& request, int32_t number, int64_t inducing,
              NeighborTable& neighbors);

  // Returns the sums over all queries so far.
  SearchCounters counters() const;

 private:
  void Push(const Request& request, int32_t number, int32_t row);
  void EvaluateTile(const Request& request, int32_t number);

  const Searcher<ResidualCorrelation>& owner_;
  const FarFieldBlocks& blocks_;
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

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_INDUCING_PASS_H_
