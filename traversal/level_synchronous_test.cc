#include "traversal/level_synchronous.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/euclidean_distance.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "metric/tile.h"
#include "traversal/allocation_counter.h"
#include "traversal/cover_tree.h"
#include "traversal/cover_tree_builder.h"
#include "traversal/exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/node_order.h"
#include "traversal/row_order.h"
#include "traversal/searcher.h"
#include "traversal/slots.h"
#include "traversal/test_data.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using Ball = ResidualCorrelation::Ball;

template <class Metric>
using SharedMetric = std::shared_ptr<const Metric>;

// A tree over `metric`, stored in `order`.
template <class SlotSet, class Metric>
LevelSynchronousSearcher<Metric, SlotSet> SearcherOf(
    const SharedMetric<Metric>& metric, const NetHierarchy& nets,
    const RowOrder& order, SlotSet slots = {}) {
  CoverTree tree = AssembleCoverTree(nets, order);
  auto stored = std::make_shared<const Metric>(metric->Reordered(order.rows()));
  auto balls = MeasureBalls(*stored, tree, 1);
  return LevelSynchronousSearcher<Metric, SlotSet>(
      std::move(stored), order, std::move(tree), std::move(balls),
      std::move(slots));
}

template <class SlotSet = EmptySlots, class Metric>
LevelSynchronousSearcher<Metric, SlotSet> MakeSearcher(
    const SharedMetric<Metric>& metric, const CoverTreeConfig& config,
    SlotSet slots = {}) {
  NetHierarchy nets;
  if (config.structure() == CoverTreeConfig::STATIC) {
    nets = BuildNets(EuclideanDistance({metric->data().points.Clone()}), config,
                     1);
  } else {
    nets = BuildNets(*metric, config, 1);
  }
  const RowOrder order =
      MakeNodeOrder(config.node_order(), nets, metric->data().points.view());
  return SearcherOf<SlotSet>(metric, nets, order, std::move(slots));
}

CoverTreeConfig Config(CoverTreeConfig::Structure structure,
                       CoverTreeConfig::NodeOrder order, double base,
                       int32_t leaf_size) {
  CoverTreeConfig config;
  config.set_structure(structure);
  config.set_node_order(order);
  config.set_base(base);
  config.set_leaf_size(leaf_size);
  return config;
}

// Trees of all shapes, one after the other.
CoverTreeConfig SomeConfig(int number) {
  constexpr double kBases[] = {1.3, 1.1, 2, 16, 1.7};
  constexpr int32_t kLeafSizes[] = {8, 1, 3, 1000};
  constexpr CoverTreeConfig::NodeOrder kOrders[] = {
      CoverTreeConfig::BREADTH_FIRST, CoverTreeConfig::HILBERT,
      CoverTreeConfig::NATURAL};
  return Config(
      number % 2 == 0 ? CoverTreeConfig::RESIDUAL : CoverTreeConfig::STATIC,
      kOrders[number % 3], kBases[number % 5], kLeafSizes[number % 4]);
}

constexpr KernelConfig::Family kFamilies[] = {
    KernelConfig::RBF, KernelConfig::MATERN12, KernelConfig::MATERN32,
    KernelConfig::MATERN52};

