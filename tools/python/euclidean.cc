#include "tools/python/euclidean.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/monitor.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "tools/python/arguments.h"
#include "tools/python/calls.h"
#include "tools/python/errors.h"
#include "tools/python/index_caster.h"
#include "tools/python/shared_calls.h"

namespace rct {
namespace {

namespace py = pybind11;

constexpr char kClassDoc[] =
    R"(An index under Euclidean distance: immutable, and safe to share among threads.

Its neighbors are, but for roundings, those of the plain correlation of any kernel
with these lengthscales. There is no rebuild(): building an index takes no longer
than a search of every row.)";

constexpr char kInitDoc[] =
    R"(Divides the points by the lengthscales and builds the index.

points       (n, d) numbers, all finite. Copied into the index.
lengthscale  One positive number, or d of them: the units of distance. Distances
             are sqrt(sum(((x - y) / lengthscale)**2)).
strategy     "exhaustive", "level_synchronous", "best_first" or "block": the same
             answer at another speed. None is the library's own choice: "block",
             or "exhaustive" for more than 8 coordinates.
threads      0 means all. Changes no answer.

Arguments, errors and warnings are those of ResidualIndex. ValueError also where
coordinates are so large or so small that squares of distances leave the range of
float64.)";

constexpr char kLengthscaleDoc[] =
    R"(The lengthscale of each coordinate, (d,): a copy.)";

constexpr char kLoadDoc[] =
    R"(The index that save() or `rct build` wrote: the same answers, bit for bit.

path     str, bytes or os.PathLike. The file is checked in full: ValueError says
         what is wrong with it, OSError why it cannot be read.
threads  0 means all.)";

EuclideanIndex Load(const py::object& path, const py::object& threads) {
  const std::string name = Path(path);
  const int num_threads = Threads(threads);
  absl::StatusOr<EuclideanIndex> index = Unlocked([&](Monitor* monitor) {
    return EuclideanIndex::Load(name, num_threads, monitor);
  });
  ThrowUnlessOk(index.status(), name);
  return *std::move(index);
}

EuclideanIndex Build(const py::object& points, const py::object& lengthscale,
                     const std::optional<std::string>& strategy,
                     const py::object& threads) {
  const CArray<double> data = Points("points", points);
  EuclideanIndexOptions options;
  const std::vector<double> unit = Numbers("lengthscale", lengthscale);
  options.mutable_lengthscale()->Add(unit.begin(), unit.end());
  if (strategy) options.set_strategy(StrategyNamed(*strategy));
  options.set_threads(Threads(threads));
  return Value(Unlocked([&](Monitor* monitor) {
    return EuclideanIndex::Build(View(data), options, monitor);
  }));
}

}  // namespace

void BindEuclideanIndex(py::module_& module) {
  using py::arg;
  py::class_<EuclideanIndex> index(module, "EuclideanIndex", kClassDoc);
  index
      .def(py::init(&Build), kInitDoc, arg("points"), py::kw_only(),
           arg("lengthscale") = 1.0, arg("strategy") = py::none(),
           arg("threads") = 0)
      .def_static("load", &Load, kLoadDoc, arg("path"), py::kw_only(),
                  arg("threads") = 0)
      .def_property_readonly(
          "lengthscale",
          [](const EuclideanIndex& self) {
            return LengthscaleArray(self.options().lengthscale(), self.dim());
          },
          kLengthscaleDoc)
      .def("__repr__", [](const EuclideanIndex& self) {
        return absl::StrCat("<rct.EuclideanIndex of ", self.size(),
                            " points, d = ", self.dim(), ">");
      });
  BindSharedCalls(index);
}

}  // namespace rct
