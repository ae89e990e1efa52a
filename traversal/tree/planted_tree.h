// Planting a cover tree: from a metric and a config to all that a tree strategy
// searches.
//
//     metric -> nets -> order of storage -> tree -> metric in that order ->
//     balls
//
// A RESIDUAL tree takes its shape from the metric itself; a STATIC one from the
// Euclidean distance of the points, so that its nets depend on points and
// config alone and serve every metric over the same points. The balls are
// measured in the metric that is searched, whatever shaped the tree, and so the
// bounds of the search hold for both.
//
// Cost: that of BuildNets and MeasureBalls (cover_tree_builder.h), and a copy
// of the metric's points unless the order is NATURAL.

#ifndef RCT_TRAVERSAL_TREE_PLANTED_TREE_H_
#define RCT_TRAVERSAL_TREE_PLANTED_TREE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "base/monitor.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
#include "traversal/build_phase.h"
#include "traversal/row_order.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"

namespace rct {

template <class Metric>
struct PlantedTree {
  std::shared_ptr<const NetHierarchy> nets;  // in the caller's row numbers
  std::shared_ptr<const Metric> metric;      // with its points in `order`
  RowOrder order;
  MeasuredTree<Metric> tree;
};

// Plants a tree over `metric`, which holds the data in the caller's order, on
// `threads` >= 1 threads, and ends the phases "nets", "reordering" and "balls"
// of `clock`. `nets` are those of an earlier tree with the same config, over
// the same points if the tree is STATIC and over the same metric otherwise, or
// null. Requires a valid config, and of a residual metric that it has a
// rounding model. Returns Cancelled if `monitor` is.
template <class Metric>
absl::StatusOr<PlantedTree<Metric>> PlantTree(
    std::shared_ptr<const Metric> metric, const CoverTreeConfig& config,
    std::shared_ptr<const NetHierarchy> nets, int threads, Monitor* monitor,
    PhaseClock& clock);

extern template absl::StatusOr<PlantedTree<ResidualCorrelation>> PlantTree(
    std::shared_ptr<const ResidualCorrelation>, const CoverTreeConfig&,
    std::shared_ptr<const NetHierarchy>, int, Monitor*, PhaseClock&);
extern template absl::StatusOr<PlantedTree<EuclideanDistance>> PlantTree(
    std::shared_ptr<const EuclideanDistance>, const CoverTreeConfig&,
    std::shared_ptr<const NetHierarchy>, int, Monitor*, PhaseClock&);

}  // namespace rct

#endif  // RCT_TRAVERSAL_TREE_PLANTED_TREE_H_
