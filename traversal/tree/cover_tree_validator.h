// Checks a cover tree against its definition, pair by pair.

#ifndef RCT_TRAVERSAL_TREE_COVER_TREE_VALIDATOR_H_
#define RCT_TRAVERSAL_TREE_COVER_TREE_VALIDATOR_H_

#include <vector>

#include "absl/status/status.h"
#include "metric/euclidean_distance.h"
#include "metric/residual_correlation.h"
#include "traversal/row_order.h"
#include "traversal/tree/cover_tree.h"

namespace rct {

// Returns FailedPrecondition, naming the rows, at the first violation of
// nesting (there is one root, and levels grow downwards), covering or
// separation, or if a parent is not the nearest net point. Assumes that
// `metric` is the one that shaped the nets and holds the data in the caller's
// order. A radius may be missed by a relative 1e-9, the rounding of a cosine.
// Cost: n |C_L| evaluations.
template <class Metric>
absl::Status ValidateNets(const Metric& metric, const NetHierarchy& nets);

// Returns FailedPrecondition at the first violation of: each row is in the tree
// exactly once, segments hold the children of `nets` in order, and each point
// lies in the ball of every segment above it. Assumes that `metric` holds the
// data in `order`.
template <class Metric>
absl::Status ValidateTree(const Metric& metric, const NetHierarchy& nets,
                          const RowOrder& order, const CoverTree& tree,
                          const std::vector<typename Metric::Ball>& balls);

extern template absl::Status ValidateNets(const ResidualCorrelation&,
                                          const NetHierarchy&);
extern template absl::Status ValidateNets(const EuclideanDistance&,
                                          const NetHierarchy&);
extern template absl::Status ValidateTree(
    const ResidualCorrelation&, const NetHierarchy&, const RowOrder&,
    const CoverTree&, const std::vector<ResidualCorrelation::Ball>&);
extern template absl::Status ValidateTree(
    const EuclideanDistance&, const NetHierarchy&, const RowOrder&,
    const CoverTree&, const std::vector<EuclideanDistance::Ball>&);

}  // namespace rct

#endif  // RCT_TRAVERSAL_TREE_COVER_TREE_VALIDATOR_H_
