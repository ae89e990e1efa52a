// The inducing points Z: the m points whose span is taken out of the process.
//
// They are given as rows or coordinates, drawn at random, or chosen by distance
// in coordinates divided by the lengthscales: rows by k-means++ or
// farthest-first (metric/seeding.h), or the centers of k-means
// (metric/kmeans.h). Every choice is a pure function of the points, the config
// and the lengthscales, with the same bits on every machine and for any number
// of threads.

#ifndef RCT_METRIC_INDUCING_POINTS_H_
#define RCT_METRIC_INDUCING_POINTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "metric/metric.pb.h"
#include "metric/simd_routines.h"

namespace rct {

struct InducingPoints {
  // The coordinates, m x d.
  Matrix<double> coordinates;
  // The m rows of the data that the points are; empty if they are no rows.
  std::vector<int64_t> rows;
};

// How inducing points are selected.
struct SelectionOptions {
  // The lengthscales' inverses, one for each coordinate, as Kernel::spec() has
  // them; none means 1.
  absl::Span<const double> inverse_lengthscale = {};
  int threads = 1;
  // Null means none.
  Monitor* monitor = nullptr;
  // For tests: all tables give the same bits.
  const SimdRoutines* simd = &BestSimdRoutines();
};

// Whether `config` chooses by distance. Then the points it selects depend on
// the lengthscales.
bool ChoosesByDistance(const InducingConfig& config);

// Returns the number of passes over n x m pairs of a row and an inducing point
// that the selection takes: 0 unless it chooses by distance.
int SelectionPasses(const InducingConfig& config);

// Returns the number of points that `config` selects from n x d points. Where
// it is not valid, the number is at least 0, and at most n unless coordinates
// are given.
int64_t InducingCount(const InducingConfig& config, int64_t n, int64_t dim);

// Returns the points that `config` selects from finite `points` (n x d). Those
// that are rows are in the order in which they are given, ascending if drawn at
// random, and else in the order of the choice. None are 0 x d.
//
// Returns InvalidArgument, with the field and element, if no source or no point
// is given, a row is out of range or repeated, the coordinates are no multiple
// of d or not finite, more points are requested than rows or distinct places
// exist, or squares of distances overflow or vanish (metric/euclidean_range.h);
// ResourceExhausted, for lack of memory, and Cancelled.
absl::StatusOr<InducingPoints> SelectInducingPoints(
    const InducingConfig& config, MatrixView<const double> points,
    const SelectionOptions& options = {});

// Returns InvalidArgument, with the first row and column, if a value is not
// finite, or if there are more than kMaxRows rows, no columns or more than
// kMaxColumns (base/limits.h). The message begins with `name`.
absl::Status ValidateFinite(const char* name, MatrixView<const double> points);

}  // namespace rct

#endif  // RCT_METRIC_INDUCING_POINTS_H_
