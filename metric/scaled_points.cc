#include "metric/scaled_points.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/memory_limit.h"
#include "base/status_macros.h"
#include "metric/euclidean_range.h"
#include "metric/point_lanes.h"
#include "metric/simd_routines.h"

namespace rct {
namespace {

// The fewest rows that are worth a task of their own.
constexpr int64_t kMinSegment = 1024;

int64_t SegmentSize(int64_t rows) {
  const int64_t even =
      (rows + ScaledPoints::kMaxSegments - 1) / ScaledPoints::kMaxSegments;
  return RoundUpToLanes(std::max(kMinSegment, even));
}

}  // namespace

absl::StatusOr<ScaledPoints> ScaledPoints::Create(
    MatrixView<const double> points,
    absl::Span<const double> inverse_lengthscale, const SimdRoutines& simd) {
  // The coordinates twice, and what choices keep for each row.
  const double numbers = static_cast<double>(points.rows) *
                         (2.0 * static_cast<double>(points.cols) + 2.0);
  RCT_RETURN_IF_ERROR(CheckMemory(
      sizeof(double) * numbers,
      absl::StrCat("the scaled coordinates of ", points.rows, " points"),
      "give inducing points that are chosen already"));
  Matrix<double> scaled = Matrix<double>::Copy(points);
  for (int64_t i = 0; i < points.rows; ++i) {
    for (int64_t t = 0; t < points.cols; ++t) {
      if (!inverse_lengthscale.empty()) scaled(i, t) *= inverse_lengthscale[t];
    }
  }
  const absl::Status range =
      ValidateEuclideanPoints(std::as_const(scaled).view());
  if (!range.ok()) {
    return absl::Status(
        range.code(),
        absl::StrCat("coordinates divided by lengthscales: ", range.message()));
  }
  return ScaledPoints(std::as_const(scaled).view(), simd);
}

ScaledPoints::ScaledPoints(MatrixView<const double> scaled,
                           const SimdRoutines& simd)
    : size_(scaled.rows),
      segment_size_(SegmentSize(scaled.rows)),
      lanes_(scaled),
      simd_(&simd) {}

std::vector<double> ScaledPoints::Place(int64_t row) const {
  std::vector<double> place(dim());
  for (int64_t t = 0; t < dim(); ++t) place[t] = Coordinate(row, t);
  return place;
}

int64_t ScaledPoints::LowestRowAtPlaceOf(int64_t row) const {
  const CoordinateLanes lanes = lanes_.From(0);
  for (int64_t i = 0; i < row; ++i) {
    int64_t t = 0;
    while (t < dim() && lanes.data[t * lanes.stride + i] ==
                            lanes.data[t * lanes.stride + row]) {
      ++t;
    }
    if (t == dim()) return i;
  }
  return row;
}

}  // namespace rct