std::vector<int64_t> AllRows(int64_t n) {
  std::vector<int64_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// Row `row` alone.
NeighborTable OnlyRow(const NeighborTable& table, int64_t row) {
  NeighborTable one(1, table.k());
  std::copy_n(table.rows().row(row), table.k(), one.rows().row(0));
  std::copy_n(table.distances().row(row), table.k(), one.distances().row(0));
  return one;
}

// Rows as queries, under every constraint; for the first k with any number of
// threads.
template <class Metric>
void ExpectExhaustive(const SharedMetric<Metric>& metric,
                      const Searcher<Metric>& searcher,
                      const std::vector<int64_t>& ks) {
  const int64_t n = metric->size();
  const ExhaustiveSearcher<Metric> reference(metric);
  std::vector<int64_t> queries = AllRows(n);
  queries.push_back(n - 1);  // twice
  const int64_t most = *std::max_element(ks.begin(), ks.end());
  for (const bool predecessor : {false, true}) {
    for (const bool exclude_self : {false, true}) {
      SearchOptions options = {
          .k = most, .exclude_self = exclude_self, .predecessor = predecessor};
      const NeighborTable expected =
          reference.SearchRows(queries, options).neighbors;
      for (const int64_t k : ks) {
        options.k = k;
        const std::string digest = expected.First(k).Digest();
        std::string counters;
        for (const int threads : {1, 2, 7}) {
          if (threads > 1 && k != ks[0]) break;
          options.threads = threads;
          const SearchResult result = searcher.SearchRows(queries, options);
          ASSERT_EQ(result.neighbors.Digest(), digest)
              << "k = " << k << ", " << threads << " threads";
          if (threads == 1) counters = result.counters.SerializeAsString();
          ASSERT_EQ(result.counters.SerializeAsString(), counters);
        }
      }
    }
  }
}

class LevelSynchronousTest : public testing::TestWithParam<std::string> {};

TEST_P(LevelSynchronousTest, AnswersLikeExhaustiveSearch) {
  constexpr int64_t kRows = 130;
  int number = 0;
  for (const int64_t dim : {1, 2, 3, 8}) {
    const Matrix<double> points = MakePoints(GetParam(), kRows, dim, dim);
    for (const KernelConfig::Family family : kFamilies) {
      const CoverTreeConfig config = SomeConfig(++number);
      SCOPED_TRACE(testing::Message() << dim << " dimensions, "
                                      << KernelConfig::Family_Name(family)
                                      << ", " << config.ShortDebugString());
      const auto metric = MakeTestModel(points.view(), family, 24).metric;
      const std::vector<std::vector<int64_t>> ks = {
          {10, 1}, {50, 2}, {3, kRows}, {5, kRows + 1}};
      ExpectExhaustive(metric, MakeSearcher(metric, config), ks[number % 4]);
    }
  }
}

TEST_P(LevelSynchronousTest, AnyK) {
  const Matrix<double> points = MakePoints(GetParam(), 150, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::MATERN52, 20).metric;
  const auto searcher = MakeSearcher(metric, SomeConfig(0));
  const ExhaustiveSearcher<ResidualCorrelation> reference(metric);
  const NeighborTable expected =
      reference.SearchRows(AllRows(150), {.k = 150}).neighbors;
  for (const int64_t k : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 50, 149, 150}) {
    EXPECT_EQ(searcher.SearchRows(AllRows(150), {.k = k}).neighbors.Digest(),
              expected.First(k).Digest())
        << k;
  }
}

// The balls of one tree serve points that are not in it.
TEST_P(LevelSynchronousTest, NewPoints) {
  int number = 0;
  for (const int64_t dim : {1, 3}) {
    const Matrix<double> points = MakePoints(GetParam(), 200, dim, 1);
    Matrix<double> news = MakePoints(GetParam(), 100, dim, 2);
    for (int64_t i = 0; i < 100; i += 3) {  // some are rows of the data
      std::copy_n(points.row(i), dim, news.row(i));
    }
    for (const KernelConfig::Family family : kFamilies) {
      const TestModel model = MakeTestModel(points.view(), family, 24);
      const ResidualPoints queries = *model.factor->Project(news.view(), 1);
      const auto searcher = MakeSearcher(model.metric, SomeConfig(++number));
      const ExhaustiveSearcher<ResidualCorrelation> reference(model.metric);
      for (const int64_t k : {1, 10, 200}) {
        const NeighborTable expected =
            reference.SearchPoints(queries, {.k = k}).neighbors;
        for (const int threads : {1, 2, 7}) {
          ASSERT_EQ(searcher.SearchPoints(queries, {.k = k, .threads = threads})
                        .neighbors.Digest(),
                    expected.Digest());
        }
      }
    }
  }
}

TEST_P(LevelSynchronousTest, Euclidean) {
  const auto metric = std::make_shared<const EuclideanDistance>(
      EuclideanPoints{MakePoints(GetParam(), 130, 2, 1)});
  for (int number = 0; number < 4; ++number) {
    ExpectExhaustive(metric, MakeSearcher(metric, SomeConfig(number)),
                     {10, 1, 130});
  }
}

