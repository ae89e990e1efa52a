// Level cache: correlations evaluated at higher levels dismiss children below.
//
// Fills CacheSlot: it keeps, for each query of a batch, rho(q, a) of every
// evaluated node a that has children, and is asked before children are
// evaluated. For each segment the tree holds *pivots* a_1 .. a_s, the parent
// and the nodes of higher levels that are nearest to the parent, and for each
// child x its correlations with them.
//
// Bound. Let A be the correlations of the pivots, L its Cholesky factor, and
//
//     w_x = L^-1 rho(a, x),       e_x^2 = 1 + tau_x - |w_x|^2,
//
// the coordinates of x in the span of the pivots and the square of its part
// outside; likewise w_q, e_q for a query. Then, by Cauchy and Schwarz in the
// complement,
//
//     |rho(q, x)| <= |w_q . w_x| + e_q e_x.
//
// With s = 1 this is the annulus bound |theta(q, a) - theta(a, x)| <=
// theta(q, x) of vantage-point methods (Yianilos 1993); with more pivots, a
// Gram matrix takes the place of the triangle. A whole segment is dismissed by
//
//     |w_q| max |w_x| + e_q max e_x.
//
// A child with children of its own is dismissed only if all points below it
// are: by MinSquared of its ball, at the least t that the bound leaves it.
//
// Invariant. A child is dismissed for a query only if its computed t exceeds
// the threshold. This is proven for the computed correlations: q, x and the
// pivots are s + 2 points, so that with tau_i = nu(s + 2) / p_i + 12 u
// (rounding.h) on the diagonal their correlations are a Gram matrix.
// Factorization and substitution in float64 act as a perturbation of that
// matrix, below nu_rho = 2 u (s + 4)^2.5 (docs/exactness.md, section 5), which
// tau includes here. The roundings of the bound itself are allowed for by
// `slack_`. So the answer keeps its bits.
//
// The bound of a query uses the pivots up to the first that was not evaluated
// for it: the coordinates that follow count as parts outside the span.
//
// Cost. s^2 / 2 multiplications for each query and segment, s for each query
// and child; a dot product of V takes m. Memory: 8 s bytes for each child, 8
// s^2 for each segment, and in each thread 512 bytes for each node with
// children. Build: half a correlation for each pair of nodes with children, s
// for each child.
//
// Helps if nodes at one level are many and children near them are more: e_x is
// small. Hurts if segments hold a handful of children, as in deep trees.

#ifndef RCT_HEURISTICS_LEVEL_CACHE_LEVEL_CACHE_H_
#define RCT_HEURISTICS_LEVEL_CACHE_LEVEL_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/monitor.h"
#include "heuristics/level_cache/level_cache.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/slots.h"

namespace rct {

// Returns InvalidArgument, naming the field, if a value is out of range.
absl::Status ValidateLevelCacheConfig(const LevelCacheConfig& config);

// The pivots, factors and coordinates of a tree's segments and their children.
// All threads share one table.
class LevelCacheTable {
 public:
  // Computes the table. Assumes that `metric` holds the data in the order of
  // `tree` and has a rounding model, and that `config` is valid. If `monitor`
  // is cancelled, the table is incomplete and must be dropped.
  LevelCacheTable(std::shared_ptr<const ResidualCorrelation> metric,
                  const MeasuredTree<ResidualCorrelation>& tree,
                  const LevelCacheConfig& config, int threads,
                  Monitor* monitor = nullptr);

  // Returns how many correlations were evaluated for the table.
  int64_t distance_evaluations() const { return distance_evaluations_; }
  int64_t bytes() const;

 private:
  friend class LevelCache;

  struct Segment {
    int32_t first_child = 0;
    int32_t num_pivots = 0;
    bool has_inner = false;  // whether some children have children
    double max_norm = 0;     // of |w_x| over the children
    double max_rest = 0;     // of e_x over the children
  };

