// One pass: a task's queries against all blocks.
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
// lower bound so far, or what the radius asks for where that is more. What is
// left at the end, hardly more than k points, is evaluated by the metric: first
// the k best by the middle of their bounds, so that theta becomes the true k-th
// |rho|, then what still reaches it. A query for which too much is left (near
// nothing, or an inducing point, whose correlations are all small) is given
// back as a hard one.
//
// Without tables the queries of a task are projected on every skeleton, and the
// blocks that see most of them come first.
//
// Why exact. A point is dismissed only where a bound that holds for the
// computed numbers (skeleton_bounds.h) shows that k others are nearer;
// everything else is evaluated by the metric and ordered by (distance, row) in
// a KnnHeap.

#ifndef RCT_TRAVERSAL_BLOCK_SKELETON_PASS_H_
#define RCT_TRAVERSAL_BLOCK_SKELETON_PASS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "metric/correlation_tile.h"
#include "metric/residual_correlation.h"
#include "metric/tile.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/skeleton_tables.h"
#include "traversal/knn_heap.h"
#include "traversal/neighbor_table.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"

namespace rct {

// Scratch space of one thread for any number of tasks. Allocates when it is
// constructed, and no more.
class SkeletonPass {
 public:
  using Request = Searcher<ResidualCorrelation>::Request;

  // Queries of one task: of one block with tables, of any without.
  static constexpr int kMaxQueries = 128;
  static constexpr int kMaxProjected = 64;

  // The largest k for which a query can keep candidates enough.
  static constexpr int64_t kMaxNeighbors = 496;

  // Candidates that a query may keep at any time: evaluating many more of them
  // one by one would cost as much as evaluating all points in tiles.
  static constexpr int kMaxKept = 8 * kMaxNeighbors;

  // What the tasks so far have done.
  struct Counts {
    int64_t evaluations = 0;
    int64_t filtered = 0;     // by the predecessor constraint
    int64_t block_tests = 0;  // pairs of a query and a block
    int64_t blocks_pruned = 0;
    int64_t sub_blocks_pruned = 0;  // once for each query
    int64_t screened = 0;           // pairs of a query and a point
    int64_t pushes = 0;

    Counts& operator+=(const Counts& other);
  };

  // `owner` searches the data that `skeletons` and `tables` are of, in the
  // caller's order. `tables` may be null. 1 <= k <= kMaxNeighbors.
  SkeletonPass(const Searcher<ResidualCorrelation>& owner,
               const BlockSkeletons& skeletons, const SkeletonTables* tables,
               bool sub_blocks, int64_t k);

  SkeletonPass(const SkeletonPass&) = delete;
  SkeletonPass& operator=(const SkeletonPass&) = delete;

  // Searches for `queries`, numbers of the request's, which lie in `block` if
  // there are tables. All but the hard ones are answered in `neighbors`.
  void Search(const Request& request, int block,
              absl::Span<const int32_t> queries, NeighborTable& neighbors);

  // Queries of all tasks so far that were given up.
  const std::vector<int32_t>& hard_queries() const { return hard_queries_; }
  const Counts& counts() const { return counts_; }
  const SearchTrace& trace() const { return trace_; }

 private:
  // With room for whole vectors. A list of every query's stays below the size
  // from which buffers take huge pages, most of which would never be used.
  static constexpr int64_t kKeptStride = kMaxKept + 2 * kPanel;
  static_assert(kMaxQueries * kKeptStride * sizeof(float) < 1 << 21);

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

