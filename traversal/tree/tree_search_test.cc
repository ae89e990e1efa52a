// Tests of all strategies over a cover tree. Those of one strategy alone are in
// level_synchronous_test and best_first_test.

#include "traversal/tree/tree_search.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/euclidean_distance.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "metric/test_data.h"
#include "metric/tile.h"
#include "traversal/allocation_counter.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/search_trace.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/cover_tree_builder.h"
#include "traversal/tree/node_order.h"
#include "traversal/tree/slots.h"
#include "traversal/tree/test_search.h"

namespace rct {
namespace {

using Ball = ResidualCorrelation::Ball;
using SharedMetric = std::shared_ptr<const ResidualCorrelation>;

SharedMetric MakeMetric(const std::string& name, int64_t n, int64_t inducing,
                        KernelConfig::Family family = KernelConfig::RBF) {
  return MakeTestModel(MakePoints(name, n, 2, 1).view(), family, inducing)
      .metric;
}

// A strategy and a set of points.
using Subject = std::tuple<Strategy, std::string>;

std::string SubjectName(const testing::TestParamInfo<Subject>& info) {
  return absl::StrCat(Strategy_Name(std::get<0>(info.param)), "_",
                      std::get<1>(info.param));
}

auto EverySubject() {
  return testing::Combine(testing::ValuesIn(kTreeStrategies),
                          testing::ValuesIn(AdversarialNames()));
}

class TreeSearchTest : public testing::TestWithParam<Subject> {
 protected:
  static Strategy strategy() { return std::get<0>(GetParam()); }
  static const std::string& name() { return std::get<1>(GetParam()); }
};

TEST_P(TreeSearchTest, AnswersLikeExhaustiveSearch) {
  constexpr int64_t kRows = 130;
  int number = 0;
  for (const int64_t dim : {1, 2, 3, 8}) {
    const Matrix<double> points = MakePoints(name(), kRows, dim, dim);
    for (const KernelConfig::Family family : kFamilies) {
      const CoverTreeConfig config = SomeConfig(++number);
      SCOPED_TRACE(testing::Message() << dim << " dimensions, "
                                      << KernelConfig::Family_Name(family)
                                      << ", " << config.ShortDebugString());
      const auto metric = MakeTestModel(points.view(), family, 24).metric;
      const std::vector<std::vector<int64_t>> ks = {
          {10, 1}, {50, 2}, {3, kRows}, {5, kRows + 1}};
      ExpectExhaustive(metric,
                       *StoreTree(metric, config).MakeSearcher(strategy()),
                       ks[number % 4]);
    }
  }
}

TEST_P(TreeSearchTest, AnyK) {
  const auto metric = MakeMetric(name(), 150, 20, KernelConfig::MATERN52);
  const auto searcher =
      StoreTree(metric, SomeConfig(0)).MakeSearcher(strategy());
  const NeighborTable expected = ExhaustiveNeighbors(metric, {.k = 150});
  for (const int64_t k : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 50, 149, 150}) {
    EXPECT_EQ(searcher->SearchRows(AllRows(150), {.k = k}).neighbors.Digest(),
              expected.First(k).Digest())
        << k;
  }
}

// The balls of one tree serve points that are not in it.
TEST_P(TreeSearchTest, NewPoints) {
  int number = 0;
  for (const int64_t dim : {1, 3}) {
    const Matrix<double> points = MakePoints(name(), 200, dim, 1);
    Matrix<double> news = MakePoints(name(), 100, dim, 2);
    for (int64_t i = 0; i < 100; i += 3) {  // some are rows of the data
      std::copy_n(points.row(i), dim, news.row(i));
    }
    for (const KernelConfig::Family family : kFamilies) {
      const TestModel model = MakeTestModel(points.view(), family, 24);
      const ResidualPoints queries = *model.factor->Project(news.view(), 1);
      const auto searcher = StoreTree(model.metric, SomeConfig(++number))
                                .MakeSearcher(strategy());
      const ExhaustiveSearcher<ResidualCorrelation> reference(model.metric);
      for (const int64_t k : {1, 10, 200}) {
        const NeighborTable expected =
            reference.SearchPoints(queries, {.k = k}).neighbors;
        for (const int threads : {1, 2, 7}) {
          ASSERT_EQ(
              searcher->SearchPoints(queries, {.k = k, .threads = threads})
                  .neighbors.Digest(),
              expected.Digest());
        }
      }
    }
  }
}

TEST_P(TreeSearchTest, Euclidean) {
  const auto metric = std::make_shared<const EuclideanDistance>(
      EuclideanPoints{MakePoints(name(), 130, 2, 1)});
  for (int number = 0; number < 4; ++number) {
    ExpectExhaustive(
        metric, *StoreTree(metric, SomeConfig(number)).MakeSearcher(strategy()),
        {10, 1, 130});
  }
}

TEST_P(TreeSearchTest, FewPoints) {
  for (const int64_t n : {1, 2, 3}) {
    const auto metric = MakeMetric(name(), n, 2);
    for (int number = 0; number < 6; ++number) {
      ExpectExhaustive(
          metric,
          *StoreTree(metric, SomeConfig(number)).MakeSearcher(strategy()),
          {1, 2, n, n + 1});
    }
  }
}

// A query's answer does not depend on which others are asked, nor does its
// work. (Under the predecessor constraint tiles are filled by all queries of a
// batch, so that thresholds fall at other times.)
TEST_P(TreeSearchTest, BatchEqualsSingle) {
  constexpr int64_t kRows = 150;
  const auto metric = MakeMetric(name(), kRows, 20);
  const auto searcher =
      StoreTree(metric, SomeConfig(0)).MakeSearcher(strategy());
  for (const bool predecessor : {false, true}) {
    const SearchOptions options = {.k = 5, .predecessor = predecessor};
    const SearchResult all = searcher->SearchRows(AllRows(kRows), options);
    int64_t evaluations = 0, expanded = 0, prunes = 0, pushes = 0;
    for (int64_t row = 0; row < kRows; ++row) {
      const SearchResult one =
          searcher->SearchRows(absl::MakeConstSpan(&row, 1), options);
      ASSERT_EQ(one.neighbors.Digest(), OnlyRow(all.neighbors, row).Digest());
      evaluations += one.counters.distance_evaluations();
      expanded += one.counters.segments_expanded();
      prunes += one.counters.prunes_lower_bound();
      pushes += one.counters.heap_pushes();
    }
    if (predecessor) continue;
    EXPECT_EQ(evaluations, all.counters.distance_evaluations());
    EXPECT_EQ(expanded, all.counters.segments_expanded());
    EXPECT_EQ(prunes, all.counters.prunes_lower_bound());
    EXPECT_EQ(pushes, all.counters.heap_pushes());
  }
}

// Row numbers in, row numbers out, wherever the points lie.
TEST_P(TreeSearchTest, PositionsNeverLeave) {
  constexpr int64_t kRows = 150;
  const Matrix<double> points = MakePoints(name(), kRows, 2, 1);
  const TestModel model = MakeTestModel(points.view(), KernelConfig::RBF, 20);
  const ResidualPoints queries =
      *model.factor->Project(MakePoints(name(), 50, 2, 2).view(), 1);
  const NetHierarchy nets = BuildNets(*model.metric, CoverTreeConfig(), 1);

  std::vector<int32_t> rotated = {kRows - 1};  // no fixed points
  for (int32_t row = 0; row < kRows - 1; ++row) rotated.push_back(row);
  std::vector<int32_t> reversed(rotated.rbegin(), rotated.rend());
  std::set<std::string> rows_digests, points_digests;
  for (const RowOrder& order :
       {RowOrder::Natural(kRows), RowOrder(rotated), RowOrder(reversed),
        HilbertOrder(points.view()), BreadthFirstOrder(nets)}) {
    const auto searcher =
        StoreTree(model.metric, nets, order).MakeSearcher(strategy());
    const SearchOptions options = {.k = 7, .predecessor = true};
    rows_digests.insert(
        searcher->SearchRows(AllRows(kRows), options).neighbors.Digest());
    points_digests.insert(
        searcher->SearchPoints(queries, {.k = 7}).neighbors.Digest());
  }
  EXPECT_EQ(rows_digests.size(), 1);
  EXPECT_EQ(points_digests.size(), 1);
}

// All of a trace but its seconds.
std::string Describe(const SearchTrace& trace) {
  std::string text;
  for (const SearchTrace::Level& level : trace.levels) {
    absl::StrAppend(&text, level.frontier, " ", level.expanded, " ",
                    level.pruned, " ", level.evaluations, " ", level.survivors,
                    "\n");
  }
  for (const auto& [width, count] : trace.tiles) {
    absl::StrAppend(&text, width, ": ", count, "\n");
  }
  return text;
}

// To watch a search changes nothing, and its levels add up to its counters.
TEST_P(TreeSearchTest, TelemetryTellsWhatWasDone) {
  constexpr int64_t kRows = 200;
  const auto metric = MakeMetric(name(), kRows, 20);
  const auto searcher =
      StoreTree(metric, SomeConfig(0)).MakeSearcher(strategy());
  for (const bool predecessor : {false, true}) {
    SearchOptions options = {.k = 5, .predecessor = predecessor};
    const SearchResult unwatched =
        searcher->SearchRows(AllRows(kRows), options);
    EXPECT_EQ(Describe(unwatched.trace), "");
    const SearchCounters& counters = unwatched.counters;

    options.telemetry = true;
    std::set<std::string> traces;
    for (const int threads : {1, 2, 7}) {
      options.threads = threads;
      const SearchResult watched =
          searcher->SearchRows(AllRows(kRows), options);
      EXPECT_EQ(watched.neighbors.Digest(), unwatched.neighbors.Digest());
      EXPECT_EQ(watched.counters.SerializeAsString(),
                counters.SerializeAsString());
      traces.insert(Describe(watched.trace));

      ASSERT_GT(watched.trace.levels.size(), 1);
      SearchTrace::Level sum;
      for (const SearchTrace::Level& level : watched.trace.levels) {
        sum.expanded += level.expanded;
        sum.pruned += level.pruned;
        sum.evaluations += level.evaluations;
        sum.survivors += level.survivors;
        EXPECT_LE(level.survivors, level.evaluations);
      }
      EXPECT_EQ(sum.expanded, counters.segments_expanded());
      EXPECT_EQ(sum.pruned, counters.prunes_lower_bound());
      EXPECT_EQ(sum.evaluations, counters.distance_evaluations());
      EXPECT_EQ(sum.survivors, counters.heap_pushes());
      const SearchTrace::Level& root = watched.trace.levels[0];
      EXPECT_EQ(root.evaluations, kRows);
      EXPECT_EQ(root.frontier + root.expanded + root.pruned, 0);
      EXPECT_GE(watched.trace.tiles.begin()->first, 1);
      EXPECT_LE(watched.trace.tiles.rbegin()->first, kMaxTile);
    }
    EXPECT_EQ(traces.size(), 1);
  }
}

INSTANTIATE_TEST_SUITE_P(All, TreeSearchTest, EverySubject(), SubjectName);

class TreeStrategyTest : public testing::TestWithParam<Strategy> {};

TEST_P(TreeStrategyTest, NoPoints) {
  const Matrix<double> points(0, 2);
  const TestModel model = MakeTestModel(points.view(), KernelConfig::RBF, 1);
  const auto searcher =
      StoreTree(model.metric, SomeConfig(0)).MakeSearcher(GetParam());
  const ResidualPoints queries =
      *model.factor->Project(MakePoints("normal", 70, 2, 1).view(), 1);
  EXPECT_EQ(searcher->SearchPoints(queries, {.k = 3}).neighbors.Digest(),
            NeighborTable(70, 3).Digest());
  EXPECT_EQ(searcher->SearchRows({}, {.k = 3}).neighbors.num_queries(), 0);
}

// Segments wider than a tile, and several batches.
TEST_P(TreeStrategyTest, WideSegments) {
  const auto metric = MakeMetric("normal", 700, 40);
  for (const auto order :
       {CoverTreeConfig::HILBERT, CoverTreeConfig::BREADTH_FIRST}) {
    const CoverTreeConfig config =
        TreeConfig(CoverTreeConfig::RESIDUAL, order, 16, 100);
    ExpectExhaustive(metric,
                     *StoreTree(metric, config).MakeSearcher(GetParam()), {10});
  }
}

// Where the tree helps it must show, or the tests above say nothing about
// pruning.
TEST_P(TreeStrategyTest, Prunes) {
  constexpr int64_t kRows = 1000;
  const auto metric = std::make_shared<const EuclideanDistance>(
      EuclideanPoints{MakePoints("cube", kRows, 2, 1)});
  const SearchCounters counters = StoreTree(metric, CoverTreeConfig())
                                      .MakeSearcher(GetParam())
                                      ->SearchRows(AllRows(kRows), {.k = 5})
                                      .counters;
  EXPECT_LT(counters.distance_evaluations(), kRows * kRows / 4);
  EXPECT_GT(counters.prunes_lower_bound(), 0);
  EXPECT_GT(counters.segments_expanded(), 0);

  const auto residual =
      MakeMetric("clusters", kRows, 10, KernelConfig::MATERN12);
  EXPECT_LT(StoreTree(residual, CoverTreeConfig())
                .MakeSearcher(GetParam())
                ->SearchRows(AllRows(kRows), {.k = 5})
                .counters.distance_evaluations(),
            kRows * kRows / 2);
}

// With room for all of them no bound can dismiss anything.
TEST_P(TreeStrategyTest, CountsEachPairOnce) {
  constexpr int64_t kRows = 200;
  const SearchCounters counters =
      StoreTree(MakeMetric("normal", kRows, 20), CoverTreeConfig())
          .MakeSearcher(GetParam())
          ->SearchRows(AllRows(kRows), {.k = kRows})
          .counters;
  EXPECT_EQ(counters.distance_evaluations(), kRows * kRows);
  EXPECT_EQ(counters.heap_pushes(), kRows * kRows);
  EXPECT_EQ(counters.prunes_lower_bound(), 0);
  EXPECT_EQ(counters.predecessor_filtered(), 0);
  EXPECT_EQ(counters.subtrees_pruned(), 0);
}

// Under the predecessor constraint a node is evaluated for those queries that
// come after any row at or below it, and for no others.
TEST_P(TreeStrategyTest, EvaluatesWhatHoldsAPredecessor) {
  constexpr int64_t kRows = 300;
  const auto metric = MakeMetric("normal", kRows, 20);
  for (const auto order :
       {CoverTreeConfig::NATURAL, CoverTreeConfig::HILBERT}) {
    const CoverTreeConfig config =
        TreeConfig(CoverTreeConfig::RESIDUAL, order, 2, 2);
    const NetHierarchy nets = BuildNets(*metric, config, 1);
    std::vector<int64_t> least = AllRows(kRows);  // at and below each row
    for (int32_t row = 0; row < kRows; ++row) {
      for (int32_t above = nets.parent[row]; above != -1;
           above = nets.parent[above]) {
        least[above] = std::min<int64_t>(least[above], row);
      }
    }
    int64_t expected = kRows;  // the root
    for (int64_t query = 0; query < kRows; ++query) {
      for (int64_t row = 1; row < kRows; ++row) expected += least[row] < query;
    }
    ASSERT_LT(expected, kRows * kRows * 3 / 4);
    const SearchCounters counters =
        StoreTree(metric, config)
            .MakeSearcher(GetParam())
            ->SearchRows(AllRows(kRows), {.k = kRows, .predecessor = true})
            .counters;
    EXPECT_EQ(counters.distance_evaluations(), expected);
    EXPECT_EQ(counters.heap_pushes(), kRows * (kRows - 1) / 2);
    EXPECT_EQ(counters.prunes_lower_bound(), 0);
    EXPECT_GT(counters.subtrees_pruned(), 0);
    EXPECT_GT(counters.predecessor_filtered(), 0);
  }
}

TEST_P(TreeStrategyTest, PredecessorsAreFewerEvaluations) {
  constexpr int64_t kRows = 1000;
  const auto searcher =
      StoreTree(MakeMetric("normal", kRows, 20), CoverTreeConfig())
          .MakeSearcher(GetParam());
  // With few neighbors bounds dismiss as much for the wider thresholds.
  const SearchCounters all =
      searcher->SearchRows(AllRows(kRows), {.k = 100}).counters;
  const SearchCounters before =
      searcher->SearchRows(AllRows(kRows), {.k = 100, .predecessor = true})
          .counters;
  EXPECT_EQ(all.subtrees_pruned(), 0);
  EXPECT_GT(before.subtrees_pruned(), 0);
  EXPECT_LT(before.distance_evaluations(), all.distance_evaluations() * 3 / 4);
}

// The root is row 0, which has none: it is evaluated, and no segment is opened.
TEST_P(TreeStrategyTest, ARowWithoutPredecessors) {
  const auto searcher =
      StoreTree(MakeMetric("normal", 100, 20), CoverTreeConfig())
          .MakeSearcher(GetParam());
  const std::vector<int64_t> first = {0, 0};
  const SearchResult result =
      searcher->SearchRows(first, {.k = 3, .predecessor = true});
  EXPECT_EQ(result.neighbors.Digest(), NeighborTable(2, 3).Digest());
  EXPECT_EQ(result.counters.distance_evaluations(), 2);
  EXPECT_EQ(result.counters.subtrees_pruned(), 2);
  EXPECT_EQ(result.counters.segments_expanded(), 0);
}

// Slots that keep their promise change no bit, whatever they decide.

struct RandomWiden : NoFloor {
  void Widen(Ball& ball) {
    if (random.UniformBelow(2) == 0) return;
    ball.cos_radius *= random.Uniform();
    ball.sin_radius = std::sqrt((1 - ball.cos_radius) * (1 + ball.cos_radius));
    ball.norm *= 1 + random.Uniform();
  }
  RandomStream random{1, 0};
};

// Dismisses nothing, and counts the pairs that it is asked about.
struct CountingCache : NoCache {
  static constexpr bool kFilters = true;

