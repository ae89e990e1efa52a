// Point sets by name: the workloads that experiments generate and tests share.
// A pure function of its arguments, the same bits on every machine.

#ifndef RCT_BASE_POINT_SETS_H_
#define RCT_BASE_POINT_SETS_H_

#include <cstdint>

#include "base/matrix.h"

namespace rct {

enum class PointSet {
  kNormal,       // standard normal coordinates
  kUniformCube,  // uniform in [0, 1)^d
  kClusters,     // normal around centres that are uniform in [0, 1)^d
  kGrid,         // the first n places of the smallest cubic grid in [0, 1]^d
  kCircle,       // uniform on the unit sphere in d dimensions
};

struct ClusterShape {
  int64_t count = 128;   // centres, >= 1; points take turns
  double radius = 0.01;  // standard deviation of each coordinate
};

// n x d, n >= 0, d >= 1. `clusters` counts for kClusters only.
Matrix<double> MakePointSet(PointSet set, int64_t n, int64_t dim, uint64_t seed,
                            const ClusterShape& clusters = {});

}  // namespace rct

#endif  // RCT_BASE_POINT_SETS_H_
