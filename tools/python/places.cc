#include "tools/python/places.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/status_macros.h"
#include "index/places.h"
#include "metric/inducing_points.h"
#include "metric/sphere.h"
#include "tools/python/arguments.h"
#include "tools/python/binding.h"
#include "tools/python/calls.h"
#include "tools/python/errors.h"

namespace rct {
namespace {

namespace py = pybind11;

constexpr char kUniqueDoc[] =
    R"(The distinct places of points, (n, d) finite numbers.

Two points are at one place if all their coordinates are equal; -0.0 equals 0.0.

Returns rows, the first row of each place, ascending; inverse, (n,), the place of
each point; and counts, the number of points at each place. So points[rows] are
the places, and points[rows][inverse] equals points.)";

constexpr char kLonLatDoc[] =
    R"(Longitude and latitude as points of a sphere in space.

lon_lat    (n, 2) degrees: longitudes from -180 to 360, latitudes from -90 to 90.
           Further columns stay what they are.
radius_km  Of the sphere; its unit becomes that of the result.

Returns (n, 3) float64, or one column more than there were. Distances of the
results are chords c = 2 r sin(arc / 2 r), in the order of great-circle
distances: neighbors across the antimeridian and around the poles are right, and
a lengthscale is in kilometres. The same bits on every machine.)";

py::array Copy(const std::vector<int64_t>& values) {
  return py::array_t<int64_t>(static_cast<py::ssize_t>(values.size()),
                              values.data());
}

py::tuple Unique(const py::object& points) {
  const CArray<double> data = Points("points", points);
  ThrowUnlessOk(ValidateFinite("points", View(data)));
  const Places places =
      Unlocked([&](Monitor*) { return UniquePlaces(View(data)); });
  return py::make_tuple(Copy(places.first_rows), Copy(places.places),
                        Copy(places.counts));
}

py::array LonLat(const py::object& lon_lat, const py::object& radius_km) {
  const CArray<double> places = Points("lon_lat", lon_lat);
  const double radius = Number("radius_km", radius_km);
  if (!(radius > 0) || !std::isfinite(radius)) {
    Raise(PyExc_ValueError, absl::StrCat("radius_km: is ", radius,
                                         "; must be positive and finite"));
  }
  const absl::StatusOr<Matrix<double>> chords =
      Unlocked([&](Monitor*) { return LonLatToChord(View(places), radius); });
  ThrowUnlessOk(Annotate(chords.status(), "lon_lat"));
  py::array_t<double> result({chords->rows(), chords->cols()});
  std::copy_n(chords->data(), chords->rows() * chords->cols(),
              result.mutable_data());
  return result;
}

}  // namespace

void BindPlaces(py::module_& module) {
  using py::arg;
  Function(module, "unique", &Unique, kUniqueDoc, arg("points"));
  Function(module, "lonlat", &LonLat, kLonLatDoc, arg("lon_lat"),
           arg("radius_km") = kEarthRadius);
}

}  // namespace rct