TEST_P(LevelSynchronousTest, FewPoints) {
  for (const int64_t n : {1, 2, 3}) {
    const Matrix<double> points = MakePoints(GetParam(), n, 2, 1);
    const auto metric =
        MakeTestModel(points.view(), KernelConfig::RBF, 2).metric;
    for (int number = 0; number < 6; ++number) {
      ExpectExhaustive(metric, MakeSearcher(metric, SomeConfig(number)),
                       {1, 2, n, n + 1});
    }
  }
}

// A query's answer and its work do not depend on which others are asked.
TEST_P(LevelSynchronousTest, BatchEqualsSingle) {
  const Matrix<double> points = MakePoints(GetParam(), 150, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 20).metric;
  const auto searcher = MakeSearcher(metric, SomeConfig(0));
  const SearchResult all = searcher.SearchRows(AllRows(150), {.k = 5});
  int64_t evaluations = 0;
  int64_t expanded = 0;
  int64_t prunes = 0;
  for (int64_t row = 0; row < 150; ++row) {
    const SearchResult one =
        searcher.SearchRows(absl::MakeConstSpan(&row, 1), {.k = 5});
    ASSERT_EQ(one.neighbors.Digest(), OnlyRow(all.neighbors, row).Digest());
    evaluations += one.counters.distance_evaluations();
    expanded += one.counters.segments_expanded();
    prunes += one.counters.prunes_lower_bound();
  }
  EXPECT_EQ(evaluations, all.counters.distance_evaluations());
  EXPECT_EQ(expanded, all.counters.segments_expanded());
  EXPECT_EQ(prunes, all.counters.prunes_lower_bound());
}

// Row numbers in, row numbers out, wherever the points lie.
TEST_P(LevelSynchronousTest, PositionsNeverLeave) {
  constexpr int64_t kRows = 150;
  const Matrix<double> points = MakePoints(GetParam(), kRows, 2, 1);
  const TestModel model = MakeTestModel(points.view(), KernelConfig::RBF, 20);
  const ResidualPoints queries =
      *model.factor->Project(MakePoints(GetParam(), 50, 2, 2).view(), 1);
  const NetHierarchy nets = BuildNets(*model.metric, CoverTreeConfig(), 1);

  std::vector<int32_t> rotated = {kRows - 1};  // no fixed points
  for (int32_t row = 0; row < kRows - 1; ++row) rotated.push_back(row);
  std::vector<int32_t> reversed(rotated.rbegin(), rotated.rend());
  std::set<std::string> rows_digests, points_digests;
  for (const RowOrder& order :
       {RowOrder::Natural(kRows), RowOrder(rotated), RowOrder(reversed),
        HilbertOrder(points.view()), BreadthFirstOrder(nets)}) {
    const auto searcher = SearcherOf<EmptySlots>(model.metric, nets, order);
    const SearchOptions options = {.k = 7, .predecessor = true};
    rows_digests.insert(
        searcher.SearchRows(AllRows(kRows), options).neighbors.Digest());
    points_digests.insert(
        searcher.SearchPoints(queries, {.k = 7}).neighbors.Digest());
  }
  EXPECT_EQ(rows_digests.size(), 1);
  EXPECT_EQ(points_digests.size(), 1);
}

// Where siblings lie in the order of their rows, the way down is the same. A
// Hilbert curve has an order of its own.
TEST_P(LevelSynchronousTest, TheSameWorkInAnyOrderThatKeepsSiblings) {
  const Matrix<double> points = MakePoints(GetParam(), 150, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 20).metric;
  const NetHierarchy nets = BuildNets(*metric, CoverTreeConfig(), 1);
  std::set<std::string> counters;
  for (const RowOrder& order :
       {RowOrder::Natural(150), BreadthFirstOrder(nets)}) {
    counters.insert(SearcherOf<EmptySlots>(metric, nets, order)
                        .SearchRows(AllRows(150), {.k = 5})
                        .counters.SerializeAsString());
  }
  EXPECT_EQ(counters.size(), 1);
}

INSTANTIATE_TEST_SUITE_P(PointSets, LevelSynchronousTest,
                         testing::ValuesIn(AdversarialNames()),
                         [](const auto& info) { return info.param; });

