#include "tools/python/euclidean.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/monitor.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "tools/python/arguments.h"
#include "tools/python/binding.h"
#include "tools/python/calls.h"
#include "tools/python/errors.h"
#include "tools/python/index_caster.h"
#include "tools/python/shared_calls.h"
#include "tools/python/signature.h"
#include "tools/python/state.h"

namespace rct {
namespace {

namespace py = pybind11;

constexpr char kClassDoc[] =
    R"(An index under Euclidean distance: immutable, and safe to share among threads.

Its neighbors are, but for roundings, those of the plain correlation of any kernel
with these lengthscales. There is no rebuild(): building an index takes no longer
than a search of every row. Copies are the index itself, and pickle keeps it.)";

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

py::array_t<double> Lengthscale(const EuclideanIndex& index) {
  return LengthscaleArray(index.options().lengthscale(), index.dim());
}

std::string Describe(const EuclideanIndex& index) {
  return absl::StrCat(
      "<rct.EuclideanIndex of ", index.size(), " points, d = ", index.dim(),
      ", lengthscale = ", LengthscaleText(Lengthscale(index)), ", strategy '",
      StrategyName(index.options().strategy()), "'>");
}

EuclideanIndex Build(const py::object& points, const py::object& lengthscale,
                     const py::object& strategy, const py::object& threads) {
  const CArray<double> data = Points("points", points);
  EuclideanIndexOptions options;
  const std::vector<double> unit = Numbers("lengthscale", lengthscale);
  options.mutable_lengthscale()->Add(unit.begin(), unit.end());
  if (!strategy.is_none()) options.set_strategy(StrategyNamed(strategy));
  options.set_threads(Threads(threads));
  return Value(Unlocked([&](Monitor* monitor) {
    return EuclideanIndex::Build(View(data), options, monitor);
  }));
}

}  // namespace

void BindEuclideanIndex(py::module_& module) {
  using py::arg;
  const Signature signature("EuclideanIndex", arg("points"), py::kw_only(),
                            arg("lengthscale") = 1.0,
                            arg("strategy") = py::none(), arg("threads") = 0);
  IndexClass<EuclideanIndex> index(module, "EuclideanIndex",
                                   signature.Documented(kClassDoc).c_str());
  Constructor(index, signature, &Build, kInitDoc);
  StaticMethod(index, "load", &Load, kLoadDoc, arg("path"), py::kw_only(),
               arg("threads") = 0);
  Property(index, "lengthscale", &Lengthscale, kLengthscaleDoc);
  Method(index, "__repr__", &Describe, kReprDoc);
  BindSharedCalls(index);
  BindState(index);
}

}  // namespace rct
