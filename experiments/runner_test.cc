#include "experiments/runner.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/parallel.h"
#include "base/point_sets.h"
#include "base/sanitizers.h"
#include "base/status_matchers.h"
#include "experiments/record.pb.h"
#include "experiments/render.h"
#include "experiments/sweep.pb.h"
#include "experiments/test_data.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kWorkload[] = R"pb(
  workload {
    name: "normal"
    points { generated { shape: NORMAL count: 600 } }
    queries { random_rows { count: 40 } }
    residual {
      kernel { family: MATERN32 }
      inducing { random { count: 12 } }
    }
    k: 7
  }
)pb";

constexpr char kExhaustive[] =
    " case { name: 'exhaustive' strategy: EXHAUSTIVE }";
constexpr char kTrees[] = R"pb(
  case {
    name: "residual"
    strategy: LEVEL_SYNCHRONOUS
    tree { structure: RESIDUAL }
  }
  case {
    name: "static"
    strategy: LEVEL_SYNCHRONOUS
    tree { structure: STATIC }
  }
)pb";

constexpr char kFailing[] = R"pb(
  case {
    name: "failing"
    strategy: LEVEL_SYNCHRONOUS
    gate { exact {} }
    gate { counter_at_most { counter: "distance_evaluations" total: 1 } }
  }
)pb";

std::string Small() { return absl::StrCat(kWorkload, kExhaustive, kTrees); }

absl::StatusOr<RunRecord> RunText(const std::string& config,
                                  const SweepOptions& options = {
                                      .repetitions = 1}) {
  return RunSweep(ParseText<SweepConfig>(config), options);
}

const RunRecord::Deterministic::Workload& Known(const RunRecord& record) {
  return record.deterministic().workload(0);
}
const RunRecord::Measured::Workload& Timed(const RunRecord& record) {
  return record.measured().workload(0);
}

std::vector<std::string> Names(const RunRecord& record) {
  std::vector<std::string> names;
  for (const auto& sweep_case : Known(record).case_()) {
    names.push_back(sweep_case.name());
  }
  return names;
}

template <class Field>
std::vector<double> List(const Field& field) {
  return {field.begin(), field.end()};
}

TEST(RunnerTest, DeterministicBytesDependOnTheConfigAlone) {
  const std::string config =
      Small() +
      " case { name: 'block' strategy: BLOCK"
      " heuristics { skeleton_bound { form: TABLES } } }";
  const RunRecord record =
      RunText(config, {.repetitions = 1, .threads = 1}).value();
  EXPECT_GT(Known(record).case_(3).build_bytes(), 0);
  const std::string bytes = record.deterministic().SerializeAsString();
  for (const SweepOptions& options :
       {SweepOptions{.repetitions = 1, .threads = 1},
        SweepOptions{.repetitions = 1, .threads = 2},
        SweepOptions{.repetitions = 4}}) {
    EXPECT_EQ(
        RunText(config, options).value().deterministic().SerializeAsString(),
        bytes);
  }
}

TEST(RunnerTest, TheRecordSaysWhatWasFound) {
  const RunRecord record =
      RunText("title: 'A title' " + Small(), {.repetitions = 2}).value();
  EXPECT_EQ(record.deterministic().title(), "A title");
  const auto& known = Known(record);
  EXPECT_EQ(known.name(), "normal");
  EXPECT_EQ(known.data_digest().size(), 64u);
  EXPECT_EQ(known.num_points(), 600);
  EXPECT_EQ(known.dimension(), 3);
  EXPECT_EQ(known.num_inducing(), 12);
  EXPECT_EQ(known.num_queries(), 40);
  EXPECT_THAT(Names(record), ElementsAre("exhaustive", "residual", "static"));
  for (const auto& sweep_case : known.case_()) {
    EXPECT_EQ(sweep_case.k(), 7);
    EXPECT_FALSE(sweep_case.approximate());
    EXPECT_EQ(sweep_case.recall(), 1);
    EXPECT_EQ(sweep_case.result_digest(), known.case_(0).result_digest());
    EXPECT_GT(sweep_case.counters().distance_evaluations(), 0);
    ASSERT_EQ(sweep_case.verdict_size(), 1);
    EXPECT_EQ(sweep_case.verdict(0).ShortDebugString(),
              "gate: \"EXACT\" pass: true");
  }
  EXPECT_EQ(known.case_(0).counters().distance_evaluations(), 40 * 600);
  EXPECT_EQ(known.case_(0).build_distance_evaluations(), 0);
  EXPECT_GT(known.case_(1).build_distance_evaluations(), 0);
  EXPECT_EQ(known.case_(0).build_bytes(), 0);
  EXPECT_GT(known.case_(1).build_bytes(), 0);
  EXPECT_TRUE(AllGatesPass(record));
}

