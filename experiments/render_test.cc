#include "experiments/render.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "experiments/record.pb.h"
#include "experiments/test_data.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// The numbers give round results: 100 queries; V takes 1 s.
constexpr char kRecord[] = R"pb(
  deterministic {
    config_digest: "0123456789abcdef0123"
    title: "Trees, and \"more\""
    workload {
      name: "normal"
      data_digest: "d"
      num_points: 1000
      dimension: 3
      num_inducing: 16
      num_queries: 100
      case {
        name: "exhaustive"
        k: 10
        recall: 1
        result_digest: "r0"
        counters { distance_evaluations: 100000 }
        verdict { gate: "EXACT" pass: true }
        verdict { gate: "gold SET_EQUAL_WITHIN(1e-06)" pass: true }
      }
      case {
        name: "tree"
        k: 10
        recall: 1
        result_digest: "r0"
        counters { distance_evaluations: 12345 }
        build_distance_evaluations: 777
        build_bytes: 4096
        verdict { gate: "EXACT" pass: true }
        verdict {
          gate: "COUNTER_AT_MOST(distance_evaluations, 500)"
          pass: true
        }
        verdict { gate: "gold SET_EQUAL_WITHIN(1e-06)" pass: true }
      }
      case {
        name: "rough, fast"
        k: 10
        approximate: true
        recall: 0.95
        result_digest: "r1"
        counters { distance_evaluations: 1000 }
        verdict { gate: "RECALL_AT_LEAST(0.9)" pass: true }
      }
      case {
        name: "wrong"
        k: 10
        recall: 0.5
        result_digest: "r2"
        counters { distance_evaluations: 1000 }
        verdict { gate: "EXACT" pass: false message: "query 0, rank 1" }
        verdict {
          gate: "gold SET_EQUAL_WITHIN(1e-06)"
          pass: false
          message: "query 2, rank 3"
        }
      }
    }
  }
  measured {
    workload {
      name: "normal"
      factor_seconds: [ 1, 3, 1 ]
      case {
        name: "exhaustive"
        threads: 2
        index_seconds: [ 0, 0, 0 ]
        search_seconds: [ 4, 8, 2 ]
        first_search_seconds: [ 4, 8, 2 ]
        exhaustive_seconds: [ 4, 8, 2 ]
        peak_rss_bytes: 1048576
      }
      case {
        name: "tree"
        threads: 2
        index_seconds: [ 0.5, 1, 0.5 ]
        search_seconds: [ 1, 2, 1 ]
        first_search_seconds: [ 1, 2, 1 ]
        exhaustive_seconds: [ 4, 8, 2 ]
        peak_rss_bytes: 3145728
      }
      case {
        name: "rough, fast"
        threads: 2
        index_seconds: [ 0, 0, 0 ]
        search_seconds: [ 0.5, 0.5, 0.5 ]
        first_search_seconds: [ 0.5, 0.5, 0.5 ]
        exhaustive_seconds: [ 4, 8, 2 ]
        peak_rss_bytes: 1048576
      }
      case { name: "wrong" threads: 2 peak_rss_bytes: 1048576 }
    }
  }
  provenance {
    commit: "c0ffee"
    machine: "A machine"
    processors: 2
    instruction_set: "avx2"
    compiler: "gcc 12"
    compilation_mode: "opt"
    command: "sweep --config=x"
    time: "2024-01-01T00:00:00+00:00"
  }
)pb";

RunRecord Record() { return ParseText<RunRecord>(kRecord); }

std::vector<std::string> Lines(const std::string& text) {
  return absl::StrSplit(text, '\n');
}

// Expects that neither table nor CSV holds a number that is none.
void ExpectNumbers(const RunRecord& record) {
  for (const std::string& text :
       {RenderTable(record), RenderCounters(record), RenderCsv(record)}) {
    for (const char* const wrong : {"nan", "inf"}) {
      EXPECT_FALSE(absl::StrContains(text, wrong)) << text;
    }
  }
}

