// Common parts of the tests of tree strategies: searchers over trees of all
// shapes.

#ifndef RCT_TRAVERSAL_TREE_TEST_SEARCH_H_
#define RCT_TRAVERSAL_TREE_TEST_SEARCH_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"
#include "metric/euclidean_distance.h"
#include "traversal/exhaustive/test_exhaustive.h"
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

// Returns row `row` alone.
inline NeighborTable OnlyRow(const NeighborTable& table, int64_t row) {
  NeighborTable one(1, table.k());
  std::copy_n(table.rows().row(row), table.k(), one.rows().row(0));
  std::copy_n(table.distances().row(row), table.k(), one.distances().row(0));
  return one;
}

}  // namespace rct

#endif  // RCT_TRAVERSAL_TREE_TEST_SEARCH_H_
