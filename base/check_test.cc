#include "base/check.h"

#include <type_traits>

#include "gtest/gtest.h"

namespace rct {
namespace {

TEST(CheckTest, PassesWhatHolds) {
  int evaluations = 0;
  RCT_CHECK(++evaluations == 1);
  EXPECT_EQ(evaluations, 1);
}

TEST(CheckTest, TakesCommas) { RCT_CHECK(std::is_same_v<int, int>); }

TEST(CheckTest, IsAnExpression) {
  const auto half = [](int x) { return RCT_CHECK(x % 2 == 0), x / 2; };
  EXPECT_EQ(half(6), 3);
}

TEST(CheckDeathTest, NamesPlaceAndCondition) {
  const int rows = 3;
  EXPECT_DEATH(RCT_CHECK(rows < 2),
               "base/check_test\\.cc:[0-9]+: check failed: rows < 2");
}

}  // namespace
}  // namespace rct
