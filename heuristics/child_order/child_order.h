// Child order: the nearest subtrees are visited first.
//
// Fills OrderSlot: it is asked, before a frontier is visited, whether the
// frontier is sorted by the least distance from a query to a segment's node.
// Segments at one distance stay in the order of storage, in which all of them
// are without this heuristic.
//
// Invariant. Only the order of the visits changes. Each subtree is dismissed by
// its bound or visited, early or late, and the neighbors that a query ends up
// with do not depend on the order in which they arrive: the answer keeps its
// bits.
// Cost. A sort of each frontier; `frontiers_sorted` counts them.
// Helps if frontiers are wide: the kth distance falls sooner, and bounds
// dismiss more of the segments that come after. Hurts if queries of a batch
// disagree about the nearest segments, and if rows are long: storage is then no
// longer read in its order. The idea is as old as branch and bound in trees:
// Roussopoulos, Kelley and Vincent, "Nearest neighbor queries", SIGMOD 1995.

#ifndef RCT_HEURISTICS_CHILD_ORDER_CHILD_ORDER_H_
#define RCT_HEURISTICS_CHILD_ORDER_CHILD_ORDER_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "heuristics/child_order/child_order.pb.h"
#include "traversal/traversal.pb.h"

namespace rct {

class ChildOrder {
 public:
  // Returns the heuristic; every config is valid.
  static absl::StatusOr<ChildOrder> Create(const ChildOrderConfig& config);

  // Returns true. Is asked once for each frontier, which then counts as sorted.
  bool NearestFirst() {
    ++sorted_;
    return true;
  }

  // Sets `frontiers_sorted`.
  void Report(SearchCounters& counters) const;

 private:
  int64_t sorted_ = 0;
};

}  // namespace rct

#endif  // RCT_HEURISTICS_CHILD_ORDER_CHILD_ORDER_H_
