// CorrelationSearcher: BLOCK without inducing points, by a box tree.
//
// The correlation of a process falls with the scaled distance r, so that the
// most correlated points are the nearest ones, but for rounding: computed
// correlations of points at almost one distance may stand in any order. A
// query therefore visits the box tree of the scaled points z = x / l for its k
// nearest, finds from the kth distance R how far a point may lie and still be
// among the k most correlated, and evaluates all points up to there by the
// canonical arithmetic of the metric.
//
// How far that is. With u = 2^-53 and c_k = Kernel::rounding_ulps, a computed
// |rho| differs from g(r) = variance s^2 k(r), k(0) = 1, by at most
//
//     eps = (c_k + 10) u max(1, variance s^2),
//
// where c_k u bounds the kernel and the rest are the roundings of s, of two
// products, and of t = 1 - |rho|. The computed squared distance T of two points
// of the tree belongs to a true r with
//
//     |r - sqrt(T)| <= sqrt(T) (d + 6) u + zeta,   zeta = 3 sqrt(d) u M,
//
// M being the largest |z|, because scaled coordinates are rounded. Let R be the
// largest r of the k nearest. Each of these has |rho| >= g(R) - eps, and so the
// kth largest has; a point with g(r) + eps < g(R) - eps has less and is no
// neighbor, not even by its row. As g falls, all neighbors have r <= R' for any
// R' with g(R') <= g(R) - 2 eps. Where g(R) is so small that there is no such
// R', every point is evaluated.
//
// Cost. That of a Euclidean search, and some k kernel evaluations.

#ifndef RCT_TRAVERSAL_BLOCK_CORRELATION_SEARCHER_H_
#define RCT_TRAVERSAL_BLOCK_CORRELATION_SEARCHER_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "metric/residual_correlation.h"
#include "traversal/block/box_tree.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/searcher.h"

namespace rct {

class CorrelationSearcher final : public Searcher<ResidualCorrelation> {
 public:
  // Returns whether `metric` is one for this search: it has points in a few
  // dimensions, no inducing points, and scaled coordinates whose squared
  // distances do not overflow.
  static bool Offered(const ResidualCorrelation& metric);

  // Makes a searcher of `metric`, which is offered and holds the data in the
  // caller's order, on `threads` threads.
  static std::unique_ptr<const CorrelationSearcher> Create(
      const ResidualCorrelation& metric, int threads);

  int64_t bytes() const { return tree_.bytes(); }

 private:
  class Worker;

  CorrelationSearcher(std::shared_ptr<const ResidualCorrelation> metric,
                      RowOrder order, BoxTree tree, double largest)
      : Searcher(std::move(metric), std::move(order)),
        tree_(std::move(tree)),
        largest_(largest) {}

  void Search(const Request& request, NeighborTable& neighbors,
              SearchStatistics& statistics) const override;

  BoxTree tree_;    // of scaled points
  double largest_;  // the largest |z| among them
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_CORRELATION_SEARCHER_H_