  QueryMask Open(int32_t, QueryMask queries, const double*) {
    EXPECT_NE(queries, 0);
    return open = queries;
  }
  void Filter(int first, int count, QueryMask queries, const double* thresholds,
              QueryMask* masks) const {
    EXPECT_EQ(queries, open);
    EXPECT_GE(first, 0);
    EXPECT_GE(count, 1);
    EXPECT_LE(count, kMaxTile);
    *pairs += int64_t{std::popcount(queries)} * count;
    NoCache::Filter(first, count, queries, thresholds, masks);
  }

  std::atomic<int64_t>* pairs = nullptr;
  QueryMask open = 0;
};

// Knows every distance: dismisses all that it may.
class Oracle : public NoCache {
 public:
  static constexpr bool kFilters = true;

  Oracle() = default;
  explicit Oracle(const StoredTree<ResidualCorrelation>& stored)
      : tree_(&stored.tree.tree), least_(stored.metric->size()) {
    const ResidualCorrelation& metric = *stored.metric;
    const auto n = static_cast<int32_t>(metric.size());
    TileWorkspace tiles(metric.dim(), 1, n);
    std::vector<int32_t> parent(n, -1);
    for (const CoverTree::Segment& segment : tree_->segments) {
      for (const int32_t child : tree_->Children(segment)) {
        parent[child] = segment.node;
      }
    }
    for (int32_t query = 0; query < n; ++query) {
      std::vector<double> squared(n + 8);
      metric.SquaredDistances(metric.data(), absl::MakeConstSpan(&query, 1),
                              Candidates::Range(0, n), squared.data(), n + 8,
                              tiles);
      least_[query] = squared;
      for (int32_t node = 0; node < n; ++node) {
        for (int32_t above = parent[node]; above != -1; above = parent[above]) {
          least_[query][above] = std::min(least_[query][above], squared[node]);
        }
      }
    }
  }

