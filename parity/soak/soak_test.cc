// The differential soak, as far as the test command has time for it: the first
// cases of a fixed seed. tools/soak runs as many as one likes.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "gtest/gtest.h"
#include "parity/soak/case_generator.h"
#include "parity/soak/case_runner.h"
#include "parity/soak/isolated_run.h"
#include "parity/soak/soak.pb.h"

namespace rct {
namespace {

constexpr uint64_t kSeed = 20261127;
constexpr int64_t kCases = 200;

TEST(SoakTest, AgreesWithExhaustiveSearch) {
  const std::string folder = std::getenv("TEST_TMPDIR");
  int64_t refused = 0, rows = 0;
  for (int64_t number = 0; number < kCases; ++number) {
    const SoakCase soak_case = MakeSoakCase(kSeed, number);
    const SoakOutcome outcome = RunIsolated(soak_case, folder);
    ASSERT_FALSE(IsFailure(outcome) || outcome.kind() == SoakOutcome::MALFORMED)
        << "case " << number << ": " << outcome.message()
        << "\nTo repeat it:\n./tools/soak --seed=" << kSeed
        << " --first=" << number << " --cases=1";
    refused += outcome.kind() == SoakOutcome::REFUSED ? 1 : 0;
    rows += outcome.rows();
  }
  // Cases that say nothing must stay few.
  EXPECT_LT(refused, kCases / 5);
  EXPECT_GT(rows, 100 * kCases);
  RecordProperty("rows", std::to_string(rows));
}

}  // namespace
}  // namespace rct