TEST(LevelSynchronousSizeTest, NoPoints) {
  const Matrix<double> points(0, 2);
  const TestModel model = MakeTestModel(points.view(), KernelConfig::RBF, 1);
  const auto searcher = MakeSearcher(model.metric, SomeConfig(0));
  const ResidualPoints queries =
      *model.factor->Project(MakePoints("normal", 70, 2, 1).view(), 1);
  EXPECT_EQ(searcher.SearchPoints(queries, {.k = 3}).neighbors.Digest(),
            NeighborTable(70, 3).Digest());
  EXPECT_EQ(searcher.SearchRows({}, {.k = 3}).neighbors.num_queries(), 0);
}

// Segments wider than a tile, and several batches.
TEST(LevelSynchronousSizeTest, WideSegments) {
  const Matrix<double> points = MakePoints("normal", 700, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 40).metric;
  for (const auto order :
       {CoverTreeConfig::HILBERT, CoverTreeConfig::BREADTH_FIRST}) {
    const CoverTreeConfig config =
        Config(CoverTreeConfig::RESIDUAL, order, 16, 100);
    ExpectExhaustive(metric, MakeSearcher(metric, config), {10});
  }
}

// Where the tree helps it must show, or the tests above say nothing about
// pruning.
TEST(LevelSynchronousSizeTest, Prunes) {
  constexpr int64_t kRows = 1000;
  const auto metric = std::make_shared<const EuclideanDistance>(
      EuclideanPoints{MakePoints("cube", kRows, 2, 1)});
  const SearchCounters counters = MakeSearcher(metric, CoverTreeConfig())
                                      .SearchRows(AllRows(kRows), {.k = 5})
                                      .counters;
  EXPECT_LT(counters.distance_evaluations(), kRows * kRows / 4);
  EXPECT_GT(counters.prunes_lower_bound(), 0);
  EXPECT_GT(counters.segments_expanded(), 0);

  const Matrix<double> points = MakePoints("clusters", kRows, 2, 1);
  const auto residual =
      MakeTestModel(points.view(), KernelConfig::MATERN12, 10).metric;
  EXPECT_LT(MakeSearcher(residual, CoverTreeConfig())
                .SearchRows(AllRows(kRows), {.k = 5})
                .counters.distance_evaluations(),
            kRows * kRows / 2);
}

TEST(LevelSynchronousSizeTest, CountsEachPairOnce) {
  const Matrix<double> points = MakePoints("normal", 200, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 20).metric;
  const auto searcher = MakeSearcher(metric, CoverTreeConfig());
  // With room for all of them nothing can be dismissed.
  const SearchCounters all =
      searcher.SearchRows(AllRows(200), {.k = 200}).counters;
  EXPECT_EQ(all.distance_evaluations(), 200 * 200);
  EXPECT_EQ(all.prunes_lower_bound(), 0);
  EXPECT_EQ(all.predecessor_filtered(), 0);
  const SearchCounters before =
      searcher.SearchRows(AllRows(200), {.k = 200, .predecessor = true})
          .counters;
  EXPECT_EQ(before.distance_evaluations(), 200 * 200);
  EXPECT_EQ(before.predecessor_filtered(), 200 * 201 / 2);
}

// Slots that keep their promise change no bit, whatever they decide.

struct RandomWiden {
  void Widen(Ball& ball) {
    if (random.UniformBelow(2) == 0) return;
    ball.cos_radius *= random.Uniform();
    ball.sin_radius = std::sqrt((1 - ball.cos_radius) * (1 + ball.cos_radius));
    ball.norm *= 1 + random.Uniform();
  }
  RandomStream random{1, 0};
};

struct CountingCache {
  QueryMask Needs(int32_t, int32_t, QueryMask active) {
    EXPECT_NE(active, 0);
    ++*calls;
    return active;
  }
  std::atomic<int64_t>* calls = nullptr;
};

// Each node comes once in a batch, so there is nothing to drop.
struct Bitmap {
  void StartBatch() { std::fill(seen.begin(), seen.end(), false); }
  bool FirstVisit(int32_t node) {
    EXPECT_FALSE(seen[node]);
    if (seen[node]) return false;
    seen[node] = true;
    return true;
  }
  std::vector<bool> seen;
};

template <int width>
struct FixedBlock {
  int Candidates(int active_queries, int64_t frontier) const {
    EXPECT_GE(active_queries, 1);
    EXPECT_LE(active_queries, kBatchQueries);
    EXPECT_GE(frontier, 1);
    return width;
  }
};

