// Point sets by name: the workloads that experiments generate and tests share.

#ifndef RCT_BASE_POINT_SETS_H_
#define RCT_BASE_POINT_SETS_H_

#include <cstdint>

#include "base/matrix.h"

namespace rct {

enum class PointSet {
  kNormal,       // standard normal coordinates
  kUniformCube,  // uniform in [0, 1)^d
  kClusters,     // normal around centers that are uniform in [0, 1)^d
  kGrid,         // the first n nodes of the smallest cubic grid in [0, 1]^d
  kCircle,       // uniform on the unit sphere in d dimensions
};

struct ClusterShape {
  int64_t count = 128;   // centers, >= 1; point i has center i mod count
  double radius = 0.01;  // standard deviation of each coordinate
};

// Returns n x d coordinates, n >= 0, d >= 1: a pure function of its arguments,
// with the same bits on every machine. Only kClusters uses `clusters`.
Matrix<double> MakePointSet(PointSet set, int64_t n, int64_t dim, uint64_t seed,
                            const ClusterShape& clusters = {});

}  // namespace rct

#endif  // RCT_BASE_POINT_SETS_H_
