#include "heuristics/budget_ladder/budget_ladder.h"

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/slots.h"

namespace rct {
namespace {

using ::testing::StartsWith;

static_assert(BudgetSlot<BudgetLadder>);

SearchCounters Counters(const BudgetLadder& ladder) {
  SearchCounters counters;
  ladder.Report(counters);
  return counters;
}

// One query that holds k neighbours.
class OneQuery {
 public:
  explicit OneQuery(const BudgetLadderConfig& config = {})
      : ladder_(*BudgetLadder::Create(config)) {
    Restart();
  }

  void Restart() {
    ladder_.StartBatch();
    Block(1000, 0);
  }
  // Whether the query goes on after a block.
  bool Block(int32_t evaluations, int32_t survivors) {
    ladder_.AfterTile({1, 1, &evaluations, &survivors});
    return ladder_.Stopped() == 0;
  }
  int64_t escalations() const { return Counters(ladder_).budget_escalations(); }
  int64_t early_stops() const { return Counters(ladder_).budget_early_stops(); }

 private:
  BudgetLadder ladder_;
};

TEST(BudgetLadderTest, Defaults) {
  const BudgetLadderConfig config;
  EXPECT_EQ(config.up(), 0.015);
  EXPECT_EQ(config.down(), 0.002);
  EXPECT_EQ(config.patience(), 2);
  EXPECT_EQ(config.on_exhaustion(), BudgetLadderConfig::ESCALATE_TO_EXACT);
  EXPECT_FALSE(BudgetLadder::Create(config)->ReturnsBest());

  OneQuery query;
  EXPECT_TRUE(query.Block(31, 31));
  EXPECT_EQ(query.escalations(), 0);
  EXPECT_TRUE(query.Block(1, 1));
  EXPECT_EQ(query.escalations(), 1) << "32";
  EXPECT_TRUE(query.Block(31, 31));
  EXPECT_EQ(query.escalations(), 1);
  EXPECT_TRUE(query.Block(1, 1));
  EXPECT_EQ(query.escalations(), 2) << "64";
  EXPECT_TRUE(query.Block(31, 31));
  EXPECT_FALSE(query.Block(1, 1)) << "96";
}

TEST(BudgetLadderTest, RefusesWhatIsNoLadder) {
  const auto error = [](auto change) {
    BudgetLadderConfig config;
    change(config);
    const auto ladder = BudgetLadder::Create(config);
    EXPECT_THAT(ladder, StatusIs(absl::StatusCode::kInvalidArgument));
    return std::string(ladder.status().message());
  };
  EXPECT_EQ(error([](BudgetLadderConfig& c) { c.add_rung(0); }),
            "budget_ladder.rung[0]: is 0; must be at least 1");
  EXPECT_EQ(error([](BudgetLadderConfig& c) {
              c.add_rung(32);
              c.add_rung(32);
            }),
            "budget_ladder.rung[1]: is 32; must be above the one before it, "
            "32");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double up : {-0.1, 1.1, nan}) {
    EXPECT_THAT(error([&](BudgetLadderConfig& c) { c.set_up(up); }),
                StartsWith("budget_ladder.up: is "));
  }
  for (const double down : {-0.1, 0.016, nan}) {
    EXPECT_THAT(error([&](BudgetLadderConfig& c) { c.set_down(down); }),
                StartsWith("budget_ladder.down: is "));
  }
  EXPECT_EQ(error([](BudgetLadderConfig& c) { c.set_patience(0); }),
            "budget_ladder.patience: is 0; must be at least 1");
  EXPECT_EQ(
      error([](BudgetLadderConfig& c) {
        c.set_on_exhaustion(BudgetLadderConfig::ON_EXHAUSTION_UNSPECIFIED);
      }),
      "budget_ladder.on_exhaustion: not given; choose ESCALATE_TO_EXACT "
      "or RETURN_BEST");
}

TEST(BudgetLadderTest, ReturnsBestWhereToldTo) {
  BudgetLadderConfig config;
  config.set_on_exhaustion(BudgetLadderConfig::RETURN_BEST);
  EXPECT_TRUE(BudgetLadder::Create(config)->ReturnsBest());
}

TEST(BudgetLadderTest, AUsedUpRungEndsAQueryThatFindsLittle) {
  OneQuery query;
  EXPECT_TRUE(query.Block(20, 20));
  EXPECT_FALSE(query.Block(100, 1)) << "0.01 is below `up`";
  EXPECT_EQ(query.escalations(), 0);
  EXPECT_EQ(query.early_stops(), 1);
  query.Block(100, 100);
  EXPECT_EQ(query.early_stops(), 1) << "once for a query and batch";
  EXPECT_EQ(query.escalations(), 0) << "what has stopped does not climb";
  query.Restart();
  EXPECT_TRUE(query.Block(20, 20));
}

TEST(BudgetLadderTest, OneBlockMayUseUpSeveralRungs) {
  OneQuery query;
  EXPECT_TRUE(query.Block(64, 1)) << "1/64 is above `up`";
  EXPECT_EQ(query.escalations(), 2);
  EXPECT_FALSE(query.Block(32, 32));
  EXPECT_EQ(query.escalations(), 2);
  query.Restart();
  EXPECT_FALSE(query.Block(128, 128));
  EXPECT_EQ(query.escalations(), 4);
  EXPECT_EQ(query.early_stops(), 2);
}

TEST(BudgetLadderTest, PatienceEndsBeforeTheRungDoes) {
  BudgetLadderConfig config;
  config.add_rung(1'000'000);
  config.set_patience(3);
  OneQuery query(config);
  EXPECT_TRUE(query.Block(16, 0));
  EXPECT_TRUE(query.Block(16, 0));
  EXPECT_TRUE(query.Block(16, 1)) << "no longer in a row";
  EXPECT_TRUE(query.Block(16, 0));
  EXPECT_TRUE(query.Block(16, 0));
  EXPECT_FALSE(query.Block(16, 0));
  EXPECT_EQ(query.early_stops(), 1);

  config.set_down(0);
  OneQuery never(config);
  for (int block = 0; block < 100; ++block) EXPECT_TRUE(never.Block(16, 0));
}

// What it decides for each query of a batch, said in another way: from all that
// the query's blocks were, over and over again.
struct History {
  std::vector<int32_t> evaluations;
  std::vector<int32_t> survivors;
};

bool Stops(const History& history, const BudgetLadderConfig& config) {
  int64_t spent = 0;
  const auto blocks = static_cast<int64_t>(history.evaluations.size());
  for (int64_t b = 0; b < blocks; ++b) {
    const int64_t before = spent;
    spent += history.evaluations[b];
    const double up = config.up() * history.evaluations[b];
    if (spent >= config.rung(config.rung_size() - 1)) return true;
    for (const int32_t rung : config.rung()) {
      const bool used_up = before < rung && rung <= spent;
      if (used_up && history.survivors[b] < up) return true;
    }
    bool poor = b + 1 >= config.patience();
    for (int64_t p = b; poor && p > b - config.patience(); --p) {
      poor = history.survivors[p] < config.down() * history.evaluations[p];
    }
    if (poor) return true;
  }
  return false;
}

TEST(BudgetLadderTest, EachQueryIsJudgedByItsOwnBlocks) {
  RandomStream stream(1, 0);
  BudgetLadderConfig config;
  for (const int rung : {40, 90, 300, 1000}) config.add_rung(rung);
  config.set_up(0.2);
  config.set_down(0.1);
  config.set_patience(3);
  BudgetLadder ladder = *BudgetLadder::Create(config);
  int64_t stops = 0;
  int64_t survived = 0;
  for (int batch = 0; batch < 200; ++batch) {
    ladder.StartBatch();
    std::array<History, kBatchQueries> histories;
    QueryMask full = 0;
    QueryMask expected = 0;
    EXPECT_EQ(ladder.Stopped(), 0);
    for (int block = 0; block < 10; ++block) {
      const QueryMask queries = stream.Next64() | stream.Next64();
      std::array<int32_t, kBatchQueries> evaluations;
      std::array<int32_t, kBatchQueries> survivors;
      for (int i = 0; i < kBatchQueries; ++i) {
        evaluations[i] = 1 + static_cast<int32_t>(stream.UniformBelow(100));
        survivors[i] =
            static_cast<int32_t>(stream.UniformBelow(evaluations[i] + 1)) / 2;
        if ((queries & full) >> i & 1) {
          histories[i].evaluations.push_back(evaluations[i]);
          histories[i].survivors.push_back(survivors[i]);
          if (Stops(histories[i], config)) expected |= QueryMask{1} << i;
        }
      }
      full |= stream.Next64() & queries;
      ladder.AfterTile({queries, full, evaluations.data(), survivors.data()});
      EXPECT_EQ(ladder.Stopped(), expected);
    }
    stops += std::popcount(expected);
    survived += std::popcount(~expected);
  }
  EXPECT_EQ(Counters(ladder).budget_early_stops(), stops);
  EXPECT_GT(Counters(ladder).budget_escalations(), 1000);
  EXPECT_GT(stops, 1000);
  EXPECT_GT(survived, 1000);
}

TEST(BudgetLadderTest, NobodyStopsBeforeHoldingKNeighbours) {
  BudgetLadder ladder = *BudgetLadder::Create({});
  ladder.StartBatch();
  const std::array<int32_t, kBatchQueries> evaluations = [] {
    std::array<int32_t, kBatchQueries> result;
    result.fill(1'000'000);
    return result;
  }();
  const std::array<int32_t, kBatchQueries> survivors = {};
  for (int block = 0; block < 100; ++block) {
    ladder.AfterTile({~QueryMask{0}, 0, evaluations.data(), survivors.data()});
    EXPECT_EQ(ladder.Stopped(), 0);
  }
  // Nor in the block that made them hold k.
  ladder.AfterTile({0b11, 0b10, evaluations.data(), survivors.data()});
  EXPECT_EQ(ladder.Stopped(), 0);
  ladder.AfterTile({0b11, 0b10, evaluations.data(), survivors.data()});
  EXPECT_EQ(ladder.Stopped(), 0b10);
}

TEST(BudgetLadderTest, ReportsOfSeveralThreadsAddUp) {
  SearchCounters counters;
  counters.set_budget_escalations(10);
  counters.set_budget_early_stops(20);
  BudgetLadder ladder = *BudgetLadder::Create({});
  ladder.StartBatch();
  const int32_t many = 100;
  ladder.AfterTile({1, 1, &many, &many});
  ladder.AfterTile({1, 1, &many, &many});
  ladder.Report(counters);
  EXPECT_EQ(counters.budget_escalations(), 12);
  EXPECT_EQ(counters.budget_early_stops(), 21);
}

}  // namespace
}  // namespace rct