struct RandomBlock {
  int Candidates(int, int64_t) {
    return 1 + static_cast<int>(random.UniformBelow(kMaxBlock));
  }
  RandomStream random{2, 0};
};

struct SpendingBudget {
  void StartBatch() { ++*batches; }
  QueryMask AfterBlock(QueryMask active, int64_t evaluations, int64_t entered) {
    EXPECT_LE(entered, evaluations);
    *spent += evaluations;
    return active;
  }
  std::atomic<int64_t>* batches = nullptr;
  std::atomic<int64_t>* spent = nullptr;
};

class SlotsInSearchTest : public testing::TestWithParam<std::string> {
 protected:
  static constexpr int64_t kRows = 180;

  SlotsInSearchTest()
      : metric_(MakeTestModel(MakePoints(GetParam(), kRows, 2, 1).view(),
                              KernelConfig::RBF, 24)
                    .metric) {}

  template <class SlotSet>
  SearchResult Search(int64_t k, SlotSet slots,
                      const CoverTreeConfig& config = {}) const {
    return MakeSearcher(metric_, config, slots)
        .SearchRows(AllRows(kRows), {.k = k, .threads = 2});
  }
  NeighborTable Expected(int64_t k) const {
    return ExhaustiveSearcher<ResidualCorrelation>(metric_)
        .SearchRows(AllRows(kRows), {.k = k})
        .neighbors;
  }

  SharedMetric<ResidualCorrelation> metric_;
};

TEST_P(SlotsInSearchTest, LargerBalls) {
  const SearchResult result = Search(5, Slots<RandomWiden>());
  EXPECT_EQ(result.neighbors.Digest(), Expected(5).Digest());
  EXPECT_GE(result.counters.distance_evaluations(),
            Search(5, EmptySlots()).counters.distance_evaluations());
}

TEST_P(SlotsInSearchTest, ACacheThatDismissesNothing) {
  std::atomic<int64_t> calls = 0;
  Slots<NoFloor, CountingCache> slots;
  slots.cache.calls = &calls;
  EXPECT_EQ(Search(5, slots).neighbors.Digest(), Expected(5).Digest());
  EXPECT_GT(calls, 0);
  // Every node but the root is the child of an expanded one, in each batch.
  calls = 0;
  Search(kRows, slots);
  EXPECT_EQ(calls, 3 * (kRows - 1));
}

TEST_P(SlotsInSearchTest, DedupeFindsNoDuplicates) {
  Slots<NoFloor, NoCache, Bitmap> slots;
  slots.dedupe.seen.resize(kRows);
  EXPECT_EQ(Search(5, slots).neighbors.Digest(), Expected(5).Digest());
}

template <class Block>
using WithBlock = Slots<NoFloor, NoCache, NoDedupe, Block>;

TEST_P(SlotsInSearchTest, AnyBlock) {
  const CoverTreeConfig wide =
      Config(CoverTreeConfig::STATIC, CoverTreeConfig::HILBERT, 16, 60);
  const std::string expected = Expected(5).Digest();
  for (const CoverTreeConfig& config : {CoverTreeConfig(), wide}) {
    EXPECT_EQ(Search(5, WithBlock<FixedBlock<1>>(), config).neighbors.Digest(),
              expected);
    EXPECT_EQ(Search(5, WithBlock<FixedBlock<7>>(), config).neighbors.Digest(),
              expected);
    EXPECT_EQ(
        Search(5, WithBlock<FixedBlock<128>>(), config).neighbors.Digest(),
        expected);
    EXPECT_EQ(Search(5, WithBlock<RandomBlock>(), config).neighbors.Digest(),
              expected);
  }
}

TEST_P(SlotsInSearchTest, ABudgetThatNeverEnds) {
  std::atomic<int64_t> batches = 0;
  std::atomic<int64_t> spent = 0;
  Slots<NoFloor, NoCache, NoDedupe, WidestBlock, SpendingBudget> slots;
  slots.budget.batches = &batches;
  slots.budget.spent = &spent;
  const SearchResult result = Search(5, slots);
  EXPECT_EQ(result.neighbors.Digest(), Expected(5).Digest());
  EXPECT_EQ(batches, 3);
  EXPECT_EQ(spent, result.counters.distance_evaluations());
}

