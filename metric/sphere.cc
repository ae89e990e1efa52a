#include "metric/sphere.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/matrix.h"
#include "base/status_macros.h"

namespace rct {
namespace {

// pi / 180 as the sum of two doubles.
constexpr double kRadians = 0x1.1df46a2529d39p-6;
constexpr double kRadiansRest = 0x1.5c1d8becdd291p-62;

// Coefficients of Taylor's series, in powers of z = t^2:
//   sin t = t + t z (-1/3! + z/5! - ...),  cos t = 1 - z/2 + z^2 (1/4! - ...).
// For |t| <= pi / 4 the terms left out are below 2^-62.
constexpr double kSine[] = {-1.0 / 6,
                            1.0 / 120,
                            -1.0 / 5040,
                            1.0 / 362880,
                            -1.0 / 39916800,
                            1.0 / 6227020800,
                            -1.0 / 1307674368000,
                            1.0 / 355687428096000};
constexpr double kCosine[] = {
    1.0 / 24,        -1.0 / 720,         1.0 / 40320,         -1.0 / 3628800,
    1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000};

// Returns the sum of coefficients[i] * z^i.
template <int size>
double Polynomial(const double (&coefficients)[size], double z) {
  double sum = coefficients[size - 1];
  for (int i = size - 2; i >= 0; --i) sum = std::fma(sum, z, coefficients[i]);
  return sum;
}

// Returns sine and cosine of an angle from -45 to 45 degrees. The angle in
// radians is t + rest, where |rest| is below one unit in the last place of t:
// sin(t + rest) = sin t + rest cos t, and cos(t + rest) = cos t - rest sin t.
SinCos OfReduced(double degrees) {
  const double t = degrees * kRadians;
  const double rest =
      std::fma(degrees, kRadiansRest, std::fma(degrees, kRadians, -t));
  const double z = t * t;
  const double sine_rest = std::fma(rest * z, -0.5, rest);
  const double sine = t + std::fma(t * z, Polynomial(kSine, z), sine_rest);
  // 1 - z / 2 rounded, and what the rounding has taken.
  const double half = 0.5 * z;
  const double head = 1 - half;
  const double head_rest = (1 - head) - half;
  const double square_rest = std::fma(t, t, -z);
  const double tail = std::fma(z * z, Polynomial(kCosine, z), head_rest);
  return {sine, head + (tail - std::fma(t, rest, 0.5 * square_rest))};
}

absl::Status OutOfRange(int64_t row, int64_t column, double value,
                        std::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(
      "row ", row, ", column ", column, " is ", value, "; a ", problem));
}

// Returns InvalidArgument unless row i begins with a longitude and a latitude.
absl::Status CheckPlace(MatrixView<const double> places, int64_t i) {
  const double lon = places(i, 0), lat = places(i, 1);
  if (!(lon >= -180 && lon <= 360)) {
    return OutOfRange(i, 0, lon, "longitude must be from -180 to 360 degrees");
  }
  if (!(lat >= -90 && lat <= 90)) {
    return OutOfRange(i, 1, lat,
                      "latitude must be from -90 to 90 degrees; the longitude "
                      "comes first");
  }
  return absl::OkStatus();
}

}  // namespace

SinCos SinCosOfDegrees(double degrees) {
  // The nearest multiple of 90. The difference is exact: either the multiple is
  // 0, or the two numbers are within a factor of two (Sterbenz 1974).
  const double quarter = std::nearbyint(degrees / 90);
  const SinCos reduced = OfReduced(degrees - 90 * quarter);
  // Adding a zero makes the zero of a negative sign positive.
  switch (static_cast<int>(quarter) & 3) {
    case 0:
      return {reduced.sin + 0.0, reduced.cos + 0.0};
    case 1:
      return {reduced.cos + 0.0, -reduced.sin + 0.0};
    case 2:
      return {-reduced.sin + 0.0, -reduced.cos + 0.0};
    default:
      return {-reduced.cos + 0.0, reduced.sin + 0.0};
  }
}

absl::StatusOr<Matrix<double>> LonLatToChord(MatrixView<const double> places,
                                             double radius) {
  if (places.cols < 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the number of columns is ", places.cols,
        "; at least two are needed, and the first two are longitude and "
        "latitude"));
  }
  Matrix<double> chords(places.rows, places.cols + 1);
  for (int64_t i = 0; i < places.rows; ++i) {
    RCT_RETURN_IF_ERROR(CheckPlace(places, i));
    const SinCos lon = SinCosOfDegrees(places(i, 0));
    const SinCos lat = SinCosOfDegrees(places(i, 1));
    double* row = chords.row(i);
    row[0] = radius * (lat.cos * lon.cos) + 0.0;
    row[1] = radius * (lat.cos * lon.sin) + 0.0;
    row[2] = radius * lat.sin;
    std::copy(places.row(i) + 2, places.row(i) + places.cols, row + 3);
  }
  return chords;
}

double ChordOfArc(double arc, double radius) {
  const double half_turn = 2 * std::asin(1.0);
  const double angle = std::min(std::max(arc, 0.0) / radius, half_turn);
  return 2 * radius * std::sin(angle / 2);
}

double ArcOfChord(double chord, double radius) {
  const double sine = std::max(chord, 0.0) / (2 * radius);
  return 2 * radius * std::asin(std::min(sine, 1.0));
}

}  // namespace rct
