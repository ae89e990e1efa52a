#include "experiments/cases.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/status_matchers.h"
#include "experiments/sweep.pb.h"
#include "experiments/test_data.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

absl::StatusOr<std::vector<SweepCase>> Expand(const std::string& config) {
  return ExpandCases(ParseText<SweepConfig>(config));
}

std::vector<std::string> Names(const std::string& config) {
  std::vector<std::string> names;
  const std::vector<SweepCase> cases = Expand(config).value();
  names.reserve(cases.size());
  for (const SweepCase& sweep_case : cases) {
    names.push_back(sweep_case.name());
  }
  return names;
}

// Returns the cases, one line each.
std::vector<std::string> Lines(const std::string& config) {
  std::vector<std::string> lines;
  const std::vector<SweepCase> cases = Expand(config).value();
  lines.reserve(cases.size());
  for (const SweepCase& sweep_case : cases) {
    lines.push_back(sweep_case.ShortDebugString());
  }
  return lines;
}

TEST(CasesTest, ListedCasesAreChangesOfBase) {
  EXPECT_THAT(
      Lines(R"(base { name: 'unused' strategy: LEVEL_SYNCHRONOUS threads: 3 }
               case { name: 'as it is' }
               case { name: 'other' strategy: EXHAUSTIVE threads: 0 k: 7 })"),
      ElementsAre("name: \"as it is\" strategy: LEVEL_SYNCHRONOUS threads: 3 "
                  "gate { exact { } }",
                  "name: \"other\" strategy: EXHAUSTIVE threads: 0 k: 7 "
                  "gate { exact { } }"));
}

TEST(CasesTest, SubMessagesAndListsAreReplacedWhole) {
  const std::vector<SweepCase> cases = Expand(R"(base {
                  strategy: LEVEL_SYNCHRONOUS
                  tree { structure: STATIC base: 2 leaf_size: 4 }
                  gate { recall_at_least { threshold: 0.9 } }
                  gate { exact {} }
                }
                case { name: 'a' tree { base: 4 } }
                case { name: 'b' gate { set_equal_within {} } }
                case { name: 'c' tree {} })")
                                           .value();
  ASSERT_EQ(cases.size(), 3u);
  EXPECT_EQ(cases[0].tree().ShortDebugString(), "base: 4");
  EXPECT_EQ(cases[0].gate_size(), 2);
  ASSERT_EQ(cases[1].gate_size(), 1);
  EXPECT_TRUE(cases[1].gate(0).has_set_equal_within());
  EXPECT_EQ(cases[1].tree().leaf_size(), 4);
  EXPECT_TRUE(cases[2].has_tree());
  EXPECT_EQ(cases[2].tree().ByteSizeLong(), 0u);
}

TEST(CasesTest, OneAtATime) {
  EXPECT_THAT(
      Lines(R"(mode: ONE_AT_A_TIME
               base { strategy: LEVEL_SYNCHRONOUS k: 5 }
               case { name: 'a' k: 6 }
               case { name: 'b' threads: 2 })"),
      ElementsAre("name: \"base\" strategy: LEVEL_SYNCHRONOUS k: 5 "
                  "gate { exact { } }",
                  "name: \"base+a\" strategy: LEVEL_SYNCHRONOUS k: 6 "
                  "gate { exact { } }",
                  "name: \"base+b\" strategy: LEVEL_SYNCHRONOUS threads: 2 "
                  "k: 5 gate { exact { } }"));
}

TEST(CasesTest, BaseMayHaveAName) {
  EXPECT_THAT(Names(R"(mode: ONE_AT_A_TIME
                       base { name: 'tree' strategy: EXHAUSTIVE }
                       case { name: 'a' })"),
              ElementsAre("tree", "tree+a"));
}

TEST(CasesTest, LeaveOneOut) {
  EXPECT_THAT(
      Lines(R"(mode: LEAVE_ONE_OUT
               base { strategy: LEVEL_SYNCHRONOUS k: 5 }
               case { name: 'a' k: 6 }
               case { name: 'b' k: 7 }
               case { name: 'c' threads: 2 })"),
      // The last change to a field wins.
      ElementsAre("name: \"all\" strategy: LEVEL_SYNCHRONOUS threads: 2 k: 7 "
                  "gate { exact { } }",
                  "name: \"all-a\" strategy: LEVEL_SYNCHRONOUS threads: 2 k: 7 "
                  "gate { exact { } }",
                  "name: \"all-b\" strategy: LEVEL_SYNCHRONOUS threads: 2 k: 6 "
                  "gate { exact { } }",
                  "name: \"all-c\" strategy: LEVEL_SYNCHRONOUS k: 7 "
                  "gate { exact { } }"));
}

TEST(CasesTest, AllSubsets) {
  const std::string config = R"(mode: ALL_SUBSETS
                                base { strategy: EXHAUSTIVE }
                                case { name: 'a' k: 6 }
                                case { name: 'b' k: 7 }
                                case { name: 'c' threads: 2 })";
  EXPECT_THAT(Names(config),
              ElementsAre("base", "base+a", "base+b", "base+a+b", "base+c",
                          "base+a+c", "base+b+c", "base+a+b+c"));
  const std::vector<SweepCase> cases = Expand(config).value();
  EXPECT_FALSE(cases[0].has_k());
  EXPECT_EQ(cases[3].k(), 7);
  EXPECT_EQ(cases[5].k(), 6);
  EXPECT_EQ(cases[5].threads(), 2);
}

