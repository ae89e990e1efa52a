// The inner loops of a box tree, for each instruction set: squared distances of
// one point to the boxes below a node, and to the points of a leaf.
//
// Both are sums of squares by the chain of operations that defines squared
// Euclidean distance (SimdRoutines::squared_euclidean_row), so that distances
// have its bits, and so that the bound of a box is one for computed numbers
// (box_tree.h).

#ifndef RCT_TRAVERSAL_BLOCK_BOX_ROUTINES_H_
#define RCT_TRAVERSAL_BLOCK_BOX_ROUTINES_H_

#include <cstdint>

#include "metric/isa.h"

namespace rct {

// The children of a node, and the points of a leaf.
inline constexpr int kBoxFan = 8;
inline constexpr int kBoxLeaf = 16;

struct BoxRoutines {
  Isa isa;

  // Stores the kBoxFan squared distances of `x` to boxes, and returns a mask of
  // those that are at most `threshold`. Coordinate t of box c lies from
  // boxes[2 kBoxFan t + c] to boxes[2 kBoxFan t + kBoxFan + c].
  uint32_t (*boxes)(const double* x, int dim, const double* boxes,
                    double threshold, double* squared);

  // Does the same for kBoxLeaf points: coordinate t of point i is
  // points[kBoxLeaf t + i].
  uint32_t (*points)(const double* x, int dim, const double* points,
                     double threshold, double* squared);
};

// Returns the table for `isa`, or null where this machine or build lacks it.
const BoxRoutines* BoxRoutinesFor(Isa isa);

}  // namespace rct

#endif  // RCT_TRAVERSAL_BLOCK_BOX_ROUTINES_H_
