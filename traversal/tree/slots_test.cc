#include "traversal/tree/slots.h"

#include <cstdint>
#include <limits>
#include <type_traits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::Each;

struct Metric {
  struct Points {};
  struct Ball {
    double radius = 1;
  };
};
using Ball = Metric::Ball;

// A heuristic that is off takes no memory.
static_assert(std::is_empty_v<EmptySlots>);
static_assert(sizeof(EmptySlots) == 1);

// One that is on takes its own and no more.
struct StatefulBudget : NoBudget {
  void AfterTile(const TileYield& yield) { spent += yield.evaluations[0]; }
  int64_t spent = 0;
};
static_assert(sizeof(Slots<NoFloor, NoCache, NoDedupe, WidestTile, StorageOrder,
                           StatefulBudget>) == sizeof(StatefulBudget));

static_assert(SlotsFor<EmptySlots, Metric>);
static_assert(BoundSlot<NoFloor, Ball>);
static_assert(CacheSlot<NoCache, Metric>);
static_assert(DedupeSlot<NoDedupe>);
static_assert(TileSlot<WidestTile>);
static_assert(OrderSlot<StorageOrder>);
static_assert(BudgetSlot<NoBudget>);
static_assert(BudgetSlot<StatefulBudget>);

// Classes that look like slots and are none.
struct ReturnsABall : NoFloor {
  Ball Widen(Ball& ball) const { return ball; }
};
struct KeepsItsCounts {
  void Widen(Ball&) const {}
};
struct CountsWhatIsConst : NoFloor {
  void Report(const SearchCounters&) {}
};
struct ForgetsTheQueries : NoCache {
  bool Open(int32_t, QueryMask, const double*) const { return true; }
};
struct FillsBytes : NoCache {
  void Filter(int, int, QueryMask, const double*, uint8_t*) const {}
};
struct AnswersForAll : NoDedupe {
  bool Fresh(int32_t, QueryMask) const { return true; }
};
struct CountsIn64Bits : WidestTile {
  int64_t Candidates(int64_t) const { return 1; }
};
struct Ranks : StorageOrder {
  int NearestFirst() const { return 1; }
};
struct NeverSaysWhoStopped {
  static constexpr bool kLimits = true;
  void StartBatch() const {}
  void AfterTile(const TileYield&) const {}
  bool ReturnsBest() const { return false; }
  void Report(SearchCounters&) const {}
};
static_assert(!BoundSlot<ReturnsABall, Ball>);
static_assert(!BoundSlot<KeepsItsCounts, Ball>);
static_assert(!BoundSlot<CountsWhatIsConst, Ball>);
static_assert(!CacheSlot<ForgetsTheQueries, Metric>);
static_assert(!CacheSlot<FillsBytes, Metric>);
static_assert(!DedupeSlot<AnswersForAll>);
static_assert(!TileSlot<CountsIn64Bits>);
static_assert(!OrderSlot<Ranks>);
static_assert(!BudgetSlot<NeverSaysWhoStopped>);

// Slots that fit one metric need not fit another.
struct ForBalls : NoFloor {
  void Widen(Ball&) const {}
};
struct Flat {
  struct Points {};
  struct Ball {};
};
static_assert(SlotsFor<Slots<ForBalls>, Metric>);
static_assert(!SlotsFor<Slots<ForBalls>, Flat>);

// A heuristic replaces the default of its slot.
struct NarrowTile : WidestTile {
  int Candidates(int64_t active) const { return active < 10 ? 4 : kMaxTile; }
};

TEST(SlotsTest, AHeuristicFillsOneSlot) {
  Slots<NoFloor, NoCache, NoDedupe, NarrowTile> slots;
  EXPECT_EQ(slots.tile.Candidates(3), 4);
  EXPECT_EQ(slots.tile.Candidates(10), 128);
  EXPECT_EQ(slots.dedupe.Fresh(/*node=*/0, 0b101), 0b101);
  EXPECT_FALSE(slots.order.NearestFirst());
}

TEST(SlotsTest, EmptySlotsChangeNothing) {
  EmptySlots slots;
  Ball ball;
  slots.bound.Widen(ball);
  EXPECT_EQ(ball.radius, 1);

  slots.cache.StartBatch(Metric::Points(), {});
  slots.dedupe.StartBatch();
  slots.budget.StartBatch();
  constexpr QueryMask kQueries = 0b1010;
  const double thresholds[kBatchQueries] = {};
  const int32_t counts[kBatchQueries] = {};
  for (int i = 0; i < 2; ++i) {
    slots.cache.Keep({}, {}, thresholds, 0);
    EXPECT_EQ(slots.cache.Open(0, kQueries, thresholds), kQueries);
    QueryMask masks[3] = {};
    slots.cache.Filter(0, 3, kQueries, thresholds, masks);
    EXPECT_THAT(masks, Each(kQueries));
    EXPECT_EQ(slots.dedupe.Fresh(1, kQueries), kQueries);
    slots.budget.AfterTile({kQueries, kQueries, counts, counts});
    EXPECT_EQ(slots.budget.Stopped(), 0);
  }
  EXPECT_FALSE(slots.budget.ReturnsBest());
  EXPECT_FALSE(slots.order.NearestFirst());
  EXPECT_EQ(slots.tile.Candidates(1), kMaxTile);
  EXPECT_EQ(slots.tile.Candidates(std::numeric_limits<int64_t>::max()),
            kMaxTile);

  SearchCounters counters;
  slots.Report(counters);
  EXPECT_EQ(counters.ByteSizeLong(), 0);
}

// Counts that it was asked.
template <class Slot>
struct Reporting : Slot {
  void Report(SearchCounters& counters) const {
    counters.set_heap_pushes(counters.heap_pushes() + 1);
  }
};

TEST(SlotsTest, EverySlotReports) {
  const Slots<Reporting<NoFloor>, Reporting<NoCache>, Reporting<NoDedupe>,
              Reporting<WidestTile>, Reporting<StorageOrder>,
              Reporting<NoBudget>>
      slots;
  SearchCounters counters;
  slots.Report(counters);
  EXPECT_EQ(counters.heap_pushes(), 6);
}

TEST(SlotsTest, ABatchFitsItsMask) {
  EXPECT_EQ(kBatchQueries, 8 * sizeof(QueryMask));
}

}  // namespace
}  // namespace rct
