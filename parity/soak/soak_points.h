// The points of a case of the soak.

#ifndef RCT_PARITY_SOAK_SOAK_POINTS_H_
#define RCT_PARITY_SOAK_SOAK_POINTS_H_

#include <cstdint>

#include "base/matrix.h"
#include "parity/soak/soak.pb.h"

namespace rct {

// Returns count x dim points. Assumes that `spec` names a shape of
// metric/test_data.h.
Matrix<double> MakeSoakPoints(const SoakPoints& spec);

// Returns `count` new points beside `points` (n x d, n >= 1): copies of rows,
// rows moved a little, points of the same shape and points far away.
Matrix<double> MakeNewPoints(MatrixView<const double> points,
                             const SoakPoints& spec, int64_t count,
                             uint64_t seed);

}  // namespace rct

#endif  // RCT_PARITY_SOAK_SOAK_POINTS_H_
