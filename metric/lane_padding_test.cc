#include "metric/lane_padding.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace rct {
namespace {

TEST(LanePaddingTest, RoundsUpToMultiplesOfEight) {
  EXPECT_EQ(RoundUpToLanes(0), 0);
  EXPECT_EQ(RoundUpToLanes(1), 8);
  EXPECT_EQ(RoundUpToLanes(8), 8);
  EXPECT_EQ(RoundUpToLanes(9), 16);
  EXPECT_EQ(RoundUpToLanes(int64_t{1} << 40), int64_t{1} << 40);
}

}  // namespace
}  // namespace rct
