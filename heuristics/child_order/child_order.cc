#include "heuristics/child_order/child_order.h"

#include "absl/status/statusor.h"

namespace rct {

absl::StatusOr<ChildOrder> ChildOrder::Create(const ChildOrderConfig&) {
  return ChildOrder();
}

void ChildOrder::Report(SearchCounters& counters) const {
  counters.set_frontiers_sorted(sorted_);
}

}  // namespace rct
