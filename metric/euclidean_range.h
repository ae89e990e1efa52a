// Which coordinates Euclidean distances can be computed of.
//
// Squares of differences above 2^511 overflow, and those below 2^-537 vanish,
// and what is computed of such is no distance. Coordinates are *ordinary* if
// they are 0 or from 2^-450 (3e-136) to below 2^500 (3e150) in size. Two of
// them that differ do so by 2^-502 at least (2^-450 times half a unit in the
// last place), and the sum of 2^20 squares stays below 2^1022: every distance
// is right, but for its rounding.
//
// Larger coordinates are refused. Smaller ones are usual beside ordinary ones
// (what has underflowed elsewhere), and their squares may vanish. Beside the
// square of a difference of ordinary ones, 2^-1004 or more, what they lose is
// far below its rounding. So points are refused only where two differ in small
// coordinates alone.
//
// Whoever has such coordinates multiplies all of them by one power of two: that
// is exact, and changes distances by the same factor.
//
// Cost: one pass over the coordinates; a sort of the points, and for each new
// point one pass over the data, only where small coordinates are.

#ifndef RCT_METRIC_EUCLIDEAN_RANGE_H_
#define RCT_METRIC_EUCLIDEAN_RANGE_H_

#include "absl/status/status.h"
#include "base/matrix.h"

namespace rct {

// Whether a coordinate of the points is smaller than ordinary ones, and not 0.
bool HasSmallCoordinates(MatrixView<const double> points);

// InvalidArgument, naming row and column, unless all distances among the finite
// `points`, n x d with d <= 2^20, are in range.
absl::Status ValidateEuclideanPoints(MatrixView<const double> points);

// The same for the distances between `queries` and `data`, which are points
// that were validated; `data_small` is HasSmallCoordinates(data).
absl::Status ValidateEuclideanQueries(MatrixView<const double> queries,
                                      MatrixView<const double> data,
                                      bool data_small);

}  // namespace rct

#endif  // RCT_METRIC_EUCLIDEAN_RANGE_H_