TEST(RenderTest, GoldenTable) {
  EXPECT_EQ(RenderTable(Record()), R"table(# Trees, and "more"

## normal

1000 points, d = 3, m = 16, 100 queries, k = 10, 2 threads

| case        | gate                                               | recall | queries/s |      x exhaustive | x exhaustive, build counted | evaluations/query | build s | peak MiB |
|:------------|:---------------------------------------------------|-------:|----------:|------------------:|----------------------------:|------------------:|--------:|---------:|
| exhaustive  | EXACT                                              | 1.0000 |        25 |  1.00 (1.00-1.00) |            1.00 (1.00-1.00) |            1000.0 |    1.00 |        1 |
| tree        | EXACT + COUNTER_AT_MOST(distance_evaluations, 500) | 1.0000 |       100 |  4.00 (2.00-4.00) |            1.83 (1.20-2.00) |             123.5 |    1.50 |        3 |
| rough, fast | approximate: RECALL_AT_LEAST(0.9)                  | 0.9500 |       200 | 8.00 (4.00-16.00) |            3.14 (2.00-3.33) |              10.0 |    1.00 |        1 |
| wrong       | FAILED EXACT + gold SET_EQUAL_WITHIN(1e-06)        | 0.5000 |         - |                 - |                           - |              10.0 |       - |        - |

- wrong: EXACT failed: query 0, rank 1
- wrong: gold SET_EQUAL_WITHIN(1e-06) failed: query 2, rank 3

Also the neighbour sets and, within the stated tolerance, the distances of the frozen gold: exhaustive, tree.

EXACT: rows and distances bit-identical to exhaustive search. Times are medians of 3 interleaved repetitions; ratios are medians of each repetition's ratio (least-greatest). Build: V, p and the index; counted with the first search. What calls make and the index keeps is there in all other figures.

Command: `sweep --config=x`
Config: sha256 0123456789abcdef0123
Machine: A machine, 2 processors, avx2
Build: commit c0ffee, gcc 12, opt
Time: 2024-01-01T00:00:00+00:00
)table");
}

TEST(RenderTest, GoldenCounters) {
  RunRecord record = Record();
  auto& known = *record.mutable_deterministic()->mutable_workload(0);
  SearchCounters& tree = *known.mutable_case_(1)->mutable_counters();
  tree.set_subtrees_pruned(50);
  tree.add_dynamic_blocks(100);
  tree.add_dynamic_blocks(0);
  EXPECT_EQ(RenderCounters(record), R"table(# Trees, and "more": counters

## normal

1000 points, d = 3, m = 16, 100 queries, k = 10

| case        | gate                                               | recall | distance evaluations | subtrees pruned | dynamic blocks | build evaluations |
|:------------|:---------------------------------------------------|-------:|---------------------:|----------------:|---------------:|------------------:|
| exhaustive  | EXACT                                              | 1.0000 |               1000.0 |             0.0 |              - |                 0 |
| tree        | EXACT + COUNTER_AT_MOST(distance_evaluations, 500) | 1.0000 |                123.5 |             0.5 |        1.0/0.0 |               777 |
| rough, fast | approximate: RECALL_AT_LEAST(0.9)                  | 0.9500 |                 10.0 |             0.0 |              - |                 0 |
| wrong       | FAILED EXACT + gold SET_EQUAL_WITHIN(1e-06)        | 0.5000 |                 10.0 |             0.0 |              - |                 0 |

- wrong: EXACT failed: query 0, rank 1
- wrong: gold SET_EQUAL_WITHIN(1e-06) failed: query 2, rank 3

Counters (SearchCounters in traversal/traversal.proto) are means over the queries, build evaluations totals. None depends on threads or time.

Command: `sweep --config=x`
Config: sha256 0123456789abcdef0123
)table");
}

TEST(RenderTest, CountersAreOfTheDeterministicPartAlone) {
  RunRecord record = Record();
  const std::string counters = RenderCounters(record);
  record.clear_measured();
  record.mutable_provenance()->set_machine("another");
  EXPECT_EQ(RenderCounters(record), counters);
}

