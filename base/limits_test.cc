#include "base/limits.h"

#include <cstdint>
#include <limits>

#include "gtest/gtest.h"

namespace rct {
namespace {

// Messages print these numbers, and users rely on them.
TEST(LimitsTest, Values) {
  EXPECT_EQ(kMaxRows, 2147483639);
  EXPECT_EQ(kMaxColumns, 1048576);
  EXPECT_EQ(kMaxThreads, 4096);
}

TEST(LimitsTest, RowNumbersRoundUpToEightWithin32Bits) {
  const int64_t rounded = (kMaxRows + 7) / 8 * 8;
  EXPECT_LE(rounded, std::numeric_limits<int32_t>::max());
}

}  // namespace
}  // namespace rct
