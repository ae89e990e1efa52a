#include "heuristics/child_order/child_order.h"

#include <cstdint>

#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/slots.h"

namespace rct {
namespace {

static_assert(OrderSlot<ChildOrder>);

TEST(ChildOrderTest, Defaults) {
  const ChildOrderConfig config;
  EXPECT_THAT(ChildOrder::Create(config), IsOk());
}

TEST(ChildOrderTest, NearestFirst) {
  EXPECT_TRUE(ChildOrder::Create({})->NearestFirst());
}

TEST(ChildOrderTest, CountsFrontiersOfAllThreads) {
  ChildOrder order = *ChildOrder::Create({});
  RandomStream stream(1, 0);
  SearchCounters counters;
  int64_t frontiers = 0;
  for (int thread = 0; thread < 10; ++thread) {
    ChildOrder copy = order;
    const auto count = static_cast<int64_t>(stream.UniformBelow(100));
    for (int64_t i = 0; i < count; ++i) EXPECT_TRUE(copy.NearestFirst());
    copy.Report(counters);
    frontiers += count;
  }
  EXPECT_EQ(counters.frontiers_sorted(), frontiers);
}

}  // namespace
}  // namespace rct