  // The part of the tree that a search asks for.
  struct Nodes {
    std::vector<int32_t> children;       // of the tree
    std::vector<int32_t> first_segment;  // of a node, or -1
    std::vector<int32_t> inner;  // a node's number among those with children,
                                 // or -1
    int32_t num_inner = 0;
    std::vector<ResidualCorrelation::Ball> balls;  // one for each segment
  };

  struct Scratch;

  // The steps of the construction: the pivots of all segments, and then the
  // factors of the pivots and the coordinates of the children.
  void ChooseAllPivots(const CoverTree& tree, int threads, Monitor* monitor);
  void ChoosePivots(int64_t segment, int32_t parent,
                    absl::Span<const int32_t> candidates, Scratch& scratch);
  void ProjectAll(const CoverTree& tree, int threads, Monitor* monitor);
  void FactorPivots(int64_t segment, Scratch& scratch);
  void ProjectChildren(int64_t segment, absl::Span<const int32_t> children,
                       Scratch& scratch);

  // Returns tau of a point, with nu_rho.
  double Tau(const ResidualPoints& from, int32_t position) const {
    return metric_->Tau(from, position, pivots_ + 2) + rounding_tau_;
  }
  // Writes the coordinates w of a point with the correlations `rho` to the
  // first `known` pivots of a segment, and returns its rest e.
  double Coordinates(int64_t segment, int known, const double* rho, double tau,
                     double* w) const;
  absl::Span<const int32_t> Pivots(int64_t segment) const {
    return {pivot_nodes_.data() + segment * pivots_,
            static_cast<size_t>(segments_[segment].num_pivots)};
  }

  std::shared_ptr<const ResidualCorrelation> metric_;
  int pivots_;
  int stride_;           // pivots_, in whole vectors
  double rounding_tau_;  // nu_rho
  double slack_;         // for the roundings of the bound itself
  Nodes nodes_;
  std::vector<Segment> segments_;
  std::vector<int32_t> pivot_nodes_;  // pivots_ for each segment
  std::vector<double> factors_;       // L, rows of pivots_, for each segment
  AlignedBuffer<double> w_;           // stride_ for each place in the children
  std::vector<double> rest_;          // e_x for each place in the children
  int64_t distance_evaluations_ = 0;
};

// The slot itself; each thread has a copy of its own.
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

  // Sets `level_cache_hits`, `level_cache_misses`,
  // `level_cache_segment_prunes` and `level_cache_child_prunes`.
  void Report(SearchCounters& counters) const;

 private:
  friend class LevelCachePeer;

  // The queries of the batch, and the correlations kept for them: for each node
  // with children a generation, which is that of the batch if anything was
  // kept, the set of queries that know the node, and their correlations.
  struct Batch {
    double tau[kBatchQueries];
    double query_norm[kBatchQueries];
    uint32_t generation = 0;
    std::vector<uint32_t> kept_in;
    std::vector<QueryMask> known;
    std::vector<double> rho;  // kBatchQueries for each such node
  };

  // The coordinates of the queries in the segment that was opened last, and the
  // number of pivots that each query knows.
  struct OpenSegment {
    int32_t index = -1;
    std::vector<double> w;  // stride_ of the table for each query
    double rest[kBatchQueries];
    int known_pivots[kBatchQueries];
  };

  struct Counts {
    int64_t hits = 0;
    int64_t misses = 0;
    int64_t segment_prunes = 0;
    int64_t child_prunes = 0;
  };

  // The steps of Filter(), for the `count` children from `place` on.
  int MultiplyCoordinates(int64_t place, int count, QueryMask queries,
                          int* queries_at);
  void BoundChildren(const LevelCacheTable::Segment& segment, int64_t place,
                     int count, int query, double* lower) const;
  void BoundBelow(int64_t place, int count, int query, double* lower) const;

  std::shared_ptr<const LevelCacheTable> table_;
  Batch batch_;
  OpenSegment open_;
  std::vector<double> tile_;  // |w_q . w_x|, then bounds, within Filter()
  Counts counts_;
};

}  // namespace rct

#endif  // RCT_HEURISTICS_LEVEL_CACHE_LEVEL_CACHE_H_
