// Tests of best-first search alone; tree_search_test has those of all
// strategies.

#include "traversal/tree/best_first.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metric/euclidean_distance.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/test_data.h"
#include "metric/tile.h"
#include "traversal/knn_heap.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/slots.h"
#include "traversal/tree/test_search.h"

namespace rct {
namespace {

using testing::ElementsAre;

template <int width>
struct FixedTile : WidestTile {
  int Candidates(int64_t) const { return width; }
};
template <int width>
using WithTile = Slots<NoFloor, NoCache, NoDedupe, FixedTile<width>>;

std::shared_ptr<const EuclideanDistance> PointsOnALine(
    const std::vector<double>& places) {
  Matrix<double> points(static_cast<int64_t>(places.size()), 1);
  std::copy(places.begin(), places.end(), points.row(0));
  return std::make_shared<const EuclideanDistance>(
      EuclideanPoints{std::move(points)});
}

TEST(BestFirstTest, FourPointsOnALine) {
  const auto stored =
      StoreTree(PointsOnALine({0, 10, 1, 12}), CoverTreeConfig());
  const BestFirstSearcher<EuclideanDistance> searcher(
      stored.metric, stored.order, stored.tree);
  const SearchResult result = searcher.SearchRows({1}, {.k = 2});
  EXPECT_EQ(result.neighbors.rows()(0, 0), 1);
  EXPECT_EQ(result.neighbors.rows()(0, 1), 3);
  EXPECT_EQ(result.neighbors.distances()(0, 1), 2);
}

// By bound, then by distance, then by storage.
TEST(QueueEntryTest, Order) {
  std::vector<QueueEntry> queue;
  const auto push = [&](double bound, double nearest, int32_t segment) {
    queue.push_back({bound, nearest, {segment, 0, 1}});
    std::push_heap(queue.begin(), queue.end());
  };
  push(0.5, 0.1, 0);
  push(kSelf, 0.9, 1);
  push(kSelf, 0.3, 5);
  push(kSelf, 0.3, 4);
  push(0.2, 0.8, 2);
  push(0.2, 0.7, 3);
  std::vector<int32_t> popped;
  while (!queue.empty()) {
    popped.push_back(queue.front().visit.segment);
    std::pop_heap(queue.begin(), queue.end());
    queue.pop_back();
  }
  EXPECT_THAT(popped, ElementsAre(4, 5, 1, 3, 2, 0));
}

// The segments that no search with these bounds can do without: those whose
// bound, and the bounds of all above them, are within the kth distance.
template <class Metric>
int64_t CountNeeded(const StoredTree<Metric>& stored, int32_t query,
                    int64_t k) {
  const Metric& metric = *stored.metric;
  const CoverTree& tree = stored.tree.tree;
  const auto n = static_cast<int32_t>(metric.size());
  TileWorkspace tiles(metric.dim(), 1, n);
  std::vector<double> squared(n + 8);
  metric.SquaredDistances(metric.data(), absl::MakeConstSpan(&query, 1),
                          Candidates::Range(0, n), squared.data(), n + 8,
                          tiles);
  KnnHeap heap;
  heap.Reset(k);
  for (int32_t i = 0; i < n; ++i) heap.Offer(squared[i], i);
  std::vector<bool> reached(tree.segments.size(), false);
  const auto reach = [&](int32_t segment) {
    if (segment != -1) reached[segment] = true;
  };
  reach(tree.first_segment[tree.root]);
  int64_t needed = 0;
  for (size_t s = 0; s < tree.segments.size(); ++s) {  // from the top down
    const CoverTree::Segment& segment = tree.segments[s];
    if (!reached[s] ||
        Metric::MinSquared(squared[segment.node], metric.InverseNorm(query),
                           metric.InverseNorm(segment.node),
                           stored.tree.balls[s]) > heap.threshold()) {
      continue;
    }
    ++needed;
    reach(segment.next);
    for (const int32_t child : tree.Children(segment)) {
      reach(tree.first_segment[child]);
    }
  }
  return needed;
}

template <class Metric>
void ExpectExpandsWhatItMust(const std::shared_ptr<const Metric>& metric) {
  CoverTreeConfig config;
  config.set_leaf_size(2);
  const auto stored = StoreTree(metric, config);
  const auto searcher = stored.MakeSearcher(BEST_FIRST, WithTile<1>());
  for (const int64_t k : {1, 5, 50}) {
    int64_t needed = 0;
    for (int32_t i = 0; i < metric->size(); ++i) {
      needed += CountNeeded(stored, i, k);
    }
    EXPECT_EQ(searcher->SearchRows(AllRows(metric->size()), {.k = k})
                  .counters.segments_expanded(),
              needed)
        << k;
  }
}

// Candidate by candidate, it expands what it must and no more (the optimality
// of Hjaltason and Samet's search).
TEST(BestFirstTest, ExpandsWhatItMust) {
  for (const char* name : {"normal", "cube", "scales", "outlier"}) {
    SCOPED_TRACE(name);
    ExpectExpandsWhatItMust(std::make_shared<const EuclideanDistance>(
        EuclideanPoints{MakePoints(name, 300, 2, 1)}));
    ExpectExpandsWhatItMust(MakeTestModel(MakePoints(name, 300, 2, 1).view(),
                                          KernelConfig::MATERN12, 10)
                                .metric);
  }
}

// Which is what it is for.
TEST(BestFirstTest, EvaluatesLessThanLevelByLevel) {
  constexpr int64_t kRows = 1000;
  for (const char* name : {"normal", "clusters"}) {
    const auto metric = MakeTestModel(MakePoints(name, kRows, 2, 1).view(),
                                      KernelConfig::MATERN12, 10)
                            .metric;
    const auto stored = StoreTree(metric, CoverTreeConfig());
    const auto evaluations = [&](Strategy strategy) {
      return stored.MakeSearcher(strategy, WithTile<16>())
          ->SearchRows(AllRows(kRows), {.k = 5})
          .counters.distance_evaluations();
    };
    EXPECT_LT(evaluations(BEST_FIRST), evaluations(LEVEL_SYNCHRONOUS)) << name;
  }
}

// Segments are popped until a tile is full: a tile that is not ends a queue,
// or what is left of it.
TEST(BestFirstTest, TilesAreFilledAcrossSegments) {
  constexpr int64_t kRows = 500;
  const auto metric = MakeTestModel(MakePoints("normal", kRows, 2, 1).view(),
                                    KernelConfig::RBF, 20)
                          .metric;
  const SearchResult result =
      StoreTree(metric, CoverTreeConfig())
          .MakeSearcher(BEST_FIRST, WithTile<8>())
          ->SearchRows(AllRows(kRows), {.k = kRows, .telemetry = true});
  int64_t tiles = 0;
  int64_t evaluations = 0;
  for (const auto& [width, count] : result.trace.tiles) {
    EXPECT_LE(width, 8);
    tiles += count;
    evaluations += count * width;
  }
  EXPECT_EQ(evaluations, result.counters.distance_evaluations());
  EXPECT_EQ(evaluations, kRows * kRows);
  EXPECT_GT(result.trace.tiles.at(8), tiles / 2);
}

// A batch is one query, so that its work does not depend on the others, under
// any constraint.
TEST(BestFirstTest, EachQueryForItself) {
  constexpr int64_t kRows = 150;
  const auto metric = MakeTestModel(MakePoints("normal", kRows, 2, 1).view(),
                                    KernelConfig::RBF, 20)
                          .metric;
  const auto searcher =
      StoreTree(metric, CoverTreeConfig()).MakeSearcher(BEST_FIRST);
  const SearchOptions options = {.k = 5, .predecessor = true};
  const SearchCounters all =
      searcher->SearchRows(AllRows(kRows), options).counters;
  int64_t evaluations = 0, filtered = 0, later = 0;
  for (int64_t row = 0; row < kRows; ++row) {
    const SearchCounters one =
        searcher->SearchRows(absl::MakeConstSpan(&row, 1), options).counters;
    evaluations += one.distance_evaluations();
    filtered += one.predecessor_filtered();
    later += one.subtrees_pruned();
  }
  EXPECT_EQ(evaluations, all.distance_evaluations());
  EXPECT_EQ(filtered, all.predecessor_filtered());
  EXPECT_EQ(later, all.subtrees_pruned());
}

// Where bounds tell nothing apart, the nearest node's children come first: the
// kth distance shrinks sooner.
struct Nearest : StorageOrder {
  bool NearestFirst() const { return true; }
};

TEST(BestFirstTest, NearestFirstBreaksTies) {
  constexpr int64_t kRows = 1000;
  const auto metric = MakeTestModel(MakePoints("normal", kRows, 2, 1).view(),
                                    KernelConfig::RBF, 20)
                          .metric;
  const auto stored = StoreTree(metric, CoverTreeConfig());
  const auto evaluations = [&](auto slots) {
    return stored.MakeSearcher(BEST_FIRST, slots)
        ->SearchRows(AllRows(kRows), {.k = 5})
        .counters.distance_evaluations();
  };
  EXPECT_LT(
      evaluations(Slots<NoFloor, NoCache, NoDedupe, FixedTile<8>, Nearest>()),
      evaluations(WithTile<8>()));
}

}  // namespace
}  // namespace rct
