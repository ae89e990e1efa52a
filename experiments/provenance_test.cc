#include "experiments/provenance.h"

#include <stdlib.h>
#include <unistd.h>

#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::AnyOf;
using testing::EndsWith;
using testing::Not;
using testing::StartsWith;

TEST(ProvenanceTest, EveryFieldIsFilledIn) {
  const RunRecord::Provenance origin = CollectProvenance("sweep 'a b'");
  EXPECT_EQ(origin.command(), "sweep 'a b'");
  EXPECT_EQ(origin.processors(), HardwareThreads());
  EXPECT_THAT(origin.machine(), Not(""));
  EXPECT_THAT(origin.instruction_set(), AnyOf("scalar", "avx2", "avx512"));
  EXPECT_THAT(origin.compiler(),
              AnyOf(StartsWith("gcc "), StartsWith("clang ")));
  EXPECT_THAT(origin.compilation_mode(), AnyOf("opt", "fastbuild", "dbg"));

  absl::Time time;
  ASSERT_TRUE(
      absl::ParseTime(absl::RFC3339_full, origin.time(), &time, nullptr))
      << origin.time();
  EXPECT_LT(absl::AbsDuration(absl::Now() - time), absl::Minutes(1));
  EXPECT_THAT(origin.time(), EndsWith("+00:00"));
  EXPECT_EQ(origin.program_digest(),
            Sha256Hex(ReadFile("/proc/self/exe").value()));
}

TEST(ProvenanceTest, ACommitThatCannotBeFoundIsUnknown) {
  unsetenv("BUILD_WORKSPACE_DIRECTORY");
  EXPECT_EQ(CollectProvenance("").commit(), "unknown");
  setenv("BUILD_WORKSPACE_DIRECTORY", "/no/such/folder", 1);
  EXPECT_EQ(CollectProvenance("").commit(), "unknown");
  unsetenv("BUILD_WORKSPACE_DIRECTORY");
}

TEST(ProvenanceTest, NoCharacterOfThePathIsACommand) {
  const std::string marker = testing::TempDir() + "/marker";
  setenv("BUILD_WORKSPACE_DIRECTORY",
         ("/a\"; touch " + marker + "; $(touch " + marker + ")").c_str(), 1);
  EXPECT_EQ(CollectProvenance("").commit(), "unknown");
  EXPECT_NE(access(marker.c_str(), F_OK), 0);
  unsetenv("BUILD_WORKSPACE_DIRECTORY");
}

}  // namespace
}  // namespace rct
