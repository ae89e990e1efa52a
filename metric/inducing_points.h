// The inducing points Z: the m points whose span is taken out of the process.

#ifndef RCT_METRIC_INDUCING_POINTS_H_
#define RCT_METRIC_INDUCING_POINTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "metric/metric.pb.h"

namespace rct {

struct InducingPoints {
  // The coordinates, m x d.
  Matrix<double> coordinates;
  // The m rows of the data that the points are; empty if they are no rows.
  std::vector<int64_t> rows;
};

// Returns the points that `config` chooses: rows of `points` (n x d),
// coordinates, a random draw, or none (0 x d). Returns InvalidArgument, with
// the field and element, if no source or no point is given, a row is out of
// range or repeated, the coordinates are no multiple of d or not finite, or
// more random points are requested than exist.
absl::StatusOr<InducingPoints> SelectInducingPoints(
    const InducingConfig& config, MatrixView<const double> points);

// Returns InvalidArgument, with the first row and column, if a value is not
// finite, or if there are more than kMaxRows rows, no columns or more than
// kMaxColumns (base/limits.h). The message begins with `name`.
absl::Status ValidateFinite(const char* name, MatrixView<const double> points);

}  // namespace rct

#endif  // RCT_METRIC_INDUCING_POINTS_H_