TEST(RunnerTest, TheAnswerIsThatOfTheIndex) {
  const Matrix<double> points = MakePointSet(PointSet::kNormal, 600, 3, 1);
  IndexOptions options;
  *options.mutable_residual() =
      ParseText<SweepConfig>(kWorkload).workload(0).residual();
  std::vector<int64_t> rows(600);
  for (int64_t i = 0; i < 600; ++i) rows[i] = i;
  const ResidualIndex index =
      ResidualIndex::Build(points.view(), options).value();
  SweepConfig config = ParseText<SweepConfig>(Small());
  config.mutable_workload(0)->mutable_queries()->mutable_all_rows();
  const RunRecord record = RunSweep(config, {.repetitions = 1}).value();
  EXPECT_EQ(Known(record).case_(2).result_digest(),
            index.Search(rows, {.k = 7}).value().neighbors.Digest());
}

TEST(RunnerTest, EachRepetitionTimesEachCase) {
  const RunRecord record =
      RunText(Small() + " repetitions: 2", SweepOptions()).value();
  const auto& timed = Timed(record);
  EXPECT_EQ(timed.name(), "normal");
  EXPECT_EQ(timed.factor_seconds_size(), 2);
  ASSERT_EQ(timed.case__size(), 3);
  for (const auto& sweep_case : timed.case_()) {
    EXPECT_EQ(sweep_case.threads(), HardwareThreads());
    EXPECT_EQ(sweep_case.index_seconds_size(), 2);
    EXPECT_EQ(sweep_case.search_seconds_size(), 2);
    if (!kShadowMemory) {
      EXPECT_GT(sweep_case.peak_rss_bytes(), 0);
    }
    // All cases refer to the one exhaustive search of a repetition.
    EXPECT_EQ(List(sweep_case.exhaustive_seconds()),
              List(timed.case_(0).search_seconds()));
  }
  EXPECT_EQ(
      Timed(RunText(Small() + " repetitions: 2", {.repetitions = 3}).value())
          .factor_seconds_size(),
      3);
}

TEST(RunnerTest, ExhaustiveSearchIsOnceAsFastAsItself) {
  const RunRecord record =
      RunText(Small() +
                  " case { name: 'again' strategy: EXHAUSTIVE }"
                  " case { name: 'other' strategy: EXHAUSTIVE threads: 1 }",
              {.repetitions = 3})
          .value();
  for (const int i : {0, 3, 4}) {
    const auto& timed = Timed(record).case_(i);
    EXPECT_EQ(List(timed.exhaustive_seconds()), List(timed.search_seconds()));
  }
}

TEST(RunnerTest, RatiosNeedNoExhaustiveCase) {
  const RunRecord record =
      RunText(absl::StrCat(kWorkload, kTrees), {.repetitions = 2}).value();
  for (const auto& sweep_case : Timed(record).case_()) {
    ASSERT_EQ(sweep_case.exhaustive_seconds_size(), 2);
    EXPECT_GT(sweep_case.exhaustive_seconds(0), 0);
  }
}

TEST(RunnerTest, ACaseMayHaveItsOwnNumberOfNeighborsAndThreads) {
  const RunRecord record =
      RunText(
          absl::StrCat(kWorkload, kTrees,
                       " case { name: 'more' strategy: LEVEL_SYNCHRONOUS k: 9"
                       " threads: 1 }"
                       " case { name: 'all' strategy: EXHAUSTIVE k: 601 }"))
          .value();
  const auto& known = Known(record);
  EXPECT_EQ(known.case_(0).k(), 7);
  EXPECT_EQ(known.case_(2).k(), 9);
  EXPECT_EQ(known.case_(3).k(), 601);
  EXPECT_EQ(Timed(record).case_(2).threads(), 1);
  EXPECT_TRUE(AllGatesPass(record));
}

