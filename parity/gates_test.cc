#include "parity/gates.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "parity/gate.pb.h"
#include "traversal/neighbor_table.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

void Set(NeighborTable& table, int64_t query, int64_t rank, int64_t row,
         double distance) {
  table.rows()(query, rank) = row;
  table.distances()(query, rank) = distance;
}

void Swap(NeighborTable& table, int64_t query, int64_t a, int64_t b) {
  std::swap(table.rows()(query, a), table.rows()(query, b));
  std::swap(table.distances()(query, a), table.distances()(query, b));
}

// An example of use.
TEST(GatesTest, CompareAnAnswerWithTheExpectedOne) {
  NeighborTable expected(1, 2);  // one query, k = 2
  Set(expected, 0, 0, /*row=*/8, /*distance=*/0.25);
  Set(expected, 0, 1, /*row=*/2, /*distance=*/0.5);
  NeighborTable actual = expected.Clone();
  EXPECT_TRUE(CheckExact(actual, expected).pass);

  Set(actual, 0, 1, /*row=*/3, /*distance=*/0.75);
  EXPECT_FALSE(CheckExact(actual, expected).pass);
  EXPECT_EQ(CheckRecallAtLeast(actual, expected, 0.5).recall, 0.5);
  EXPECT_TRUE(CheckRecallAtLeast(actual, expected, 0.5).pass);
}

// Returns the entries of `table` that fit another shape, in that shape.
NeighborTable Reshaped(const NeighborTable& table, int64_t num_queries,
                       int64_t k) {
  NeighborTable result(num_queries, k);
  for (int64_t q = 0; q < std::min(num_queries, table.num_queries()); ++q) {
    for (int64_t r = 0; r < std::min(k, table.k()); ++r) {
      Set(result, q, r, table.rows()(q, r), table.distances()(q, r));
    }
  }
  return result;
}

// Returns three queries, k = 4: one with four neighbors and a tie at ranks 1
// and 2, one with two neighbors, and one with none.
NeighborTable Expected() {
  NeighborTable table(3, 4);
  Set(table, 0, 0, 8, 0);
  Set(table, 0, 1, 2, 0.25);
  Set(table, 0, 2, 5, 0.25);
  Set(table, 0, 3, 7, 0.5);
  Set(table, 1, 0, 3, 0.125);
  Set(table, 1, 1, 1, 0.75);
  return table;
}

// The severity of a change: the gates that find one level find all further
// ones, and each further level is found by one gate more.
enum Damage {
  kNone,
  kBits,       // EXACT
  kSet,        // SET_EQUAL_WITHIN(1e-6)
  kLoss,       // RECALL_AT_LEAST(1)
  kMalformed,  // ValidateTable
};

struct Change {
  std::string name;
  Damage damage;
  void (*apply)(NeighborTable& table);
  std::string message;  // Part of what EXACT says.
};

