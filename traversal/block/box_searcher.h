// BoxSearcher: the strategy BLOCK under Euclidean distance, by a box tree.
//
// A query first looks at the leaves around it, which hold more points than it
// has neighbors, and then at every box whose bound is not above its kth
// distance, nearer ones first (box_tree.h). Answers are those of the metric bit
// for bit, because leaves are evaluated by the metric's own chain of
// operations.
//
// Under the predecessor constraint a node whose rows all come after the query
// is dismissed. A query of row r has r candidates, which lie n / r times as
// sparse as the points: it visits that many more leaves, log n times more on
// average over all rows.

#ifndef RCT_TRAVERSAL_BLOCK_BOX_SEARCHER_H_
#define RCT_TRAVERSAL_BLOCK_BOX_SEARCHER_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "metric/euclidean_distance.h"
#include "traversal/block/box_tree.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/searcher.h"

namespace rct {

class BoxSearcher final : public Searcher<EuclideanDistance> {
 public:
  // Makes a searcher of `metric`, which holds at least one point, in the
  // caller's order, on `threads` threads.
  static std::unique_ptr<const BoxSearcher> Create(
      const EuclideanDistance& metric, int threads);

  int64_t bytes() const { return tree_.bytes(); }

 private:
  struct Worker;

  BoxSearcher(std::shared_ptr<const EuclideanDistance> metric, RowOrder order,
              BoxTree tree)
      : Searcher(std::move(metric), std::move(order)), tree_(std::move(tree)) {}

  void Search(const Request& request, NeighborTable& neighbors,
              SearchStatistics& statistics) const override;
  void SearchOne(const Request& request, PlacedQuery query, Worker& worker,
                 NeighborTable& neighbors) const;

  BoxTree tree_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_BOX_SEARCHER_H_
