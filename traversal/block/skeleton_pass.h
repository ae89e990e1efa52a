// One pass: the queries of a task against all blocks.
//
// The queries of one block are searched together, in float32: first against
// their own block, then against the others, those first of which the block's
// points see most. For each of these blocks,
//
//     gaps       -> the queries that can find anything: a bound on the block
//     y = C w    -> the coordinates of these queries in its skeleton
//     cones      -> the sub-blocks that matter: a bound on each 16 points
//     heads      -> the sixteens that matter: a bound by nearly half of the
//                   coordinates
//     points     -> upper and lower bounds on |rho|
//
// and a point is kept where its upper bound reaches theta, which follows from
// the lower bounds so far, or from the radius where that asks for more. At the
// end the metric evaluates what is left, hardly more than k points
// (kept_candidates.h). A query for which too much is left (its residual
// variance is tiny, or it is an inducing point, whose correlations are all
// small) is handed back as a hard one.
//
// Without tables the queries of a task are projected on every skeleton, and the
// blocks that see most of them come first.
//
// Why exact. A point is dismissed only where a bound that holds for the
// computed numbers (skeleton_bounds.h) is below theta; kept_candidates.h proves
// the rest. Points that no block holds are evaluated for every query.

#ifndef RCT_TRAVERSAL_BLOCK_SKELETON_PASS_H_
#define RCT_TRAVERSAL_BLOCK_SKELETON_PASS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "metric/correlation_tile.h"
#include "metric/residual_correlation.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/skeleton_tables.h"
#include "traversal/kept_candidates.h"
#include "traversal/kept_routines.h"
#include "traversal/neighbor_table.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {

// The parts that a search by blocks reads, all of them immutable. Their owner
// keeps them alive.
struct SkeletonParts {
  const BlockSkeletons* skeletons = nullptr;
  const SkeletonTables* tables = nullptr;  // null: queries are projected
};

// The scratch space of one thread for any number of tasks. The constructor
// allocates it; searches allocate no more.
class SkeletonPass {
 public:
  using Request = Searcher<ResidualCorrelation>::Request;

  // The largest number of queries of one task: they lie in one block with
  // tables, and in any blocks without.
  static constexpr int kMaxQueries = 128;
  static constexpr int kMaxProjected = 64;

  // The largest k for which a query can keep enough candidates.
  static constexpr int64_t kMaxNeighbors = 496;

  // The largest number of candidates that a query may keep: to evaluate more of
  // them one query at a time would cost as much as to evaluate all points in
  // tiles.
  static constexpr int kMaxKept = 8 * kMaxNeighbors;

  // `owner` searches the data that `parts` are of, in the caller's order.
  // Sub-blocks are tested where `sub_blocks` says so. 1 <= k <= kMaxNeighbors.
  SkeletonPass(const Searcher<ResidualCorrelation>& owner,
               const SkeletonParts& parts, bool sub_blocks, int64_t k);

  SkeletonPass(const SkeletonPass&) = delete;
  SkeletonPass& operator=(const SkeletonPass&) = delete;

  // Searches for `queries`, numbers of the request's, which lie in `block` if
  // there are tables. All but the hard ones are answered in `neighbors`.
  void Search(const Request& request, int block,
              absl::Span<const int32_t> queries, NeighborTable& neighbors);

  // Returns the queries of all tasks so far that were given up.
  const std::vector<int32_t>& hard_queries() const { return hard_queries_; }
  // Return the sums over all tasks so far.
  SearchCounters counters() const;
  SearchTrace trace() const;

 private:
  static_assert(kMaxKept % kPanel == 0);

  struct Counts {
    int64_t evaluations = 0;  // for projections
    int64_t filtered = 0;     // points, by the predecessor constraint
    int64_t block_tests = 0;  // pairs of a query and a block
    int64_t blocks_pruned = 0;
    int64_t sub_blocks_pruned = 0;  // once for each query
    int64_t screened = 0;           // pairs of a query and a point
  };

  // The queries of a task, in panels: their coordinates in their own skeleton,
  // and the numbers that bounds need of them.
  struct Task {
    Task(int64_t dim, int max_rank);

