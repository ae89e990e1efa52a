#include "heuristics/level_cache/level_cache.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/matrix.h"
#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "heuristics/level_cache/level_cache.pb.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/test_data.h"
#include "metric/tile.h"
#include "traversal/allocation_counter.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/cover_tree_builder.h"
#include "traversal/tree/slots.h"
#include "traversal/tree/test_search.h"

namespace rct {

// Lets a test see the last of 2^32 generations.
class LevelCachePeer {
 public:
  static void SkipTo(uint32_t generation, LevelCache& cache) {
    cache.batch_.generation = generation;
  }
};

namespace {

using testing::StartsWith;

using Metric = ResidualCorrelation;
using SharedMetric = std::shared_ptr<const Metric>;
using Tree = StoredTree<Metric>;
using WithLevelCache = Slots<NoFloor, LevelCache>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

LevelCacheConfig Pivots(int pivots) {
  LevelCacheConfig config;
  config.set_pivots(pivots);
  return config;
}

std::shared_ptr<const LevelCacheTable> MakeTable(const Tree& tree, int pivots,
                                                 int threads = 1) {
  return std::make_shared<const LevelCacheTable>(tree.metric, tree.tree,
                                                 Pivots(pivots), threads);
}

WithLevelCache MakeSlots(const Tree& tree, int pivots) {
  return {{}, LevelCache(MakeTable(tree, pivots)), {}, {}, {}, {}};
}

SharedMetric MakeMetric(const std::string& name, int64_t n, int64_t inducing,
                        KernelConfig::Family family = KernelConfig::RBF) {
  return MakeTestModel(MakePoints(name, n, 2, 1).view(), family, inducing)
      .metric;
}

TEST(LevelCacheExampleTest, ASearchEvaluatesFewerPoints) {
  const Tree tree = StoreTree(MakeMetric("normal", 100, 10), SomeConfig(0));
  const SearchResult with =
      tree.MakeSearcher(LEVEL_SYNCHRONOUS, MakeSlots(tree, /*pivots=*/4))
          ->SearchRows({7}, {.k = 1});
  EXPECT_EQ(with.neighbors.rows()(0, 0), 7);
  EXPECT_GT(with.counters.level_cache_child_prunes(), 0);
  EXPECT_LT(with.counters.distance_evaluations(), 100);
}

TEST(LevelCacheConfigTest, Pivots) {
  EXPECT_THAT(ValidateLevelCacheConfig({}), IsOk());
  EXPECT_THAT(ValidateLevelCacheConfig(Pivots(1)), IsOk());
  EXPECT_THAT(ValidateLevelCacheConfig(Pivots(32)), IsOk());
  for (const int pivots : {-1, 0, 33, std::numeric_limits<int>::max()}) {
    EXPECT_THAT(ValidateLevelCacheConfig(Pivots(pivots)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         StartsWith("level_cache.pivots")));
  }
}

// One batch of queries, and the facts that a cache is told and judged by.
class Batch {
 public:
  // At most kBatchQueries positions of `from`.
  Batch(const Tree& tree, const ResidualPoints& from,
        std::vector<int32_t> positions)
      : tree_(tree), from_(from), positions_(std::move(positions)) {
    const Metric& metric = *tree.metric;
    const auto n = static_cast<int32_t>(metric.size());
    const int count = num_queries();
    stride_ = (n + 7) / 8 * 8;
    rho_ = AlignedBuffer<double>(int64_t{count} * stride_);
    squared_ = AlignedBuffer<double>(int64_t{count} * stride_);
    TileWorkspace tiles(metric.dim(), count, n);
    const Candidates all = Candidates::Range(0, n);
    metric.Correlations(from, positions_, all, rho_.data(), stride_, tiles);
    metric.SquaredDistances(from, positions_, all, squared_.data(), stride_,
                            tiles);
    // Parents come before their children, by level.
    least_.assign(squared_.data(), squared_.data() + int64_t{count} * stride_);
    const auto& segments = tree.tree.tree.segments;
    for (auto s = static_cast<int64_t>(segments.size()) - 1; s >= 0; --s) {
      for (const int32_t child : tree.tree.tree.Children(segments[s])) {
        for (int i = 0; i < count; ++i) {
          double& above = least_[int64_t{i} * stride_ + segments[s].node];
          above = std::min(above, least_[int64_t{i} * stride_ + child]);
        }
      }
    }
  }