TEST(RenderTest, CountersThatNoCaseHasAreNoColumns) {
  RunRecord record = Record();
  auto& known = *record.mutable_deterministic()->mutable_workload(0);
  for (auto& sweep_case : *known.mutable_case_()) {
    sweep_case.clear_counters();
    sweep_case.clear_build_distance_evaluations();
  }
  EXPECT_THAT(RenderCounters(record),
              AllOf(HasSubstr(" | recall |\n"), Not(HasSubstr("nan"))));
  EXPECT_THAT(RenderCounters(Record()), Not(HasSubstr("pushes")));
  EXPECT_THAT(RenderCounters(RunRecord()), StartsWith("# Sweep: counters\n\n"));
}

TEST(RenderTest, GoldenCsv) {
  EXPECT_EQ(
      RenderCsv(Record()),
      R"csv(case,gate,recall,queries_per_second,ratio_to_exhaustive,ratio_with_build_to_exhaustive,distance_evaluations_per_query,build_seconds,peak_rss_mib,workload,gold,approximate,num_points,dimension,num_inducing,num_queries,k,threads,repetitions,search_seconds_median,search_seconds_min,search_seconds_max,factor_seconds,index_seconds,build_distance_evaluations,result_digest,build_bytes,forecast_ratio,forecast_ratio_with_build
exhaustive,EXACT,1,25,1,1,1000,1,1,normal,SET_EQUAL_WITHIN(1e-06),false,1000,3,16,100,10,2,3,4,2,8,1,0,0,r0,0,,
tree,"EXACT + COUNTER_AT_MOST(distance_evaluations, 500)",1,100,4,1.83333,123.45,1.5,3,normal,SET_EQUAL_WITHIN(1e-06),false,1000,3,16,100,10,2,3,1,1,2,1,0.5,777,r0,4096,,
"rough, fast",approximate: RECALL_AT_LEAST(0.9),0.95,200,8,3.14286,10,1,1,normal,,true,1000,3,16,100,10,2,3,0.5,0.5,0.5,1,0,0,r1,0,,
wrong,FAILED EXACT + gold SET_EQUAL_WITHIN(1e-06),0.5,,,,10,,,normal,,false,1000,3,16,100,10,2,0,,,,,,0,r2,0,,
)csv");
}