TEST(RunnerTest, EveryWorkloadIsRun) {
  const RunRecord record =
      RunText(absl::StrCat(
                  kWorkload,
                  " workload { name: 'second' points { generated "
                  "{ shape: GRID count: 100 dimension: 2 } } queries { "
                  "all_rows {} } residual { kernel { family: RBF } inducing "
                  "{ rows { row: 3 } } } k: 2 }",
                  kTrees))
          .value();
  ASSERT_EQ(record.deterministic().workload_size(), 2);
  EXPECT_EQ(record.deterministic().workload(1).num_queries(), 100);
  EXPECT_EQ(record.measured().workload(1).case__size(), 2);
}

TEST(RunnerTest, NoQueriesAreNoError) {
  const std::string path = MakeTestFolder() + "/none.npy";
  ASSERT_THAT(WriteNpy(path, absl::Span<const int64_t>()), IsOk());
  SweepConfig config = ParseText<SweepConfig>(Small());
  config.mutable_workload(0)->mutable_queries()->set_rows_npy(path);
  const RunRecord record = RunSweep(config, {.repetitions = 1}).value();
  EXPECT_TRUE(AllGatesPass(record));
  EXPECT_EQ(Known(record).num_queries(), 0);
  for (const std::string& text : {RenderTable(record), RenderCsv(record)}) {
    EXPECT_FALSE(absl::StrContains(text, "nan") ||
                 absl::StrContains(text, "inf"))
        << text;
  }
}

TEST(RunnerTest, AFailedGateWithholdsTheTimesOfItsCaseAlone) {
  const RunRecord record =
      RunText(Small() + kFailing, {.repetitions = 2}).value();
  EXPECT_FALSE(AllGatesPass(record));
  const auto& known = Known(record).case_(3);
  ASSERT_EQ(known.verdict_size(), 2);
  EXPECT_TRUE(known.verdict(0).pass());
  EXPECT_FALSE(known.verdict(0).has_message());
  EXPECT_FALSE(known.verdict(1).pass());
  EXPECT_EQ(known.verdict(1).gate(),
            "COUNTER_AT_MOST(distance_evaluations, 1)");
  EXPECT_THAT(known.verdict(1).message(), HasSubstr("expected at most 1"));
  const auto& timed = Timed(record).case_(3);
  EXPECT_EQ(timed.index_seconds_size(), 0);
  EXPECT_EQ(timed.search_seconds_size(), 0);
  EXPECT_EQ(timed.exhaustive_seconds_size(), 0);
  EXPECT_EQ(Timed(record).case_(2).search_seconds_size(), 2);

  const std::string table = RenderTable(record);
  EXPECT_THAT(table, HasSubstr("\n- failing: COUNTER_AT_MOST("
                               "distance_evaluations, 1) failed: "));
  const std::vector<std::string> lines = absl::StrSplit(table, '\n');
  EXPECT_THAT(lines[11],
              AllOf(StartsWith("| failing "), HasSubstr("| FAILED ")));
  int withheld = 0;
  for (const absl::string_view cell : absl::StrSplit(lines[11], '|')) {
    withheld += absl::StripAsciiWhitespace(cell) == "-";
  }
  // Withheld are speed, two ratios, build and memory.
  EXPECT_EQ(withheld, 5);
  const std::vector<std::string> csv = absl::StrSplit(RenderCsv(record), '\n');
  EXPECT_THAT(csv[4], AllOf(StartsWith("failing,\"FAILED COUNTER_AT_MOST("
                                       "distance_evaluations, 1)\",1,,,,"),
                            HasSubstr(",,,normal,")));
}