  int num_queries() const { return static_cast<int>(positions_.size()); }
  QueryMask all() const {
    return ~QueryMask{0} >> (kBatchQueries - num_queries());
  }
  double rho(int query, int32_t node) const {
    return rho_[int64_t{query} * stride_ + node];
  }
  // The least t of the query and a point at or below the node.
  double least(int query, int32_t node) const {
    return least_[int64_t{query} * stride_ + node];
  }
  int32_t position(int query) const { return positions_[query]; }

  void Start(LevelCache& cache) const { cache.StartBatch(from_, positions_); }
  // Every query has evaluated every node, or half of them, at random.
  void KeepAll(LevelCache& cache) const {
    std::vector<int> places(num_queries());
    for (int i = 0; i < num_queries(); ++i) places[i] = i;
    std::vector<int32_t> nodes(tree_.metric->size());
    for (size_t j = 0; j < nodes.size(); ++j) {
      nodes[j] = static_cast<int32_t>(j);
    }
    cache.Keep(places, nodes, rho_.data(), stride_);
  }
  void KeepSome(LevelCache& cache, RandomStream& random) const {
    for (int i = 0; i < num_queries(); ++i) {
      for (int32_t node = 0; node < tree_.metric->size(); ++node) {
        if (random.UniformBelow(2) == 0) continue;
        cache.Keep({&i, 1}, {&node, 1}, &rho_[int64_t{i} * stride_ + node], 8);
      }
    }
  }

