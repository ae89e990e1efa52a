// Level cache: correlations evaluated at higher levels dismiss children below.
//
// Fills CacheSlot: it keeps, for each query of a batch, rho(q, a) of every node
// a with children that was evaluated, and is asked before children are. The
// tree holds, for each child x of a segment, what its *pivots* know of it: the
// parent and the nodes of higher levels that are nearest to the parent, a_1 ..
// a_s.
//
// Bound. Let A be the correlations of the pivots, L its Cholesky factor, and
//
//     w_x = L^-1 rho(a, x),       e_x^2 = 1 + tau_x - |w_x|^2,
//
// the coordinates of x in the span of the pivots and what is left of it
// outside; likewise w_q, e_q for a query. Then, by Cauchy and Schwarz in the
// complement,
//
//     |rho(q, x)| <= |w_q . w_x| + e_q e_x.
//
// With s = 1 this is the annulus bound |theta(q, a) - theta(a, x)| <=
// theta(q, x) of vantage-point methods (Yianilos 1993); with more, that of a
// Gram matrix in place of a triangle. A whole segment is dismissed by
//
//     |w_q| max |w_x| + e_q max e_x.
//
// A child with children of its own is dismissed only if all that is below it
// is: MinSquared of its ball, at the least t that the bound leaves it.
//
// Invariant. A child is dismissed for a query only where its computed t exceeds
// the threshold, proven for the computed correlations: q, x and the pivots are
// s + 2 points, so with tau_i = nu(s + 2) / p_i + 12 u (rounding.h) on the
// diagonal their correlations are a Gram matrix. Factorization and substitution
// in float64 act as a perturbation of that matrix, below nu_rho = 2 u (s +
// 4)^2.5 (docs/exactness.md, section 5), which tau includes here. The roundings
// of the bound itself are given away in kSlack. So the answer keeps its bits.
//
// Pivots that were not evaluated for a query are left out, with all after them:
// the bound then uses the first coordinates alone.
//
// Cost. s^2 / 2 multiplications for each query and segment, s for each query
// and child; a dot product of V takes m. Memory: 8 s bytes for each child, 8
// s^2 for each segment, and in each thread 512 bytes for each node with
// children. Build: half a correlation for each pair of nodes with children, s
// for each child.
//
// Helps where nodes at one level are many and children near them are more: e_x
// is small. Hurts where segments hold a handful of children, as in deep trees.

#ifndef RCT_HEURISTICS_LEVEL_CACHE_LEVEL_CACHE_H_
#define RCT_HEURISTICS_LEVEL_CACHE_LEVEL_CACHE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/monitor.h"
#include "heuristics/level_cache/level_cache.pb.h"
#include "metric/residual_correlation.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/slots.h"

namespace rct {

// InvalidArgument, naming the field, where a value is out of range.
absl::Status ValidateLevelCacheConfig(const LevelCacheConfig& config);

// What a tree knows of its children; shared by all threads.
class LevelCacheTable {
 public:
  // `metric` holds the data in the order of `tree` and has a rounding model.
  // Requires a valid config. What a cancelled monitor leaves is of no use.
  LevelCacheTable(std::shared_ptr<const ResidualCorrelation> metric,
                  const MeasuredTree<ResidualCorrelation>& tree,
                  const LevelCacheConfig& config, int threads,
                  Monitor* monitor = nullptr);

  // Correlations that were evaluated for it.
  int64_t distance_evaluations() const { return distance_evaluations_; }
  int64_t bytes() const;

 private:
  friend class LevelCache;

  struct Segment {
    int32_t first_child = 0;
    int32_t num_pivots = 0;
    bool has_inner = false;  // children with children
    double max_norm = 0;     // |w_x|
    double max_rest = 0;     // e_x
  };

  void ChoosePivots(const CoverTree& tree, int threads, Monitor* monitor);
  void Project(const CoverTree& tree, int threads, Monitor* monitor);

  // Coordinates and rest of points by their correlations with the pivots of a
  // segment, the first `known` of them.
  double Coordinates(int32_t segment, int known, const double* rho, double tau,
                     double* w) const;
  const double* Factor(int32_t segment) const {
    return factors_.data() + int64_t{segment} * pivots_ * pivots_;
  }
  const int32_t* Pivots(int32_t segment) const {
    return pivot_nodes_.data() + int64_t{segment} * pivots_;
  }

  std::shared_ptr<const ResidualCorrelation> metric_;
  std::vector<ResidualCorrelation::Ball> balls_;
  int pivots_;
  int stride_;           // pivots_, in whole vectors
  double rounding_tau_;  // nu_rho
  double slack_;
  std::vector<int32_t> children_;       // of the tree
  std::vector<int32_t> first_segment_;  // of a node, or -1
  std::vector<int32_t> inner_;          // numbers of nodes with children, or -1
  int32_t num_inner_ = 0;
  std::vector<Segment> segments_;
  std::vector<int32_t> pivot_nodes_;  // pivots_ for each segment
  std::vector<double> factors_;       // L, rows of pivots_, for each segment
  AlignedBuffer<double> w_;           // stride_ for each place in children_
  std::vector<double> rest_;          // e_x for each place in children_
  int64_t distance_evaluations_ = 0;
};

class LevelCache {
 public:
  static constexpr bool kFilters = true;
  static constexpr bool kKeeps = true;

  explicit LevelCache(std::shared_ptr<const LevelCacheTable> table);

  void StartBatch(const ResidualPoints& from,
                  absl::Span<const int32_t> positions);
  void Keep(absl::Span<const int> places, absl::Span<const int32_t> nodes,
            const double* rho, int64_t stride);
  QueryMask Open(int32_t segment, QueryMask queries, const double* thresholds);
  void Filter(int first, int count, QueryMask queries, const double* thresholds,
              QueryMask* masks);
  void Report(SearchCounters& counters) const;

 private:
  friend class LevelCachePeer;

  std::shared_ptr<const LevelCacheTable> table_;

  // Of the batch.
  double tau_[kBatchQueries];
  double query_norm_[kBatchQueries];
  uint32_t generation_ = 0;
  std::vector<uint32_t> kept_in_;  // generation, for each node with children
  std::vector<QueryMask> known_;   // which queries
  std::vector<double> rho_;        // kBatchQueries for each such node

  // Of the open segment.
  int32_t segment_ = -1;
  std::vector<double> w_;  // stride_ for each query
  double rest_[kBatchQueries];
  int known_pivots_[kBatchQueries];
  std::vector<double> tile_;

  int64_t hits_ = 0;
  int64_t misses_ = 0;
  int64_t segment_prunes_ = 0;
  int64_t child_prunes_ = 0;
};

}  // namespace rct

#endif  // RCT_HEURISTICS_LEVEL_CACHE_LEVEL_CACHE_H_