TEST_P(SlotsInSearchTest, AllAtOnce) {
  std::atomic<int64_t> calls = 0;
  std::atomic<int64_t> batches = 0;
  std::atomic<int64_t> spent = 0;
  Slots<RandomWiden, CountingCache, Bitmap, RandomBlock, SpendingBudget> slots;
  slots.cache.calls = &calls;
  slots.dedupe.seen.resize(kRows);
  slots.budget.batches = &batches;
  slots.budget.spent = &spent;
  for (const int64_t k : {1, 5, 50}) {
    EXPECT_EQ(Search(k, slots).neighbors.Digest(), Expected(k).Digest());
  }
}

INSTANTIATE_TEST_SUITE_P(PointSets, SlotsInSearchTest,
                         testing::ValuesIn(AdversarialNames()),
                         [](const auto& info) { return info.param; });

// And slots that break it show that each is asked, and that the tests above can
// fail.

struct Shrink {
  void Widen(Ball& ball) const { ball = Ball(); }
};

TEST(BrokenSlotsTest, SmallerBallsLoseNeighbours) {
  int wrong = 0;
  for (const std::string& name : AdversarialNames()) {
    const Matrix<double> points = MakePoints(name, 180, 2, 1);
    const auto metric =
        MakeTestModel(points.view(), KernelConfig::RBF, 24).metric;
    const auto searcher =
        MakeSearcher<Slots<Shrink>>(metric, CoverTreeConfig());
    const ExhaustiveSearcher<ResidualCorrelation> reference(metric);
    wrong += searcher.SearchRows(AllRows(180), {.k = 5}).neighbors.Digest() !=
             reference.SearchRows(AllRows(180), {.k = 5}).neighbors.Digest();
  }
  EXPECT_GE(wrong, 5);
}

// The metric without the slack that makes its angles a metric.
class NoSlack : public ResidualCorrelation {
 public:
  explicit NoSlack(ResidualCorrelation metric)
      : ResidualCorrelation(std::move(metric)) {}
  double InverseNorm(int64_t) const { return 1; }
  double InverseNorm(const Points&, int64_t) const { return 1; }
};

// Computed distances break the triangle inequality, and data this crowded shows
// it. (It still does with a fiftieth of the slack.)
TEST(BrokenSlotsTest, BoundsWithoutSlackLoseNeighbours) {
  constexpr int64_t kRows = 600;
  const Matrix<double> points = MakePoints("crowded", kRows, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 100).metric;
  CoverTreeConfig config;
  config.set_leaf_size(1);
  const NetHierarchy nets =
      BuildNets(EuclideanDistance({points.Clone()}), config, 1);
  const RowOrder natural = RowOrder::Natural(kRows);
  const CoverTree tree = AssembleCoverTree(nets, natural);
  const auto bare = std::make_shared<const NoSlack>(
      NoSlack(metric->Reordered(natural.rows())));
  std::vector<Ball> balls(tree.segments.size());
  TileWorkspace tiles(2, 1, 1);
  for (int32_t row = 1; row < kRows; ++row) {
    for (int32_t child = row; child != 0; child = nets.parent[child]) {
      const int32_t above = nets.parent[child];
      double squared[8];
      metric->SquaredDistances(metric->data(), absl::MakeConstSpan(&above, 1),
                               Candidates::Range(row, 1), squared, 8, tiles);
      for (int32_t s = tree.first_segment[above];
           s != -1 && tree.segments[s].level <= nets.level[child];
           s = tree.segments[s].next) {
        NoSlack::Include(NoSlack::Nearness(squared[0], 1, 1), 1, balls[s]);
      }
    }
  }
  const LevelSynchronousSearcher<NoSlack> broken(bare, natural, tree, balls);
  const ExhaustiveSearcher<ResidualCorrelation> reference(metric);
  const NeighborTable actual =
      broken.SearchRows(AllRows(kRows), {.k = 20}).neighbors;
  const NeighborTable expected =
      reference.SearchRows(AllRows(kRows), {.k = 20}).neighbors;
  int64_t wrong = 0;
  for (int64_t i = 0; i < kRows; ++i) {
    for (int64_t j = 0; j < 20; ++j) {
      wrong += actual.rows()(i, j) != expected.rows()(i, j);
    }
  }
  EXPECT_GT(wrong, 100);
  ExpectExhaustive(metric, SearcherOf<EmptySlots>(metric, nets, natural), {20});
}

