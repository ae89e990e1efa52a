// Orders in which a cover tree's points may lie in memory.

#ifndef RCT_TRAVERSAL_TREE_NODE_ORDER_H_
#define RCT_TRAVERSAL_TREE_NODE_ORDER_H_

#include "base/matrix.h"
#include "traversal/row_order.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/cover_tree.h"

namespace rct {

// Returns the rows along a Hilbert curve through the bounding box of `points`
// (n x d): neighbors in memory are neighbors in space. The curve has
// floor(63 / d) bits for each coordinate, at most 16, over the first 63
// coordinates (Skilling 2004, the transpose form). Ties keep row order.
RowOrder HilbertOrder(MatrixView<const double> points);

// Returns the rows level by level, with the children of a node together in row
// order, so that each segment is a range.
RowOrder BreadthFirstOrder(const NetHierarchy& nets);

// Returns the order that a config names.
RowOrder MakeNodeOrder(CoverTreeConfig::NodeOrder order,
                       const NetHierarchy& nets,
                       MatrixView<const double> points);

}  // namespace rct

#endif  // RCT_TRAVERSAL_TREE_NODE_ORDER_H_
