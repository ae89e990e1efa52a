#include "heuristics/composition/composition.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/status_macros.h"
#include "heuristics/composition/heuristics.pb.h"
#include "heuristics/level_cache/level_cache.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
#include "traversal/best_first.h"
#include "traversal/cover_tree.h"
#include "traversal/cover_tree_builder.h"
#include "traversal/exhaustive.h"
#include "traversal/level_synchronous.h"
#include "traversal/node_order.h"
#include "traversal/row_order.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

absl::Status ValidateBounds(const ResidualCorrelation& metric) {
  if (!metric.rounding().has_value()) {
    return absl::FailedPreconditionError(
        "strategy: bounds are not proven for factors supplied from outside, "
        "whose rounding errors are unknown; use EXHAUSTIVE");
  }
  return metric.rounding()->Validate();
}

absl::Status ValidateBounds(const EuclideanDistance&) {
  return absl::OkStatus();
}

template <class Metric>
NetHierarchy ShapeNets(const Metric& metric, const CoverTreeConfig& config,
                       int threads) {
  if (config.structure() == CoverTreeConfig::RESIDUAL) {
    return BuildNets(metric, config, threads);
  }
  const EuclideanDistance euclidean({metric.data().points.Clone()},
                                    metric.simd());
  return BuildNets(euclidean, config, threads);
}

// A tree over `metric`, which it may reorder.
template <class Metric>
struct PlantedTree {
  std::shared_ptr<const Metric> metric;
  RowOrder order;
  MeasuredTree<Metric> tree;
  int64_t distance_evaluations;
};

template <class Metric>
PlantedTree<Metric> Plant(std::shared_ptr<const Metric> metric,
                          const CoverTreeConfig& config, int threads) {
  const NetHierarchy nets = ShapeNets(*metric, config, threads);
  int64_t distance_evaluations = nets.distance_evaluations;
  RowOrder order =
      MakeNodeOrder(config.node_order(), nets, metric->data().points.view());
  MeasuredTree<Metric> tree{AssembleCoverTree(nets, order), {}};
  if (config.node_order() != CoverTreeConfig::NATURAL) {
    metric = std::make_shared<Metric>(metric->Reordered(order.rows()));
  }
  tree.balls = MeasureBalls(*metric, tree.tree, threads, &distance_evaluations);
  return {std::move(metric), std::move(order), std::move(tree),
          distance_evaluations};
}

template <class Metric, class SlotSet>
ComposedSearcher<Metric> Assemble(PlantedTree<Metric> planted,
                                  Strategy strategy, SlotSet slots) {
  const auto make = [&]<class S>(std::type_identity<S>) {
    return std::make_unique<S>(std::move(planted.metric),
                               std::move(planted.order),
                               std::move(planted.tree), std::move(slots));
  };
  std::unique_ptr<const Searcher<Metric>> searcher;
  if (strategy == BEST_FIRST) {
    searcher = make(std::type_identity<BestFirstSearcher<Metric, SlotSet>>());
  } else {
    searcher =
        make(std::type_identity<LevelSynchronousSearcher<Metric, SlotSet>>());
  }
  return {std::move(searcher), planted.distance_evaluations};
}

template <class Metric>
absl::StatusOr<ComposedSearcher<Metric>> ComposeTree(
    std::shared_ptr<const Metric> metric, Strategy strategy,
    const CoverTreeConfig& config, const HeuristicsConfig& heuristics,
    int threads) {
  PlantedTree<Metric> planted = Plant(std::move(metric), config, threads);
  if constexpr (std::is_same_v<Metric, ResidualCorrelation>) {
    if (heuristics.has_level_cache()) {
      auto table = std::make_shared<LevelCacheTable>(
          planted.metric, planted.tree, heuristics.level_cache(), threads);
      planted.distance_evaluations += table->distance_evaluations();
      struct Near {
        bool NearestFirst() const { return getenv("NF") != nullptr; }
        void Report(SearchCounters&) const {}
      };
      struct Blk {
        int Candidates(int64_t) const {
          return getenv("BLK") ? atoi(getenv("BLK")) : 128;
        }
        void Report(SearchCounters&) const {}
      };
      return Assemble(std::move(planted), strategy,
                      Slots<NoFloor, LevelCache, NoDedupe, Blk, Near>{
                          {}, LevelCache(std::move(table)), {}, {}, {}, {}});
    }
  }
  return Assemble(std::move(planted), strategy, EmptySlots());
}

}  // namespace

template <class Metric>
absl::StatusOr<ComposedSearcher<Metric>> ComposeSearcher(
    std::shared_ptr<const Metric> metric, Strategy strategy,
    const CoverTreeConfig& tree, const HeuristicsConfig& heuristics,
    int threads) {
  switch (strategy) {
    case EXHAUSTIVE:
      return ComposedSearcher<Metric>{
          std::make_unique<ExhaustiveSearcher<Metric>>(std::move(metric)), 0};
    case LEVEL_SYNCHRONOUS:
    case BEST_FIRST:
      RCT_RETURN_IF_ERROR(ValidateCoverTreeConfig(tree));
      RCT_RETURN_IF_ERROR(ValidateBounds(*metric));
      return ComposeTree(std::move(metric), strategy, tree, heuristics,
                         threads);
    case STRATEGY_UNSPECIFIED:
      break;
  }
  return absl::InvalidArgumentError(
      "strategy: not given; choose EXHAUSTIVE, LEVEL_SYNCHRONOUS or "
      "BEST_FIRST");
}

template absl::StatusOr<ComposedSearcher<ResidualCorrelation>> ComposeSearcher(
    std::shared_ptr<const ResidualCorrelation>, Strategy,
    const CoverTreeConfig&, const HeuristicsConfig&, int);
template absl::StatusOr<ComposedSearcher<EuclideanDistance>> ComposeSearcher(
    std::shared_ptr<const EuclideanDistance>, Strategy, const CoverTreeConfig&,
    const HeuristicsConfig&, int);

}  // namespace rct