// Returns a config of `count` changes with distinct names.
std::string Changes(const std::string& mode, int count) {
  std::string config =
      absl::StrCat("mode: ", mode, " base { strategy: EXHAUSTIVE } ");
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&config, "case { name: 'c", i, "' } ");
  }
  return config;
}

TEST(CasesTest, Limits) {
  EXPECT_EQ(Names(Changes("ALL_SUBSETS", 12)).size(), 4096u);
  EXPECT_THAT(Expand(Changes("ALL_SUBSETS", 13)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("case: 13 given"), HasSubstr("12"))));
  for (const std::string mode : {"ONE_AT_A_TIME", "LEAVE_ONE_OUT"}) {
    EXPECT_EQ(Names(Changes(mode, 63)).size(), 64u);
    EXPECT_THAT(Expand(Changes(mode, 64)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         StartsWith("case: 64 given")));
  }
  EXPECT_EQ(Names(Changes("LISTED", 100)).size(), 100u);
}

TEST(CasesTest, BaseAloneIsACaseWhereBaseIs) {
  for (const std::string mode : {"ONE_AT_A_TIME", "ALL_SUBSETS"}) {
    EXPECT_THAT(Names(Changes(mode, 0)), ElementsAre("base"));
  }
}

TEST(CasesTest, ExactUnlessGatesSayOtherwise) {
  const std::vector<SweepCase> cases = Expand(R"(base { strategy: EXHAUSTIVE }
                case { name: 'none' }
                case { name: 'recall' gate { recall_at_least { threshold: 1 } } }
                case { name: 'set' gate { set_equal_within {} } }
                case {
                  name: 'counter'
                  gate { counter_at_most {
                    counter: 'distance_evaluations' total: 0 } }
                }
                case {
                  name: 'both'
                  gate { recall_at_least { threshold: 1 } } gate { exact {} }
                })")
                                           .value();
  std::vector<bool> approximate;
  for (const SweepCase& sweep_case : cases) {
    approximate.push_back(IsApproximate(sweep_case));
    EXPECT_GE(sweep_case.gate_size(), 1);
  }
  EXPECT_THAT(approximate, ElementsAre(false, true, true, true, false));
}

TEST(CasesTest, ErrorsNameTheField) {
  const struct {
    const char* config;
    const char* message;
  } cases[] = {
      {"", "case: none given"},
      {"base { strategy: EXHAUSTIVE }", "case: none given"},
      {"case { strategy: EXHAUSTIVE }", "case[0].name: not given"},
      {"mode: ALL_SUBSETS case { name: 'a' } case { k: 3 }",
       "case[1].name: not given"},
      {"base { strategy: EXHAUSTIVE } case { name: 'a' } case { name: 'a' }",
       "case: the name 'a' is there twice"},
      {"mode: ALL_SUBSETS base { strategy: EXHAUSTIVE } "
       "case { name: 'a' } case { name: 'b' } case { name: 'a' }",
       "case: the name 'base+a' is there twice"},
      {"mode: MODE_UNSPECIFIED case { name: 'a' }", "mode: not given"},
      {"case { name: 'a' }", "case 'a': strategy: not given"},
      {"case { name: 'a' strategy: STRATEGY_UNSPECIFIED }",
       "case 'a': strategy: not given"},
      {"base { strategy: EXHAUSTIVE precision: PRECISION_UNSPECIFIED } "
       "case { name: 'a' }",
       "case 'a': precision: not given"},
      {"case { name: 'a' strategy: EXHAUSTIVE threads: -1 }",
       "case 'a': threads: is -1; must be from 0 (all) to 4096"},
      {"case { name: 'a' strategy: EXHAUSTIVE k: 0 }",
       "case 'a': k: is 0; must be at least 1"},
      {"base { strategy: EXHAUSTIVE k: -3 } case { name: 'a' }",
       "case 'a': k: is -3; must be at least 1"},
      {"case { name: 'a' strategy: EXHAUSTIVE gate { exact {} } gate {} }",
       "case 'a': gate[1]: kind: not given"},
      {"case { name: 'a' strategy: EXHAUSTIVE "
       "gate { recall_at_least { threshold: 1.5 } } }",
       "case 'a': gate[0]: recall_at_least.threshold: is 1.5"},
      {"mode: ONE_AT_A_TIME base { strategy: EXHAUSTIVE } "
       "case { name: 'a' gate { counter_at_most { counter: 'x' total: 1 } } }",
       "case 'base+a': gate[0]: counter_at_most.counter: is 'x'"},
  };
  for (const auto& [config, message] : cases) {
    EXPECT_THAT(Expand(config), StatusIs(absl::StatusCode::kInvalidArgument,
                                         StartsWith(message)))
        << config;
  }
}

}  // namespace
}  // namespace rct
