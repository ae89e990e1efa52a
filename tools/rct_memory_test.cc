// --memory_limit and the forecast of rct info, by calling the program as a user
// does.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/point_sets.h"
#include "base/sanitizers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/test_program.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class RctMemoryTest : public ProgramTest {
 protected:
  // Makes the files p.npy, of points, and p.rct.
  void MakePoints(int64_t n) const {
    Write("p.npy",
          SerializeNpy(MakePointSet(PointSet::kNormal, n, 2, 1).view()));
  }
  void Run(const std::string& line) const {
    const Outcome outcome = Shell(line);
    EXPECT_EQ(outcome.exit_code, 0) << line << "\n" << outcome.err;
  }
  void ExpectError(const std::string& line, int exit_code,
                   const testing::Matcher<std::string>& message) const {
    SCOPED_TRACE(line);
    const std::vector<std::string> before = Names();
    const Outcome outcome = Shell(line);
    EXPECT_EQ(outcome.exit_code, exit_code);
    EXPECT_THAT(outcome.err, message);
    EXPECT_EQ(Names(), before);
  }
};

constexpr char kModel[] = " --kernel=rbf --lengthscale=1 --num_inducing=32";

TEST_F(RctMemoryTest, TheAnswerIsTheSame) {
  MakePoints(8000);
  const std::string graph =
      absl::StrCat("rct graph --points=p.npy --k=5", kModel);
  Run(graph + " --out_indices=i.npy --out_distances=d.npy");
  for (const std::string limit : {"4MiB", "5000KiB", "6MB", "8MB", "1GiB"}) {
    const Outcome outcome =
        Shell(absl::StrCat(graph, " --out_indices=j.npy --out_distances=e.npy",
                           " --memory_limit=", limit));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    // The least of them leaves no room for skeletons.
    EXPECT_EQ(absl::StrContains(outcome.err, "warning: --memory_limit leaves"),
              limit == "4MiB")
        << outcome.err;
    EXPECT_TRUE(Read("j.npy") == Read("i.npy")) << limit;
    EXPECT_TRUE(Read("e.npy") == Read("d.npy")) << limit;
  }
}

TEST_F(RctMemoryTest, LimitsThatAreTooLow) {
  MakePoints(8000);
  Run(absl::StrCat("rct build --points=p.npy --index=p.rct", kModel));
  Run("rct build --points=p.npy --index=e.rct --metric=euclidean");
  ExpectError(
      absl::StrCat("rct build --points=p.npy --index=x.rct --memory_limit=2MB",
                   kModel),
      1,
      StartsWith(
          "rct build: --memory_limit: an index of 8000 points with 32 inducing "
          "points takes 2.2 MiB (points 125 KiB, V 2.0 MiB, p and 1/sqrt(p) "
          "125 KiB, K(Z,Z) and its factor 16 KiB), and may take 1.7 MiB; raise "
          "the limit, or take fewer inducing points or points. The limit is "
          "1.9 MiB in all, of which the rest goes to points as they were read "
          "125 KiB, queries 62 KiB\n"));
  ExpectError(absl::StrCat("rct graph --points=p.npy --k=5 --out_indices=i.npy "
                           "--memory_limit=500kB",
                           kModel),
              1,
              StartsWith("rct graph: --memory_limit: is 488 KiB, and points as "
                         "they were read 125 KiB, queries 62 KiB, the answer "
                         "625 KiB, the files of it 312 KiB are 1.1 MiB; raise "
                         "it, or answer the queries in parts"));
  ExpectError(absl::StrCat("rct graph --points=p.npy --k=5 --out_indices=i.npy "
                           "--memory_limit=4MB --predecessor --order=maxmin",
                           kModel),
              1, HasSubstr("points and factors before their order 2.2 MiB"));
  ExpectError(
      "rct graph --index=p.rct --k=5 --out_indices=i.npy "
      "--memory_limit=2MB",
      1,
      StartsWith("rct graph: --memory_limit: is 1.9 MiB, and the "
                 "index "));
  ExpectError(
      "rct graph --index=e.rct --k=5 --out_indices=i.npy "
      "--memory_limit=1MB",
      1,
      StartsWith("rct graph: --memory_limit: is 977 KiB, and the "
                 "index 376 KiB, queries 62 KiB, the answer 625 KiB"));
  ExpectError(
      "rct build --points=p.npy --index=x.rct --metric=euclidean "
      "--memory_limit=400kB",
      1,
      StartsWith("rct build: --memory_limit: an index of 8000 points "
                 "takes 562 KiB (points 125 KiB, points in boxes 250 "
                 "KiB, boxes 188 KiB), and may take "));
  // A part maps the index, and its answer is small.
  Run("rct graph --index=p.rct --k=5 --shard=1/20 --out_part=x.rctpart "
      "--memory_limit=1MB");
}

TEST_F(RctMemoryTest, LimitsThatAreNone) {
  MakePoints(20);
  for (const char* limit : {"5", "GiB", "4 apples", "-1GiB", "0GiB", "1e30TB",
                            "0.0001KiB", "nanMB", "4G"}) {
    ExpectError(absl::StrCat("rct build --points=p.npy --index=x.rct "
                             "--memory_limit='",
                             limit, "'", kModel),
                2, StartsWith("rct build: --memory_limit: "));
  }
  ExpectError(absl::StrCat("rct build --points=p.npy --index=x.rct "
                           "--memory_limit=4G",
                           kModel),
              2,
              StartsWith("rct build: --memory_limit: '4G' is no number of "
                         "bytes with a unit; write 4GiB (2^30), 4GB (10^9), or "
                         "so with K, M or T\n"));
}

// What the program allocates stays near the limit: the system, which ends it
// otherwise, allows it little more.
TEST_F(RctMemoryTest, TheLimitIsHeld) {
  if (kShadowMemory) {
    GTEST_SKIP() << "a sanitizer takes memory of its own";
  }
  MakePoints(60'000);
  const auto build = [](int limit_mib, int data_mib) {
    return absl::StrCat(
        "(ulimit -d ", 1024 * data_mib,
        "; rct build --points=p.npy --index=p.rct --threads=1 --kernel=rbf "
        "--lengthscale=0.5 --num_inducing=256 --memory_limit=",
        limit_mib, "MiB)");
  };
  // V takes 117 MiB.
  for (const int limit : {130, 150, 180, 240}) Run(build(limit, limit + 32));
}

TEST_F(RctMemoryTest, Forecast) {
  MakePoints(8000);
  const Outcome outcome = Shell("rct info p.npy --num_inducing=32 --k=5");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(
      outcome.out,
      AllOf(HasSubstr("\n  forecast, 32 inducing points        bytes a point  "
                      "     in all\n"),
            HasSubstr("\n  points                                         16  "
                      "    125 KiB\n"),
            HasSubstr("\n  V                                             256  "
                      "    2.0 MiB\n"),
            HasSubstr("\n  answer of 5 neighbors                          80  "
                      "    625 KiB\n"),
            HasSubstr("\n  A build needs 2.2 MiB; ")));
  EXPECT_EQ(Shell("rct info p.npy --num_inducing=0").exit_code, 2);
}

}  // namespace
}  // namespace rct