  void LoadQueries(const Request& request, int block,
                   absl::Span<const int32_t> queries);
  // The coordinates of queries that are points, in their own block.
  void LoadCoordinates();
  // The coordinates of queries in any block, and what goes with them.
  void Project(const Request& request, int block, float* panels, float* e,
               float* norm, float* squared_length);
  void SearchOwnBlock(const Request& request);
  void SearchByTable(const Request& request, int block, bool has_gaps);
  void SearchByProjection(const Request& request);
  Passage PassageTo(int to) const;
  // The queries first + l of `lanes` for which the block may hold something.
  // Their gaps are the table's, or follow from `squared`, their |y|^2.
  uint32_t FilterPanel(const Passage& passage, int first, uint32_t lanes,
                       bool has_gaps, const float* squared);
  // The same from the norm of the table alone.
  uint32_t FilterFar(const Passage& passage, int first, uint32_t lanes);
  QueryPanel TableQueries(const Passage& passage, int first) const;
  // Calls visit(first, lanes) for the panels of queries that `block` may matter
  // to, `first` a panel's first query.
  template <class Visit>
  void VisitPanels(int block, Visit visit);
  // Sub-blocks and points of one block, for queries first + l of `lanes`. No
  // sub-block is tested without `cone_gaps`.
  void FilterBlock(const Request& request, int block, int first, uint32_t lanes,
                   const QueryPanel& queries, const uint16_t* cone_gaps,
                   const uint16_t* gaps);
  // Drops those from `first` on that are not allowed: theta counts neighbours.
  static void DropForbidden(absl::Span<const bool> allowed, int first,
                            KeptPoints& kept);
  void RaiseTheta(int query);
  void Evaluate(const Request& request, int query, NeighborTable& neighbors);

  const Searcher<ResidualCorrelation>& owner_;
  const ResidualCorrelation& metric_;
  const BlockSkeletons& skeletons_;
  const SkeletonTables* const tables_;
  const bool sub_blocks_;
  const int64_t k_;

  const std::vector<float> no_gap_;      // zeros for sixteen queries
  const std::vector<uint16_t> no_gaps_;  // zeros for the points of a block

  // The queries of the task, by panels: coordinates in their own skeleton and
  // what bounds need of them.
  int count_ = 0;
  int block_ = 0;
  TilePoints query_points_;
  std::vector<int32_t> ids_;
  BlockSkeletons::Projection projection_;
  AlignedBuffer<float> w_;
  alignas(64) float e_[kMaxQueries] = {};
  alignas(64) float norm_[kMaxQueries] = {};
  alignas(64) float squared_length_[kMaxQueries] = {};
  alignas(64) float theta_[kMaxQueries] = {};
  int64_t row_of_[kMaxQueries];     // for the constraints, or kNoNeighbor
  int32_t row_limit_[kMaxQueries];  // rows that count are below it
  int32_t position_[kMaxQueries];   // among the skeletons' positions, or -1
  int32_t self_[kMaxQueries];       // own row in the data, or -1
  int32_t number_[kMaxQueries];     // of the query
  bool hard_[kMaxQueries];
  KeptPoints kept_[kMaxQueries];
  int kept_at_theta_[kMaxQueries];

  // Of one panel of queries, in one block.
  alignas(64) float length_[kPanel] = {};
  alignas(64) float outside_[kPanel] = {};
  AlignedBuffer<float> y_;
  std::vector<uint32_t> cone_masks_;

  // What each query keeps.
  AlignedBuffer<float> upper_;
  AlignedBuffer<float> lower_;
  AlignedBuffer<int32_t> kept_row_;

  // Of one query at the end.
  AlignedBuffer<float> middle_;
  std::vector<int32_t> exact_;
  TileWorkspace tiles_;
  AlignedBuffer<double> squared_;
  std::vector<int32_t> hits_;
  KnnHeap heap_;

  // Without tables: coordinates, e and lengths of the queries in all blocks,
  // and how much of the queries each block sees.
  AlignedBuffer<float> projected_;
  AlignedBuffer<float> projected_e_;
  AlignedBuffer<float> projected_length_;
  std::vector<float> seen_;
  std::vector<int32_t> block_order_;

  std::vector<int32_t> hard_queries_;
  Counts counts_;
  SearchTrace trace_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_SKELETON_PASS_H_
