#include "parity/soak/isolated_run.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "parity/soak/case_generator.h"
#include "parity/soak/soak.pb.h"

namespace rct {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(IsolatedRunTest, CasesPassThroughJson) {
  for (int64_t number = 0; number < 300; ++number) {
    const SoakCase soak_case = MakeSoakCase(/*seed=*/2, number);
    const std::string line = JsonLine(soak_case);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto parsed = ParseSoakCase(line);
    ASSERT_THAT(parsed.status(), IsOk());
    EXPECT_EQ(parsed->SerializeAsString(), soak_case.SerializeAsString());
    EXPECT_EQ(CommandOf(soak_case), "./tools/soak --case='" + line + "'");
  }
}

TEST(IsolatedRunTest, SaysWhatIsWrongWithACase) {
  EXPECT_THAT(ParseSoakCase("{\"shape\": 1}").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("shape")));
  SoakCase soak_case;
  const std::string folder = std::getenv("TEST_TMPDIR");
  EXPECT_EQ(RunIsolated(soak_case, folder).message(), "metric: not given");
  soak_case.mutable_points()->set_shape("blob");
  EXPECT_EQ(RunIsolated(soak_case, folder).message(),
            "points.shape: there is no blob");
}

TEST(IsolatedRunTest, NoticesACaseThatTakesTooLong) {
  // Appends to 20,000 points, one after the other.
  SoakCase soak_case;
  soak_case.mutable_points()->set_count(20'000);
  soak_case.mutable_metric()->mutable_euclidean();
  for (int i = 0; i < 2000; ++i) {
    soak_case.add_step()->mutable_append()->set_count(1);
  }
  const SoakOutcome outcome =
      RunIsolated(soak_case, std::getenv("TEST_TMPDIR"), /*seconds=*/1);
  EXPECT_EQ(outcome.kind(), SoakOutcome::CRASHED);
  EXPECT_THAT(outcome.message(), StartsWith("it takes more than 1 s"));
}

}  // namespace
}  // namespace rct
