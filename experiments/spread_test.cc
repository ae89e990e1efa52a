#include "experiments/spread.h"

#include "gtest/gtest.h"

namespace rct {
namespace {

TEST(SpreadTest, LeastMiddleAndGreatest) {
  const Spread odd = SpreadOf({7, 1, 2});
  EXPECT_EQ(odd.min, 1);
  EXPECT_EQ(odd.median, 2);
  EXPECT_EQ(odd.max, 7);
  EXPECT_EQ(SpreadOf({3}).median, 3);
}

TEST(SpreadTest, AnEvenNumberHasTheMeanOfTheMiddle) {
  EXPECT_EQ(SpreadOf({8, 1, 2, 3}).median, 2.5);
}

}  // namespace
}  // namespace rct
