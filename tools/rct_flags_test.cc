#include "tools/rct_flags.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pointee;

class FlagSetTest : public testing::Test {
 protected:
  FlagSetTest() {
    flags_.Text("points", &points_);
    flags_.Switch("predecessor", &predecessor_);
    flags_.Integer("k", 1, 100, &k_);
    flags_.Positive("jitter", &jitter_);
    flags_.Positives("lengthscale", &lengthscale_);
    flags_.Names("columns", &columns_);
    flags_.Choice("kernel", {"rbf", "matern12"}, &kernel_);
  }

  void ExpectError(const std::vector<std::string>& arguments,
                   const std::string& message) {
    EXPECT_THAT(flags_.Parse(arguments),
                StatusIs(absl::StatusCode::kInvalidArgument, message));
  }

  FlagSet flags_;
  std::string points_;
  bool predecessor_ = false;
  std::optional<int64_t> k_;
  std::optional<double> jitter_;
  std::vector<double> lengthscale_;
  std::vector<std::string> columns_;
  std::optional<int> kernel_;
};

TEST_F(FlagSetTest, Names) {
  EXPECT_THAT(flags_.Parse({"--columns=lon, mean \"x\",\"a,b\""}), IsOk());
  EXPECT_THAT(columns_, ElementsAre("lon", "mean \"x\"", "a,b"));
  for (const char* text : {",", "a,,b", "a,", "\"a", "a\nb", " "}) {
    columns_.clear();
    EXPECT_THAT(flags_.Parse({std::string("--columns=") + text}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         testing::AllOf(testing::StartsWith("--columns: '"),
                                        testing::EndsWith(
                                            " is no list of names with commas "
                                            "between them"))))
        << text;
  }
}

TEST_F(FlagSetTest, StoresWhatIsGiven) {
  EXPECT_THAT(flags_.Parse({"--points=a=b.npy", "--predecessor", "one", "--k=7",
                            "--jitter=1e-6", "--lengthscale=0.5,2,.25", "two",
                            "--kernel=Matern12"}),
              IsOkAndHolds(ElementsAre("one", "two")));
  EXPECT_EQ(points_, "a=b.npy");
  EXPECT_TRUE(predecessor_);
  EXPECT_EQ(k_, 7);
  EXPECT_EQ(jitter_, 1e-6);
  EXPECT_THAT(lengthscale_, ElementsAre(0.5, 2, 0.25));
  EXPECT_EQ(kernel_, 1);
}

TEST_F(FlagSetTest, Bytes) {
  int64_t bytes = 0;
  FlagSet flags;
  flags.Bytes("limit", &bytes);
  const struct {
    const char* text;
    int64_t bytes;
  } cases[] = {{"1KiB", 1024},
               {"1kB", 1000},
               {"1.5MiB", 3 << 19},
               {"0.5gb", 500'000'000},
               {"4GiB", int64_t{4} << 30},
               {"2 TB", 2'000'000'000'000},
               {"1TiB", int64_t{1} << 40}};
  for (const auto& [text, expected] : cases) {
    EXPECT_THAT(flags.Parse({std::string("--limit=") + text}), IsOk()) << text;
    EXPECT_EQ(bytes, expected) << text;
  }
  for (const char* text :
       {"1", "GiB", "4G", "-1GiB", "0MB", "infMB", "1e18TB", "1e-9kB", "x"}) {
    EXPECT_THAT(flags.Parse({std::string("--limit=") + text}),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << text;
  }
}

TEST_F(FlagSetTest, LeavesTheRestAlone) {
  EXPECT_THAT(flags_.Parse({}), IsOkAndHolds(IsEmpty()));
  EXPECT_EQ(points_, "");
  EXPECT_FALSE(predecessor_);
  EXPECT_EQ(k_, std::nullopt);
  EXPECT_EQ(kernel_, std::nullopt);
}

TEST_F(FlagSetTest, TellsWhatIsGiven) {
  EXPECT_THAT(flags_.Parse({"--kernel=RBF", "--predecessor"}), IsOk());
  EXPECT_THAT(flags_.Given("kernel"), Pointee(std::string("RBF")));
  EXPECT_THAT(flags_.Given("predecessor"), Pointee(IsEmpty()));
  EXPECT_EQ(flags_.Given("k"), nullptr);
  EXPECT_EQ(flags_.Given("no_such_flag"), nullptr);
}

TEST_F(FlagSetTest, ValuesMayFollow) {
  EXPECT_THAT(flags_.Parse({"--points", "p.npy", "--k", "5", "-"}),
              IsOkAndHolds(ElementsAre("-")));
  EXPECT_EQ(points_, "p.npy");
  EXPECT_EQ(k_, 5);
}

TEST_F(FlagSetTest, UnknownFlags) {
  ExpectError({"--lengthscle=1"},
              "there is no flag --lengthscle; did you mean --lengthscale?");
  ExpectError({"--point=p"},
              "there is no flag --point; did you mean --points?");
  ExpectError({"-k=5"}, "there is no flag -k; did you mean --k?");
  ExpectError({"--zebra"}, "there is no flag --zebra");
  ExpectError({"--"}, "there is no flag --");
  ExpectError({"---"}, "there is no flag ---");
}

TEST_F(FlagSetTest, MissingValues) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--points="},
        {"--points"},
        {"--points", "--k=5"},
        {"--points", ""}}) {
    ExpectError(arguments, "--points: has no value; write --points=VALUE");
  }
  ExpectError({"--predecessor=false"},
              "--predecessor: takes no value; leave the flag out to turn it "
              "off");
}

TEST_F(FlagSetTest, TwiceIsOnceTooOften) {
  ExpectError({"--k=5", "--k=5"}, "--k: is given twice");
  ExpectError({"--predecessor", "--predecessor"},
              "--predecessor: is given twice");
}

TEST_F(FlagSetTest, BadValues) {
  for (const char* value : {"0", "101", "-1", "5.0", "many", "1e1"}) {
    ExpectError({std::string("--k=") + value}, std::string("--k: '") + value +
                                                   "' is no integer from 1 to "
                                                   "100");
  }
  for (const char* value : {"0", "-1", "nan", "inf", "1e999", "1,5", "x"}) {
    ExpectError({std::string("--jitter=") + value},
                std::string("--jitter: '") + value +
                    "' is no positive and finite number");
  }
  ExpectError({"--lengthscale=1,,2"},
              "--lengthscale: '' is no positive and finite number");
  ExpectError({"--kernel=cubic"},
              "--kernel: there is no 'cubic'; there are: rbf, matern12");
}

TEST(DidYouMeanTest, OnlyWhatIsNear) {
  const std::vector<std::string> names = {"neighbors", "graph", "info",
                                          "doctor"};
  EXPECT_EQ(DidYouMean("neighbours", names, ""), "; did you mean neighbors?");
  EXPECT_EQ(DidYouMean("graf", names, ""), "; did you mean graph?");
  EXPECT_EQ(DidYouMean("inf", names, ""), "; did you mean info?");
  EXPECT_EQ(DidYouMean("sweep", names, ""), "");
  EXPECT_EQ(DidYouMean("", names, ""), "");
  EXPECT_EQ(DidYouMean("x", {}, ""), "");
}

}  // namespace
}  // namespace rct
