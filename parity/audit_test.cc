#include "parity/audit.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(DrawAuditTest, ChoosesTheSameQueriesInEveryCall) {
  EXPECT_THAT(DrawAudit(1000, 4), ElementsAre(71, 493, 753, 951));
  EXPECT_EQ(DrawAudit(1000, 4), DrawAudit(1000, 4));
}

TEST(DrawAuditTest, ChoosesAllQueriesWhereAsManyAreWanted) {
  EXPECT_THAT(DrawAudit(3, 3), ElementsAre(0, 1, 2));
  EXPECT_THAT(DrawAudit(3, 10), ElementsAre(0, 1, 2));
  EXPECT_THAT(DrawAudit(3, 0), IsEmpty());
  EXPECT_THAT(DrawAudit(0, 3), IsEmpty());
}

}  // namespace
}  // namespace rct