  void StartBatch(const ResidualPoints&, absl::Span<const int32_t> positions) {
    positions_.assign(positions.begin(), positions.end());
  }
  QueryMask Open(int32_t segment, QueryMask queries, const double*) {
    children_ = tree_->Children(tree_->segments[segment]);
    return queries;
  }
  void Filter(int first, int count, QueryMask queries, const double* thresholds,
              QueryMask* masks) const {
    for (int j = 0; j < count; ++j) {
      masks[j] = 0;
      for (QueryMask rest = queries; rest != 0; rest &= rest - 1) {
        const int i = std::countr_zero(rest);
        const double least = least_[positions_[i]][children_[first + j]];
        if (least <= thresholds[i]) masks[j] |= QueryMask{1} << i;
      }
    }
  }

 private:
  const CoverTree* tree_ = nullptr;
  std::vector<std::vector<double>> least_;  // t of a query to all of a subtree
  std::vector<int32_t> positions_;
  absl::Span<const int32_t> children_;
};

// Is told of every node that has children before its segments are opened, and
// of nothing but the truth.
class Witness : public NoCache {
 public:
  static constexpr bool kFilters = true;
  static constexpr bool kKeeps = true;

  Witness() = default;
  explicit Witness(const StoredTree<ResidualCorrelation>& stored,
                   std::atomic<int64_t>* told)
      : stored_(&stored), told_(told) {}

