#include "heuristics/composition/composition.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "heuristics/composition/heuristics.pb.h"
#include "metric/euclidean_distance.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/rounding.h"
#include "metric/test_data.h"
#include "traversal/block/skeleton_bound.pb.h"
#include "traversal/build_phase.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::HasSubstr;

constexpr int64_t kRows = 300;

std::shared_ptr<const ResidualCorrelation> MakeMetric(int64_t n = kRows) {
  return MakeTestModel(MakePoints("normal", n, 2, 1).view(), KernelConfig::RBF,
                       24)
      .metric;
}

// The same numbers, with another idea of how far they can be trusted.
std::shared_ptr<const ResidualCorrelation> WithRounding(
    const ResidualCorrelation& metric, std::optional<RoundingModel> rounding) {
  return std::make_shared<const ResidualCorrelation>(
      metric.kernel(),
      metric.data().Reordered(RowOrder::Natural(metric.size()).rows()),
      rounding);
}

std::vector<int64_t> AllRows(int64_t n) {
  std::vector<int64_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

TEST(ComposeSearcherTest, Exhaustive) {
  const auto metric = MakeMetric();
  CoverTreeConfig broken;  // does not count
  broken.set_base(-1);
  const auto composed = ComposeSearcher(metric, {EXHAUSTIVE, broken, {}}, 1);
  ASSERT_THAT(composed, IsOk());
  EXPECT_TRUE(composed->phases.empty());
  EXPECT_EQ(&composed->searcher->metric(), metric.get());
  EXPECT_EQ(composed->searcher->SearchRows(AllRows(kRows), {.k = 3})
                .counters.distance_evaluations(),
            kRows * kRows);
}

TEST(ComposeSearcherTest, AStrategyIsRequired) {
  EXPECT_THAT(ComposeSearcher(MakeMetric(), {STRATEGY_UNSPECIFIED, {}, {}}, 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("strategy: not given")));
}

TEST(ComposeSearcherTest, NamesTheTreeOption) {
  const auto metric = MakeMetric(10);
  const auto status = [&](const CoverTreeConfig& tree) {
    return ComposeSearcher(metric, {LEVEL_SYNCHRONOUS, tree, {}}, 1).status();
  };
  const auto invalid = [](const char* field) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field));
  };
  CoverTreeConfig tree;
  tree.set_base(1);
  EXPECT_THAT(status(tree), invalid("tree.base"));
  tree.set_base(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(status(tree), invalid("tree.base"));
  tree.Clear();
  tree.set_leaf_size(0);
  EXPECT_THAT(status(tree), invalid("tree.leaf_size"));
  tree.Clear();
  tree.set_structure(CoverTreeConfig::STRUCTURE_UNSPECIFIED);
  EXPECT_THAT(status(tree), invalid("tree.structure"));
  tree.Clear();
  tree.set_node_order(CoverTreeConfig::NODE_ORDER_UNSPECIFIED);
  EXPECT_THAT(status(tree), invalid("tree.node_order"));
}

// Bounds are proven for factors that we computed, and not for others.
TEST(ComposeSearcherTest, FactorsOfUnknownErrorAreSearchedExhaustively) {
  const auto metric = WithRounding(*MakeMetric(), std::nullopt);
  for (const Strategy strategy : {LEVEL_SYNCHRONOUS, BEST_FIRST}) {
    EXPECT_THAT(ComposeSearcher(metric, {strategy, {}, {}}, 1),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("use EXHAUSTIVE")));
  }
  EXPECT_THAT(ComposeSearcher(metric, {EXHAUSTIVE, {}, {}}, 1), IsOk());
}

TEST(ComposeSearcherTest, TooSmallAJitterIsSearchedExhaustively) {
  const auto proven = MakeMetric();
  RoundingModel rounding = *proven->rounding();
  rounding.jitter = 1e-14;
  const auto metric = WithRounding(*proven, rounding);
  EXPECT_THAT(
      ComposeSearcher(metric, {LEVEL_SYNCHRONOUS, {}, {}}, 1),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("jitter")));
  EXPECT_THAT(ComposeSearcher(metric, {EXHAUSTIVE, {}, {}}, 1), IsOk());
}

