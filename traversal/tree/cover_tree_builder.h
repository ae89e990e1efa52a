// Building a cover tree, level by level.
//
// From C_l, with each row's nearest net point known, C_{l+1} is made greedily:
// the rows further than r_{l+1} from the net are taken in row order, and each
// becomes a net point unless an earlier one covers it. Rows are tried in
// batches, whose members are compared among themselves, and each new net point
// is then compared with the rows around it, so that the outcome is that of one
// row at a time.
//
// A new point y can be nearer to a row x than x's net point p in C_l only if
// d(y, p) < 2 max d(., p) over the rows of p, which are p's cell: other cells
// are passed over. For the residual metric this holds for the angles of
// residual_correlation.h.
//
// Cost, in evaluations: |C_L|^2 / 2 between net points, and one for each net
// point and row of a cell that it reaches. These are n |C_L| if no two points
// are far apart, as at the coarse end of a residual metric, and n log n if
// cells are small.

#ifndef RCT_TRAVERSAL_TREE_COVER_TREE_BUILDER_H_
#define RCT_TRAVERSAL_TREE_COVER_TREE_BUILDER_H_

#include <cstdint>
#include <vector>

#include "base/monitor.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"

namespace rct {

// Returns nets of `metric`. Assumes that `metric` holds the data in the
// caller's order, that a residual metric has a rounding model, and that
// `config` is valid. If `monitor` is cancelled, the result is incomplete and
// must be dropped; this holds for MeasureBalls() as well.
template <class Metric>
NetHierarchy BuildNets(const Metric& metric, const CoverTreeConfig& config,
                       int threads, Monitor* monitor = nullptr);

// Returns the ball of each segment of `tree` in `metric`, which holds the data
// in the tree's order. The balls are maxima over all descendants and rely on
// nothing about the distance that shaped the tree. Cost, in evaluations: the
// sum of all nodes' depths, which is added to `distance_evaluations` if that is
// given.
template <class Metric>
std::vector<typename Metric::Ball> MeasureBalls(
    const Metric& metric, const CoverTree& tree, int threads,
    int64_t* distance_evaluations = nullptr, Monitor* monitor = nullptr);

extern template NetHierarchy BuildNets(const ResidualCorrelation&,
                                       const CoverTreeConfig&, int, Monitor*);
extern template NetHierarchy BuildNets(const EuclideanDistance&,
                                       const CoverTreeConfig&, int, Monitor*);
extern template std::vector<ResidualCorrelation::Ball> MeasureBalls(
    const ResidualCorrelation&, const CoverTree&, int, int64_t*, Monitor*);
extern template std::vector<EuclideanDistance::Ball> MeasureBalls(
    const EuclideanDistance&, const CoverTree&, int, int64_t*, Monitor*);

}  // namespace rct

#endif  // RCT_TRAVERSAL_TREE_COVER_TREE_BUILDER_H_
