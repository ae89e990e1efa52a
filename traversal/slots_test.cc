#include "traversal/slots.h"

#include <cstdint>
#include <type_traits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

struct Ball {
  double radius = 1;
};

// A heuristic that is off takes no memory.
static_assert(std::is_empty_v<EmptySlots>);
static_assert(sizeof(EmptySlots) == 1);

// One that is on takes its own and no more.
struct StatefulBudget {
  void StartBatch() { spent = 0; }
  QueryMask AfterBlock(QueryMask active, int64_t evaluations, int64_t) {
    spent += evaluations;
    return active;
  }
  int64_t spent = 0;
};
static_assert(
    sizeof(Slots<NoFloor, NoCache, NoDedupe, WidestBlock, StatefulBudget>) ==
    sizeof(StatefulBudget));

static_assert(BoundSlot<NoFloor, Ball>);
static_assert(CacheSlot<NoCache>);
static_assert(DedupeSlot<NoDedupe>);
static_assert(BlockSlot<WidestBlock>);
static_assert(BudgetSlot<NoBudget>);
static_assert(BudgetSlot<StatefulBudget>);

// What looks like a slot and is none.
struct TakesACopy {
  void Widen(Ball&, int) const {}
};
struct ForgetsTheQueries {
  bool Needs(int32_t, int32_t, QueryMask) const { return true; }
};
struct NeverStarts {
  bool FirstVisit(int32_t) const { return true; }
};
struct CountsIn64Bits {
  int64_t Candidates(int, int64_t) const { return 1; }
};
struct SaysNothing {
  void StartBatch() const {}
  void AfterBlock(QueryMask, int64_t, int64_t) const {}
};
static_assert(!BoundSlot<TakesACopy, Ball>);
static_assert(!CacheSlot<ForgetsTheQueries>);
static_assert(!DedupeSlot<NeverStarts>);
static_assert(!BlockSlot<CountsIn64Bits>);
static_assert(!BudgetSlot<SaysNothing>);

TEST(SlotsTest, EmptySlotsChangeNothing) {
  EmptySlots slots;
  Ball ball;
  slots.bound.Widen(ball);
  EXPECT_EQ(ball.radius, 1);
  slots.dedupe.StartBatch();
  slots.budget.StartBatch();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(slots.cache.Needs(0, 1, 0b1010), 0b1010);
    EXPECT_TRUE(slots.dedupe.FirstVisit(1));
    EXPECT_EQ(slots.budget.AfterBlock(0b1010, 128, 0), 0b1010);
  }
  EXPECT_EQ(slots.block.Candidates(1, 0), kMaxBlock);
  EXPECT_EQ(slots.block.Candidates(64, 1'000'000), kMaxBlock);
}

TEST(SlotsTest, ABatchFitsItsMask) {
  EXPECT_EQ(kBatchQueries, 8 * sizeof(QueryMask));
}

}  // namespace
}  // namespace rct
