// Calls the program as a user does and checks its output, files and exit codes.

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/status_matchers.h"
#include "base/text_proto.h"
#include "experiments/plot.h"
#include "experiments/record.pb.h"
#include "experiments/render.h"
#include "experiments/test_data.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

constexpr char kConfig[] =
    R"pb(# a small sweep
         title: "Small"
         workload {
           name: "normal"
           points { generated { shape: NORMAL count: 400 } }
           queries { random_rows { count: 20 } }
           residual {
             kernel { family: RBF }
             inducing { random { count: 8 } }
           }
           k: 5
         }
         case { name: "exhaustive" strategy: EXHAUSTIVE }
         case { name: "tree" strategy: LEVEL_SYNCHRONOUS }
         repetitions: 2
    )pb";

std::string Quoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// Calls the program in a folder of the test's own, to which paths are relative.
class SweepTest : public testing::Test {
 protected:
  SweepTest()
      : program_(absl::StrCat(getenv("TEST_SRCDIR"), "/rct/experiments/sweep")),
        logs_(MakeTestFolder()),
        folder_(logs_ + "/folder") {
    std::filesystem::create_directories(folder_);
  }

  std::string Path(const std::string& name) const {
    return folder_ + "/" + name;
  }
  void Write(const std::string& name, const std::string& contents) const {
    ASSERT_THAT(WriteFileAtomically(Path(name), contents), IsOk());
  }
  std::string Read(const std::string& name) const {
    return ReadFile(Path(name)).value_or("missing: " + name);
  }

  // Returns the names of all files and folders below the folder.
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(folder_)) {
      names.push_back(std::filesystem::relative(entry, folder_));
    }
    return names;
  }

  // Calls the program; `environment` are arguments of env(1).
  Outcome Sweep(const std::vector<std::string>& arguments,
                const std::string& environment = "") const {
    std::string command = absl::StrCat("cd ", Quoted(folder_), " && env ",
                                       environment, " ", Quoted(program_));
    for (const std::string& argument : arguments) {
      absl::StrAppend(&command, " ", Quoted(argument));
    }
    absl::StrAppend(&command, " >", Quoted(logs_ + "/out"), " 2>",
                    Quoted(logs_ + "/err"));
    const int status = system(command.c_str());
    EXPECT_TRUE(WIFEXITED(status)) << command;
    return {WEXITSTATUS(status), ReadFile(logs_ + "/out").value(),
            ReadFile(logs_ + "/err").value()};
  }

  // Expects that the program fails with one line on stderr and prints nothing
  // else.
  void ExpectError(const std::vector<std::string>& arguments, int exit_code,
                   const testing::Matcher<std::string>& message) const {
    const Outcome outcome = Sweep(arguments);
    EXPECT_EQ(outcome.exit_code, exit_code);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err,
                AllOf(StartsWith("sweep: "), EndsWith("\n"), message));
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1);
  }

  std::string program_;

 private:
  const std::string logs_;
  const std::string folder_;
};

