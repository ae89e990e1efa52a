// Common parts of the tests of tree strategies: searchers over trees of all
// shapes, and the comparison with exhaustive search.

#ifndef RCT_TRAVERSAL_TREE_TEST_SEARCH_H_
#define RCT_TRAVERSAL_TREE_TEST_SEARCH_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "gtest/gtest.h"
#include "metric/euclidean_distance.h"
#include "metric/metric.pb.h"
#include "traversal/exhaustive/exhaustive.h"
#include "traversal/neighbor_table.h"
#include "traversal/row_order.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/best_first.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/cover_tree_builder.h"
#include "traversal/tree/level_synchronous.h"
#include "traversal/tree/node_order.h"
#include "traversal/tree/slots.h"

namespace rct {

inline constexpr Strategy kTreeStrategies[] = {LEVEL_SYNCHRONOUS, BEST_FIRST};

inline constexpr KernelConfig::Family kFamilies[] = {
    KernelConfig::RBF, KernelConfig::MATERN12, KernelConfig::MATERN32,
    KernelConfig::MATERN52};

// Returns a searcher by one of kTreeStrategies.
template <class Metric, class SlotSet>
std::unique_ptr<const Searcher<Metric>> MakeStrategy(
    Strategy strategy, std::shared_ptr<const Metric> stored, RowOrder order,
    MeasuredTree<Metric> tree, SlotSet slots) {
  if (strategy == LEVEL_SYNCHRONOUS) {
    return std::make_unique<LevelSynchronousSearcher<Metric, SlotSet>>(
        std::move(stored), std::move(order), std::move(tree), std::move(slots));
  }
  RCT_CHECK(strategy == BEST_FIRST);
  return std::make_unique<BestFirstSearcher<Metric, SlotSet>>(
      std::move(stored), std::move(order), std::move(tree), std::move(slots));
}

// A metric and a tree over it, both in one order of storage.
template <class Metric>
struct StoredTree {
  std::shared_ptr<const Metric> metric;
  RowOrder order;
  MeasuredTree<Metric> tree;

  template <class SlotSet = EmptySlots>
  std::unique_ptr<const Searcher<Metric>> MakeSearcher(
      Strategy strategy, SlotSet slots = {}) const {
    return MakeStrategy<Metric, SlotSet>(strategy, metric, order, tree,
                                         std::move(slots));
  }
};

template <class Metric>
StoredTree<Metric> StoreTree(const std::shared_ptr<const Metric>& metric,
                             const NetHierarchy& nets, const RowOrder& order) {
  auto stored = std::make_shared<const Metric>(metric->Reordered(order.rows()));
  CoverTree tree = AssembleCoverTree(nets, order);
  auto balls = MeasureBalls(*stored, tree, 1);
  return {std::move(stored), order, {std::move(tree), std::move(balls)}};
}

template <class Metric>
StoredTree<Metric> StoreTree(const std::shared_ptr<const Metric>& metric,
                             const CoverTreeConfig& config) {
  NetHierarchy nets;
  if (config.structure() == CoverTreeConfig::STATIC) {
    nets = BuildNets(EuclideanDistance({metric->data().points.Clone()}), config,
                     1);
  } else {
    nets = BuildNets(*metric, config, 1);
  }
  return StoreTree(
      metric, nets,
      MakeNodeOrder(config.node_order(), nets, metric->data().points.view()));
}

inline CoverTreeConfig TreeConfig(CoverTreeConfig::Structure structure,
                                  CoverTreeConfig::NodeOrder order, double base,
                                  int32_t leaf_size) {
  CoverTreeConfig config;
  config.set_structure(structure);
  config.set_node_order(order);
  config.set_base(base);
  config.set_leaf_size(leaf_size);
  return config;
}

// Returns the config of tree `number` of a series of trees of all shapes.
inline CoverTreeConfig SomeConfig(int number) {
  constexpr double kBases[] = {1.3, 1.1, 2, 16, 1.7};
  constexpr int32_t kLeafSizes[] = {8, 1, 3, 1000};
  constexpr CoverTreeConfig::NodeOrder kOrders[] = {
      CoverTreeConfig::BREADTH_FIRST, CoverTreeConfig::HILBERT,
      CoverTreeConfig::NATURAL};
  return TreeConfig(
      number % 2 == 0 ? CoverTreeConfig::RESIDUAL : CoverTreeConfig::STATIC,
      kOrders[number % 3], kBases[number % 5], kLeafSizes[number % 4]);
}

inline std::vector<int64_t> AllRows(int64_t n) {
  std::vector<int64_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// Returns row `row` alone.
inline NeighborTable OnlyRow(const NeighborTable& table, int64_t row) {
  NeighborTable one(1, table.k());
  std::copy_n(table.rows().row(row), table.k(), one.rows().row(0));
  std::copy_n(table.distances().row(row), table.k(), one.distances().row(0));
  return one;
}

// Returns in how many places the rows of two tables differ.
inline int64_t CountDifferences(const NeighborTable& a,
                                const NeighborTable& b) {
  int64_t differences = 0;
  for (int64_t i = 0; i < a.num_queries(); ++i) {
    for (int64_t j = 0; j < a.k(); ++j) {
      differences += a.rows()(i, j) != b.rows()(i, j);
    }
  }
  return differences;
}

template <class Metric>
NeighborTable ExhaustiveNeighbors(const std::shared_ptr<const Metric>& metric,
                                  const SearchOptions& options) {
  return ExhaustiveSearcher<Metric>(metric)
      .SearchRows(AllRows(metric->size()), options)
      .neighbors;
}

// Expects that rows as queries, under every constraint, get the bits of
// exhaustive search; for the first of `ks` with any number of threads. Assumes
// that `metric` is in row order.
template <class Metric>
void ExpectExhaustive(const std::shared_ptr<const Metric>& metric,
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
              << "k = " << k << ", " << threads << " threads"
              << (predecessor ? ", predecessors" : "")
              << (exclude_self ? ", without self" : "");
          if (threads == 1) counters = result.counters.SerializeAsString();
          ASSERT_EQ(result.counters.SerializeAsString(), counters);
        }
      }
    }
  }
}

}  // namespace rct

#endif  // RCT_TRAVERSAL_TREE_TEST_SEARCH_H_