struct StopOddQueries {
  void StartBatch() const {}
  QueryMask AfterBlock(QueryMask active, int64_t, int64_t) const {
    return active & 0x5555555555555555;
  }
};

// Those that go on are not disturbed by those that stop.
TEST(BrokenSlotsTest, ABudgetEndsSingleQueries) {
  const Matrix<double> points = MakePoints("normal", 180, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 24).metric;
  CoverTreeConfig config;
  config.set_node_order(CoverTreeConfig::NATURAL);  // bit i is row i
  using Budget = Slots<NoFloor, NoCache, NoDedupe, WidestBlock, StopOddQueries>;
  const NeighborTable actual = MakeSearcher<Budget>(metric, config)
                                   .SearchRows(AllRows(180), {.k = 5})
                                   .neighbors;
  const NeighborTable expected = ExhaustiveSearcher<ResidualCorrelation>(metric)
                                     .SearchRows(AllRows(180), {.k = 5})
                                     .neighbors;
  for (int64_t row = 0; row < 180; ++row) {
    if (row % 2 == 0) {
      EXPECT_EQ(OnlyRow(actual, row).Digest(), OnlyRow(expected, row).Digest());
    } else {
      EXPECT_EQ(actual.count(row), 1);  // the root
      EXPECT_EQ(actual.rows()(row, 0), 0);
    }
  }
}

struct DismissOne {
  QueryMask Needs(int32_t, int32_t child, QueryMask active) const {
    return child == node ? 0 : active;
  }
  int32_t node = -1;
};

struct DropOne {
  void StartBatch() const {}
  bool FirstVisit(int32_t child) const { return child != node; }
  int32_t node = -1;
};

// A dismissed child takes all that is below it along.
TEST(BrokenSlotsTest, ADismissedChildTakesItsSubtreeAlong) {
  constexpr int64_t kRows = 180;
  const Matrix<double> points = MakePoints("normal", kRows, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 24).metric;
  const NetHierarchy nets = BuildNets(*metric, CoverTreeConfig(), 1);
  const RowOrder natural = RowOrder::Natural(kRows);
  const int32_t node =
      nets.parent[std::max_element(nets.level.begin(), nets.level.end()) -
                  nets.level.begin()];
  ASSERT_GT(node, 0);
  std::set<int64_t> below = {node};
  for (size_t size = 0; size != below.size();) {
    size = below.size();
    for (int32_t row = 1; row < kRows; ++row) {
      if (below.count(nets.parent[row]) > 0) below.insert(row);
    }
  }
  ASSERT_GT(below.size(), 1);

  Slots<NoFloor, DismissOne> dismiss;
  dismiss.cache.node = node;
  Slots<NoFloor, NoCache, DropOne> drop;
  drop.dedupe.node = node;
  const std::vector<int64_t> query = {0};
  for (const NeighborTable& table : {SearcherOf(metric, nets, natural, dismiss)
                                         .SearchRows(query, {.k = kRows})
                                         .neighbors.Clone(),
                                     SearcherOf(metric, nets, natural, drop)
                                         .SearchRows(query, {.k = kRows})
                                         .neighbors.Clone()}) {
    EXPECT_EQ(table.count(0), kRows - static_cast<int64_t>(below.size()));
    for (int64_t j = 0; j < table.count(0); ++j) {
      EXPECT_EQ(below.count(table.rows()(0, j)), 0);
    }
  }
}

// Ten times the queries: what is allocated for each thread grows to the width
// of the tree, a doubling now and then, and nothing is allocated for a query.
TEST(LevelSynchronousAllocationTest, NoneForAQuery) {
  const Matrix<double> points = MakePoints("clusters", 2000, 2, 1);
  const auto metric =
      MakeTestModel(points.view(), KernelConfig::RBF, 24).metric;
  const auto searcher = MakeSearcher(metric, CoverTreeConfig());
  const auto allocations = [&](int64_t num_queries) {
    const std::vector<int64_t> queries = AllRows(num_queries);
    const int64_t before = AllocationCount();
    const SearchResult result = searcher.SearchRows(queries, {.k = 10});
    return AllocationCount() - before;
  };
  const int64_t few = allocations(64);
  EXPECT_LE(allocations(640), few + 8);
}

}  // namespace
}  // namespace rct
