// `rct graph --work=FOLDER`, by calling the program as a user does: the same
// bytes as in memory, also after the program was killed at any moment.

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/npy.h"
#include "base/point_sets.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/test_program.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// As little as makes several units of these points.
constexpr int64_t kRows = 36000;
constexpr std::string_view kSearch =
    "rct graph --points=p.npy --kernel=matern12 --lengthscale=0.3 "
    "--num_inducing=24 --k=4";
constexpr std::string_view kLimit = " --work=w --memory_limit=192MiB";

class RctStreamTest : public ProgramTest {
 protected:
  RctStreamTest() {
    Write(
        "p.npy",
        SerializeNpy(MakePointSet(PointSet::kUniformCube, kRows, 2, 1).view()));
  }

  static std::string Outputs(std::string_view prefix) {
    return absl::StrCat(" --out_indices=", prefix,
                        "i.npy --out_distances=", prefix, "d.npy");
  }
  void ExpectSame() const {
    EXPECT_TRUE(Read("si.npy") == Read("i.npy"));
    EXPECT_TRUE(Read("sd.npy") == Read("d.npy"));
  }
};

TEST_F(RctStreamTest, HasTheBytesOfASearchInMemory) {
  EXPECT_EQ(Shell(absl::StrCat(kSearch, Outputs(""))).exit_code, 0);
  const Outcome outcome =
      Shell(absl::StrCat(kSearch, kLimit, " --audit=5", Outputs("s")));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("bound: far field"),
                    HasSubstr("audit: 5 of 36000 queries searched again")));
  ExpectSame();
  EXPECT_EQ(Shell("test -e w").exit_code, 1);
}

TEST_F(RctStreamTest, GoesOnAfterItWasKilled) {
  EXPECT_EQ(Shell(absl::StrCat(kSearch, Outputs(""))).exit_code, 0);
  for (const std::string_view seconds : {"0.05", "0.3", "0.7", "1.1"}) {
    SCOPED_TRACE(seconds);
    Write("si.npy", "old");
    Shell(absl::StrCat("timeout -s KILL ", seconds, " ", kSearch, kLimit,
                       Outputs("s")));
    const Outcome outcome =
        Shell(absl::StrCat(kSearch, kLimit, " --resume", Outputs("s")));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    ExpectSame();
  }
}

TEST_F(RctStreamTest, SaysWhatIsWrong) {
  const auto error = [&](std::string_view flags) {
    const Outcome outcome = Shell(absl::StrCat(kSearch, flags));
    EXPECT_NE(outcome.exit_code, 0);
    return outcome.err;
  };
  EXPECT_THAT(error(" --work=w --out_indices=i.csv"),
              HasSubstr("--work: writes .npy files, and --out_indices is"));
  EXPECT_THAT(error(" --resume --out_indices=i.npy"),
              HasSubstr("--resume: needs --work as well"));
  EXPECT_THAT(error(" --work=w --radius=0.1 --out_indices=i.npy"),
              HasSubstr("--work and --radius"));
  EXPECT_THAT(error(" --work=p.npy --out_indices=i.npy"),
              HasSubstr("--work: "));
  EXPECT_THAT(error(" --work=w --memory_limit=1MiB --out_indices=i.npy"),
              HasSubstr("--memory_limit: 1.0 MiB leave no room"));
}

}  // namespace
}  // namespace rct
