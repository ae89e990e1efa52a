#include "metric/euclidean_scale.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/matrix.h"
#include "base/status_macros.h"

namespace rct {
namespace {

// Of ordinary coordinates, 2^kLeast <= |x| < 2^(kMost + 1).
constexpr int kLeast = -450;
constexpr int kMost = 499;
constexpr double kSmall = 0x1p-450;
constexpr double kLarge = 0x1p500;

// Where a number is.
struct Place {
  double size = 0;
  int64_t row = 0;
  int64_t column = 0;
};

// A coordinate as it counts beside ordinary ones.
double WithoutSmall(double x) { return std::abs(x) < kSmall ? 0 : x; }

// More than the rounding of a distance.
constexpr double kDistanceSlack = 1 + 0x1p-20;

}  // namespace

absl::StatusOr<EuclideanScale> EuclideanScale::Choose(
    MatrixView<const double> points) {
  Place largest;
  Place smallest{std::numeric_limits<double>::infinity()};
  for (int64_t i = 0; i < points.rows; ++i) {
    for (int64_t t = 0; t < points.cols; ++t) {
      const double size = std::abs(points(i, t));
      if (size > largest.size) largest = {size, i, t};
      if (size != 0 && size < smallest.size) smallest = {size, i, t};
    }
  }
  EuclideanScale scale;
  if (largest.size == 0) return scale;
  const int most = std::ilogb(largest.size);
  const int least = std::ilogb(smallest.size);
  if (most <= kMost && least >= kLeast) return scale;
  // In the middle, or with the largest as large as can be.
  scale.exponent_ = std::min((kMost + kLeast - most - least) / 2, kMost - most);
  // Below that the product would be rounded.
  constexpr int kLeastNormal = std::numeric_limits<double>::min_exponent - 1;
  if (least + scale.exponent_ < kLeastNormal) {
    return absl::InvalidArgumentError(absl::StrCat(
        "points: row ", largest.row, ", column ", largest.column, " is ",
        largest.size, " and row ", smallest.row, ", column ", smallest.column,
        " is ", smallest.size,
        " but for their signs: no float64 holds the squares of both; scale the "
        "columns, or set the small ones to 0"));
  }
  if (scale.exponent_ < 0) RCT_RETURN_IF_ERROR(scale.MeasureBox(points));
  if (least + scale.exponent_ < kLeast) {
    RCT_RETURN_IF_ERROR(scale.ValidateDistinct(points));
  }
  return scale;
}

absl::Status EuclideanScale::MeasureBox(MatrixView<const double> points) {
  box_.resize(points.cols);
  double squared = 0;
  int64_t widest = 0;
  for (int64_t t = 0; t < points.cols; ++t) {
    Side& side = box_[t];
    for (int64_t i = 0; i < points.rows; ++i) {
      if (points(i, t) < points(side.low_row, t)) side.low_row = i;
      if (points(i, t) > points(side.high_row, t)) side.high_row = i;
    }
    side.low = std::ldexp(points(side.low_row, t), exponent_);
    side.high = std::ldexp(points(side.high_row, t), exponent_);
    const double width = side.high - side.low;
    if (width > box_[widest].high - box_[widest].low) widest = t;
    squared = std::fma(width, width, squared);
  }
  if (!std::isinf(Distance(std::sqrt(squared) * kDistanceSlack))) {
    return absl::OkStatus();
  }
  const Side& side = box_[widest];
  return absl::InvalidArgumentError(
      absl::StrCat("points: in column ", widest, " row ", side.low_row, " is ",
                   points(side.low_row, widest), " and row ", side.high_row,
                   " is ", points(side.high_row, widest),
                   ": distances so large are no float64; scale the points"));
}

absl::Status EuclideanScale::ValidateDistinct(
    MatrixView<const double> points) const {
  const Matrix<double> scaled = Apply(points);
  std::vector<int64_t> order(points.rows);
  std::iota(order.begin(), order.end(), 0);
  const auto less = [&](int64_t a, int64_t b) {
    for (int64_t t = 0; t < scaled.cols(); ++t) {
      const double x = WithoutSmall(scaled(a, t));
      const double y = WithoutSmall(scaled(b, t));
      if (x != y) return x < y;
    }
    return false;
  };
  std::sort(order.begin(), order.end(), less);
  for (int64_t i = 1; i < points.rows; ++i) {
    const auto [a, b] = std::minmax(order[i - 1], order[i]);
    if (less(order[i - 1], order[i])) continue;
    for (int64_t t = 0; t < points.cols; ++t) {
      if (points(a, t) == points(b, t)) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "points: rows ", a, " and ", b, " differ by ", points(a, t), " and ",
          points(b, t), " in column ", t,
          ", whose square vanishes beside those of the largest coordinates; "
          "scale the columns, or set numbers so small to 0"));
    }
  }
  return absl::OkStatus();
}

Matrix<double> EuclideanScale::Apply(MatrixView<const double> points) const {
  Matrix<double> scaled = Matrix<double>::Copy(points);
  if (exponent_ == 0) return scaled;
  for (int64_t i = 0; i < points.rows; ++i) {
    for (int64_t t = 0; t < points.cols; ++t) {
      scaled(i, t) = std::ldexp(points(i, t), exponent_);
    }
  }
  return scaled;
}

absl::Status EuclideanScale::Validate(MatrixView<const double> queries,
                                      MatrixView<const double> data) const {
  const auto error = [&](int64_t i, int64_t t, const auto&... what) {
    return absl::InvalidArgumentError(absl::StrCat("query points: row ", i,
                                                   ", column ", t, " is ",
                                                   queries(i, t), what...));
  };
  for (int64_t i = 0; i < queries.rows; ++i) {
    double squared = 0;
    int64_t widest = 0;
    int64_t small = -1;
    for (int64_t t = 0; t < queries.cols; ++t) {
      const double x = std::ldexp(queries(i, t), exponent_);
      if (!(std::abs(x) < kLarge)) {
        return error(i, t,
                     ", so far from the data that squares of distances "
                     "overflow; search for points near the data");
      }
      // What underflows counts as well.
      if (queries(i, t) != 0 && std::abs(x) < kSmall) small = t;
      if (box_.empty()) continue;
      const double width = std::max(x - box_[t].low, box_[t].high - x);
      if (std::abs(queries(i, t)) > std::abs(queries(i, widest))) widest = t;
      squared = std::fma(width, width, squared);
    }
    if (std::isinf(Distance(std::sqrt(squared) * kDistanceSlack))) {
      return error(i, widest,
                   ", so far from some of the data that the distance is no "
                   "float64; scale points and data");
    }
    for (int64_t j = 0; small >= 0 && j < data.rows; ++j) {
      bool differs = false;
      int64_t t = 0;
      for (; t < data.cols; ++t) {
        const double x = std::ldexp(queries(i, t), exponent_);
        if (WithoutSmall(x) != WithoutSmall(data(j, t))) break;
        differs = differs || x != data(j, t) || Distance(x) != queries(i, t);
      }
      if (t < data.cols || !differs) continue;
      return error(i, small,
                   ", and the point differs from one of the data by numbers so "
                   "small alone, whose squares vanish: set it to 0");
    }
  }
  return absl::OkStatus();
}

double EuclideanScale::ScaledRadius(double radius) const {
  if (exponent_ == 0 || !(radius > 0)) return radius;
  // Distances are 0 or larger than 2^-510: no radius below that is another.
  return std::max(std::ldexp(radius, exponent_), 0x1p-510);
}

double EuclideanScale::Distance(double scaled) const {
  return std::ldexp(scaled, -exponent_);
}

}  // namespace rct
