#include "index/distributed/cell_shares.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;

TEST(CellSharesTest, RanksOwnRunsOfAsManyPoints) {
  EXPECT_THAT(ShareOutCells({10, 10, 10, 10, 10, 10, 10, 10}, /*groups=*/8,
                            {0, 0, 0, 0}),
              ElementsAre(0, 2, 4, 6, 8));
  EXPECT_THAT(ShareOutCells({30, 10, 10, 10}, /*groups=*/4, {0, 0}),
              ElementsAre(0, 1, 4));
}

TEST(CellSharesTest, RanksOwnWholeGroups) {
  EXPECT_THAT(ShareOutCells({10, 10, 10, 10, 10, 10, 10, 10}, /*groups=*/2,
                            {0, 0, 0, 0}),
              ElementsAre(0, 0, 4, 4, 8));
}

TEST(CellSharesTest, RanksWithOtherWorkOwnLess) {
  EXPECT_THAT(ShareOutCells({10, 10, 10, 10, 10, 10, 10, 10}, /*groups=*/8,
                            {0, 30, 30}),
              ElementsAre(0, 5, 6, 8));
  // One has more than its share already.
  EXPECT_THAT(ShareOutCells({10, 10, 10, 10}, /*groups=*/4, {1000, 0, 0}),
              ElementsAre(0, 0, 2, 4));
}

TEST(CellSharesTest, EveryCellHasAnOwner) {
  for (int ranks = 1; ranks <= 9; ++ranks) {
    for (const int64_t early : {0, 7, 1000, 100000}) {
      const std::vector<int> first = ShareOutCells(
          {1, 500, 3, 1, 1, 1, 90, 2}, /*groups=*/8, EarlyWork(early, ranks));
      ASSERT_EQ(first.size(), ranks + 1);
      EXPECT_EQ(first.front(), 0);
      EXPECT_EQ(first.back(), 8);
      EXPECT_TRUE(std::is_sorted(first.begin(), first.end()));
    }
  }
}

TEST(CellSharesTest, LaterEarlyRowsAreMoreWork) {
  const std::vector<double> work = EarlyWork(1000, 4);
  EXPECT_TRUE(std::is_sorted(work.begin(), work.end()));
  EXPECT_THAT(EarlyWork(0, 2), ElementsAre(0, 0));
}

TEST(CellSharesTest, UnitsAreRunsOfAsManyPoints) {
  const std::vector<int64_t> counts(12, 5);
  const std::vector<CellRun> units = UnitRuns(counts, {2, 10}, 4);
  ASSERT_EQ(units.size(), 4);
  for (int u = 0; u < 4; ++u) {
    EXPECT_EQ(units[u].first, 2 + 2 * u);
    EXPECT_EQ(units[u].last, 4 + 2 * u);
  }
  EXPECT_TRUE(UnitRuns(counts, {3, 3}, 4).empty());
}

}  // namespace
}  // namespace rct