  void StartBatch(const ResidualPoints& from,
                  absl::Span<const int32_t> positions) {
    from_ = &from;
    positions_.assign(positions.begin(), positions.end());
    kept_.assign(stored_->metric->size(), 0);
  }
  void Keep(absl::Span<const int> places, absl::Span<const int32_t> nodes,
            const double* rho, int64_t stride) {
    TileWorkspace tiles(stored_->metric->dim(), 1, 1);
    for (size_t i = 0; i < places.size(); ++i) {
      for (size_t j = 0; j < nodes.size(); ++j) {
        double expected[8];
        stored_->metric->Correlations(
            *from_, absl::MakeConstSpan(&positions_[places[i]], 1),
            Candidates::Range(nodes[j], 1), expected, 8, tiles);
        EXPECT_EQ(rho[i * stride + j], expected[0]);
        if (stored_->tree.tree.first_segment[nodes[j]] == -1) continue;
        const QueryMask query = QueryMask{1} << places[i];
        EXPECT_EQ(kept_[nodes[j]] & query, 0);
        kept_[nodes[j]] |= query;
        ++*told_;
      }
    }
  }
  QueryMask Open(int32_t segment, QueryMask queries, const double*) const {
    const int32_t node = stored_->tree.tree.segments[segment].node;
    EXPECT_EQ(queries & ~kept_[node], 0);
    return queries;
  }

