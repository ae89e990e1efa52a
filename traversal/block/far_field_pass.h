// One pass by the far-field bound: the queries of a block against all blocks.
//
// The queries of one block A are searched together, nearest blocks first. For
// each block B,
//
//     U_AB            -> the queries that can find anything in B
//     sum_w |sum_u chi_uw T_u|  -> the same, for each query by itself
//     C = P_B^T P_A   -> y = C a_q, the coordinates of these queries in its
//                        basis; or where they are few, y = P_B^T v_q
//     min sqrt(p)     -> the panels of 16 points that matter: U_AB again
//     k - y . a_h     -> those of them whose ball matters (far_field_balls.h)
//     k - y . a_x     -> upper and lower bounds on |rho| of their points
//
// and a point is kept where its upper bound reaches theta. At the end the
// inducing points are kept that their bounds do not dismiss, and the metric
// evaluates what is left (kept_candidates.h). A query for which too much is
// left is handed back as a hard one.
//
// Why exact. A point is dismissed only where a bound that holds for the
// computed numbers (far_field_bound.h, far_field_blocks.h) is below theta;
// kept_candidates.h proves the rest.

#ifndef RCT_TRAVERSAL_BLOCK_FAR_FIELD_PASS_H_
#define RCT_TRAVERSAL_BLOCK_FAR_FIELD_PASS_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "metric/residual_correlation.h"
#include "traversal/block/far_field_blocks.h"
#include "traversal/block/far_field_costs.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/block/filter_routines.h"
#include "traversal/kept_candidates.h"
#include "traversal/neighbor_table.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {

// The scratch space of one thread for any number of tasks. The constructor
// allocates it; searches allocate no more.
class FarFieldPass {
 public:
  using Request = Searcher<ResidualCorrelation>::Request;

  // The largest number of queries of one task.
  static constexpr int kMaxQueries = 256;
  // The largest k for which a query can keep enough candidates.
  static constexpr int64_t kMaxNeighbors = 496;

  // `owner` searches the data that `blocks` are of, in the caller's order.
  // 1 <= k <= kMaxNeighbors.
  FarFieldPass(const Searcher<ResidualCorrelation>& owner,
               const FarFieldBlocks& blocks, int64_t k);

  FarFieldPass(const FarFieldPass&) = delete;
  FarFieldPass& operator=(const FarFieldPass&) = delete;

  // Searches for `queries`, numbers of the request's: rows of the data that lie
  // in `block`. All but the hard ones are answered in `neighbors`.
  void Search(const Request& request, int block,
              absl::Span<const int32_t> queries, NeighborTable& neighbors);

  // A block that stands for `weight` blocks.
  struct Sample {
    int block;
    double weight;
  };
  // Returns what the bound leaves to each of the request's queries, rows that
  // lie in `block`, at most kMaxQueries, where their theta is known and
  // `sample` stands for all blocks.
  std::vector<FarFieldLeft> Measure(const Request& request, int block,
                                    absl::Span<const float> theta,
                                    absl::Span<const Sample> sample);

  // Returns the queries of all tasks so far that were given up.
  const std::vector<int32_t>& hard_queries() const { return hard_queries_; }
  // Return the sums over all tasks so far.
  SearchCounters counters() const;
  SearchTrace trace() const;

 private:
  static constexpr int kMaxGroups = kMaxQueries / kFarPanel;

  struct Counts {
    int64_t filtered = 0;
    int64_t block_tests = 0;
    int64_t blocks_pruned = 0;
    int64_t screened = 0;
  };

  // The queries of a task, in panels.
  struct Task {
    Task(int64_t dim, int max_rank, int terms);

