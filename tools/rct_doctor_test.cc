#include "tools/rct_doctor.h"

#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

TEST(DoctorTest, ThisMachineIsWell) { EXPECT_THAT(SelfTest(), IsOk()); }

TEST(DoctorTest, DescribesTheMachine) {
  EXPECT_THAT(
      DescribeMachine(),
      testing::MatchesRegex("processor     .+\n"
                            "threads       [1-9][0-9]* for this process\n"
                            "instructions  .+, of those here: scalar.*\n"
                            "memory        [0-9.]+ GiB\n"
                            "compiler      .+\n"));
}

}  // namespace
}  // namespace rct
