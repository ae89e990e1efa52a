// k-means: Lloyd's algorithm ("Least squares quantization in PCM", IEEE Trans.
// Inf. Theory 28, 1982; Bell Labs 1957) in scaled coordinates.
//
// An iteration assigns each row to its nearest center, the lowest of several,
// and moves each center to the mean of its rows, as the old center plus the
// mean of their differences from it: a center that is at the place of all its
// rows stays there exactly. The sum of the squared distances to the nearest
// center does not grow, but for rounding. A center without rows moves to the
// row that is farthest from all others, which does not make the sum grow
// either.
//
// The result does not depend on the number of threads: a row's center depends
// on this row alone, and sums are those of segments, added in their order
// (metric/scaled_points.h).
//
// Cost: an iteration takes n m distances in one pass over the data, and memory
// for m (d + 1) numbers in each segment and for 4 n bytes.

#ifndef RCT_METRIC_KMEANS_H_
#define RCT_METRIC_KMEANS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "metric/scaled_points.h"

namespace rct {

// Returns the centers, m x d in scaled coordinates, after at most `iterations`
// from the places of `rows` on, m different ones. It stops when no row changes
// its center. Each iteration is a step of the work of `monitor`; if it is
// cancelled, the result is incomplete and must be dropped.
Matrix<double> KMeansCenters(const ScaledPoints& points,
                             absl::Span<const int64_t> rows, int iterations,
                             int threads, Monitor* monitor = nullptr);

// Returns `centers` in the coordinates of `data`, the points before they were
// scaled: c / `inverse_lengthscale`, where an empty span means 1.
//
// Two centers may be at one place, or be rounded to one. Then the later one
// takes the row that is farthest from all others, whose coordinates in `data`
// are copied: the result is m different places, where the data has as many.
Matrix<double> UnscaledCenters(const ScaledPoints& points,
                               MatrixView<const double> data,
                               absl::Span<const double> inverse_lengthscale,
                               MatrixView<const double> centers, int threads);

// Returns for each center, in turn, the nearest row whose place no earlier
// center has taken, the lowest of several. Assumes that the data has as many
// places as there are centers. Takes n m distances, and each center is a step
// of the work of `monitor`; if it is cancelled, the result must be dropped.
std::vector<int64_t> NearestRows(const ScaledPoints& points,
                                 MatrixView<const double> centers, int threads,
                                 Monitor* monitor = nullptr);

}  // namespace rct

#endif  // RCT_METRIC_KMEANS_H_