const Change kChanges[] = {
    {"Nothing", kNone, [](NeighborTable&) {}, ""},

    {"OneUlpUp", kBits,
     [](NeighborTable& t) { t.distances()(1, 1) = std::nextafter(0.75, 1); },
     "query 1, rank 1: expected row 1 at 0x1.8p-1 (0.75), found row 1 at "
     "0x1.8000000000001p-1 (0.7500000000000001)"},
    {"OneUlpDown", kBits,
     [](NeighborTable& t) { t.distances()(1, 1) = std::nextafter(0.75, 0); },
     "found row 1 at 0x1.7ffffffffffffp-1"},
    {"NegativeZero", kBits,
     [](NeighborTable& t) { t.distances()(0, 0) = -0.0; },
     "query 0, rank 0: expected row 8 at 0x0p+0 (0), found row 8 at -0x0p+0"},
    {"TieBrokenByRounding", kBits,
     [](NeighborTable& t) {
       t.distances()(0, 2) = std::nextafter(0.25, 0);
       Swap(t, 0, 1, 2);
     },
     "query 0, rank 1: expected row 2 at 0x1p-2 (0.25), found row 5 at "
     "0x1.fffffffffffffp-3"},
    {"DistanceAtTheTolerance", kBits,
     [](NeighborTable& t) { t.distances()(0, 0) = 1e-6; }, "(1e-06)"},

    {"DistanceBeyondTheTolerance", kSet,
     [](NeighborTable& t) { t.distances()(0, 0) = std::nextafter(1e-6, 1); },
     "query 0, rank 0"},
    {"NeighborTooMany", kSet, [](NeighborTable& t) { Set(t, 1, 2, 9, 0.8); },
     "query 1, rank 2: expected no row at inf (inf), found row 9"},
    {"NeighborOfNone", kSet, [](NeighborTable& t) { Set(t, 2, 0, 0, 0.1); },
     "query 2, rank 0: expected no row"},

    {"RowOffByOne", kLoss, [](NeighborTable& t) { t.rows()(0, 3) = 6; },
     "query 0, rank 3: expected row 7 at 0x1p-1 (0.5), found row 6"},
    {"NeighborMissing", kLoss,
     [](NeighborTable& t) { Set(t, 1, 1, kNoNeighbor, kInfinity); },
     "query 1, rank 1: expected row 1 at 0x1.8p-1 (0.75), found no row at inf"},
    {"NeighborOfAnotherQuery", kLoss,
     [](NeighborTable& t) { t.rows()(1, 1) = 7; },
     "query 1, rank 1: expected row 1"},
    {"OneQueryLess", kLoss, [](NeighborTable& t) { t = Reshaped(t, 2, 4); },
     "shape: expected 3 x 4, found 2 x 4"},
    {"OneQueryMore", kLoss, [](NeighborTable& t) { t = Reshaped(t, 4, 4); },
     "shape: expected 3 x 4, found 4 x 4"},
    {"MorePadding", kLoss, [](NeighborTable& t) { t = Reshaped(t, 3, 5); },
     "shape: expected 3 x 4, found 3 x 5"},

    {"TiedRowsSwapped", kMalformed, [](NeighborTable& t) { Swap(t, 0, 1, 2); },
     "malformed: query 0, rank 2 is row 2 at 0x1p-2 (0.25), but the order is "
     "that of (distance, row)"},
    {"NeighborsSwapped", kMalformed, [](NeighborTable& t) { Swap(t, 0, 2, 3); },
     "malformed: query 0, rank 3 is row 5"},
    {"RowTwice", kMalformed, [](NeighborTable& t) { t.rows()(0, 3) = 2; },
     "malformed: query 0, rank 3 is row 2 at 0x1p-1 (0.5), but each row comes "
     "once"},
    {"RowNegative", kMalformed, [](NeighborTable& t) { t.rows()(0, 0) = -2; },
     "malformed: query 0, rank 0 is row -2"},
    {"DistanceNan", kMalformed,
     [](NeighborTable& t) { t.distances()(0, 3) = kNan; },
     "malformed: query 0, rank 3 is row 7 at nan"},
    {"DistanceNegative", kMalformed,
     [](NeighborTable& t) { t.distances()(0, 0) = -1e-9; },
     "distances are finite and not negative"},
    {"DistanceInfinite", kMalformed,
     [](NeighborTable& t) { t.distances()(0, 3) = kInfinity; },
     "distances are finite and not negative"},
    {"Hole", kMalformed,
     [](NeighborTable& t) { Set(t, 0, 1, kNoNeighbor, kInfinity); },
     "malformed: query 0, rank 2 is row 5"},
    {"PaddingAtADistance", kMalformed,
     [](NeighborTable& t) { t.distances()(1, 3) = 0.5; },
     "query 1, rank 3 is no row at 0x1p-1 (0.5), but padding is at infinity"},
    {"PaddingNan", kMalformed,
     [](NeighborTable& t) { t.distances()(2, 0) = kNan; },
     "padding is at infinity"},
};

class ChangeTest : public testing::TestWithParam<Change> {
 protected:
  ChangeTest() { GetParam().apply(actual_); }

  static void ExpectPass(bool pass, const Verdict& verdict) {
    EXPECT_EQ(verdict.pass, pass) << verdict.message;
    EXPECT_EQ(verdict.message.empty(), pass) << verdict.message;
  }

  const Damage damage_ = GetParam().damage;
  const NeighborTable expected_ = Expected();
  NeighborTable actual_ = Expected();
};

TEST_P(ChangeTest, Exact) {
  const Verdict verdict = CheckExact(actual_, expected_);
  ExpectPass(damage_ < kBits, verdict);
  EXPECT_THAT(verdict.message, HasSubstr(GetParam().message));
}

TEST_P(ChangeTest, SetEqualWithin) {
  ExpectPass(damage_ < kSet, CheckSetEqualWithin(actual_, expected_, 1e-6));
}

TEST_P(ChangeTest, RecallAtLeast) {
  ExpectPass(damage_ < kLoss, CheckRecallAtLeast(actual_, expected_, 1));
}

TEST_P(ChangeTest, ValidateTable) {
  EXPECT_EQ(ValidateTable(actual_).ok(), damage_ < kMalformed);
}

