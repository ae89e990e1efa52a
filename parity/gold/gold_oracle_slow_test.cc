// Compares all of the frozen gold with the oracle.

#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "parity/gold/gold.h"
#include "parity/gold/gold_oracle.h"

namespace rct {
namespace {

TEST(FrozenGoldTest, HasTheOraclesAnswers) {
  const Gold gold = LoadGold("parity/gold").value();
  int reports = 0;
  const auto expect = [&reports](const GoldReport& report) {
    SCOPED_TRACE(report.name);
    ++reports;
    EXPECT_TRUE(report.verdict.pass) << report.verdict.message;
    // README.md states these bounds.
    EXPECT_LT(report.max_distance_difference, 1e-7);
    EXPECT_LT(report.max_variance_difference, 1e-7);
    EXPECT_GT(report.smallest_gap, 2 * report.max_distance_difference);
  };
  EXPECT_THAT(VerifyGold(gold, 2, expect), IsOk());
  EXPECT_EQ(reports, 3);
}

}  // namespace
}  // namespace rct