template <class Metric>
void ExpectOneAnswer(const std::shared_ptr<const Metric>& metric,
                     Strategy strategy) {
  const std::string expected =
      ComposeSearcher(metric, {EXHAUSTIVE, {}, {}}, 1)
          ->searcher->SearchRows(AllRows(metric->size()), {.k = 9})
          .neighbors.Digest();
  for (const auto structure :
       {CoverTreeConfig::RESIDUAL, CoverTreeConfig::STATIC}) {
    for (const auto order : {CoverTreeConfig::NATURAL, CoverTreeConfig::HILBERT,
                             CoverTreeConfig::BREADTH_FIRST}) {
      CoverTreeConfig tree;
      tree.set_structure(structure);
      tree.set_node_order(order);
      SCOPED_TRACE(tree.ShortDebugString());
      std::set<std::string> counters;
      std::set<int64_t> build_evaluations;
      for (const int threads : {1, 2, 7}) {
        const auto composed =
            ComposeSearcher(metric, {strategy, tree, {}}, threads);
        ASSERT_THAT(composed, IsOk());
        int64_t evaluations = 0;
        for (const BuildPhase& phase : composed->phases) {
          evaluations += phase.distance_evaluations;
        }
        build_evaluations.insert(evaluations);
        const SearchResult result = composed->searcher->SearchRows(
            AllRows(metric->size()), {.k = 9, .threads = threads});
        EXPECT_EQ(result.neighbors.Digest(), expected);
        counters.insert(result.counters.SerializeAsString());
        // Points that are in order already are not copied.
        EXPECT_EQ(&composed->searcher->metric() == metric.get(),
                  order == CoverTreeConfig::NATURAL);
      }
      EXPECT_EQ(counters.size(), 1);
      EXPECT_EQ(build_evaluations.size(), 1);
      EXPECT_GT(*build_evaluations.begin(), 0);
    }
  }
}

TEST(ComposeSearcherTest, Blocks) {
  const auto metric = MakeMetric();
  HeuristicsConfig heuristics;
  heuristics.mutable_skeleton_bound()->set_form(SkeletonBoundConfig::TABLES);
  heuristics.mutable_skeleton_bound()->set_block_size(32);
  const auto composed = ComposeSearcher(metric, {BLOCK, {}, heuristics}, 2);
  ASSERT_THAT(composed, IsOk());
  ASSERT_EQ(composed->phases.size(), 3);
  EXPECT_EQ(composed->phases[0].name, "partition");
  EXPECT_EQ(composed->phases[1].name, "skeletons");
  EXPECT_EQ(composed->phases[2].name, "tables");
  for (const int made : {1, 2}) {
    EXPECT_GT(composed->phases[made].distance_evaluations, 0);
    EXPECT_GT(composed->phases[made].bytes, 0);
  }
  EXPECT_EQ(&composed->searcher->metric(), metric.get());
  EXPECT_EQ(composed->searcher->SearchRows(AllRows(kRows), {.k = 3})
                .neighbors.Digest(),
            ComposeSearcher(metric, {EXHAUSTIVE, {}, {}}, 1)
                ->searcher->SearchRows(AllRows(kRows), {.k = 3})
                .neighbors.Digest());

  heuristics.mutable_skeleton_bound()->set_block_size(33);
  EXPECT_THAT(ComposeSearcher(metric, {BLOCK, {}, heuristics}, 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("heuristics.skeleton_bound.block_size")));
  EXPECT_THAT(
      ComposeSearcher(WithRounding(*metric, std::nullopt), {BLOCK, {}, {}}, 1),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               HasSubstr("use EXHAUSTIVE")));
  RoundingModel rounding = *metric->rounding();
  rounding.jitter = 1e-14;
  EXPECT_THAT(
      ComposeSearcher(WithRounding(*metric, rounding), {BLOCK, {}, {}}, 1),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("jitter")));
}

TEST(ComposeSearcherTest, FloatScreen) {
  HeuristicsConfig heuristics;
  heuristics.mutable_float_screen();
  // Also for factors of unknown error.
  for (const auto& metric :
       {MakeMetric(), WithRounding(*MakeMetric(), std::nullopt)}) {
    const auto composed =
        ComposeSearcher(metric, {EXHAUSTIVE, {}, heuristics}, 2);
    ASSERT_THAT(composed, IsOk());
    ASSERT_EQ(composed->phases.size(), 1);
    EXPECT_EQ(composed->phases[0].distance_evaluations, 0);
    EXPECT_GE(composed->phases[0].bytes, kRows * 24 * 4);
    EXPECT_EQ(&composed->searcher->metric(), metric.get());
    EXPECT_EQ(composed->searcher->SearchRows(AllRows(kRows), {.k = 3})
                  .neighbors.Digest(),
              ComposeSearcher(metric, {EXHAUSTIVE, {}, {}}, 1)
                  ->searcher->SearchRows(AllRows(kRows), {.k = 3})
                  .neighbors.Digest());
  }
  for (const Strategy strategy : {LEVEL_SYNCHRONOUS, BEST_FIRST, BLOCK}) {
    EXPECT_THAT(ValidateComposition({strategy, {}, heuristics}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("heuristics.float_screen: strategy ")));
  }
  const auto euclidean = std::make_shared<const EuclideanDistance>(
      EuclideanPoints{MakePoints("normal", 10, 2, 1)});
  EXPECT_THAT(ComposeSearcher(euclidean, {EXHAUSTIVE, {}, heuristics}, 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("heuristics.float_screen")));
}

