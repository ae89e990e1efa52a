#include "metric/euclidean_range.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/matrix.h"
#include "base/status_macros.h"

namespace rct {
namespace {

// Ordinary coordinates other than 0 have kMinOrdinary <= |x| < kMaxOrdinary.
constexpr double kMinOrdinary = 0x1p-450;
constexpr double kMaxOrdinary = 0x1p500;

bool IsSmall(double x) { return x != 0 && std::abs(x) < kMinOrdinary; }

// Returns the value that `x` has beside ordinary coordinates.
double WithoutSmall(double x) { return IsSmall(x) ? 0 : x; }

bool HasSmall(const double* point, int64_t dim) {
  return std::any_of(point, point + dim, IsSmall);
}

absl::Status ValidateLarge(std::string_view name,
                           MatrixView<const double> points) {
  for (int64_t i = 0; i < points.rows; ++i) {
    for (int64_t t = 0; t < points.cols; ++t) {
      if (std::abs(points(i, t)) < kMaxOrdinary) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          name, ": row ", i, ", column ", t, " is ", points(i, t),
          ": squares of distances so large overflow; multiply all coordinates "
          "by a small power of two"));
    }
  }
  return absl::OkStatus();
}

// Returns a column in which two points differ if they are equal without small
// coordinates, otherwise -1.
int64_t LostDifference(const double* a, const double* b, int64_t dim) {
  int64_t column = -1;
  for (int64_t t = 0; t < dim; ++t) {
    if (WithoutSmall(a[t]) != WithoutSmall(b[t])) return -1;
    if (a[t] != b[t]) column = t;
  }
  return column;
}

constexpr std::string_view kHowToMend =
    ": the square of the difference vanishes; multiply all coordinates by a "
    "large power of two, or set numbers so small to 0";

}  // namespace

bool HasSmallCoordinates(MatrixView<const double> points) {
  for (int64_t i = 0; i < points.rows; ++i) {
    if (HasSmall(points.row(i), points.cols)) return true;
  }
  return false;
}

absl::Status ValidateEuclideanPoints(MatrixView<const double> points) {
  RCT_RETURN_IF_ERROR(ValidateLarge("points", points));
  if (!HasSmallCoordinates(points)) return absl::OkStatus();
  // The order puts points that are equal without small coordinates side by
  // side, and among these the equal ones.
  std::vector<int64_t> order(points.rows);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&points](int64_t a, int64_t b) {
    const double* x = points.row(a);
    const double* y = points.row(b);
    for (int64_t t = 0; t < points.cols; ++t) {
      const double p = WithoutSmall(x[t]), q = WithoutSmall(y[t]);
      if (p != q) return p < q;
    }
    return std::lexicographical_compare(x, x + points.cols, y, y + points.cols);
  });
  for (int64_t i = 1; i < points.rows; ++i) {
    const auto [a, b] = std::minmax(order[i - 1], order[i]);
    const int64_t t = LostDifference(points.row(a), points.row(b), points.cols);
    if (t < 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "points: rows ", a, " and ", b, " differ by ", points(a, t), " and ",
        points(b, t), " in column ", t, kHowToMend));
  }
  return absl::OkStatus();
}

absl::Status ValidateEuclideanQueries(MatrixView<const double> queries,
                                      MatrixView<const double> data,
                                      bool data_small) {
  RCT_RETURN_IF_ERROR(ValidateLarge("query points", queries));
  for (int64_t i = 0; i < queries.rows; ++i) {
    if (!data_small && !HasSmall(queries.row(i), queries.cols)) continue;
    for (int64_t j = 0; j < data.rows; ++j) {
      const int64_t t = LostDifference(queries.row(i), data.row(j), data.cols);
      if (t < 0) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "query points: row ", i, " differs from a point of the data by ",
          queries(i, t), " and ", data(j, t), " in column ", t, kHowToMend));
    }
  }
  return absl::OkStatus();
}

}  // namespace rct