    int count = 0;
    int block = 0;
    TilePoints points;
    std::vector<int32_t> ids;  // of the points in the request's set
    BlockSkeletons::Projection projection;
    AlignedBuffer<float> w;
    alignas(64) float e[kMaxQueries] = {};
    alignas(64) float norm[kMaxQueries] = {};
    alignas(64) float squared_length[kMaxQueries] = {};
    alignas(64) float length[kMaxQueries] = {};
    alignas(64) float theta[kMaxQueries] = {};
    alignas(64) uint16_t gap[kMaxQueries] = {};  // in the block that is met
    int32_t row_limit[kMaxQueries];              // rows that count are below it
    int32_t position[kMaxQueries];  // among the skeletons' positions, or -1
    int32_t self[kMaxQueries];      // own row in the data, or -1
    int32_t number[kMaxQueries];    // of the query in the request
    bool hard[kMaxQueries];
    // Of each panel: its queries that are not hard, and their row limits.
    uint32_t lanes[kMaxQueries / kPanel];
    int32_t least_limit[kMaxQueries / kPanel];
    int32_t most_limit[kMaxQueries / kPanel];
    int kept_at_theta[kMaxQueries];  // candidates when theta was last raised
  };

  // The scratch space of one panel of queries in one block.
  struct Panel {
    Panel(int64_t block_size, int max_rank);

    alignas(64) float length[kPanel] = {};
    alignas(64) float outside[kPanel] = {};
    AlignedBuffer<float> y;
    std::vector<uint32_t> cone_masks;
  };

  // Without tables: the coordinates, e and lengths of the queries of a task in
  // all blocks, how much of the queries each block sees, and the blocks by it.
  struct Projected {
    explicit Projected(const BlockSkeletons& skeletons);

    AlignedBuffer<float> w;
    AlignedBuffer<float> e;
    AlignedBuffer<float> length;
    std::vector<float> seen;
    std::vector<int32_t> block_order;
  };

  // From the queries of one block to the points of another.
  struct Passage {
    int to;
    bool far;
    float norm;  // of the table
    BlockLengths lengths;
    float slack;
    double gap_slack;
    float both_gap_slacks;  // of a gap that is subtracted
  };

  void LoadQueries(const Request& request, int block,
                   absl::Span<const int32_t> queries);
  // Loads the coordinates of queries that are points, in their own block.
  void LoadCoordinates();
  // Gives query i up.
  void MakeHard(int i);
  // Loads the gaps of the queries, which are points, in block `to`.
  void LoadGaps(int to);
  // Computes the coordinates of queries in any block, and e, norm and squared
  // length with them.
  void Project(const Request& request, int block, float* panels, float* e,
               float* norm, float* squared_length);
  void ProjectOnAllBlocks(const Request& request);
  void SearchOwnBlock(const Request& request);
  // Returns whether the table was read: the block may hold something.
  bool SearchByTable(const Request& request, int block, bool has_gaps);
  void SearchByProjection(const Request& request);
  Passage PassageTo(int to) const;
  // Returns the queries first + l of `lanes` whose gaps let the block hold
  // something for them.
  uint32_t PassByGaps(const Passage& passage, int first, uint32_t lanes);
  // Computes the gaps of a panel from `squared`, the queries' |y|^2.
  void GapsFrom(const Passage& passage, int first, const float* squared);
  // Returns those whom the norm of the table alone lets pass.
  uint32_t PassByNorm(const Passage& passage, int first, uint32_t lanes);
  QueryPanel TableQueries(const Passage& passage, int first) const;
  // Calls visit(first, lanes) for the panels of queries that `block` may matter
  // to, `first` a panel's first query.
  template <class Visit>
  void VisitPanels(int block, Visit visit);
  // Tests the sub-blocks and points of one block for queries first + l of
  // `lanes` and keeps what passes. No sub-block is tested without `cone_gaps`.
  void KeepFromBlock(const Request& request, int block, int first,
                     uint32_t lanes, const QueryPanel& queries,
                     const uint16_t* cone_gaps, const uint16_t* gaps);
  // Returns whether query `i` has room for another panel of sub-blocks, after
  // raising theta if need be. A query that has none becomes a hard one.
  bool MakeRoom(int i);
  void RaiseTheta(int i);
  // Evaluates the lists of all queries that are not hard.
  void Evaluate(const Request& request, NeighborTable& neighbors);

  const ResidualCorrelation& metric_;
  const BlockSkeletons& skeletons_;
  const SkeletonTables* const tables_;
  const bool sub_blocks_;

  const std::vector<float> no_gap_;      // zeros for sixteen queries
  const std::vector<uint16_t> no_gaps_;  // zeros for the points of a block

  Task task_;
  Panel panel_;
  AlignedBuffer<float> table_;  // the last that was loaded
  std::optional<Projected> projected_;
  KeptCandidates kept_;

  std::vector<int32_t> hard_queries_;
  Counts counts_;
  SearchTrace trace_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_SKELETON_PASS_H_
