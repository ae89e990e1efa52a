// Tests of level-synchronous search alone; tree_search_test has those of all
// strategies.

#include "traversal/tree/level_synchronous.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "gtest/gtest.h"
#include "metric/euclidean_distance.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "metric/test_data.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/cover_tree_builder.h"
#include "traversal/tree/node_order.h"
#include "traversal/tree/slots.h"
#include "traversal/tree/test_search.h"

namespace rct {
namespace {

std::shared_ptr<const ResidualCorrelation> MakeMetric(const std::string& name,
                                                      int64_t n) {
  return MakeTestModel(MakePoints(name, n, 2, 1).view(), KernelConfig::RBF, 24)
      .metric;
}

TEST(LevelSynchronousOrderTest, FourPointsOnALine) {
  Matrix<double> points(4, 1);
  const double places[] = {0, 10, 1, 12};
  std::copy_n(places, 4, points.row(0));
  const auto stored = StoreTree(std::make_shared<const EuclideanDistance>(
                                    EuclideanPoints{std::move(points)}),
                                CoverTreeConfig());
  const LevelSynchronousSearcher<EuclideanDistance> searcher(
      stored.metric, stored.order, stored.tree);
  const SearchResult result = searcher.SearchRows({0, 3}, {.k = 2});
  EXPECT_EQ(result.neighbors.rows()(0, 1), 2);
  EXPECT_EQ(result.neighbors.rows()(1, 1), 1);
  EXPECT_EQ(result.neighbors.distances()(1, 1), 2);
}

class LevelSynchronousTest : public testing::TestWithParam<std::string> {};

// Where siblings lie in the order of their rows, the way down is the same. A
// Hilbert curve has an order of its own.
TEST_P(LevelSynchronousTest, TheSameWorkInAnyOrderThatKeepsSiblings) {
  const auto metric = MakeMetric(GetParam(), 150);
  const NetHierarchy nets = BuildNets(*metric, CoverTreeConfig(), 1);
  std::set<std::string> counters;
  for (const RowOrder& order :
       {RowOrder::Natural(150), BreadthFirstOrder(nets)}) {
    counters.insert(StoreTree(metric, nets, order)
                        .MakeSearcher(LEVEL_SYNCHRONOUS)
                        ->SearchRows(AllRows(150), {.k = 5})
                        .counters.SerializeAsString());
  }
  EXPECT_EQ(counters.size(), 1);
}

INSTANTIATE_TEST_SUITE_P(PointSets, LevelSynchronousTest,
                         testing::ValuesIn(AdversarialNames()),
                         [](const auto& info) { return info.param; });

// Levels are finished one after the other, up to 64 queries together: a segment
// is opened after all of higher levels, and for all its queries at once.
struct LevelWatch : NoCache {
  static constexpr bool kFilters = true;

  void StartBatch(const ResidualPoints&, absl::Span<const int32_t> positions) {
    EXPECT_LE(positions.size(), kBatchQueries);
    level = 0;
    std::fill(opened.begin(), opened.end(), false);
  }
  QueryMask Open(int32_t segment, QueryMask queries, const double*) {
    EXPECT_GE(tree->segments[segment].level, level);
    level = tree->segments[segment].level;
    EXPECT_FALSE(opened[segment]);
    opened[segment] = true;
    return queries;
  }
  const CoverTree* tree = nullptr;
  int32_t level = 0;
  std::vector<bool> opened;
};

TEST(LevelSynchronousOrderTest, LevelByLevel) {
  const auto stored = StoreTree(MakeMetric("normal", 300), CoverTreeConfig());
  Slots<NoFloor, LevelWatch> slots;
  slots.cache.tree = &stored.tree.tree;
  slots.cache.opened.resize(stored.tree.tree.segments.size());
  stored.MakeSearcher(LEVEL_SYNCHRONOUS, slots)
      ->SearchRows(AllRows(300), {.k = 5});
}

// The frontier counts the pairs that wait: for one batch, at the first level,
// all its queries and the root's segment.
struct WaitWatch : WidestTile {
  int Candidates(int64_t active) {
    if (waited.empty()) {
      EXPECT_EQ(active, queries);
    }
    waited.push_back(active);
    return kMaxTile;
  }
  int64_t queries = 0;
  std::vector<int64_t> waited;
};

TEST(LevelSynchronousOrderTest, PairsThatWait) {
  const auto stored = StoreTree(MakeMetric("normal", 300), CoverTreeConfig());
  for (const int64_t queries : {1, 5, 64}) {
    Slots<NoFloor, NoCache, NoDedupe, WaitWatch> slots;
    slots.tile.queries = queries;
    stored.MakeSearcher(LEVEL_SYNCHRONOUS, slots)
        ->SearchRows(AllRows(queries), {.k = 5});
  }
}

// Remembers at which t its query meets the segments of one level.
struct NearestWatch : NoCache {
  static constexpr bool kFilters = true;
  static constexpr bool kKeeps = true;

