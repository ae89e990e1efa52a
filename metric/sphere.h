// Places on the Earth as points in space, so that Euclidean distance is right
// for them.
//
// Longitude and latitude are no coordinates of a plane: a degree of longitude
// is 111 km at the equator and nothing at a pole, and 179.9 E lies beside
// 179.9 W. Each place becomes the point of a sphere in space
//
//     (R cos(lat) cos(lon),  R cos(lat) sin(lon),  R sin(lat))
//
// and the distance of two of these points is their chord, the straight line
// through the sphere:
//
//     chord = 2 R sin(arc / (2 R)),     0 <= arc <= pi R,
//
// where the arc is the great-circle distance. The sine grows there, so that the
// order by chord is the order by great-circle distance: Euclidean neighbors of
// the points are great-circle neighbors of the places. A covariance function of
// space, applied to chords, is positive definite on the sphere, which it need
// not be as a function of the arc (Yadrenko 1983; Gneiting 2013). Up to 1,000
// km a chord is shorter than its arc by less than 0.11 percent.
//
// Accuracy. Sines and cosines have errors below 0.8 * 2^-53, and each of two
// products rounds by at most 2^-53 of itself: a coordinate is within 2^-51 R of
// the exact one, 3 nanometres on the Earth. Order is that of the chords as
// computed: two places whose distances from a query differ by a few nanometres
// may come in either order. Places that are one place are one point, bit for
// bit: longitudes that differ by 360 degrees, and all longitudes at a pole.
// Zeros are positive.
//
// Reproducibility. The sines and cosines of C's library differ from one version
// to the next. Those here are a fixed sequence of correctly rounded additions,
// multiplications and fused multiply-adds: the same bits on every machine. An
// angle is reduced exactly, in degrees, to [-45, 45] and a multiple of 90.
//
// Cost: some 60 operations for each place.

#ifndef RCT_METRIC_SPHERE_H_
#define RCT_METRIC_SPHERE_H_

#include "absl/status/statusor.h"
#include "base/matrix.h"

namespace rct {

// The mean radius of the Earth in kilometres (of the ellipsoid GRS 80).
inline constexpr double kEarthRadius = 6371.0088;

// Returns for each row (longitude, latitude, further columns ...), in degrees,
// the row (x, y, z, further columns ...). Returns InvalidArgument, with row and
// column, for a longitude outside [-180, 360], a latitude outside [-90, 90],
// NaN among them, and for fewer than two columns. Assumes that `radius` is
// positive and finite.
absl::StatusOr<Matrix<double>> LonLatToChord(MatrixView<const double> places,
                                             double radius = kEarthRadius);

// Convert distances between two places of a sphere: arcs from 0 to pi * radius,
// chords from 0 to 2 * radius. What exceeds the range counts as its end. These
// are for people, who give and read distances; answers do not depend on them.
double ChordOfArc(double arc, double radius = kEarthRadius);
double ArcOfChord(double chord, double radius = kEarthRadius);

// The sine and the cosine of an angle.
struct SinCos {
  double sin;
  double cos;
};

// Returns sine and cosine of an angle in degrees, at most 360 in absolute
// value, each with an error below 0.8 units in the last place, and exactly at
// multiples of 90 degrees. Zeros are positive.
SinCos SinCosOfDegrees(double degrees);

}  // namespace rct

#endif  // RCT_METRIC_SPHERE_H_