TEST(ComposeSearcherTest, OneAnswerForAllTrees) {
  for (const Strategy strategy : {LEVEL_SYNCHRONOUS, BEST_FIRST}) {
    ExpectOneAnswer(MakeMetric(), strategy);
    ExpectOneAnswer(std::make_shared<const EuclideanDistance>(
                        EuclideanPoints{MakePoints("normal", kRows, 2, 1)}),
                    strategy);
  }
}

TEST(ComposeSearcherTest, NamesTheHeuristicsOption) {
  const auto metric = MakeMetric(10);
  const auto expect_invalid = [&](const HeuristicsConfig& heuristics,
                                  const char* field) {
    for (const Strategy strategy : {LEVEL_SYNCHRONOUS, BEST_FIRST}) {
      const Composition composition = {strategy, {}, heuristics};
      const auto invalid =
          StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field));
      EXPECT_THAT(ValidateComposition(composition), invalid);
      EXPECT_THAT(ComposeSearcher(metric, composition, 1), invalid);
    }
    // Nor does a strategy take what it has no use for.
    for (const Strategy strategy : {EXHAUSTIVE, BLOCK}) {
      EXPECT_THAT(ValidateComposition({strategy, {}, heuristics}),
                  StatusIs(absl::StatusCode::kInvalidArgument,
                           HasSubstr("has no use for it")));
    }
  };
  HeuristicsConfig heuristics;
  heuristics.mutable_level_cache()->set_pivots(0);
  expect_invalid(heuristics, "level_cache.pivots");
  heuristics.Clear();
  heuristics.mutable_radius_floor()->set_floor_radians(-1);
  expect_invalid(heuristics, "radius_floor.floor_radians");
  heuristics.Clear();
  heuristics.mutable_dynamic_block()->add_block(0);
  expect_invalid(heuristics, "dynamic_block.block");
  heuristics.Clear();
  heuristics.mutable_budget_ladder()->add_rung(0);
  expect_invalid(heuristics, "budget_ladder.rung");
}

TEST(ComposeSearcherTest, BlocksOfEuclideanDistance) {
  for (const int64_t n : {0, 1, 500}) {
    const auto metric = std::make_shared<const EuclideanDistance>(
        EuclideanPoints{MakePoints("normal", n, 2, 1)});
    const auto blocks = ComposeSearcher(metric, {BLOCK, {}, {}}, 1);
    ASSERT_THAT(blocks, IsOk());
    EXPECT_EQ(
        blocks->searcher->SearchRows(AllRows(n), {.k = 3}).neighbors.Digest(),
        ComposeSearcher(metric, {EXHAUSTIVE, {}, {}}, 1)
            ->searcher->SearchRows(AllRows(n), {.k = 3})
            .neighbors.Digest());
    HeuristicsConfig heuristics;
    heuristics.mutable_far_field();
    EXPECT_THAT(ComposeSearcher(metric, {BLOCK, {}, heuristics}, 1),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("heuristics.far_field")));
  }
}

TEST(ComposeSearcherTest, ALevelCacheNeedsCorrelations) {
  HeuristicsConfig heuristics;
  heuristics.mutable_level_cache();
  const auto euclidean = std::make_shared<const EuclideanDistance>(
      EuclideanPoints{MakePoints("normal", 10, 2, 1)});
  EXPECT_THAT(
      ComposeSearcher(euclidean, {LEVEL_SYNCHRONOUS, {}, heuristics}, 1),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("level_cache")));
}

TEST(ComposeSearcherTest, FewPoints) {
  for (const Strategy strategy :
       {EXHAUSTIVE, LEVEL_SYNCHRONOUS, BEST_FIRST, BLOCK}) {
    for (const int64_t n : {0, 1, 2}) {
      const auto composed =
          ComposeSearcher(MakeMetric(n), {strategy, {}, {}}, 2);
      ASSERT_THAT(composed, IsOk());
      const NeighborTable table =
          composed->searcher->SearchRows(AllRows(n), {.k = 3}).neighbors;
      for (int64_t i = 0; i < n; ++i) {
        EXPECT_EQ(table.count(i), n);
        EXPECT_EQ(table.rows()(i, 0), i);
      }
    }
  }
}

}  // namespace
}  // namespace rct