TEST_F(SweepTest, WritesWhatItPrints) {
  Write("small.textproto", kConfig);
  const Outcome outcome =
      Sweep({"--config=small.textproto", "--out=a/b", "--threads=1"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  // Without a terminal it shows no progress, but the result of each check.
  EXPECT_THAT(outcome.err,
              testing::MatchesRegex(
                  "normal: exhaustive: EXACT, [0-9]+ queries/s at first sight\n"
                  "normal: tree: EXACT, [0-9]+ queries/s at first sight\n"
                  "Written to a/b\n"));
  EXPECT_THAT(Names(),
              UnorderedElementsAre("small.textproto", "a", "a/b",
                                   "a/b/record.textproto", "a/b/table.md",
                                   "a/b/counters.md", "a/b/results.csv"));
  EXPECT_EQ(Read("a/b/table.md"), outcome.out);
  RunRecord record;
  ASSERT_THAT(ReadTextProto(Path("a/b/record.textproto"), record), IsOk());
  EXPECT_EQ(RenderTable(record), outcome.out);
  EXPECT_EQ(RenderCounters(record), Read("a/b/counters.md"));
  EXPECT_EQ(RenderCsv(record), Read("a/b/results.csv"));
  EXPECT_THAT(outcome.out, StartsWith("# Small\n\n## normal\n\n400 points, "
                                      "d = 3, m = 8, 20 queries, k = 5, 1 "
                                      "threads\n"));
  EXPECT_EQ(record.deterministic().config_digest(), Sha256Hex(kConfig));
  EXPECT_EQ(record.measured().workload(0).case_(1).search_seconds_size(), 2);
  EXPECT_THAT(record.provenance().command(),
              EndsWith(" -- --config=small.textproto --out=a/b --threads=1"));
  EXPECT_THAT(record.provenance().time(), Not(IsEmpty()));
}

TEST_F(SweepTest, DrawsGrowth) {
  std::string text = "title: 'Growing'";
  for (const int count : {100, 200, 400}) {
    absl::StrAppend(&text, "workload { name: 'n", count,
                    "' points { generated { shape: NORMAL count: ", count,
                    " } } queries { all_rows {} } residual { kernel { family: "
                    "RBF } inducing { random { count: 8 } } } k: 5 }");
  }
  Write("growing.textproto",
        absl::StrCat(text, "case { name: 'tree' strategy: BEST_FIRST }"));
  const Outcome outcome =
      Sweep({"--config=growing.textproto", "--out=o", "--repetitions=1"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("\n## Growth\n"));
  RunRecord record;
  ASSERT_THAT(ReadTextProto(Path("o/record.textproto"), record), IsOk());
  EXPECT_EQ(PlotGrowth(record), Read("o/growth.svg"));
  EXPECT_THAT(Read("o/growth.svg"), StartsWith("<svg "));
}

TEST_F(SweepTest, TelemetryOfAllCases) {
  Write("small.textproto", kConfig);
  ASSERT_EQ(Sweep({"--config=small.textproto", "--out=o", "--threads=1",
                   "--telemetry=t/small.jsonl"})
                .exit_code,
            0);
  EXPECT_THAT(Names(), Not(Contains("o/telemetry.jsonl")));
  RunRecord record;
  ASSERT_THAT(ReadTextProto(Path("o/record.textproto"), record), IsOk());
  const auto& tree = record.deterministic().workload(0).case_(1);
  const std::vector<std::string> lines =
      absl::StrSplit(Read("t/small.jsonl"), '\n');
  const auto build = [](const std::string& name, const std::string& phase) {
    return AllOf(
        StartsWith("{\"kind\":\"build\",\"workload\":\"normal\",\"case\":\"" +
                   name + "\",\"threads\":1,"),
        HasSubstr("\"phase\":\"" + phase + "\""));
  };
  const auto query = [](const std::string& name) {
    return StartsWith(
        "{\"kind\":\"query\",\"workload\":\"normal\",\"case\":\"" + name +
        "\",\"approximate\":false,\"queries\":20,\"k\":5,"
        "\"threads\":1,");
  };
  EXPECT_THAT(
      lines,
      ElementsAre(AllOf(StartsWith("{\"kind\":\"header\",\"version\":1,"),
                        HasSubstr(absl::StrCat("\"config_digest\":\"",
                                               Sha256Hex(kConfig), "\"")),
                        HasSubstr("\"title\":\"Small\""),
                        HasSubstr(absl::StrCat(
                            "\"time\":\"", record.provenance().time(), "\""))),
                  build("", "factorization"), build("", "projection"),
                  query("exhaustive"), build("tree", "nets"),
                  build("tree", "reordering"), build("tree", "balls"),
                  AllOf(query("tree"),
                        HasSubstr(absl::StrCat(
                            "\"distance_evals\":",
                            tree.counters().distance_evaluations(), ","))),
                  ""));
}

TEST_F(SweepTest, TelemetryOfCasesThatAskForIt) {
  Write("small.textproto",
        absl::StrReplaceAll(
            kConfig, {{"name: \"tree\"", "name: 'tree' telemetry: true"}}));
  ASSERT_EQ(Sweep({"--config=small.textproto", "--out=o"}).exit_code, 0);
  EXPECT_THAT(Read("o/telemetry.jsonl"),
              AllOf(HasSubstr("\"case\":\"tree\""),
                    Not(HasSubstr("\"case\":\"exhaustive\""))));
}

TEST_F(SweepTest, TelemetryThatCannotBeWritten) {
  Write("small.textproto", kConfig);
  std::filesystem::create_directories(Path("folder"));
  for (const std::string name : {"folder", "folder/"}) {
    ExpectError(
        {"--config=small.textproto", "--telemetry=" + name}, 1,
        HasSubstr("--telemetry: " + name + " is a folder; name a file in it"));
  }
  ExpectError(
      {"--config=small.textproto", "--telemetry=small.textproto/t.jsonl"}, 1,
      HasSubstr("--telemetry: small.textproto: cannot create"));
}

TEST_F(SweepTest, TheCommandCanBeCalledAgain) {
  Write("small.textproto", kConfig);
  ASSERT_EQ(
      Sweep({"--config=small.textproto", "--out=o", "--cases=tree|it's $HOME"})
          .exit_code,
      0);
  RunRecord record;
  ASSERT_THAT(ReadTextProto(Path("o/record.textproto"), record), IsOk());
  EXPECT_THAT(record.provenance().command(),
              EndsWith(R"( --out=o '--cases=tree|it'\''s $HOME')"));
}

TEST_F(SweepTest, FlagsReplaceWhatTheConfigSays) {
  Write("small.textproto", kConfig);
  ASSERT_EQ(Sweep({"--config=small.textproto", "--out=o", "--cases=^t",
                   "--repetitions=3", "--threads=2"})
                .exit_code,
            0);
  RunRecord record;
  ASSERT_THAT(ReadTextProto(Path("o/record.textproto"), record), IsOk());
  ASSERT_EQ(record.measured().workload(0).case__size(), 1);
  const auto& tree = record.measured().workload(0).case_(0);
  EXPECT_EQ(tree.name(), "tree");
  EXPECT_EQ(tree.threads(), 2);
  EXPECT_EQ(tree.search_seconds_size(), 3);
}

TEST_F(SweepTest, WritesToResultsUnlessToldOtherwise) {
  Write("small.textproto", kConfig);
  EXPECT_THAT(Sweep({"--config=small.textproto"}).err,
              EndsWith("Written to results/small\n"));
  EXPECT_THAT(Read("results/small/table.md"), StartsWith("# Small"));
}

TEST_F(SweepTest, RelativePathsCountFromTheCaller) {
  std::filesystem::create_directories(Path("caller"));
  Write("caller/small.textproto", kConfig);
  const std::string caller =
      "BUILD_WORKING_DIRECTORY=" + Quoted(Path("caller"));
  EXPECT_EQ(Sweep({"--config=small.textproto"}, caller).exit_code, 0);
  EXPECT_THAT(Read("caller/results/small/table.md"), StartsWith("# Small"));
  EXPECT_THAT(Sweep({"--config=small.textproto", "--out=here"}, caller).err,
              EndsWith("Written to " + Path("caller/here") + "\n"));
  EXPECT_THAT(Read("caller/here/table.md"), StartsWith("# Small"));
  EXPECT_EQ(Sweep({"--config=" + Path("caller/small.textproto"),
                   "--out=" + Path("o")},
                  caller)
                .exit_code,
            0);
  EXPECT_THAT(Read("o/table.md"), StartsWith("# Small"));
}

TEST_F(SweepTest, ABadConfigLeavesNothing) {
  const struct {
    std::string text;
    std::string message;
  } configs[] = {
      {"title: 'a'\n  workload [ }\n", "line 2, column 14: Expected \"{\""},
      {"title: 'a'\nrepetitons: 3\n", "line 2, column 11: "},
      {"mode: BOTH", "line 1, column 11: Unknown enumeration value"},
      {absl::StrCat(kConfig, "title: 'again'"), "\"title\""},
      {absl::StrReplaceAll(kConfig, {{"k: 5", "k: 0"}}),
       ": workload[0] 'normal': k: is 0"},
      {absl::StrReplaceAll(kConfig, {{"\"tree\"", "\"exhaustive\""}}),
       ": case: the name 'exhaustive' is there twice"},
  };
  for (const auto& [text, message] : configs) {
    Write("bad.textproto", text);
    ExpectError(
        {"--config=bad.textproto", "--out=o"}, 1,
        AllOf(StartsWith("sweep: bad.textproto: "), HasSubstr(message)));
    EXPECT_THAT(Names(), testing::Each(testing::AnyOf("bad.textproto", "o")))
        << text;
  }
}

TEST_F(SweepTest, WhatCannotBeReadOrWritten) {
  Write("small.textproto", kConfig);
  ExpectError({"--config=none.textproto"}, 1,
              HasSubstr("none.textproto: cannot open: No such file"));
  ExpectError({"--config="}, 1, HasSubstr("--config: is empty"));
  ExpectError({"--config=small.textproto", "--out=small.textproto/o"}, 1,
              HasSubstr("small.textproto/o: cannot create the folder"));
  ExpectError({"--config=small.textproto", "--out=small.textproto"}, 1,
              HasSubstr("small.textproto: cannot create the folder"));
  EXPECT_THAT(Names(), UnorderedElementsAre("small.textproto"));
}

TEST_F(SweepTest, OptionsOutOfRange) {
  Write("small.textproto", kConfig);
  const std::string config = "--config=small.textproto";
  ExpectError({config, "--repetitions=-1"}, 1,
              HasSubstr("repetitions: is -1; must be at least 1"));
  ExpectError({config, "--threads=-2"}, 1, HasSubstr("--threads: is -2"));
  ExpectError({config, "--cases=("}, 1, HasSubstr("no regular expression"));
  ExpectError({config, "--cases=zebra"}, 1,
              HasSubstr("matches none of the cases: exhaustive tree"));
}

TEST_F(SweepTest, AFailedGateIsWrittenAndFails) {
  Write("small.textproto",
        absl::StrCat(kConfig,
                     "case { name: 'greedy' strategy: EXHAUSTIVE gate { "
                     "counter_at_most { counter: 'distance_evaluations' "
                     "total: 1 } } }"));
  const Outcome outcome = Sweep({"--config=small.textproto", "--out=o"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("\n- greedy: COUNTER_AT_MOST("));
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("normal: greedy: COUNTER_AT_MOST("),
                    HasSubstr("\nWritten to o\nsweep: a gate failed")));
  EXPECT_EQ(Read("o/table.md"), outcome.out);
  EXPECT_THAT(Read("o/results.csv"),
              HasSubstr("\ngreedy,\"approximate: FAILED"));
  EXPECT_THAT(Read("o/record.textproto"), HasSubstr("pass: false"));
}

// Returns a sweep of two workloads, the second of which takes minutes.
std::string LongConfig() {
  return absl::StrReplaceAll(
      kConfig, {{"case { name: \"exhaustive\"",
                 "workload { name: 'long' points { generated { shape: NORMAL "
                 "count: 60000 dimension: 8 } } queries { all_rows {} } "
                 "residual { kernel { family: MATERN12 } inducing { random { "
                 "count: 300 } } } k: 5 } case { name: \"exhaustive\""}});
}

// Finished work is kept, whatever stops the rest, and is not done again.
TEST_F(SweepTest, StopsInOrderAndGoesOn) {
  Write("long.textproto", LongConfig());
  const std::vector<std::string> command = {"--config=long.textproto",
                                            "--out=o", "--telemetry=t.jsonl"};
  for (const auto& [signal, exit_code] :
       {std::pair<const char*, int>{"INT", 130}, {"TERM", 143}, {"HUP", 129}}) {
    const Outcome outcome = Sweep(
        command,
        absl::StrCat("timeout --preserve-status --signal=", signal, " 4"));
    EXPECT_EQ(outcome.exit_code, exit_code);
    EXPECT_THAT(outcome.err,
                AllOf(HasSubstr("normal: tree: EXACT, "),
                      EndsWith("sweep: interrupted; what is done is kept in "
                               "o/unfinished.textproto: the same command with "
                               "--resume goes on\n")));
    // The finished workload was printed.
    EXPECT_THAT(outcome.out, AllOf(StartsWith("# Small\n\n## normal\n"),
                                   HasSubstr("\n| tree ")));
    EXPECT_THAT(Names(), testing::IsSupersetOf({"o/unfinished.textproto"}));
    EXPECT_THAT(Names(), Not(Contains("o/record.textproto")));
    EXPECT_THAT(Names(), Not(Contains(HasSubstr(".tmp"))));
  }
  SweepState state;
  ASSERT_THAT(ReadTextProto(Path("o/unfinished.textproto"), state), IsOk());
  const auto& known = state.record().deterministic().workload(0);
  const auto& measured = state.record().measured().workload(0);
  EXPECT_EQ(known.case__size(), 2);
  EXPECT_EQ(measured.factor_seconds_size(), 2);
  // After a second stop the finished cases are still there.
  std::vector<std::string> resumed = command;
  resumed.push_back("--resume");
  EXPECT_EQ(
      Sweep(resumed, "timeout --preserve-status --signal=INT 2").exit_code,
      130);
  SweepState later;
  ASSERT_THAT(ReadTextProto(Path("o/unfinished.textproto"), later), IsOk());
  EXPECT_EQ(later.record().measured().workload(0).ShortDebugString(),
            measured.ShortDebugString());
}

// Returns the state in the form in which the program keeps it.
std::string Signed(SweepState state) {
  state.set_digest(Sha256Hex(WriteTextProto(state)));
  return WriteTextProto(state);
}

// A sweep that was stopped and resumed has the same results as one that was
// not.
TEST_F(SweepTest, ResumedSweepsAreTheSame) {
  Write("small.textproto", kConfig);
  const std::vector<std::string> command = {"--config=small.textproto",
                                            "--out=o", "--threads=1",
                                            "--telemetry=t.jsonl"};
  ASSERT_EQ(Sweep(command).exit_code, 0);
  RunRecord whole;
  ASSERT_THAT(ReadTextProto(Path("o/record.textproto"), whole), IsOk());
  const std::string telemetry = Read("t.jsonl");
  // The sweep is resumed after every number of steps: checks, then repetitions.
  for (int steps = 0; steps <= 4; ++steps) {
    SweepState state;
    RunRecord& record = *state.mutable_record();
    record = whole;
    auto& known = *record.mutable_deterministic()->mutable_workload(0);
    auto& measured = *record.mutable_measured()->mutable_workload(0);
    while (known.case__size() > steps) {
      known.mutable_case_()->RemoveLast();
      measured.mutable_case_()->RemoveLast();
    }
    const int repetitions = std::max(0, steps - 2);
    measured.mutable_factor_seconds()->Truncate(repetitions);
    for (auto& timed : *measured.mutable_case_()) {
      timed.mutable_index_seconds()->Truncate(repetitions);
      timed.mutable_search_seconds()->Truncate(repetitions);
      timed.mutable_first_search_seconds()->Truncate(repetitions);
      timed.mutable_exhaustive_seconds()->Truncate(repetitions);
    }
    Write("o/unfinished.textproto", Signed(state));
    std::vector<std::string> resumed = command;
    resumed.push_back("--resume");
    const Outcome outcome = Sweep(resumed);
    ASSERT_EQ(outcome.exit_code, 0) << steps << outcome.err;
    RunRecord again;
    ASSERT_THAT(ReadTextProto(Path("o/record.textproto"), again), IsOk());
    EXPECT_EQ(again.deterministic().DebugString(),
              whole.deterministic().DebugString());
    EXPECT_EQ(again.measured().workload(0).factor_seconds_size(), 2);
    EXPECT_EQ(again.measured().workload(0).case_(1).search_seconds_size(), 2);
    EXPECT_EQ(again.provenance().command(), whole.provenance().command());
    EXPECT_EQ(again.provenance().resumed(), 1);
    EXPECT_THAT(outcome.out, EndsWith("; stopped and resumed 1 times\n"));
    EXPECT_EQ(outcome.out, RenderTable(again));
    EXPECT_THAT(Names(), Not(Contains("o/unfinished.textproto")));
  }
}

TEST_F(SweepTest, GoesOnWithNothingElse) {
  Write("small.textproto", kConfig);
  const std::vector<std::string> command = {"--config=small.textproto",
                                            "--out=o", "--resume"};
  ExpectError(command, 1,
              HasSubstr("--resume: o/unfinished.textproto is not there: no "
                        "sweep was stopped; leave --resume out to begin one"));
  ASSERT_EQ(Sweep({command[0], command[1]}).exit_code, 0);
  SweepState state;
  ASSERT_THAT(
      ReadTextProto(Path("o/record.textproto"), *state.mutable_record()),
      IsOk());
  const auto refused = [&](const SweepState& other,
                           const std::string& message) {
    const std::string text = Signed(other);
    Write("o/unfinished.textproto", text);
    ExpectError(command, 1, HasSubstr(message));
    EXPECT_EQ(Read("o/unfinished.textproto"), text);
  };
  SweepState other = state;
  other.mutable_record()->mutable_provenance()->set_commit("abc");
  refused(other,
          "--resume: the commit was 'abc' when the sweep began, and is '");
  other = state;
  other.mutable_record()->mutable_provenance()->set_program_digest("0");
  refused(other, "--resume: the program (SHA-256) was '0'");
  other = state;
  other.mutable_record()->mutable_provenance()->set_machine("PDP-11");
  refused(other, "--resume: the machine was 'PDP-11'");
  other = state;
  other.mutable_record()->mutable_deterministic()->set_config_digest("0");
  refused(other, "--resume: the config was '0'");
  other = state;
  other.mutable_record()->mutable_provenance()->set_command(
      "sweep --threads=9");
  refused(other, "--resume: the command was 'sweep --threads=9'");
  other = state;
  other.mutable_record()
      ->mutable_deterministic()
      ->mutable_workload(0)
      ->set_name("other");
  refused(other, "is of another one: workload 0 is 'other'");
  other = state;
  auto& cases = *other.mutable_record()
                     ->mutable_deterministic()
                     ->mutable_workload(0)
                     ->mutable_case_();
  cases.SwapElements(0, 1);
  refused(other, "is of another one: case 0 is 'tree'");
  other = state;
  other.mutable_record()
      ->mutable_measured()
      ->mutable_workload(0)
      ->add_factor_seconds(1);
  refused(other, "has 2 cases and 3 repetitions");
  other = state;
  auto& workload =
      *other.mutable_record()->mutable_deterministic()->mutable_workload(0);
  workload.mutable_case_()->RemoveLast();
  other.mutable_record()
      ->mutable_measured()
      ->mutable_workload(0)
      ->mutable_case_()
      ->RemoveLast();
  other.mutable_record()
      ->mutable_measured()
      ->mutable_workload(0)
      ->clear_factor_seconds();
  workload.set_data_digest("0");
  refused(other, "the data have changed since the sweep was stopped");
  other = state;
  other.mutable_record()
      ->mutable_deterministic()
      ->mutable_workload(0)
      ->set_data_digest("0");
  refused(other, "workload[0] 'normal': the data have changed");
  Write("o/unfinished.textproto",
        absl::StrReplaceAll(Signed(state), {{"recall: 1", "recall: 0.25"}}));
  ExpectError(command, 1,
              HasSubstr("o/unfinished.textproto was changed since it was"));
  Write("o/unfinished.textproto", "record { nonsense: 1 }");
  ExpectError(command, 1,
              HasSubstr("--resume: o/unfinished.textproto: line 1"));
  // Without --resume it begins anew, and says what it replaces.
  const Outcome anew = Sweep({command[0], command[1]});
  EXPECT_EQ(anew.exit_code, 0);
  EXPECT_THAT(anew.err,
              StartsWith("o/unfinished.textproto was of a sweep that was "
                         "stopped, which --resume would have"));
  EXPECT_THAT(Names(), Contains("o/unfinished.textproto.old"));
}

// Nothing is lost where the disk seems to be full.
TEST_F(SweepTest, WhatCannotBeKeptEndsTheSweep) {
  Write("small.textproto", kConfig);
  std::filesystem::create_directories(Path("o/table.md"));
  ExpectError({"--config=small.textproto", "--out=o"}, 1,
              HasSubstr("--out: o/table.md: is a folder; name a file"));
  std::filesystem::remove_all(Path("o"));
  std::filesystem::create_directories(Path("o/unfinished.textproto"));
  ExpectError({"--config=small.textproto", "--out=o"}, 1,
              HasSubstr("o/unfinished.textproto: is a folder"));
  ExpectError(
      {"--config=small.textproto", "--out=p", "--telemetry=./p/table.md"}, 1,
      HasSubstr("is a file that the sweep writes as well"));
}

TEST_F(SweepTest, WhatALateWorkloadNeedsIsMissedBeforeTheWork) {
  Write("late.textproto",
        absl::StrReplaceAll(
            kConfig, {{"case { name: \"exhaustive\"",
                       "workload { name: 'late' points { npy: 'none.npy' } "
                       "queries { all_rows {} } residual { kernel { family: "
                       "RBF } inducing { none {} } } k: 5 } case { name: "
                       "\"exhaustive\""}}));
  ExpectError({"--config=late.textproto", "--out=o"}, 1,
              HasSubstr("workload[1] 'late': "));
}

TEST_F(SweepTest, TwoSweepsDoNotWriteToOneFolder) {
  Write("long.textproto", LongConfig());
  Write("small.textproto", kConfig);
  std::thread first([this] {
    const std::string command = absl::StrCat(
        "cd ", Quoted(Path(".")), " && timeout --signal=INT 4 ",
        Quoted(program_), " --config=long.textproto --out=o >first 2>&1");
    EXPECT_NE(system(command.c_str()), 0);
  });
  while (!std::filesystem::exists(Path("o/unfinished.textproto"))) {
    usleep(10000);
  }
  ExpectError({"--config=small.textproto", "--out=o"}, 1,
              HasSubstr("--out: another sweep writes to o; wait for it"));
  first.join();
}

// Results are written where nobody reads the table; the exit code tells it.
TEST_F(SweepTest, ATableThatNobodyReads) {
  Write("small.textproto", kConfig);
  const std::string command =
      absl::StrCat("cd ", Quoted(Path(".")), " && { ", Quoted(program_),
                   " --config=small.textproto --out=o 2>err; echo $? >code; } "
                   "| true");
  EXPECT_EQ(system(command.c_str()), 0);
  EXPECT_EQ(Read("code"), "1\n");
  EXPECT_THAT(Read("err"), AllOf(HasSubstr("Written to o\n"),
                                 HasSubstr("the table could not be printed")));
  EXPECT_THAT(Read("o/table.md"), StartsWith("# Small\n"));
}

TEST_F(SweepTest, WrongArguments) {
  ExpectError({"small.textproto"}, 2,
              HasSubstr("unexpected argument 'small.textproto'; see --help"));
  // The flag library itself reports the error.
  const Outcome unknown = Sweep({"--confg=small.textproto"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("Unknown command line flag 'confg'"));
  const Outcome value = Sweep({"--repetitions=many"});
  EXPECT_EQ(value.exit_code, 1);
  EXPECT_THAT(value.err, HasSubstr("'many'"));
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(SweepTest, HelpShowsExamplesAndFlags) {
  const Outcome outcome = Sweep({"--help"});
  EXPECT_EQ(outcome.exit_code, 1);  // the flag library's own
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("\nExamples\n"), HasSubstr("--preset=quick"),
                    HasSubstr("--repetitions ("), HasSubstr("--telemetry ("),
                    HasSubstr("--resume ("), HasSubstr("Exit code: ")));
}

TEST_F(SweepTest, PresetsAreListed) {
  ExpectError(
      {"--preset=slow"}, 1,
      HasSubstr("--preset: there is no 'slow'; there are: geostatistics"));
  ExpectError({"--preset=quick", "--cases=zebra", "--out=."}, 1,
              HasSubstr("/quick.textproto: --cases: 'zebra' matches none"));
  ExpectError({"--preset=../gold"}, 1, HasSubstr("there is no '../gold'"));
  ExpectError({"--preset=quick", "--config=small.textproto"}, 1,
              HasSubstr("--preset and --config"));
  EXPECT_THAT(Names(), IsEmpty());
}

// A program that is started by hand finds the project's files beside itself.
TEST_F(SweepTest, FindsTheProjectBesideItself) {
  const std::string presets =
      Path("bin/sweep.runfiles/rct/experiments/configs/presets");
  std::filesystem::create_directories(presets);
  std::filesystem::copy_file(program_, Path("bin/sweep"));
  program_ = Path("bin/sweep");
  ASSERT_THAT(WriteFileAtomically(presets + "/mine.textproto", kConfig),
              IsOk());
  const std::string by_hand =
      "-u TEST_SRCDIR -u BUILD_WORKSPACE_DIRECTORY -u BUILD_WORKING_DIRECTORY";
  EXPECT_THAT(Sweep({"--preset=x"}, by_hand).err, HasSubstr("there are: mine"));
  const Outcome outcome = Sweep({"--preset=mine"}, by_hand);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, EndsWith("Written to results/mine\n"));
}

}  // namespace
}  // namespace rct
