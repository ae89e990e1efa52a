#include "traversal/row_order.h"

#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/types/span.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

TEST(RowOrderTest, RoundTrip) {
  RandomStream random(1, 0);
  for (const int64_t n : {0, 1, 2, 3, 64, 1000}) {
    std::vector<int32_t> rows(n);
    std::iota(rows.begin(), rows.end(), 0);
    Shuffle(absl::MakeSpan(rows), random);
    const RowOrder order(rows);
    EXPECT_EQ(order.size(), n);
    EXPECT_THAT(order.rows(), ElementsAreArray(rows));
    for (int32_t i = 0; i < n; ++i) {
      EXPECT_EQ(order.row(i), rows[i]);
      EXPECT_EQ(order.position(order.row(i)), i);
      EXPECT_EQ(order.row(order.position(i)), i);
    }
  }
}

TEST(RowOrderTest, NaturalIsTheIdentity) {
  EXPECT_EQ(RowOrder::Natural(0).size(), 0);
  EXPECT_THAT(RowOrder::Natural(3).rows(), ElementsAre(0, 1, 2));
}

TEST(RowOrderDeathTest, WantsAPermutation) {
  EXPECT_DEATH(RowOrder({0, 0}), "check failed");
  EXPECT_DEATH(RowOrder({0, 2}), "check failed");
  EXPECT_DEATH(RowOrder({0, -1}), "check failed");
  EXPECT_DEATH(RowOrder({1, 2, 1}), "check failed");
}

}  // namespace
}  // namespace rct
