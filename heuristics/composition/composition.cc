#include "heuristics/composition/composition.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/status_macros.h"
#include "heuristics/composition/heuristics.pb.h"
#include "heuristics/skeleton_bound/skeleton_bound.pb.h"
#include "heuristics/skeleton_bound/skeleton_searcher.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
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

template <class Metric>
ComposedSearcher<Metric> ComposeTree(std::shared_ptr<const Metric> metric,
                                     const CoverTreeConfig& config,
                                     int threads) {
  const NetHierarchy nets = ShapeNets(*metric, config, threads);
  int64_t distance_evaluations = nets.distance_evaluations;
  RowOrder order =
      MakeNodeOrder(config.node_order(), nets, metric->data().points.view());
  CoverTree tree = AssembleCoverTree(nets, order);
  if (config.node_order() != CoverTreeConfig::NATURAL) {
    metric = std::make_shared<Metric>(metric->Reordered(order.rows()));
  }
  auto balls = MeasureBalls(*metric, tree, threads, &distance_evaluations);
  return {std::make_unique<LevelSynchronousSearcher<Metric>>(
              std::move(metric), std::move(order), std::move(tree),
              std::move(balls)),
          distance_evaluations};
}

absl::StatusOr<ComposedSearcher<ResidualCorrelation>> ComposeBlocks(
    std::shared_ptr<const ResidualCorrelation> metric,
    const SkeletonBoundConfig& config, int threads) {
  RCT_RETURN_IF_ERROR(ValidateBounds(*metric));
  RCT_ASSIGN_OR_RETURN(auto searcher, SkeletonSearcher::Create(
                                          std::move(metric), config, threads));
  const int64_t evaluations = searcher->build_evaluations();
  return ComposedSearcher<ResidualCorrelation>{std::move(searcher),
                                               evaluations};
}

absl::StatusOr<ComposedSearcher<EuclideanDistance>> ComposeBlocks(
    const std::shared_ptr<const EuclideanDistance>&, const SkeletonBoundConfig&,
    int) {
  return absl::InvalidArgumentError(
      "strategy: BLOCK is for the residual correlation only");
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
      RCT_RETURN_IF_ERROR(ValidateCoverTreeConfig(tree));
      RCT_RETURN_IF_ERROR(ValidateBounds(*metric));
      return ComposeTree(std::move(metric), tree, threads);
    case BLOCK:
      return ComposeBlocks(std::move(metric), heuristics.skeleton_bound(),
                           threads);
    case STRATEGY_UNSPECIFIED:
      break;
  }
  return absl::InvalidArgumentError(
      "strategy: not given; choose EXHAUSTIVE, LEVEL_SYNCHRONOUS or BLOCK");
}

template absl::StatusOr<ComposedSearcher<ResidualCorrelation>> ComposeSearcher(
    std::shared_ptr<const ResidualCorrelation>, Strategy,
    const CoverTreeConfig&, const HeuristicsConfig&, int);
template absl::StatusOr<ComposedSearcher<EuclideanDistance>> ComposeSearcher(
    std::shared_ptr<const EuclideanDistance>, Strategy, const CoverTreeConfig&,
    const HeuristicsConfig&, int);

}  // namespace rct