 private:
  const StoredTree<ResidualCorrelation>* stored_ = nullptr;
  std::atomic<int64_t>* told_ = nullptr;
  const ResidualPoints* from_ = nullptr;
  std::vector<int32_t> positions_;
  std::vector<QueryMask> kept_;
};

// Each node comes once for a query, so there is nothing to drop.
struct Bitmap : NoDedupe {
  static constexpr bool kFilters = true;

  void StartBatch() { std::fill(seen.begin(), seen.end(), 0); }
  QueryMask Fresh(int32_t node, QueryMask queries) {
    EXPECT_NE(queries, 0);
    EXPECT_EQ(queries & seen[node], 0);
    const QueryMask fresh = queries & ~seen[node];
    seen[node] |= queries;
    return fresh;
  }
  std::vector<QueryMask> seen;
};

template <int width>
struct FixedTile : WidestTile {
  int Candidates(int64_t active) const {
    EXPECT_GE(active, 1);
    return width;
  }
};

struct RandomTile : WidestTile {
  int Candidates(int64_t active) {
    EXPECT_GE(active, 1);
    return 1 + static_cast<int>(random.UniformBelow(kMaxTile));
  }
  RandomStream random{2, 0};
};

struct Nearest : StorageOrder {
  bool NearestFirst() const { return true; }
};

struct RandomOrder : StorageOrder {
  bool NearestFirst() const { return random.UniformBelow(2) == 0; }
  mutable RandomStream random{3, 0};
};

// Stops each query after some tile, now and then, and puts it off.
struct RandomBudget : NoBudget {
  static constexpr bool kLimits = true;

  void StartBatch() {
    stopped = 0;
    full = 0;
    if (batches != nullptr) ++*batches;
  }
  void AfterTile(const TileYield& yield) {
    EXPECT_NE(yield.queries, 0);
    EXPECT_EQ(full & ~yield.full, 0);  // nobody loses neighbors
    full = yield.full;
    for (QueryMask rest = yield.queries; rest != 0; rest &= rest - 1) {
      const int i = std::countr_zero(rest);
      EXPECT_GE(yield.evaluations[i], 1);
      EXPECT_LE(yield.evaluations[i], kMaxTile);
      EXPECT_GE(yield.survivors[i], 0);
      EXPECT_LE(yield.survivors[i], yield.evaluations[i]);
      if (spent != nullptr) *spent += yield.evaluations[i];
      if (entered != nullptr) *entered += yield.survivors[i];
    }
    stopped |= yield.queries & random.Next64() & random.Next64();
  }
  QueryMask Stopped() const { return stopped; }

  std::atomic<int64_t>* batches = nullptr;
  std::atomic<int64_t>* spent = nullptr;
  std::atomic<int64_t>* entered = nullptr;
  RandomStream random{4, 0};
  QueryMask stopped = 0;
  QueryMask full = 0;
};

class SlotsInSearchTest : public testing::TestWithParam<Subject> {
 protected:
  static constexpr int64_t kRows = 180;
  static constexpr SearchOptions kConstraints[] = {
      {}, {.exclude_self = true}, {.predecessor = true}};

  SlotsInSearchTest()
      : metric_(MakeMetric(std::get<1>(GetParam()), kRows, 24)),
        stored_(StoreTree(metric_, CoverTreeConfig())) {}

  static Strategy strategy() { return std::get<0>(GetParam()); }
  int64_t NumBatches() const {
    return strategy() == BEST_FIRST ? kRows : (kRows + 63) / 64;
  }