TEST_P(ChangeTest, NothingPassesAgainstAMalformedExpectation) {
  if (damage_ < kMalformed) return;
  for (const Verdict& verdict :
       {CheckExact(actual_, actual_), CheckSetEqualWithin(actual_, actual_, 1),
        CheckRecallAtLeast(actual_, actual_, 0)}) {
    ExpectPass(false, verdict);
    EXPECT_THAT(verdict.message, HasSubstr("the expected table is malformed"));
  }
}

INSTANTIATE_TEST_SUITE_P(Changes, ChangeTest, testing::ValuesIn(kChanges),
                         [](const auto& info) { return info.param.name; });

TEST(GatesTest, EmptyTablesPass) {
  const NeighborTable none(0, 4);
  const NeighborTable padding(2, 4);
  for (const NeighborTable* table : {&none, &padding}) {
    const Verdict verdict = CheckExact(*table, *table);
    EXPECT_TRUE(verdict.pass);
    EXPECT_EQ(verdict.recall, 1);
    EXPECT_TRUE(CheckSetEqualWithin(*table, *table, 0).pass);
    EXPECT_TRUE(CheckRecallAtLeast(*table, *table, 1).pass);
  }
}

TEST(GatesTest, MessageOfASetSaysWhereItsDistanceWent) {
  NeighborTable actual = Expected();
  actual.distances()(0, 3) = 0.75;
  EXPECT_EQ(CheckSetEqualWithin(actual, Expected(), 1e-6).message,
            "query 0, rank 3: expected row 7 at 0x1p-1 (0.5), found it at "
            "0x1.8p-1 (0.75), 0.25 away");
  actual.rows()(0, 3) = 9;
  EXPECT_EQ(CheckSetEqualWithin(actual, Expected(), 1e-6).message,
            "query 0, rank 3: expected row 7 at 0x1p-1 (0.5), which was not "
            "found; at that rank is row 9 at 0x1.8p-1 (0.75)");
}

TEST(GatesTest, RecallCountsExpectedRowsInWhateverOrder) {
  NeighborTable actual = Expected();
  EXPECT_EQ(CheckExact(actual, Expected()).recall, 1);
  Swap(actual, 0, 0, 3);
  EXPECT_EQ(CheckExact(actual, Expected()).recall, 1);
  actual.rows()(0, 1) = 90;
  actual.rows()(1, 0) = 91;
  EXPECT_EQ(CheckExact(actual, Expected()).recall, 4.0 / 6);
  EXPECT_EQ(CheckSetEqualWithin(actual, Expected(), 1).recall, 4.0 / 6);
  // Neighbors where none are expected do not change the recall.
  Set(actual, 2, 0, 5, 0.5);
  EXPECT_EQ(CheckRecallAtLeast(actual, Expected(), 0).recall, 4.0 / 6);
  EXPECT_EQ(CheckExact(NeighborTable(3, 5), Expected()).recall, 0);
}

TEST(GatesTest, RecallPassesFromItsThresholdOn) {
  NeighborTable expected(1, 20);
  for (int64_t r = 0; r < 20; ++r) Set(expected, 0, r, r, 0.01 * r);
  NeighborTable actual = expected.Clone();
  actual.rows()(0, 7) = 20;
  EXPECT_TRUE(CheckRecallAtLeast(actual, expected, 0.95).pass);
  const Verdict verdict =
      CheckRecallAtLeast(actual, expected, std::nextafter(0.95, 1));
  EXPECT_FALSE(verdict.pass);
  EXPECT_THAT(verdict.message,
              HasSubstr("recall 0.95; the first that is missing: query 0, rank "
                        "7: expected row 7 at"));
}

TEST(GatesTest, ATiedRowThatIsNotExpectedIsWrong) {
  NeighborTable expected(1, 1);
  Set(expected, 0, 0, 3, 0.5);
  NeighborTable actual(1, 1);
  Set(actual, 0, 0, 4, 0.5);
  EXPECT_FALSE(CheckSetEqualWithin(actual, expected, 1e-6).pass);
  EXPECT_EQ(CheckRecallAtLeast(actual, expected, 0).recall, 0);
}

Gate ParseGate(const std::string& text) {
  Gate gate;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &gate));
  return gate;
}

Verdict Check(const std::string& gate, const NeighborTable& actual,
              int64_t distance_evaluations = 0) {
  SearchCounters counters;
  counters.set_distance_evaluations(distance_evaluations);
  return CheckGate(ParseGate(gate), actual, Expected(), counters).value();
}

TEST(CheckGateTest, RunsTheGateThatIsSet) {
  NeighborTable actual = Expected();
  actual.distances()(1, 1) += 1e-5;
  EXPECT_FALSE(Check("exact {}", actual).pass);
  EXPECT_FALSE(Check("set_equal_within {}", actual).pass);
  EXPECT_TRUE(Check("set_equal_within { tolerance: 2e-5 }", actual).pass);
  EXPECT_TRUE(Check("recall_at_least { threshold: 1 }", actual).pass);
}

