#include "traversal/tree/planted_tree.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/status_macros.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
#include "traversal/build_phase.h"
#include "traversal/row_order.h"
#include "traversal/tree/cover_tree.h"
#include "traversal/tree/cover_tree_builder.h"
#include "traversal/tree/node_order.h"

namespace rct {
namespace {

// The share of the work that a monitor is told for the nets: balls are measured
// on about as many pairs as nets are, several for each row.
constexpr double kNetsShare = 0.5;

template <class Metric>
NetHierarchy ShapeNets(const Metric& metric, const CoverTreeConfig& config,
                       int threads, Monitor* monitor) {
  if (config.structure() == CoverTreeConfig::RESIDUAL) {
    return BuildNets(metric, config, threads, monitor);
  }
  const EuclideanDistance euclidean({metric.data().points.Share()},
                                    metric.simd());
  return BuildNets(euclidean, config, threads, monitor);
}

}  // namespace

template <class Metric>
absl::StatusOr<PlantedTree<Metric>> PlantTree(
    std::shared_ptr<const Metric> metric, const CoverTreeConfig& config,
    std::shared_ptr<const NetHierarchy> nets, int threads, Monitor* monitor,
    PhaseClock& clock) {
  int64_t nets_evaluations = 0;
  if (nets == nullptr) {
    const Monitor::Part part(monitor, kNetsShare);
    nets = std::make_shared<const NetHierarchy>(
        ShapeNets(*metric, config, threads, monitor));
    nets_evaluations = nets->distance_evaluations;
  }
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  RowOrder order =
      MakeNodeOrder(config.node_order(), *nets, metric->data().points.view());
  MeasuredTree<Metric> tree{AssembleCoverTree(*nets, order), {}};
  clock.End("nets", nets_evaluations, tree.tree.bytes());

  int64_t bytes = 0;
  if (config.node_order() != CoverTreeConfig::NATURAL) {
    metric = std::make_shared<Metric>(metric->Reordered(order.rows()));
    bytes = metric->size() * metric->point_width() *
            static_cast<int64_t>(sizeof(double));
  }
  clock.End("reordering", 0, bytes);

  int64_t ball_evaluations = 0;
  tree.balls =
      MeasureBalls(*metric, tree.tree, threads, &ball_evaluations, monitor);
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  clock.End("balls", ball_evaluations,
            static_cast<int64_t>(tree.balls.size() * sizeof(tree.balls[0])));
  return PlantedTree<Metric>{std::move(nets), std::move(metric),
                             std::move(order), std::move(tree)};
}

template absl::StatusOr<PlantedTree<ResidualCorrelation>> PlantTree(
    std::shared_ptr<const ResidualCorrelation>, const CoverTreeConfig&,
    std::shared_ptr<const NetHierarchy>, int, Monitor*, PhaseClock&);
template absl::StatusOr<PlantedTree<EuclideanDistance>> PlantTree(
    std::shared_ptr<const EuclideanDistance>, const CoverTreeConfig&,
    std::shared_ptr<const NetHierarchy>, int, Monitor*, PhaseClock&);

}  // namespace rct