  template <class SlotSet>
  SearchResult Search(SlotSet slots, SearchOptions options) const {
    options.threads = 2;
    return stored_.MakeSearcher(strategy(), slots)
        ->SearchRows(AllRows(kRows), options);
  }
  template <class SlotSet>
  void ExpectTheSameBits(
      const SlotSet& slots, const std::vector<int64_t>& ks,
      const StoredTree<ResidualCorrelation>* stored = nullptr) const {
    const auto searcher =
        (stored != nullptr ? *stored : stored_).MakeSearcher(strategy(), slots);
    for (SearchOptions options : kConstraints) {
      for (const int64_t k : ks) {
        options.k = k;
        options.threads = 2;
        EXPECT_EQ(
            searcher->SearchRows(AllRows(kRows), options).neighbors.Digest(),
            ExhaustiveNeighbors(metric_, options).Digest())
            << "k = " << k;
      }
    }
  }

  SharedMetric metric_;
  StoredTree<ResidualCorrelation> stored_;
};

TEST_P(SlotsInSearchTest, LargerBalls) {
  ExpectTheSameBits(Slots<RandomWiden>(), {1, 5, kRows});
  EXPECT_GE(
      Search(Slots<RandomWiden>(), {.k = 5}).counters.distance_evaluations(),
      Search(EmptySlots(), {.k = 5}).counters.distance_evaluations());
}

template <class Cache>
using WithCache = Slots<NoFloor, Cache>;

TEST_P(SlotsInSearchTest, ACacheIsAskedAboutEveryChild) {
  std::atomic<int64_t> pairs = 0;
  WithCache<CountingCache> slots;
  slots.cache.pairs = &pairs;
  ExpectTheSameBits(slots, {1, 5});
  for (const int64_t k : {int64_t{1}, int64_t{5}, kRows}) {
    pairs = 0;
    const SearchCounters counters = Search(slots, {.k = k}).counters;
    EXPECT_EQ(counters.distance_evaluations(), pairs + kRows);  // the root
  }
  EXPECT_EQ(pairs, kRows * (kRows - 1));
}

// Masks differ from child to child, and whole subtrees go.
TEST_P(SlotsInSearchTest, ACacheThatDismissesAllItMay) {
  WithCache<Oracle> slots;
  slots.cache = Oracle(stored_);
  ExpectTheSameBits(slots, {1, 5, 50, kRows});
  // Candidate by candidate, since in wider tiles thresholds fall later.
  Slots<NoFloor, Oracle, NoDedupe, FixedTile<1>> one_by_one;
  one_by_one.cache = slots.cache;
  for (const int64_t k : {1, 5}) {
    const auto evaluations = [&](auto slot_set) {
      return Search(slot_set, {.k = k}).counters.distance_evaluations();
    };
    const int64_t none =
        evaluations(Slots<NoFloor, NoCache, NoDedupe, FixedTile<1>>());
    EXPECT_LE(evaluations(one_by_one), none);
    if (std::get<1>(GetParam()) == "normal") {
      EXPECT_LT(evaluations(one_by_one), none * 3 / 4);
    }
  }
}

TEST_P(SlotsInSearchTest, ACacheIsToldOfWhatHasChildren) {
  std::atomic<int64_t> told = 0;
  WithCache<Witness> slots;
  slots.cache = Witness(stored_, &told);
  ExpectTheSameBits(slots, {5});
  const std::vector<int32_t>& first = stored_.tree.tree.first_segment;
  const int64_t inner =
      kRows - std::count(first.begin(), first.end(), int32_t{-1});
  ASSERT_GT(inner, 0);
  told = 0;
  Search(slots, {.k = kRows});
  EXPECT_EQ(told, kRows * inner);
}

template <class Dedupe>
using WithDedupe = Slots<NoFloor, NoCache, Dedupe>;

TEST_P(SlotsInSearchTest, DedupeFindsNoDuplicates) {
  WithDedupe<Bitmap> slots;
  slots.dedupe.seen.resize(kRows);
  ExpectTheSameBits(slots, {1, 5, kRows});
}

template <class Tile>
using WithTile = Slots<NoFloor, NoCache, NoDedupe, Tile>;

TEST_P(SlotsInSearchTest, AnyTile) {
  const auto wide = StoreTree(
      metric_,
      TreeConfig(CoverTreeConfig::STATIC, CoverTreeConfig::HILBERT, 16, 60));
  for (const StoredTree<ResidualCorrelation>* stored :
       {&std::as_const(stored_), &wide}) {
    ExpectTheSameBits(WithTile<FixedTile<1>>(), {5}, stored);
    ExpectTheSameBits(WithTile<FixedTile<7>>(), {5}, stored);
    ExpectTheSameBits(WithTile<FixedTile<128>>(), {5}, stored);
    ExpectTheSameBits(WithTile<RandomTile>(), {5}, stored);
  }
}

TEST_P(SlotsInSearchTest, NoTileIsWiderThanAsked) {
  for (SearchOptions options : kConstraints) {
    options.k = 5;
    options.telemetry = true;
    EXPECT_EQ(
        Search(WithTile<FixedTile<1>>(), options).trace.tiles.rbegin()->first,
        1);
    const SearchTrace trace = Search(WithTile<FixedTile<7>>(), options).trace;
    EXPECT_LE(trace.tiles.rbegin()->first, 7);
  }
}

template <class Order>
using WithOrder = Slots<NoFloor, NoCache, NoDedupe, WidestTile, Order>;

TEST_P(SlotsInSearchTest, AnyOrder) {
  ExpectTheSameBits(WithOrder<Nearest>(), {1, 5, kRows});
  ExpectTheSameBits(WithOrder<RandomOrder>(), {1, 5, kRows});
}

template <class Budget>
using WithBudget =
    Slots<NoFloor, NoCache, NoDedupe, WidestTile, StorageOrder, Budget>;

TEST_P(SlotsInSearchTest, ABudgetThatPutsOff) {
  std::atomic<int64_t> batches = 0, spent = 0, entered = 0;
  WithBudget<RandomBudget> slots;
  slots.budget.batches = &batches;
  slots.budget.spent = &spent;
  slots.budget.entered = &entered;
  ExpectTheSameBits(slots, {1, 5});
  for (const int64_t k : {int64_t{5}, kRows}) {
    batches = spent = entered = 0;
    const SearchCounters counters = Search(slots, {.k = k}).counters;
    EXPECT_EQ(batches, NumBatches());
    EXPECT_EQ(spent, counters.distance_evaluations());
    EXPECT_EQ(entered, counters.heap_pushes());
  }
  EXPECT_EQ(spent, kRows * kRows);  // once each
}

// Segments that are put off are not visited twice.
TEST_P(SlotsInSearchTest, AllAtOnce) {
  Slots<RandomWiden, Oracle, Bitmap, RandomTile, RandomOrder, RandomBudget>
      slots;
  slots.cache = Oracle(stored_);
  slots.dedupe.seen.resize(kRows);
  ExpectTheSameBits(slots, {1, 5, 50, kRows});
  std::atomic<int64_t> told = 0;
  Slots<NoFloor, Witness, Bitmap, FixedTile<3>, Nearest, RandomBudget>
      witnessed;
  witnessed.cache = Witness(stored_, &told);
  witnessed.dedupe.seen.resize(kRows);
  ExpectTheSameBits(witnessed, {5});
}

INSTANTIATE_TEST_SUITE_P(All, SlotsInSearchTest, EverySubject(), SubjectName);

// And slots that break it show that each is asked, and that the tests above can
// fail.

struct Shrink : NoFloor {
  void Widen(Ball& ball) const { ball = Ball(); }
};

class BrokenSlotsTest : public TreeStrategyTest {};

TEST_P(BrokenSlotsTest, SmallerBallsLoseNeighbors) {
  int wrong = 0;
  for (const std::string& name : AdversarialNames()) {
    const auto metric = MakeMetric(name, 180, 24);
    wrong += StoreTree(metric, CoverTreeConfig())
                 .MakeSearcher(GetParam(), Slots<Shrink>())
                 ->SearchRows(AllRows(180), {.k = 5})
                 .neighbors.Digest() !=
             ExhaustiveNeighbors(metric, {.k = 5}).Digest();
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
TEST_P(BrokenSlotsTest, BoundsWithoutSlackLoseNeighbors) {
  constexpr int64_t kRows = 600;
  const auto metric = MakeMetric("crowded", kRows, 100);
  CoverTreeConfig config;
  config.set_leaf_size(1);
  const NetHierarchy nets =
      BuildNets(EuclideanDistance({metric->data().points.Clone()}), config, 1);
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
  const auto broken = MakeStrategy<NoSlack, EmptySlots>(
      GetParam(), bare, natural, {tree, balls}, {});
  EXPECT_GT(
      CountDifferences(broken->SearchRows(AllRows(kRows), {.k = 20}).neighbors,
                       ExhaustiveNeighbors(metric, {.k = 20})),
      100);
  ExpectExhaustive(
      metric, *StoreTree(metric, nets, natural).MakeSearcher(GetParam()), {20});
}

struct DismissOne : NoCache {
  static constexpr bool kFilters = true;

  QueryMask Open(int32_t segment, QueryMask queries, const double*) {
    children = tree->Children(tree->segments[segment]);
    return queries;
  }
  void Filter(int first, int count, QueryMask queries, const double*,
              QueryMask* masks) const {
    for (int j = 0; j < count; ++j) {
      masks[j] = children[first + j] == node ? 0 : queries;
    }
  }
  const CoverTree* tree = nullptr;
  int32_t node = -1;
  absl::Span<const int32_t> children;
};

struct CloseOne : NoCache {
  static constexpr bool kFilters = true;

  QueryMask Open(int32_t segment, QueryMask queries, const double*) const {
    return tree->segments[segment].node == node ? 0 : queries;
  }
  const CoverTree* tree = nullptr;
  int32_t node = -1;
};

struct DropOne : NoDedupe {
  static constexpr bool kFilters = true;

  QueryMask Fresh(int32_t child, QueryMask queries) const {
    return child == node ? 0 : queries;
  }
  int32_t node = -1;
};

// A dismissed child takes all that is below it along, and a segment its
// children, but not its node.
TEST_P(BrokenSlotsTest, ADismissedChildTakesItsSubtreeAlong) {
  constexpr int64_t kRows = 180;
  const auto metric = MakeMetric("normal", kRows, 24);
  const NetHierarchy nets = BuildNets(*metric, CoverTreeConfig(), 1);
  const auto stored = StoreTree(metric, nets, RowOrder::Natural(kRows));
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

  WithCache<DismissOne> dismiss;
  dismiss.cache.tree = &stored.tree.tree;
  dismiss.cache.node = node;
  WithDedupe<DropOne> drop;
  drop.dedupe.node = node;
  WithCache<CloseOne> close;
  close.cache.tree = &stored.tree.tree;
  close.cache.node = node;
  const auto found = [&](const auto& slots) {
    const std::vector<int64_t> query = {0};
    const NeighborTable table = stored.MakeSearcher(GetParam(), slots)
                                    ->SearchRows(query, {.k = kRows})
                                    .neighbors;
    const int64_t* rows = table.rows().row(0);
    return std::set<int64_t>(rows, rows + table.count(0));
  };
  const std::vector<int64_t> rows = AllRows(kRows);
  std::set<int64_t> others;
  std::set_difference(rows.begin(), rows.end(), below.begin(), below.end(),
                      std::inserter(others, others.end()));
  EXPECT_EQ(found(dismiss), others);
  EXPECT_EQ(found(drop), others);
  others.insert(node);
  EXPECT_EQ(found(close), others);
}

struct StopAtOnce : NoBudget {
  static constexpr bool kLimits = true;
  QueryMask Stopped() const { return ~QueryMask{0}; }
  bool ReturnsBest() const { return returns_best; }
  bool returns_best = true;
};

// The answer is the best neighbor found so far: the root.
TEST_P(BrokenSlotsTest, ABudgetThatReturnsItsBestLosesNeighbors) {
  constexpr int64_t kRows = 180;
  const auto metric = MakeMetric("normal", kRows, 24);
  const auto stored = StoreTree(metric, CoverTreeConfig());
  WithBudget<StopAtOnce> slots;
  const SearchResult stopped = stored.MakeSearcher(GetParam(), slots)
                                   ->SearchRows(AllRows(kRows), {.k = 5});
  EXPECT_EQ(stopped.counters.distance_evaluations(), kRows);
  for (int64_t row = 0; row < kRows; ++row) {
    EXPECT_EQ(stopped.neighbors.count(row), 1);
    EXPECT_EQ(stopped.neighbors.rows()(row, 0), 0);
  }
  slots.budget.returns_best = false;
  EXPECT_EQ(stored.MakeSearcher(GetParam(), slots)
                ->SearchRows(AllRows(kRows), {.k = 5})
                .neighbors.Digest(),
            ExhaustiveNeighbors(metric, {.k = 5}).Digest());
}

using BrokenSlotsDeathTest = BrokenSlotsTest;

TEST_P(BrokenSlotsDeathTest, TilesOutOfRange) {
  const auto stored = StoreTree(MakeMetric("normal", 20, 4), CoverTreeConfig());
  const auto search = [&](auto slots) {
    stored.MakeSearcher(GetParam(), slots)->SearchRows(AllRows(20), {.k = 1});
  };
  EXPECT_DEATH(search(WithTile<FixedTile<0>>()), "check failed");
  EXPECT_DEATH(search(WithTile<FixedTile<kMaxTile + 1>>()), "check failed");
}

// Ten times the queries: what is allocated for each thread grows to the width
// of the tree, a doubling now and then, and nothing is allocated for a query.
TEST_P(TreeStrategyTest, NoAllocationForAQuery) {
  const auto stored =
      StoreTree(MakeMetric("clusters", 2000, 24), CoverTreeConfig());
  const auto expect_none = [](const auto& searcher, SearchOptions options,
                              int64_t more = 16) {
    const auto allocations = [&](int64_t num_queries) {
      // The last ones, which have the most predecessors.
      const std::vector<int64_t> rows = AllRows(2000);
      const auto queries =
          absl::MakeConstSpan(rows).subspan(2000 - num_queries);
      const int64_t before = AllocationCount();
      const SearchResult result = searcher->SearchRows(queries, options);
      return AllocationCount() - before;
    };
    const int64_t few = allocations(64);
    EXPECT_LE(allocations(640), few + more);
  };
  const auto plain = stored.MakeSearcher(GetParam());
  expect_none(plain, {.k = 10});
  expect_none(plain, {.k = 10, .predecessor = true});
  // The trace may meet tiles of any width.
  expect_none(plain, {.k = 10, .telemetry = true}, 16 + kMaxTile);
  WithBudget<StopAtOnce> put_off;
  put_off.budget.returns_best = false;
  expect_none(stored.MakeSearcher(GetParam(), put_off), {.k = 10});
}

std::string StrategyName(const testing::TestParamInfo<Strategy>& info) {
  return Strategy_Name(info.param);
}

INSTANTIATE_TEST_SUITE_P(All, TreeStrategyTest,
                         testing::ValuesIn(kTreeStrategies), StrategyName);
INSTANTIATE_TEST_SUITE_P(All, BrokenSlotsTest,
                         testing::ValuesIn(kTreeStrategies), StrategyName);
INSTANTIATE_TEST_SUITE_P(All, BrokenSlotsDeathTest,
                         testing::ValuesIn(kTreeStrategies), StrategyName);

}  // namespace
}  // namespace rct