// V costs as much as 8,000 evaluations.
TEST(RenderTest, ForecastsStandBesideWhatWasMeasured) {
  EXPECT_THAT(RenderTable(Record()), Not(HasSubstr("forecast")));
  RunRecord record = Record();
  auto& tree =
      *record.mutable_deterministic()->mutable_workload(0)->mutable_case_(1);
  tree.mutable_counters()->set_forecast_evaluations(20'000);
  tree.set_first_forecast_evaluations(46'000);
  tree.set_exhaustive_evaluations(100'000);
  EXPECT_THAT(
      RenderTable(record),
      AllOf(
          HasSubstr("| x exhaustive, build counted | forecast | forecast, "
                    "build counted | evaluations/query |"),
          HasSubstr("1.83 (1.20-2.00) |     5.00 |                    1.47")));
  EXPECT_THAT(RenderCsv(record), HasSubstr(",r0,4096,5,1.47368\n"));
}

// Other programs read these columns by name and by position.
TEST(RenderTest, CsvBeginsWithTheColumnsThatOthersRead) {
  EXPECT_THAT(
      RenderCsv(Record()),
      StartsWith(
          "case,gate,recall,queries_per_second,ratio_to_exhaustive,"
          "ratio_with_build_to_exhaustive,distance_evaluations_per_query,"
          "build_seconds,peak_rss_mib,"));
}

TEST(RenderTest, EveryCsvLineHasEveryColumn) {
  RunRecord record = Record();
  auto& known = *record.mutable_deterministic()->mutable_workload(0);
  // Names without commas, so that every comma separates fields.
  known.mutable_case_(2)->set_name("rough");
  known.mutable_case_(1)->mutable_verdict()->DeleteSubrange(1, 1);
  const std::vector<std::string> header = absl::StrSplit(kCsvHeader, ',');
  const std::vector<std::string> lines = Lines(RenderCsv(record));
  ASSERT_EQ(lines.size(), 6u);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(std::vector<std::string>(absl::StrSplit(lines[i], ',')).size(),
              header.size())
        << lines[i];
  }
  EXPECT_EQ(lines[5], "");
}

TEST(RenderTest, IsAPureFunctionOfTheRecord) {
  const RunRecord record = Record();
  RunRecord copy;
  ASSERT_TRUE(copy.ParseFromString(record.SerializeAsString()));
  EXPECT_EQ(RenderTable(record), RenderTable(copy));
  EXPECT_EQ(RenderCsv(record), RenderCsv(copy));
}

TEST(RenderTest, AFailedCaseShowsNoTimeThoughThereIsOne) {
  RunRecord record = Record();
  auto& tree =
      *record.mutable_deterministic()->mutable_workload(0)->mutable_case_(1);
  tree.mutable_verdict(1)->set_pass(false);
  tree.mutable_verdict(1)->set_message("too many");
  const std::string table = RenderTable(record);
  const std::string row = Lines(table)[9];
  ASSERT_THAT(row, StartsWith("| tree "));
  EXPECT_THAT(row,
              HasSubstr("FAILED COUNTER_AT_MOST(distance_evaluations, 500)"));
  EXPECT_THAT(row, Not(HasSubstr("2.00")));
  EXPECT_THAT(table,
              HasSubstr("\n- tree: COUNTER_AT_MOST(distance_evaluations, "
                        "500) failed: too many\n"));
  const std::string csv = Lines(RenderCsv(record))[2];
  EXPECT_THAT(csv, AllOf(HasSubstr(",1,,,,123.45,,,normal,"),
                         EndsWith(",3,,,,,,777,r0,4096,,")));
}

// The sentence must not name a case without gold beside one with it.
TEST(RenderTest, TheSentenceOnGoldIsTrueOfEachCaseItSpeaksOf) {
  EXPECT_THAT(RenderTable(Record()),
              HasSubstr("\nAlso the neighbour sets and, within the stated "
                        "tolerance, the distances of the frozen gold: "
                        "exhaustive, tree.\n"));
  RunRecord record = Record();
  auto& known = *record.mutable_deterministic()->mutable_workload(0);
  for (auto& sweep_case : *known.mutable_case_()) {
    while (sweep_case.verdict_size() > 1) {
      sweep_case.mutable_verdict()->RemoveLast();
    }
  }
  EXPECT_THAT(RenderTable(record), Not(HasSubstr("frozen gold")));
}

TEST(RenderTest, GoldThatFailedIsNoGold) {
  const std::string csv = RenderCsv(Record());
  EXPECT_THAT(Lines(csv)[4],
              AllOf(HasSubstr("FAILED EXACT + gold SET_EQUAL_WITHIN(1e-06),"),
                    HasSubstr(",normal,,false,")));
}

TEST(RenderTest, NumbersOfNeighborsAndThreadsThatDifferAreAllNamed) {
  RunRecord record = Record();
  auto& known = *record.mutable_deterministic()->mutable_workload(0);
  auto& measured = *record.mutable_measured()->mutable_workload(0);
  known.mutable_case_(1)->set_k(5);
  known.mutable_case_(2)->set_k(20);
  measured.mutable_case_(3)->set_threads(1);
  EXPECT_THAT(RenderTable(record),
              HasSubstr("100 queries, k = 10/5/20, 2/1 threads\n"));
}

TEST(RenderTest, CsvQuotesWhatHasToBe) {
  RunRecord record = Record();
  auto& known = *record.mutable_deterministic()->mutable_workload(0);
  known.set_name("a \"b\"");
  known.mutable_case_(0)->set_name("two\nlines");
  known.mutable_case_(1)->set_name("return\r");
  known.mutable_case_(2)->set_name("plain | pipe");
  const std::string csv = RenderCsv(record);
  EXPECT_THAT(csv, HasSubstr("\n\"two\nlines\",EXACT,"));
  EXPECT_THAT(csv, HasSubstr("\n\"return\r\",\"EXACT + COUNTER_AT_MOST("
                             "distance_evaluations, 500)\",1,"));
  EXPECT_THAT(csv, HasSubstr("\nplain | pipe,approximate: "));
  EXPECT_THAT(csv, HasSubstr(",\"a \"\"b\"\"\","));
}

TEST(RenderTest, NoNameBreaksTheMarkdown) {
  RunRecord record = Record();
  auto& known = *record.mutable_deterministic()->mutable_workload(0);
  record.mutable_deterministic()->set_title("one\ntwo");
  known.set_name("three\nfour");
  known.mutable_case_(0)->set_name("a|b");
  known.mutable_case_(3)->set_name("c\nd");
  for (const auto render : {RenderTable, RenderCounters}) {
    const std::string table = render(record);
    EXPECT_THAT(table, StartsWith("# one two"));
    EXPECT_THAT(table, HasSubstr("\n\n## three four\n"));
    EXPECT_THAT(table, HasSubstr("\n| a\\|b "));
    EXPECT_THAT(table, HasSubstr("\n| c d "));
    EXPECT_THAT(table, HasSubstr("\n- c d: EXACT failed: query 0, rank 1\n"));
    EXPECT_EQ(Lines(table).size(), Lines(render(Record())).size());
  }
}

TEST(RenderTest, WithoutRepetitionsThereAreNoTimes) {
  RunRecord record = Record();
  auto& measured = *record.mutable_measured()->mutable_workload(0);
  measured.clear_factor_seconds();
  for (auto& sweep_case : *measured.mutable_case_()) {
    sweep_case.clear_index_seconds();
    sweep_case.clear_search_seconds();
    sweep_case.clear_first_search_seconds();
    sweep_case.clear_exhaustive_seconds();
  }
  const std::string table = RenderTable(record);
  EXPECT_THAT(table, HasSubstr("medians of 0 interleaved"));
  EXPECT_THAT(Lines(table)[8], HasSubstr("| 1.0000 |         - |"));
  EXPECT_THAT(Lines(RenderCsv(record))[1],
              StartsWith("exhaustive,EXACT,1,,,,1000,,,normal,"));
  ExpectNumbers(record);
}

TEST(RenderTest, WithoutQueriesNothingIsDivided) {
  RunRecord record = Record();
  record.mutable_deterministic()->mutable_workload(0)->set_num_queries(0);
  EXPECT_THAT(Lines(RenderCsv(record))[1],
              StartsWith("exhaustive,EXACT,1,0,1,1,0,"));
  ExpectNumbers(record);
}

TEST(RenderTest, TimesBelowTheClocksStepGiveNumbers) {
  RunRecord record = Record();
  auto& measured = *record.mutable_measured()->mutable_workload(0);
  for (double& seconds : *measured.mutable_factor_seconds()) seconds = 0;
  for (auto& sweep_case : *measured.mutable_case_()) {
    for (double& seconds : *sweep_case.mutable_index_seconds()) seconds = 0;
    for (double& seconds : *sweep_case.mutable_search_seconds()) seconds = 0;
    for (double& seconds : *sweep_case.mutable_first_search_seconds()) {
      seconds = 0;
    }
  }
  ExpectNumbers(record);
  for (auto& sweep_case : *measured.mutable_case_()) {
    for (double& seconds : *sweep_case.mutable_exhaustive_seconds()) {
      seconds = 0;
    }
  }
  ExpectNumbers(record);
}

TEST(RenderTest, AnEvenNumberOfRepetitionsHasTheMeanOfTheMiddle) {
  RunRecord record = Record();
  auto& measured = *record.mutable_measured()->mutable_workload(0);
  measured.mutable_factor_seconds()->Truncate(2);
  for (const int i : {0, 1, 2}) {
    auto& timed = *measured.mutable_case_(i);
    timed.mutable_index_seconds()->Truncate(2);
    timed.mutable_search_seconds()->Truncate(2);
    timed.mutable_exhaustive_seconds()->Truncate(2);
  }
  // The factors take 1 and 3 s, the index 0.5 and 1 s, the search 1 and 2 s.
  EXPECT_THAT(Lines(RenderCsv(record))[2],
              AllOf(HasSubstr("\",1,66.6667,4,"), HasSubstr(",2.75,3,normal,"),
                    HasSubstr(",2,1.5,1,2,2,0.75,777,")));
}

TEST(RenderTest, GrowthWhereWorkloadsDifferInSizeAlone) {
  EXPECT_THAT(RenderTable(Record()), Not(HasSubstr("## Growth")));
  RunRecord record = Record();
  auto& known = *record.mutable_deterministic();
  auto& measured = *record.mutable_measured();
  known.mutable_workload(0)->mutable_case_()->DeleteSubrange(2, 1);
  measured.mutable_workload(0)->mutable_case_()->DeleteSubrange(2, 1);
  known.mutable_workload(0)->set_name("a|b");
  for (const int w : {1, 2}) {
    *known.add_workload() = known.workload(0);
    *measured.add_workload() = measured.workload(0);
    known.mutable_workload(w)->set_num_points(w == 1 ? 4000 : 2000);
  }
  EXPECT_THAT(RenderTable(record), HasSubstr(R"table(

## Growth

| workload | case       |    n |  m | evaluations/query | index evaluations/point | index bytes/point | V us/point | index us/point | search us/query |
|:---------|:-----------|-----:|---:|------------------:|------------------------:|------------------:|-----------:|---------------:|----------------:|
| a\|b     | exhaustive | 1000 | 16 |            1000.0 |                     0.0 |                 0 |    1000.00 |           0.00 |        40000.00 |
| a\|b     | exhaustive | 2000 | 16 |            1000.0 |                     0.0 |                 0 |     500.00 |           0.00 |        40000.00 |
| a\|b     | exhaustive | 4000 | 16 |            1000.0 |                     0.0 |                 0 |     250.00 |           0.00 |        40000.00 |
| a\|b     | tree       | 1000 | 16 |             123.5 |                     0.8 |                 4 |    1000.00 |         500.00 |        10000.00 |
| a\|b     | tree       | 2000 | 16 |             123.5 |                     0.4 |                 2 |     500.00 |         250.00 |        10000.00 |
| a\|b     | tree       | 4000 | 16 |             123.5 |                     0.2 |                 1 |     250.00 |         125.00 |        10000.00 |
| a\|b     | wrong      | 1000 | 16 |              10.0 |                     0.0 |                 0 |          - |              - |               - |
| a\|b     | wrong      | 2000 | 16 |              10.0 |                     0.0 |                 0 |          - |              - |               - |
| a\|b     | wrong      | 4000 | 16 |              10.0 |                     0.0 |                 0 |          - |              - |               - |

EXACT: )table"));
}

TEST(RenderTest, EmptyRecords) {
  EXPECT_EQ(RenderCsv(RunRecord()), std::string(kCsvHeader) + "\n");
  EXPECT_THAT(RenderTable(RunRecord()), StartsWith("# Sweep\n\nEXACT: "));
  RunRecord record = Record();
  record.mutable_deterministic()->mutable_workload(0)->clear_case_();
  record.mutable_measured()->mutable_workload(0)->clear_case_();
  EXPECT_THAT(RenderTable(record), HasSubstr("## normal\n"));
  EXPECT_THAT(Lines(RenderCsv(record)), ElementsAre(kCsvHeader, ""));
}

}  // namespace
}  // namespace rct