TEST(CheckGateTest, LabelsSayWhichGate) {
  const auto label = [](const std::string& gate) {
    return Check(gate, Expected()).label;
  };
  EXPECT_EQ(label("exact {}"), "EXACT");
  EXPECT_EQ(label("set_equal_within {}"), "SET_EQUAL_WITHIN(1e-06)");
  EXPECT_EQ(label("recall_at_least { threshold: 0.95 }"),
            "RECALL_AT_LEAST(0.95)");
  EXPECT_EQ(label("recall_at_least { threshold: 0.99999999 }"),
            "RECALL_AT_LEAST(0.99999999)");
  EXPECT_EQ(label("counter_at_most { counter: 'distance_evaluations' "
                  "total: 2000000 }"),
            "COUNTER_AT_MOST(distance_evaluations, 2000000)");
  EXPECT_EQ(label("counter_at_most { counter: 'segments_expanded' "
                  "per_query: 60.5 }"),
            "COUNTER_AT_MOST(segments_expanded, 60.5 per query)");
}

TEST(CheckGateTest, CountersPassUpToTheirLimit) {
  const NeighborTable actual = Expected();  // Three queries.
  const std::string total =
      "counter_at_most { counter: 'distance_evaluations' total: 30 }";
  EXPECT_TRUE(Check(total, actual, 30).pass);
  EXPECT_FALSE(Check(total, actual, 31).pass);
  const std::string mean =
      "counter_at_most { counter: 'distance_evaluations' per_query: 9.5 }";
  EXPECT_TRUE(Check(mean, actual, 28).pass);
  const Verdict verdict = Check(mean, actual, 29);
  EXPECT_FALSE(verdict.pass);
  EXPECT_EQ(verdict.message,
            "distance_evaluations: expected at most 9.5 per query, found 29 in "
            "3 queries");
  EXPECT_EQ(verdict.recall, 1);
}

TEST(CheckGateTest, EveryCounterCanBeLimited) {
  const auto* counters = SearchCounters::descriptor();
  ASSERT_GT(counters->field_count(), 0);
  for (int i = 0; i < counters->field_count(); ++i) {
    Gate gate;
    gate.mutable_counter_at_most()->set_counter(counters->field(i)->name());
    gate.mutable_counter_at_most()->set_total(0);
    if (counters->field(i)->is_repeated()) {
      EXPECT_THAT(ValidateGate(gate),
                  StatusIs(absl::StatusCode::kInvalidArgument,
                           testing::HasSubstr("must be one of")));
      continue;
    }
    SearchCounters one;
    one.GetReflection()->SetInt64(&one, counters->field(i), 1);
    EXPECT_TRUE(CheckGate(gate, Expected(), Expected(), {})->pass);
    EXPECT_FALSE(CheckGate(gate, Expected(), Expected(), one)->pass);
  }
}

TEST(ValidateGateTest, NamesTheField) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "kind: not given"},
      {"set_equal_within { tolerance: -1 }",
       "set_equal_within.tolerance: is -1"},
      {"set_equal_within { tolerance: nan }", "set_equal_within.tolerance: is"},
      {"set_equal_within { tolerance: inf }", "set_equal_within.tolerance: is"},
      {"recall_at_least {}", "recall_at_least.threshold: not given"},
      {"recall_at_least { threshold: 95 }", "recall_at_least.threshold: is 95"},
      {"recall_at_least { threshold: -0.1 }", "recall_at_least.threshold: is"},
      {"recall_at_least { threshold: nan }", "recall_at_least.threshold: is"},
      {"counter_at_most { total: 1 }", "counter_at_most.counter: is ''"},
      {"counter_at_most { counter: 'speed' total: 1 }",
       "must be one of distance_evaluations, "},
      {"counter_at_most { counter: 'distance_evaluations' }",
       "counter_at_most.limit: not given"},
      {"counter_at_most { counter: 'distance_evaluations' total: -1 }",
       "counter_at_most.total: is -1"},
      {"counter_at_most { counter: 'distance_evaluations' per_query: nan }",
       "counter_at_most.per_query: is nan"},
  };
  for (const auto& [text, message] : cases) {
    SCOPED_TRACE(text);
    const auto invalid =
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message));
    EXPECT_THAT(ValidateGate(ParseGate(text)), invalid);
    EXPECT_THAT(CheckGate(ParseGate(text), Expected(), Expected(), {}),
                invalid);
  }
}

}  // namespace
}  // namespace rct
