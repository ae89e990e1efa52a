// The range of coordinates within which Euclidean distances are right.
//
// The square of a difference above 2^511 overflows, and that of one below
// 2^-537 vanishes. A coordinate is *ordinary* if it is 0 or its size is in
// [2^-450, 2^500), that is from 3e-136 to 3e150. Two ordinary coordinates that
// differ do so by at least 2^-502 (2^-450 times half a unit in the last place),
// and the sum of 2^20 squares stays below 2^1022: every distance is right, but
// for its rounding.
//
// Larger coordinates are refused. Smaller ones are common beside ordinary ones,
// as numbers that underflowed elsewhere, and their squares may vanish. Beside
// the square of a difference of ordinary coordinates, at least 2^-1004, this
// loss is far below the rounding. Points are therefore refused only if two of
// them differ in small coordinates alone.
//
// The remedy is to multiply all coordinates by one power of two, which is exact
// and multiplies distances by the same factor.
//
// Cost: one pass over the coordinates. Only if some are small, a sort of the
// points, and one pass over the data for each query.

#ifndef RCT_METRIC_EUCLIDEAN_RANGE_H_
#define RCT_METRIC_EUCLIDEAN_RANGE_H_

#include "absl/status/status.h"
#include "base/matrix.h"

namespace rct {

// Returns true if a coordinate is not 0 and smaller than ordinary ones.
bool HasSmallCoordinates(MatrixView<const double> points);

// Returns InvalidArgument, with row and column, unless all distances among the
// finite `points`, n x d with d <= kMaxColumns, are right.
absl::Status ValidateEuclideanPoints(MatrixView<const double> points);

// Returns the same error for the distances between `queries` and `data`.
// Assumes that `data` was validated and that `data_small` is
// HasSmallCoordinates(data).
absl::Status ValidateEuclideanQueries(MatrixView<const double> queries,
                                      MatrixView<const double> data,
                                      bool data_small);

}  // namespace rct

#endif  // RCT_METRIC_EUCLIDEAN_RANGE_H_
