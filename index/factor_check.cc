#include "index/factor_check.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/matrix.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "metric/point_lanes.h"
#include "metric/residual_correlation.h"
#include "metric/residual_points.h"
#include "metric/simd_routines.h"
#include "metric/tile.h"
#include "traversal/row_order.h"
#include "traversal/tree/node_order.h"

namespace rct {
namespace {

constexpr char kWhatToCheck[] =
    "; check the kernel's variance, lengthscale and family, and that V, p and "
    "the points have their rows in the same order";

// The number of points on the curve. Neighbors along it are near each other.
constexpr int64_t kMaxOnCurve = 1 << 16;
constexpr uint64_t kStream = 0x666163746f727321;

// The number of points of a window, all pairs of which are checked. Windows are
// spread over the curve, and so are the points of the tile of far pairs.
constexpr int64_t kWindow = 32;
constexpr int64_t kMaxWindows = 128;

double Tolerance(const ResidualCorrelation& metric) {
  const auto m = static_cast<double>(metric.data().v.cols());
  return (1e-4 + m * 0x1p-24) * metric.kernel().variance();
}

absl::Status CheckRows(const ResidualCorrelation& metric) {
  const ResidualPoints& data = metric.data();
  const double variance = metric.kernel().variance();
  const double tolerance = Tolerance(metric);
  for (int64_t i = 0; i < data.size(); ++i) {
    const double* v = data.v.row(i);
    double squared;
    metric.simd().dot_tile(&v, 1, &v, 1, RoundUpToLanes(data.v.cols()),
                           &squared, 1);
    if (squared > variance + tolerance) {
      return absl::InvalidArgumentError(
          absl::StrCat("factors: V, row ", i, " has a squared length of ",
                       squared, ", more than the kernel's variance, ", variance,
                       ", so that correlations are above 1", kWhatToCheck));
    }
    if (data.variance[i] < variance - squared - tolerance) {
      return absl::InvalidArgumentError(absl::StrCat(
          "factors: residual variance, row ", i, " is ", data.variance[i],
          ", less than the kernel and V leave, ", variance - squared,
          ", so that correlations are above 1", kWhatToCheck));
    }
  }
  return absl::OkStatus();
}

// Checks every pair of `rows`.
absl::Status CheckPairs(const ResidualCorrelation& metric,
                        absl::Span<const int32_t> rows) {
  const ResidualPoints& data = metric.data();
  const auto count = static_cast<int>(rows.size());
  const int64_t stride = RoundUpToLanes(count);
  TileWorkspace workspace(metric.dim(), count, count);
  AlignedBuffer<double> rho(count * stride);
  metric.Correlations(data, rows, Candidates::List(rows), rho.data(), stride,
                      workspace);
  const double tolerance = Tolerance(metric);
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < i; ++j) {
      const double scale =
          std::sqrt(data.variance[rows[i]]) * std::sqrt(data.variance[rows[j]]);
      const double size = std::abs(rho[i * stride + j]);
      if (size * scale <= 1.01 * scale + tolerance) continue;
      const auto [a, b] = std::minmax(rows[i], rows[j]);
      return absl::InvalidArgumentError(absl::StrCat(
          "factors: rows ", a, " and ", b, " have a residual correlation of ",
          rho[i * stride + j], ", which is none", kWhatToCheck));
    }
  }
  return absl::OkStatus();
}

// Returns the rows along a curve through the points, or through a sample if
// there are many.
std::vector<int32_t> RowsOnCurve(MatrixView<const double> points) {
  RandomStream stream(/*seed=*/1, kStream);
  std::vector<int64_t> sample = SampleWithoutReplacement(
      points.rows, std::min(points.rows, kMaxOnCurve), stream);
  Matrix<double> some(static_cast<int64_t>(sample.size()), points.cols);
  for (int64_t i = 0; i < some.rows(); ++i) {
    std::copy_n(points.row(sample[i]), points.cols, some.row(i));
  }
  const RowOrder order = HilbertOrder(std::as_const(some).view());
  std::vector<int32_t> rows;
  rows.reserve(sample.size());
  for (const int32_t place : order.rows()) {
    rows.push_back(static_cast<int32_t>(sample[place]));
  }
  return rows;
}

}  // namespace

absl::Status CheckFactors(const ResidualCorrelation& metric) {
  RCT_RETURN_IF_ERROR(CheckRows(metric));
  const std::vector<int32_t> rows = RowsOnCurve(metric.data().points.view());
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t windows =
      std::min(kMaxWindows, (count + kWindow - 1) / kWindow);
  std::vector<int32_t> far;
  for (int64_t w = 0; w < windows; ++w) {
    const int64_t first = w * count / windows;
    const int64_t size = std::min(kWindow, count - first);
    RCT_RETURN_IF_ERROR(
        CheckPairs(metric, absl::MakeConstSpan(rows).subspan(first, size)));
    far.push_back(rows[first]);
  }
  return CheckPairs(metric, far);
}

}  // namespace rct
