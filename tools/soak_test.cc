// The command line of the soak.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/test_program.h"

namespace rct {
namespace {

using testing::HasSubstr;

class SoakCommandTest : public ProgramTest {
 protected:
  Outcome Soak(const std::string& arguments) const {
    return Shell(
        absl::StrCat("\"$(dirname \"$program\")\"/soak_main ", arguments));
  }
};

TEST_F(SoakCommandTest, HelpFitsATerminalAndNamesEveryFlag) {
  const Outcome outcome = Soak("--help");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  for (const std::string_view line : absl::StrSplit(outcome.out, '\n')) {
    EXPECT_LE(line.size(), 80) << line;
  }
  for (const std::string flag :
       {"minutes", "seed", "first", "cases", "jobs", "case"}) {
    EXPECT_THAT(outcome.out, HasSubstr(absl::StrCat("\n  --", flag, "=")));
    // A flag that is named is one that there is.
    EXPECT_THAT(Soak(absl::StrCat("--", flag, "=")).err,
                Not(HasSubstr("there is no flag")));
  }
}

TEST_F(SoakCommandTest, EachCaseIsALine) {
  const Outcome outcome = Soak("--seed=7 --first=2 --cases=3");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 3);
  EXPECT_THAT(outcome.out, HasSubstr("\"number\":\"4\""));
  EXPECT_THAT(outcome.err, HasSubstr("soak: 3 cases ("));
}

TEST_F(SoakCommandTest, CasesRunSideBySide) {
  // All cases are run, each once, and say what they say one by one.
  const auto lines = [&](const std::string& jobs) {
    const Outcome outcome = Soak(absl::StrCat("--seed=7 --cases=8", jobs));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    std::vector<std::string> sorted = absl::StrSplit(outcome.out, '\n');
    for (std::string& line : sorted) line.erase(line.find("\"seconds\"") + 1);
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  };
  EXPECT_EQ(lines(" --jobs=3"), lines(""));
}

TEST_F(SoakCommandTest, ACaseIsRepeated) {
  const Outcome outcome =
      Soak(R"(--case='{"points":{"count":"40"},"metric":{"euclidean":{}},)"
           R"("step":[{"call":{"k":"2","queries":"3"}}]}')");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("\"rows\":\"3\""));
}

TEST_F(SoakCommandTest, Errors) {
  const struct {
    std::string arguments;
    std::string message;
  } cases[] = {
      {"--sead=1", "there is no flag --sead"},
      {"--seed=-1", "--seed"},
      {"--cases=0", "--cases"},
      {"--minutes=0", "--minutes"},
      {"--jobs=0", "--jobs"},
      {"7", "7: the soak takes flags alone"},
      {"--case={} --seed=1", "--case: stands alone"},
      {"--case='{\"point\":1}'", "--case: "},
  };
  for (const auto& [arguments, message] : cases) {
    const Outcome outcome = Soak(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << arguments;
    EXPECT_EQ(outcome.out, "") << arguments;
    EXPECT_THAT(outcome.err, HasSubstr(absl::StrCat("soak: ", message)));
  }
}

}  // namespace
}  // namespace rct
