#include "heuristics/child_order/child_order.h"

#include <cstdint>

#include "base/random.h"
#include "gtest/gtest.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/slots.h"

namespace rct {
namespace {

static_assert(OrderSlot<ChildOrder>);

TEST(ChildOrderTest, AsksForTheNearestFirst) {
  ChildOrder order = *ChildOrder::Create({});
  EXPECT_TRUE(order.NearestFirst());
  EXPECT_TRUE(order.NearestFirst());
  SearchCounters counters;
  order.Report(counters);
  EXPECT_EQ(counters.frontiers_sorted(), 2);
}

TEST(ChildOrderTest, CopiesCountTheirOwnFrontiers) {
  const ChildOrder order = *ChildOrder::Create({});
  RandomStream stream(1, 0);
  for (int thread = 0; thread < 10; ++thread) {
    ChildOrder copy = order;
    const auto count = static_cast<int64_t>(stream.UniformBelow(100));
    for (int64_t i = 0; i < count; ++i) EXPECT_TRUE(copy.NearestFirst());
    SearchCounters counters;
    copy.Report(counters);
    EXPECT_EQ(counters.frontiers_sorted(), count);
  }
}

}  // namespace
}  // namespace rct
