// A pass for the inducing points: they as queries, against all blocks.
//
// |c(z_i, x)| is at most jitter abar_i(B) for all points x of block B
// (inducing_bounds.h), and that falls as B leaves z_i. So blocks are evaluated
// by the metric in the order of jitter abar_i(B) / min sqrt(p), and within them
// the panels that their own min sqrt(p) leaves, until that is below theta: a
// few thousand evaluations in place of n. All inducing points are evaluated,
// too, and points that are in no block.
//
// A few queries that are near each other want nearly the same blocks. They are
// evaluated together, in tiles, of whose points each row of V is read once: one
// query at a time would wait for memory most of the time. Where the bounds
// leave a large part of all points, the pass gives a group up.
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

  // The most queries of a group.
  static constexpr int kGroup = 32;

  // Answers a group of queries, numbers of the request's, which are rows of the
  // data that are inducing points. Returns false where the bounds leave too
  // much, and the queries are to be searched otherwise.
  bool Search(const Request& request, absl::Span<const int32_t> numbers,
              NeighborTable& neighbors);

  // Returns the sums over all queries so far.
  SearchCounters counters() const;

 private:
  struct Query {
    int32_t number;  // in the request
    int32_t position;
    int64_t inducing;
    double inverse_sqrt;
    int64_t limit;  // only rows below it count
    KnnHeap heap;
  };

  void LoadGroup(const Request& request, absl::Span<const int32_t> numbers);
  void OrderBlocks();
  // Leaves the queries for which a block may hold something, and how much
  // |c| / sqrt(p) each of them asks for.
  void FindActive(int64_t block);
  bool Wanted(int64_t block, const InducingBounds::Panel& panel) const;
  // Puts a row that some query may count on the next tile.
  void Push(const Request& request, int32_t row);
  // Evaluates the tile for the active queries.
  void EvaluateTile(const Request& request);

  const Searcher<ResidualCorrelation>& owner_;
  const InducingBounds& bounds_;
  std::vector<std::pair<float, int32_t>> order_;
  std::vector<int32_t> tile_;
  int tile_size_ = 0;
  TileWorkspace workspace_;
  AlignedBuffer<double> squared_;
  std::vector<int32_t> hits_;

  // The queries of the group, and those that want the current block.
  int count_ = 0;
  Query queries_[kGroup];
  int64_t limit_ = 0;  // the largest of theirs
  int active_[kGroup];
  double reach_[kGroup];
  int32_t positions_[kGroup];
  int num_active_ = 0;
  int64_t pairs_ = 0;  // evaluated for the group

  int64_t evaluations_ = 0;
  int64_t filtered_ = 0;
  int64_t pushes_ = 0;
  int64_t block_tests_ = 0;
  int64_t blocks_pruned_ = 0;
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