 private:
  const Tree& tree_;
  const ResidualPoints& from_;
  std::vector<int32_t> positions_;
  int64_t stride_;
  AlignedBuffer<double> rho_;
  AlignedBuffer<double> squared_;
  std::vector<double> least_;
};

struct Judgement {
  int64_t pairs = 0;  // of a query and a child that the cache was asked about
  int64_t wrong = 0;  // that it dismissed though the threshold admits them
  int64_t dismissed = 0;  // of those that it may dismiss by a margin
};

// Asks about each child at thresholds that just admit what is at and below it,
// and at thresholds that do not.
void Judge(const Tree& tree, const Batch& batch, LevelCache& cache,
           Judgement& judgement) {
  const CoverTree& nodes = tree.tree.tree;
  double thresholds[kBatchQueries];
  for (size_t s = 0; s < nodes.segments.size(); ++s) {
    const auto children = nodes.Children(nodes.segments[s]);
    for (size_t j = 0; j < children.size(); ++j) {
      const auto ask = [&](double factor) {
        for (int i = 0; i < batch.num_queries(); ++i) {
          thresholds[i] = factor * std::max(0.0, batch.least(i, children[j]));
        }
        const QueryMask open =
            cache.Open(static_cast<int32_t>(s), batch.all(), thresholds);
        EXPECT_EQ(open & ~batch.all(), 0);
        QueryMask mask = 0;
        cache.Filter(static_cast<int>(j), 1, open, thresholds, &mask);
        EXPECT_EQ(mask & ~open, 0);
        return std::popcount(batch.all() & ~mask);
      };
      judgement.pairs += batch.num_queries();
      judgement.wrong += ask(1);
      judgement.dismissed += ask(0.5);
    }
  }
}

// Of all rows as queries, and of new points.
Judgement JudgeAll(const Tree& tree, int pivots, bool partly,
                   const ResidualPoints* news = nullptr,
                   std::shared_ptr<const LevelCacheTable> table = nullptr) {
  LevelCache cache(table != nullptr ? table : MakeTable(tree, pivots));
  RandomStream random(pivots, partly);
  Judgement judgement;
  for (const ResidualPoints* from :
       {&tree.metric->data(), news != nullptr ? news : &tree.metric->data()}) {
    for (int32_t first = 0; first < from->size(); first += kBatchQueries) {
      std::vector<int32_t> positions;
      for (int32_t i = first;
           i < std::min<int64_t>(from->size(), first + kBatchQueries); ++i) {
        positions.push_back(i);
      }
      const Batch batch(tree, *from, positions);
      batch.Start(cache);
      if (partly) {
        batch.KeepSome(cache, random);
      } else {
        batch.KeepAll(cache);
      }
      Judge(tree, batch, cache, judgement);
    }
    if (news == nullptr) break;
  }
  return judgement;
}

class LevelCacheTest : public testing::TestWithParam<std::string> {};

// Near duplicates, inducing points among the data (they always are), ties: what
// the threshold admits is never dismissed, nor what is above it; whatever is
// known of the query.
TEST_P(LevelCacheTest, NeverDismissesWhatIsNeeded) {
  constexpr int64_t kRows = 130;
  const Matrix<double> points = MakePoints(GetParam(), kRows, 2, 1);
  Matrix<double> near = MakePoints(GetParam(), 60, 2, 2);
  for (int64_t i = 0; i < 60; i += 2) {  // some are rows of the data
    std::copy_n(points.row(i), 2, near.row(i));
  }
  int number = 0;
  for (const KernelConfig::Family family : kFamilies) {
    const TestModel model = MakeTestModel(points.view(), family, 24);
    const ResidualPoints news = *model.factor->Project(near.view(), 1);
    for (int i = 0; i < 2; ++i) {
      const CoverTreeConfig config = SomeConfig(++number);
      SCOPED_TRACE(testing::Message() << KernelConfig::Family_Name(family)
                                      << ", " << config.ShortDebugString());
      const Tree tree = StoreTree(model.metric, config);
      for (const int pivots : {1, 2, 5, 16, 32}) {
        for (const bool partly : {false, true}) {
          EXPECT_EQ(JudgeAll(tree, pivots, partly, &news).wrong, 0)
              << pivots << " pivots" << (partly ? ", partly known" : "");
        }
      }
    }
  }
}

// Both strategies, all constraints, any number of threads.
TEST_P(LevelCacheTest, ChangesNoBit) {
  constexpr int64_t kRows = 130;
  int number = 0;
  for (const KernelConfig::Family family :
       {KernelConfig::RBF, KernelConfig::MATERN12, KernelConfig::MATERN52}) {
    const auto metric = MakeMetric(GetParam(), kRows, 24, family);
    for (const int pivots : {1, 8, 32}) {
      const Tree tree = StoreTree(metric, SomeConfig(++number));
      for (const Strategy strategy : kTreeStrategies) {
        SCOPED_TRACE(testing::Message() << Strategy_Name(strategy) << ", "
                                        << KernelConfig::Family_Name(family)
                                        << ", " << pivots << " pivots");
        ExpectExhaustive(metric,
                         *tree.MakeSearcher(strategy, MakeSlots(tree, pivots)),
                         {5, kRows});
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(PointSets, LevelCacheTest,
                         testing::ValuesIn(AdversarialNames()),
                         [](const auto& info) { return info.param; });

// And it dismisses most of what it may, or the test above says nothing.
TEST(LevelCacheBoundTest, DismissesWhatIsFar) {
  const Tree tree = StoreTree(MakeMetric("normal", 300, 24), SomeConfig(0));
  const Judgement one = JudgeAll(tree, 1, false);
  const Judgement many = JudgeAll(tree, 32, false);
  const Judgement partly = JudgeAll(tree, 32, true);
  EXPECT_GT(one.dismissed, one.pairs / 20);
  EXPECT_GT(many.dismissed, many.pairs / 2);
  EXPECT_LT(partly.dismissed, many.dismissed);
  EXPECT_GT(partly.dismissed, 0);
}

// `clusters` pairs of clusters far from each other, each of 12 points within
// `radius`, whose prior correlation with points of other clusters is nothing.
// What they share in V makes points of a pair opposites: rho = -1, but for
// rounding and `radius`.
SharedMetric MakeOpposites(int clusters, double radius) {
  constexpr int kPoints = 12;
  const int64_t n = int64_t{clusters} * 2 * kPoints;
  ResidualPoints data(n, 1, clusters);
  std::fill_n(data.v.row(0), n * data.v.stride(), 0.0);
  RandomStream random(clusters, 0);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t cluster = i % (int64_t{clusters} * 2);
    const double offset = radius * random.Normal();
    data.points(i, 0) = 1000 * static_cast<double>(cluster) + offset;
    // The kernel at the centers of both, scaled to a norm just below 1: what is
    // left of K is a Gram matrix, if barely.
    data.v(i, cluster / 2) =
        std::sqrt(0.5 * (1 - 1e-8)) * std::exp(-offset * offset / 2);
    data.variance[i] = 1 - data.v(i, cluster / 2) * data.v(i, cluster / 2);
    data.inverse_sqrt[i] = 1 / std::sqrt(data.variance[i]);
  }
  KernelConfig config;
  config.set_family(KernelConfig::RBF);
  Kernel kernel = *Kernel::Create(config, 1);
  const RoundingModel rounding = {
      .num_inducing = clusters,
      .variance = 1,
      .jitter = 1e-6,
      .kernel_ulps = kernel.rounding_ulps(),
  };
  return std::make_shared<const Metric>(std::move(kernel), std::move(data),
                                        rounding);
}

// A point near the opposite of another is near that one: |rho| counts.
TEST(LevelCacheBoundTest, Opposites) {
  for (const double radius : {0.1, 1e-3, 1e-5, 1e-7}) {
    const SharedMetric metric = MakeOpposites(6, radius);
    double rho[8];
    TileWorkspace tiles(1, 1, 1);
    const int32_t first[] = {0};
    metric->Correlations(metric->data(), first, Candidates::Range(1, 1), rho, 8,
                         tiles);
    ASSERT_LT(rho[0], -0.9);
    for (int number = 0; number < 2; ++number) {
      const Tree tree = StoreTree(metric, SomeConfig(number));
      for (const int pivots : {1, 4, 32}) {
        for (const bool partly : {false, true}) {
          const Judgement judgement = JudgeAll(tree, pivots, partly);
          EXPECT_EQ(judgement.wrong, 0) << radius << ", " << pivots;
          EXPECT_GT(judgement.dismissed, 0);
        }
        for (const Strategy strategy : kTreeStrategies) {
          if (pivots != 4) continue;
          ExpectExhaustive(
              metric, *tree.MakeSearcher(strategy, MakeSlots(tree, pivots)),
              {13, 2});
        }
      }
    }
  }
}

// One pivot is the annulus |theta(q, a) - theta(a, x)| around the parent.
TEST(LevelCacheBoundTest, OnePivotIsAnAnnulus) {
  constexpr int kPivots = 1;
  constexpr double kSlack = 1e-6;
  const Tree tree = StoreTree(
      MakeMetric("normal", 200, 16, KernelConfig::MATERN12), SomeConfig(0));
  const Metric& metric = *tree.metric;
  const CoverTree& nodes = tree.tree.tree;
  LevelCache cache(MakeTable(tree, kPivots));
  std::vector<int32_t> positions(64);
  for (int i = 0; i < 64; ++i) positions[i] = 3 * i;
  const Batch batch(tree, metric.data(), positions);
  batch.Start(cache);
  batch.KeepAll(cache);
  const auto tau = [&](int32_t i) {
    return metric.Tau(metric.data(), i, kPivots + 2);
  };
  const auto theta = [&](double rho, int32_t i, int32_t j) {
    return std::acos(
        std::min(1.0, std::abs(rho) / std::sqrt((1 + tau(i)) * (1 + tau(j)))));
  };
  TileWorkspace tiles(metric.dim(), 1, 1);
  int64_t pairs = 0;
  for (size_t s = 0; s < nodes.segments.size(); ++s) {
    const int32_t node = nodes.segments[s].node;
    const auto children = nodes.Children(nodes.segments[s]);
    for (size_t j = 0; j < children.size(); ++j) {
      const int32_t child = children[j];
      if (nodes.first_segment[child] != -1) continue;  // it has a ball besides
      double rho[8];
      metric.Correlations(metric.data(), {&node, 1},
                          Candidates::Range(child, 1), rho, 8, tiles);
      double bound[kBatchQueries];
      for (int i = 0; i < 64; ++i) {
        const int32_t query = positions[i];
        const double angle =
            theta(batch.rho(i, node), query, node) - theta(rho[0], node, child);
        bound[i] = 1 - std::cos(angle) *
                           std::sqrt((1 + tau(query)) * (1 + tau(child)));
      }
      const auto needed = [&](double slack) {
        double thresholds[kBatchQueries];
        for (int i = 0; i < 64; ++i) thresholds[i] = bound[i] + slack;
        QueryMask mask = 0;
        cache.Filter(
            static_cast<int>(j), 1,
            cache.Open(static_cast<int32_t>(s), batch.all(), thresholds),
            thresholds, &mask);
        return mask;
      };
      QueryMask others = batch.all();  // a row is no query of itself
      for (int i = 0; i < 64; ++i) {
        if (positions[i] == node) others &= ~(QueryMask{1} << i);
      }
      EXPECT_EQ(needed(kSlack), batch.all());
      EXPECT_EQ(needed(-kSlack) & others, 0);
      pairs += std::popcount(others);
    }
  }
  EXPECT_GT(pairs, 1000);
}

// A segment asked at once gives the answers of its children asked alone.
TEST(LevelCacheBoundTest, AnyGroupOfChildren) {
  const Tree tree = StoreTree(
      MakeMetric("clusters", 300, 16, KernelConfig::MATERN32), SomeConfig(6));
  const CoverTree& nodes = tree.tree.tree;
  LevelCache cache(MakeTable(tree, 8));
  RandomStream random(1, 0);
  std::vector<int32_t> positions(40);
  for (int32_t& position : positions) {
    position = static_cast<int32_t>(random.UniformBelow(300));
  }
  const Batch batch(tree, tree.metric->data(), positions);
  batch.Start(cache);
  batch.KeepSome(cache, random);
  double thresholds[kBatchQueries];
  for (double& threshold : thresholds) threshold = random.Uniform();
  int64_t dismissed = 0;
  for (size_t s = 0; s < nodes.segments.size(); ++s) {
    const int count = nodes.segments[s].num_children;
    const QueryMask asked = batch.all() & random.Next64();
    const QueryMask open =
        cache.Open(static_cast<int32_t>(s), asked, thresholds);
    EXPECT_EQ(open & ~asked, 0);
    const int width = std::min(count, kMaxTile);
    QueryMask together[kMaxTile];
    cache.Filter(0, width, open, thresholds, together);
    for (int j = 0; j < width; ++j) {
      QueryMask alone = 0;
      cache.Filter(j, 1, open, thresholds, &alone);
      EXPECT_EQ(alone, together[j]);
      dismissed += std::popcount(open & ~alone);
    }
  }
  EXPECT_GT(dismissed, 0);
}

// The same numbers, taken for exact: tau is a few roundings.
SharedMetric WithoutNugget(const Metric& metric) {
  RoundingModel rounding = *metric.rounding();
  rounding.variance = 0;
  return std::make_shared<const Metric>(
      metric.kernel(),
      metric.data().Reordered(RowOrder::Natural(metric.size()).rows()),
      rounding);
}

// Rounded correlations are no Gram matrix, and data this crowded shows it.
TEST(LevelCacheConstantsTest, WithoutTauNeighborsAreLost) {
  constexpr int64_t kRows = 600;
  const auto metric = MakeMetric("crowded", kRows, 100);
  CoverTreeConfig config;
  config.set_structure(CoverTreeConfig::STATIC);
  config.set_leaf_size(1);
  const Tree tree = StoreTree(metric, config);
  const NeighborTable expected = ExhaustiveNeighbors(metric, {.k = 20});
  for (const int pivots : {1, 8}) {
    SCOPED_TRACE(pivots);
    const auto bare = std::make_shared<const LevelCacheTable>(
        WithoutNugget(*tree.metric), tree.tree, Pivots(pivots), 1);
    EXPECT_GT(JudgeAll(tree, pivots, false, nullptr, bare).wrong, 1000);
    EXPECT_EQ(JudgeAll(tree, pivots, false).wrong, 0);
    for (const Strategy strategy : kTreeStrategies) {
      const auto differences = [&](const WithLevelCache& slots) {
        return CountDifferences(tree.MakeSearcher(strategy, slots)
                                    ->SearchRows(AllRows(kRows), {.k = 20})
                                    .neighbors,
                                expected);
      };
      EXPECT_GT(differences({{}, LevelCache(bare), {}, {}, {}, {}}), 100);
      EXPECT_EQ(differences(MakeSlots(tree, pivots)), 0);
    }
  }
}

// What the cache adds for its own arithmetic stands on its own: residual
// variances of a half, whose correlations are a Gram matrix but for a rounding
// or two, need no nugget. (With nothing at all, not even the 12 u of tau, half
// the cases fail.)
TEST(LevelCacheConstantsTest, RoundingOfTheFactorsIsCovered) {
  for (const double radius : {0.1, 1e-3, 1e-5, 1e-7, 0.0}) {
    const SharedMetric metric = WithoutNugget(*MakeOpposites(6, radius));
    for (int number = 0; number < 4; ++number) {
      const Tree tree = StoreTree(metric, SomeConfig(number));
      for (const int pivots : {1, 2, 4, 8, 16, 32}) {
        EXPECT_EQ(JudgeAll(tree, pivots, false).wrong, 0)
            << radius << ", " << pivots;
      }
    }
  }
}

TEST(LevelCacheWorkTest, MorePivotsEvaluateLess) {
  constexpr int64_t kRows = 4096;
  const Tree tree =
      StoreTree(MakeTestModel(MakePoints("normal", kRows, 3, 1).view(),
                              KernelConfig::RBF, 64)
                    .metric,
                CoverTreeConfig());
  std::vector<int64_t> queries(256);
  for (int64_t i = 0; i < 256; ++i) queries[i] = 16 * i;
  for (const Strategy strategy : kTreeStrategies) {
    SCOPED_TRACE(Strategy_Name(strategy));
    int64_t before = tree.MakeSearcher(strategy)
                         ->SearchRows(queries, {.k = 10})
                         .counters.distance_evaluations();
    for (const int pivots : {1, 4, 16, 32}) {
      const SearchCounters counters =
          tree.MakeSearcher(strategy, MakeSlots(tree, pivots))
              ->SearchRows(queries, {.k = 10})
              .counters;
      EXPECT_LT(counters.distance_evaluations(), before) << pivots;
      EXPECT_GT(counters.level_cache_child_prunes(), 0);
      before = counters.distance_evaluations();
    }
  }
}

// What is known of a query when a segment is opened: its parent always, which
// is why the segment is there.
TEST(LevelCacheCountersTest, ParentsAreKnown) {
  constexpr int64_t kRows = 300;
  const Tree tree = StoreTree(
      MakeMetric("clusters", kRows, 24, KernelConfig::MATERN12),
      TreeConfig(CoverTreeConfig::RESIDUAL, CoverTreeConfig::HILBERT, 1.3, 1));
  for (const Strategy strategy : kTreeStrategies) {
    const SearchCounters one = tree.MakeSearcher(strategy, MakeSlots(tree, 1))
                                   ->SearchRows(AllRows(kRows), {.k = 5})
                                   .counters;
    EXPECT_GT(one.level_cache_hits(), 0);
    EXPECT_EQ(one.level_cache_hits(), one.segments_expanded());
    EXPECT_EQ(one.level_cache_misses(), 0);
    const SearchCounters many = tree.MakeSearcher(strategy, MakeSlots(tree, 16))
                                    ->SearchRows(AllRows(kRows), {.k = 5})
                                    .counters;
    EXPECT_GT(many.level_cache_hits(), many.segments_expanded());
    EXPECT_GT(many.level_cache_misses(), 0);
  }
}

// Nothing is dismissed if everything is needed.
TEST(LevelCacheCountersTest, NothingToPrune) {
  constexpr int64_t kRows = 200;
  const Tree tree = StoreTree(MakeMetric("normal", kRows, 24), SomeConfig(0));
  for (const Strategy strategy : kTreeStrategies) {
    const SearchCounters counters =
        tree.MakeSearcher(strategy, MakeSlots(tree, 8))
            ->SearchRows(AllRows(kRows), {.k = kRows})
            .counters;
    EXPECT_EQ(counters.distance_evaluations(), kRows * kRows);
    EXPECT_EQ(counters.level_cache_child_prunes(), 0);
    EXPECT_EQ(counters.level_cache_segment_prunes(), 0);
  }
}

// Each count is what the answers say.
TEST(LevelCacheCountersTest, CountWhatIsAnswered) {
  constexpr int kPivots = 4;
  const Tree tree = StoreTree(MakeMetric("normal", 300, 24), SomeConfig(0));
  const CoverTree& nodes = tree.tree.tree;
  LevelCache cache(MakeTable(tree, kPivots));
  std::vector<int32_t> positions(50);
  for (int i = 0; i < 50; ++i) positions[i] = 5 * i;
  const Batch batch(tree, tree.metric->data(), positions);
  batch.Start(cache);
  batch.KeepAll(cache);
  double thresholds[kBatchQueries];
  std::fill_n(thresholds, kBatchQueries, 0.3);
  int64_t asked = 0, closed = 0, dismissed = 0;
  for (size_t s = 0; s < nodes.segments.size(); ++s) {
    const QueryMask open =
        cache.Open(static_cast<int32_t>(s), batch.all(), thresholds);
    asked += 50;
    closed += 50 - std::popcount(open);
    const int count = std::min(nodes.segments[s].num_children, kMaxTile);
    QueryMask masks[kMaxTile];
    cache.Filter(0, count, open, thresholds, masks);
    for (int j = 0; j < count; ++j)
      dismissed += std::popcount(open & ~masks[j]);
  }
  SearchCounters counters;
  cache.Report(counters);
  EXPECT_GT(closed, 0);
  EXPECT_GT(dismissed, 0);
  EXPECT_EQ(counters.level_cache_segment_prunes(), closed);
  EXPECT_EQ(counters.level_cache_child_prunes(), dismissed);
  EXPECT_EQ(counters.level_cache_misses(), 0);
  EXPECT_GT(counters.level_cache_hits(), asked);
  EXPECT_LE(counters.level_cache_hits(), asked * kPivots);
}

// A batch knows nothing of those before it, nor after 2^32 of them.
TEST(LevelCacheCountersTest, ABatchStartsWithNothing) {
  const Tree tree = StoreTree(MakeMetric("normal", 100, 24), SomeConfig(0));
  const auto num_segments =
      static_cast<int32_t>(tree.tree.tree.segments.size());
  const Batch batch(tree, tree.metric->data(), {1, 2, 3});
  double thresholds[kBatchQueries];
  std::fill_n(thresholds, kBatchQueries, kInfinity);
  LevelCache cache(MakeTable(tree, 1));
  const auto hits = [&] {
    SearchCounters before, after;
    cache.Report(before);
    for (int32_t s = 0; s < num_segments; ++s) {
      EXPECT_EQ(cache.Open(s, batch.all(), thresholds), batch.all());
    }
    cache.Report(after);
    EXPECT_EQ(after.level_cache_hits() - before.level_cache_hits() +
                  after.level_cache_misses() - before.level_cache_misses(),
              3 * num_segments);
    return after.level_cache_hits() - before.level_cache_hits();
  };
  batch.Start(cache);
  EXPECT_EQ(hits(), 0);
  batch.KeepAll(cache);
  EXPECT_EQ(hits(), 3 * num_segments);
  batch.Start(cache);
  EXPECT_EQ(hits(), 0);
  // Of one query alone.
  const int place[] = {1};
  const int32_t root[] = {tree.tree.tree.root};
  const double rho[] = {0.5};
  cache.Keep(place, root, rho, 8);
  EXPECT_GT(hits(), 0);
  EXPECT_LE(hits(), num_segments);

  // The entries of generation 1 are still there when the next one begins.
  LevelCachePeer::SkipTo(0, cache);
  batch.Start(cache);
  batch.KeepAll(cache);
  EXPECT_EQ(hits(), 3 * num_segments);
  LevelCachePeer::SkipTo(std::numeric_limits<uint32_t>::max(), cache);
  batch.Start(cache);
  EXPECT_EQ(hits(), 0);
  batch.KeepAll(cache);
  EXPECT_EQ(hits(), 3 * num_segments);
}

// The table is one, whoever builds it.
TEST(LevelCacheTableTest, AnyNumberOfThreads) {
  constexpr int64_t kRows = 400;
  const Tree tree = StoreTree(MakeMetric("clusters", kRows, 24), SomeConfig(1));
  std::set<std::string> counters;
  std::set<int64_t> evaluations;
  for (const int threads : {1, 2, 7}) {
    const auto table = MakeTable(tree, 8, threads);
    evaluations.insert(table->distance_evaluations());
    counters.insert(
        tree.MakeSearcher(LEVEL_SYNCHRONOUS,
                          WithLevelCache{{}, LevelCache(table), {}, {}, {}, {}})
            ->SearchRows(AllRows(kRows), {.k = 5})
            .counters.SerializeAsString());
  }
  EXPECT_EQ(counters.size(), 1);
  EXPECT_EQ(evaluations.size(), 1);
  EXPECT_GT(*evaluations.begin(), kRows);
}

TEST(LevelCacheTableTest, FewPoints) {
  for (const int64_t n : {0, 1, 2, 3}) {
    const auto metric = MakeMetric("normal", n, 2);
    for (int number = 0; number < 4; ++number) {
      const Tree tree = StoreTree(metric, SomeConfig(number));
      for (const Strategy strategy : kTreeStrategies) {
        const auto searcher = tree.MakeSearcher(strategy, MakeSlots(tree, 32));
        if (n > 0) {
          ExpectExhaustive(metric, *searcher, {1, n, n + 1});
        } else {
          EXPECT_EQ(searcher->SearchRows({}, {.k = 1}).neighbors.num_queries(),
                    0);
        }
      }
    }
  }
}

TEST(LevelCacheAllocationTest, NoneForAQuery) {
  const Tree tree =
      StoreTree(MakeMetric("clusters", 2000, 24), CoverTreeConfig());
  for (const Strategy strategy : kTreeStrategies) {
    const auto searcher = tree.MakeSearcher(strategy, MakeSlots(tree, 8));
    const auto allocations = [&](int64_t num_queries) {
      const std::vector<int64_t> queries = AllRows(num_queries);
      const int64_t before = AllocationCount();
      const SearchResult result = searcher->SearchRows(queries, {.k = 10});
      return AllocationCount() - before;
    };
    const int64_t few = allocations(64);
    EXPECT_LE(allocations(640), few + 16);
  }
}

}  // namespace
}  // namespace rct
