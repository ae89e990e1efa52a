// Building a cover tree, level by level.
//
// From C_l, with each row's nearest net point known, C_{l+1} is made greedily:
// rows further than r_{l+1} from the net are taken in row order; one becomes a
// net point unless an earlier one covers it. Rows are tried in batches, whose
// members are compared among themselves, and each new net point is then
// compared with the rows around it, so the outcome is that of one row at a
// time.
//
// A new point y can be nearer to a row x than x's net point p in C_l only if
// d(y, p) < 2 max d(., p) over p's rows: other cells are passed over. For the
// residual metric this holds for the angles of residual_correlation.h.
//
// Cost, in evaluations: |C_L|^2 / 2 between net points, plus the rows of the
// cells that they reach: n |C_L| where nothing is far from anything, as at the
// coarse end of a residual metric, and n log n where cells are small.

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

// Nets of `metric`, which holds the data in the caller's order. Requires a
// valid config, and of a residual metric that it has a rounding model. What a
// cancelled monitor leaves is of no use, here and below.
template <class Metric>
NetHierarchy BuildNets(const Metric& metric, const CoverTreeConfig& config,
                       int threads, Monitor* monitor = nullptr);

// The ball of each segment of `tree`, measured in `metric`, which holds the
// data in the tree's order: direct maxima over all descendants, whatever
// distance shaped the tree. Cost: the sum of all nodes' depths, in evaluations,
// which are added to `distance_evaluations` if that is given.
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