  void StartBatch(const ResidualPoints&, absl::Span<const int32_t>) {
    level = 0;
  }
  void Keep(absl::Span<const int> places, absl::Span<const int32_t> nodes,
            const double* rho, int64_t) {
    ASSERT_EQ(places.size(), 1);
    for (size_t j = 0; j < nodes.size(); ++j) {
      t[nodes[j]] = ResidualCorrelation::SquaredFrom(rho[j]);
    }
  }
  QueryMask Open(int32_t index, QueryMask queries, const double*) {
    const CoverTree::Segment& segment = tree->segments[index];
    if (segment.level != level) last = -1;
    level = segment.level;
    *unsorted += t[segment.node] < last;
    last = t[segment.node];
    return queries;
  }
  const CoverTree* tree = nullptr;
  int* unsorted = nullptr;
  std::vector<double> t;
  int32_t level = 0;
  double last = -1;
};

struct Nearest : StorageOrder {
  bool NearestFirst() const { return true; }
};

TEST(LevelSynchronousOrderTest, NearestFirst) {
  constexpr int64_t kRows = 300;
  const auto metric = MakeMetric("normal", kRows);
  const auto stored = StoreTree(metric, CoverTreeConfig());
  const auto unsorted = [&](auto slots) {
    int count = 0;
    slots.cache.tree = &stored.tree.tree;
    slots.cache.t.resize(kRows);
    slots.cache.unsorted = &count;
    for (int64_t row = 10; row < 30; ++row) {
      stored.MakeSearcher(LEVEL_SYNCHRONOUS, slots)
          ->SearchRows(absl::MakeConstSpan(&row, 1), {.k = 5});
    }
    return count;
  };
  EXPECT_GT(unsorted(Slots<NoFloor, NearestWatch>()), 0);
  // A row meets itself at t = 0 and not at its own correlation, which differs
  // by rounding; no other is nearer.
  EXPECT_EQ(
      unsorted(Slots<NoFloor, NearestWatch, NoDedupe, WidestTile, Nearest>()),
      0);
  const auto evaluations = [&](auto slots) {
    return stored.MakeSearcher(LEVEL_SYNCHRONOUS, slots)
        ->SearchRows(AllRows(kRows), {.k = 5})
        .counters.distance_evaluations();
  };
  EXPECT_LT(
      evaluations(Slots<NoFloor, NoCache, NoDedupe, WidestTile, Nearest>()),
      evaluations(EmptySlots()));
}

struct StopOddQueries : NoBudget {
  static constexpr bool kLimits = true;
  QueryMask Stopped() const { return 0xaaaaaaaaaaaaaaaa; }
  bool ReturnsBest() const { return true; }
};

// Those that go on are not disturbed by those that stop.
TEST(LevelSynchronousBudgetTest, EndsSingleQueries) {
  const auto metric = MakeMetric("normal", 180);
  CoverTreeConfig config;
  config.set_node_order(CoverTreeConfig::NATURAL);  // bit i is row i
  const NeighborTable actual =
      StoreTree(metric, config)
          .MakeSearcher(LEVEL_SYNCHRONOUS,
                        Slots<NoFloor, NoCache, NoDedupe, WidestTile,
                              StorageOrder, StopOddQueries>())
          ->SearchRows(AllRows(180), {.k = 5})
          .neighbors;
  const NeighborTable expected = ExhaustiveNeighbors(metric, {.k = 5});
  for (int64_t row = 0; row < 180; ++row) {
    if (row % 2 == 0) {
      EXPECT_EQ(OnlyRow(actual, row).Digest(), OnlyRow(expected, row).Digest());
    } else {
      EXPECT_EQ(actual.count(row), 1);  // the root
      EXPECT_EQ(actual.rows()(row, 0), 0);
    }
  }
}

}  // namespace
}  // namespace rct
