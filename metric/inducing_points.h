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
  Matrix<double> coordinates;  // m x d
  std::vector<int64_t> rows;   // m rows of the data; empty if they are not rows
};

// Reads Z from `config`: rows of `points` (n x d), coordinates, a random draw,
// or none (0 x d). InvalidArgument, naming the field and element, where no
// source or no point is given, a row is out of range or there twice, the
// coordinates are no multiple of d or not finite, or more random points are
// asked for than exist.
absl::StatusOr<InducingPoints> SelectInducingPoints(
    const InducingConfig& config, MatrixView<const double> points);

// InvalidArgument with the first row and column that is not finite, or where
// there are more than 2^31 - 9 rows, no columns or more than 2^20. `name` opens
// the message.
absl::Status ValidateFinite(const char* name, MatrixView<const double> points);

}  // namespace rct

#endif  // RCT_METRIC_INDUCING_POINTS_H_