    int count = 0;
    int block = 0;
    AlignedBuffer<float> a;  // coordinates in the block's own basis
    AlignedBuffer<float> z;
    AlignedBuffer<float> t;                           // Chebyshev polynomials
    alignas(64) float v_length[kMaxQueries] = {};     // at least |v|
    alignas(64) float rest_length[kMaxQueries] = {};  // |w|
    alignas(64) float a_length[kMaxQueries] = {};
    alignas(64) float a_sum[kMaxQueries] = {};
    alignas(64) float rest[kMaxQueries] = {};
    alignas(64) float reach[kMaxQueries] = {};
    // Of each panel, those of its queries that are not given up, and at most
    // the least reach of these: it never falls.
    uint32_t lanes[kMaxGroups] = {};
    float least_reach[kMaxGroups] = {};
    alignas(64) float ball_reach[kMaxQueries] = {};
    alignas(64) float ball_turn[kMaxQueries] = {};
    alignas(64) float most[kMaxQueries] = {};  // of the block searched
    alignas(64) float scale[kMaxQueries] = {};
    alignas(64) int32_t row_limit[kMaxQueries] = {};
    alignas(64) int32_t self[kMaxQueries] = {};
    double inverse_sqrt[kMaxQueries];
    float theta[kMaxQueries];
    int32_t number[kMaxQueries];
    int kept_at_theta[kMaxQueries];
  };

  void LoadQueries(const Request& request, int block,
                   absl::Span<const int32_t> queries);
  // Sorts the blocks by how near they are to the task's.
  void OrderBlocks();
  void SearchBlock(const Request& request, int block);
  // Returns the number of panels of queries.
  int Groups() const { return (task_.count + kFarPanel - 1) / kFarPanel; }
  // Writes the coordinates of queries first + l in the basis of `block` to y_,
  // and what their products miss as a part of a point's length: by the table C,
  // which is there, for all of them, or for those of `lanes`, which are next in
  // the table of ProjectFew. Returns the place of those after them.
  void LoadAll(int block, int first, double table_norm, float* length);
  const float* LoadFew(int block, int first, uint32_t lanes, const float* table,
                       float* length);
  // Projects the v of few queries, those of each panel's lanes, at most
  // kFarPanel in all, on the basis of `block`, which costs less than C.
  void ProjectFew(int block, absl::Span<const uint32_t> lanes);
  // Searches the panels of the task's own block for the queries first + l of
  // `lanes`, which `queries` describes: the nearest first, which make theta
  // large, so that balls may dismiss others.
  void SearchOwnPanels(const Request& request, int first, uint32_t lanes,
                       const FarQueries& queries);
  // Searches the panels of a block: all, or those that are first or not.
  enum class Panels { kAll, kFirst, kRest };
  void SearchPanels(const Request& request, int block, int first,
                    uint32_t lanes, const FarQueries& queries, Panels which);
  // Raises theta where enough is new.
  void RaiseThetas(int first, uint32_t lanes);
  // Returns the queries first + l for which `block` may hold something, and
  // bounds on the |c| of each.
  uint32_t Wanted(int block, int first, float* most);
  // Returns those of the queries first + l of `lanes` that may need a point of
  // `block` where their |c| are at most most[l].
  uint32_t Reaching(int block, int first, uint32_t lanes,
                    const float* most) const;
  // Gives query i up: it is hard.
  void GiveUp(int i);
  bool Hard(int i) const;
  bool MakeRoom(int i);
  void SetTheta(int i, float theta);
  void RaiseTheta(int i);
  // Finds the inducing points that some query of the task may keep.
  void FindInducing();
  void KeepInducing(const Request& request, int i);
  // Evaluates the lists of all queries that are not hard.
  void Evaluate(const Request& request, NeighborTable& neighbors);

  const ResidualCorrelation& metric_;
  const FarFieldBlocks& blocks_;
  const FilterRoutines& filter_;
  const int capacity_;  // candidates that a query may keep
  Task task_;
  AlignedBuffer<float> table_;
  AlignedBuffer<float> expansion_;
  int expanded_ = -1;  // the block whose expansion is loaded
  AlignedBuffer<float> few_;  // scratch space of projections
  AlignedBuffer<float> y_;
  std::vector<std::pair<float, int32_t>> order_;
  std::vector<int64_t> inducing_;
  const int first_panels_;  // of the own block, or 0
  std::vector<std::pair<float, int32_t>> panel_order_;
  std::vector<bool> is_first_;  // by panel of the own block
  KeptCandidates kept_;

  std::vector<int32_t> hard_queries_;
  Counts counts_;
  SearchTrace trace_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_FAR_FIELD_PASS_H_