TEST(RunnerTest, AnExhaustiveCaseThatFailsStillLeavesRatiosForOthers) {
  const RunRecord record =
      RunText(
          absl::StrCat(kWorkload, kTrees,
                       " case { name: 'failing' strategy: EXHAUSTIVE gate { "
                       "counter_at_most { counter: 'distance_evaluations' "
                       "per_query: 599 } } }"))
          .value();
  EXPECT_FALSE(AllGatesPass(record));
  EXPECT_TRUE(Known(record).case_(2).approximate());
  EXPECT_EQ(Timed(record).case_(2).search_seconds_size(), 0);
  EXPECT_EQ(Timed(record).case_(0).exhaustive_seconds_size(), 1);
}

TEST(RunnerTest, AnApproximateCaseIsLabeled) {
  const RunRecord record =
      RunText(Small() +
              " case { name: 'rough' strategy: LEVEL_SYNCHRONOUS gate { "
              "recall_at_least { threshold: 0.5 } } }")
          .value();
  const auto& known = Known(record).case_(3);
  EXPECT_TRUE(known.approximate());
  EXPECT_EQ(known.verdict(0).gate(), "RECALL_AT_LEAST(0.5)");
  EXPECT_TRUE(AllGatesPass(record));
  EXPECT_THAT(RenderTable(record),
              HasSubstr("| approximate: RECALL_AT_LEAST(0.5) "));
}

TEST(RunnerTest, CasesAreChosenByName) {
  const auto names = [](const std::string& pattern) {
    return Names(
        RunText(Small(), {.repetitions = 1, .cases = pattern}).value());
  };
  EXPECT_THAT(names("at"), ElementsAre("static"));
  EXPECT_THAT(names("^(e|s)"), ElementsAre("exhaustive", "static"));
  EXPECT_THAT(names(""), ElementsAre("exhaustive", "residual", "static"));
  EXPECT_THAT(RunText(Small(), {.cases = "a("}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--cases: 'a(' is no regular expression")));
  EXPECT_THAT(RunText(Small(), {.cases = "^at"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--cases: '^at' matches none"),
                             HasSubstr("exhaustive residual static"))));
}

TEST(RunnerTest, ErrorsNameTheField) {
  const struct {
    std::string config;
    SweepOptions options;
    std::string message;
  } cases[] = {
      {Small(), {.repetitions = 0}, "repetitions: is 0; must be at least 1"},
      {Small() + " repetitions: -2", {}, "repetitions: is -2"},
      {Small(), {.threads = -3}, "--threads: is -3; must be at least 0"},
      {kTrees, {}, "workload: none given"},
      {kWorkload, {}, "case: none given"},
      {absl::StrCat(kWorkload, kWorkload, kTrees),
       {},
       "workload[1] 'normal': the name is there twice"},
      {absl::StrCat("workload {} ", kTrees),
       {},
       "workload[0] '': name: not given"},
      {absl::StrCat(kWorkload,
                    " case { name: 'a' strategy: EXHAUSTIVE tree {} }"),
       {.repetitions = 1},
       "case 'a': tree: given, but strategy EXHAUSTIVE"},
      {absl::StrCat(kWorkload,
                    " case { name: 'a' strategy: LEVEL_SYNCHRONOUS "
                    "tree { base: 1 } }"),
       {.repetitions = 1},
       "case 'a': tree.base"},
  };
  for (const auto& [config, options, message] : cases) {
    EXPECT_THAT(
        RunText(config, options),
        StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(message)))
        << config;
  }
}

// Errors in names are found before anything is read or run.
TEST(RunnerTest, NamesAreCheckedFirst) {
  const std::string missing =
      " workload { name: 'w' points { npy: '/no/such/file' } }";
  EXPECT_THAT(RunText(absl::StrCat(missing, missing, kTrees)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "workload[1] 'w': the name is there twice"));
}

// A workload of 600 points in files of its own.
class RunnerFilesTest : public testing::Test {
 protected:
  RunnerFilesTest()
      : folder_(MakeTestFolder()),
        points_(MakePointSet(PointSet::kNormal, 600, 3, 1)) {}

  SweepConfig Config(const std::string& more) const {
    return ParseText<SweepConfig>(
        absl::StrCat(kExhaustive, kTrees, "workload { name: 'files' ", more,
                     " points { generated { shape: NORMAL count: 600 } } "
                     "queries { rows_npy: '",
                     folder_, "/rows.npy' } k: 5 }"));
  }

  const std::string folder_;
  const Matrix<double> points_;
  const std::vector<int64_t> rows_ = {0, 599, 17, 17};
};

TEST_F(RunnerFilesTest, ATreeOverFactorsFromOutsideIsAnError) {
  ASSERT_THAT(WriteNpy(folder_ + "/rows.npy", absl::MakeConstSpan(rows_)),
              IsOk());
  ASSERT_THAT(
      WriteNpy(folder_ + "/v.npy", Matrix<double>::Zeros(600, 2).view()),
      IsOk());
  const std::vector<double> variance(600, 1.0);
  ASSERT_THAT(WriteNpy(folder_ + "/p.npy", absl::MakeConstSpan(variance)),
              IsOk());
  SweepConfig config = Config(absl::StrCat(
      "residual { kernel { family: RBF } } factors_npy: '", folder_,
      "/v.npy' residual_variance_npy: '", folder_, "/p.npy'"));
  EXPECT_THAT(RunSweep(config, {.repetitions = 1}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       StartsWith("workload[0] 'files': case 'residual': "
                                  "strategy: ")));
  const RunRecord record =
      RunSweep(config, {.repetitions = 1, .cases = "exhaustive"}).value();
  EXPECT_TRUE(AllGatesPass(record));
  EXPECT_EQ(Known(record).num_inducing(), 2);
}

TEST_F(RunnerFilesTest, AMissingFileNamesTheWorkload) {
  EXPECT_THAT(
      RunSweep(Config("residual { kernel { family: RBF } inducing { random { "
                      "count: 3 } } }"),
               {.repetitions = 1}),
      StatusIs(absl::StatusCode::kNotFound,
               AllOf(StartsWith("workload[0] 'files': queries.rows_npy: "),
                     HasSubstr("/rows.npy"))));
}

// The same workload with frozen answers, which the index has made.
class RunnerGoldTest : public RunnerFilesTest {
 protected:
  RunnerGoldTest() {
    IndexOptions options = ParseText<IndexOptions>(
        "residual { kernel { family: RBF } inducing { rows { row: [3, 500, 20] "
        "} } }");
    answer_ = ResidualIndex::Build(points_.view(), options)
                  ->Search(rows_, {.k = 5})
                  ->neighbors.Clone();
    EXPECT_THAT(WriteNpy(folder_ + "/rows.npy", absl::MakeConstSpan(rows_)),
                IsOk());
    WriteGold();
    config_ = Config(
        absl::StrCat(options.ShortDebugString(), " gold { manifest: '", folder_,
                     "/gold/manifest.textproto' answer: 'answer' }"));
  }

  void WriteGold() {
    const int64_t inducing[] = {3, 500, 20};
    WriteTestGold(folder_ + "/gold", points_.view(), rows_, inducing, answer_);
  }

  NeighborTable answer_;
  SweepConfig config_;
};

TEST_F(RunnerGoldTest, ItIsAnotherVerdict) {
  const RunRecord record = RunSweep(config_, {.repetitions = 1}).value();
  EXPECT_TRUE(AllGatesPass(record));
  for (const auto& sweep_case : Known(record).case_()) {
    ASSERT_EQ(sweep_case.verdict_size(), 2);
    EXPECT_EQ(sweep_case.verdict(1).gate(), "gold SET_EQUAL_WITHIN(1e-06)");
    EXPECT_TRUE(sweep_case.verdict(1).pass());
  }
  EXPECT_THAT(RenderTable(record),
              HasSubstr("frozen gold: exhaustive, residual, static.\n"));
}

TEST_F(RunnerGoldTest, OtherDistancesFailEvenForExhaustiveSearch) {
  answer_.distances()(2, 4) += 2e-6;
  WriteGold();
  const RunRecord record = RunSweep(config_, {.repetitions = 1}).value();
  EXPECT_FALSE(AllGatesPass(record));
  for (const auto& sweep_case : Known(record).case_()) {
    EXPECT_TRUE(sweep_case.verdict(0).pass());
    EXPECT_FALSE(sweep_case.verdict(1).pass());
    EXPECT_THAT(sweep_case.verdict(1).message(), HasSubstr("query 2, rank 4"));
  }
  for (const auto& sweep_case : Timed(record).case_()) {
    EXPECT_EQ(sweep_case.search_seconds_size(), 0);
  }
  EXPECT_THAT(RenderTable(record), testing::Not(HasSubstr("frozen gold")));
  config_.mutable_workload(0)->mutable_gold()->set_tolerance(3e-6);
  EXPECT_TRUE(AllGatesPass(RunSweep(config_, {.repetitions = 1}).value()));
}

TEST_F(RunnerGoldTest, ApproximateCasesAreNotHeldAgainstIt) {
  answer_.distances()(2, 4) += 2e-6;
  WriteGold();
  config_.clear_case_();
  *config_.add_case_() = ParseText<SweepCase>(
      "name: 'rough' strategy: LEVEL_SYNCHRONOUS gate { recall_at_least { "
      "threshold: 0.5 } }");
  const RunRecord record = RunSweep(config_, {.repetitions = 1}).value();
  EXPECT_TRUE(AllGatesPass(record));
  EXPECT_EQ(Known(record).case_(0).verdict_size(), 1);
}

TEST_F(RunnerGoldTest, FewerNeighborsOfACaseAreHeldAgainstItToo) {
  answer_.distances()(2, 1) += 2e-6;
  WriteGold();
  config_.mutable_case_(1)->set_k(3);
  const RunRecord record = RunSweep(config_, {.repetitions = 1}).value();
  ASSERT_EQ(Known(record).case_(1).verdict_size(), 2);
  EXPECT_FALSE(Known(record).case_(1).verdict(1).pass());
  config_.mutable_case_(1)->set_k(6);
  EXPECT_THAT(RunSweep(config_, {.repetitions = 1}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       StartsWith("workload[0] 'files': case 'residual': k: "
                                  "is 6; gold.answer has 5")));
}

TEST(RunnerTest, AskedToCheckOnlyItTimesNothing) {
  const RunRecord record = RunText(Small(), {.check_only = true}).value();
  EXPECT_EQ(record.deterministic().SerializeAsString(),
            RunText(Small()).value().deterministic().SerializeAsString());
  EXPECT_EQ(Timed(record).factor_seconds_size(), 0);
  EXPECT_EQ(Timed(record).case_(0).search_seconds_size(), 0);
}

TEST(RunnerTest, TelemetryChangesNothingElse) {
  const SweepConfig config = ParseText<SweepConfig>(Small());
  std::string telemetry;
  const auto with =
      RunSweep(config, {.check_only = true, .telemetry = true}, &telemetry);
  EXPECT_EQ(with.value().deterministic().SerializeAsString(),
            RunText(Small()).value().deterministic().SerializeAsString());
  EXPECT_THAT(telemetry, AllOf(HasSubstr("\"phase\":\"projection\""),
                               HasSubstr("\"case\":\"exhaustive\""),
                               HasSubstr("\"case\":\"static\"")));
  // No case asks for telemetry.
  telemetry.clear();
  ASSERT_THAT(RunSweep(config, {.check_only = true}, &telemetry), IsOk());
  EXPECT_EQ(telemetry, "");
}

TEST(RunnerTest, TelemetrySaysWhatIsApproximate) {
  const std::string config = absl::StrCat(
      kWorkload,
      "case { name: 'exact' strategy: EXHAUSTIVE }"
      "case { name: 'best' strategy: BEST_FIRST telemetry: true"
      "  heuristics { budget_ladder { on_exhaustion: RETURN_BEST } }"
      "  gate { recall_at_least { threshold: 0 } } }");
  std::string telemetry;
  ASSERT_THAT(RunSweep(ParseText<SweepConfig>(config), {.check_only = true},
                       &telemetry),
              IsOk());
  EXPECT_THAT(telemetry,
              AllOf(HasSubstr("\"case\":\"best\",\"approximate\":true,"),
                    Not(HasSubstr("\"case\":\"exact\""))));
}

}  // namespace
}  // namespace rct
