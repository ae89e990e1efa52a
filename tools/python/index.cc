#include "tools/python/index.h"

#include <pybind11/pybind11.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "index/euclidean_index.h"
#include "index/residual_index.h"
#include "tools/python/errors.h"
#include "tools/python/index_caster.h"

namespace rct {
namespace {

namespace py = pybind11;

constexpr char kIndexDoc[] =
    R"(An index over points, (n, d), under the metric that is named.

metric="residual"     rct.ResidualIndex(points, ...), with its arguments: kernel
                      and inducing, and perhaps lengthscale, variance,
                      num_inducing, seed, jitter.
metric="correlation"  The same without inducing points: kernel, and perhaps
                      lengthscale, variance.
metric="euclidean"    rct.EuclideanIndex(points, ...): distances in lengthscales,
                      with lengthscale alone.

All take strategy and threads. None, but for inducing, is as if an argument were
left out; one that the metric has no use for is a ValueError.

    >>> import numpy, rct
    >>> points = numpy.array([[0.0], [1.0], [3.0]])
    >>> index = rct.Index(points, metric="euclidean", lengthscale=0.5)
    >>> index
    <rct.EuclideanIndex of 3 points, d = 1>
    >>> index.search([0], k=2, exclude_self=True)[1].tolist()
    [[2.0, 6.0]]

This is a function: the classes are ResidualIndex and EuclideanIndex. Searches,
graph(), append(), metric, strategy, lengthscale, size, dim and len() are the
same for both.)";

enum Metric { kResidual, kCorrelation, kEuclidean };
constexpr const char* kMetrics[] = {"residual", "correlation", "euclidean"};

// An argument, the last metric (in the order above) that has a use for it, and
// the last one that needs it.
struct Argument {
  std::string_view name;
  Metric last_use;
  int last_need;
};
constexpr int kNone = -1;
constexpr Argument kArguments[] = {
    {"kernel", kCorrelation, kCorrelation}, {"lengthscale", kEuclidean, kNone},
    {"variance", kCorrelation, kNone},      {"inducing", kResidual, kResidual},
    {"num_inducing", kResidual, kNone},     {"seed", kResidual, kNone},
    {"jitter", kResidual, kNone},           {"strategy", kEuclidean, kNone},
    {"threads", kEuclidean, kNone},
};

Metric MetricNamed(const std::string& name) {
  const auto* const found =
      std::find(std::begin(kMetrics), std::end(kMetrics), name);
  if (found == std::end(kMetrics)) {
    Raise(PyExc_ValueError,
          absl::StrCat("metric: there is no '", name, "'; choose one of '",
                       absl::StrJoin(kMetrics, "', '"), "'"));
  }
  return static_cast<Metric>(found - std::begin(kMetrics));
}

// Returns "metric='euclidean'".
std::string Assignment(Metric metric) {
  return absl::StrCat("metric='", kMetrics[metric], "'");
}

[[noreturn]] void RefuseUnknown(const std::string& name, Metric metric) {
  std::vector<std::string_view> names;
  for (const Argument& argument : kArguments) {
    if (metric <= argument.last_use) names.push_back(argument.name);
  }
  Raise(PyExc_TypeError,
        absl::StrCat(name, ": there is no such argument; ", Assignment(metric),
                     " takes ", absl::StrJoin(names, ", ")));
}

[[noreturn]] void RefuseUseless(std::string_view name, Metric metric) {
  Raise(PyExc_ValueError,
        absl::StrCat(name, " and ", Assignment(metric), ": ",
                     metric == kEuclidean
                         ? "Euclidean distance has no use for it"
                         : "the correlation of the process itself has no "
                           "inducing points",
                     "; leave ", name, " out, or choose another metric"));
}

// Throws an exception unless each argument that is given has a use.
void CheckUse(Metric metric, const py::kwargs& arguments) {
  for (const auto& [key, value] : arguments) {
    const auto name = py::cast<std::string>(key);
    const auto* const argument =
        std::find_if(std::begin(kArguments), std::end(kArguments),
                     [&](const Argument& a) { return a.name == name; });
    if (argument == std::end(kArguments)) RefuseUnknown(name, metric);
    if (metric > argument->last_use && !value.is_none()) {
      RefuseUseless(name, metric);
    }
  }
}

// Returns the arguments that are given: those that are not None, and inducing
// where it has a use, of which None is a value.
py::dict Given(Metric metric, const py::kwargs& arguments) {
  py::dict given;
  for (const auto& [key, value] : arguments) {
    const bool is_inducing = py::cast<std::string>(key) == "inducing";
    if (!value.is_none() || (is_inducing && metric == kResidual)) {
      given[key] = value;
    }
  }
  return given;
}

// Throws TypeError unless each argument that the metric needs is given.
void CheckNeed(Metric metric, const py::dict& given) {
  for (const Argument& argument : kArguments) {
    const std::string name(argument.name);
    if (metric > argument.last_need || given.contains(name)) continue;
    Raise(PyExc_TypeError,
          absl::StrCat(name, ": is missing; ", Assignment(metric), " needs it",
                       name == "inducing" ? "; without inducing points, choose "
                                            "metric='correlation'"
                                          : ""));
  }
}

py::object MakeIndex(const py::object& points, const std::string& name,
                     const py::kwargs& arguments) {
  const Metric metric = MetricNamed(name);
  CheckUse(metric, arguments);
  py::dict given = Given(metric, arguments);
  CheckNeed(metric, given);
  if (metric == kEuclidean) {
    return py::type::of<EuclideanIndex>()(points, **given);
  }
  if (metric == kCorrelation) given["inducing"] = py::none();
  return py::type::of<ResidualIndex>()(points, **given);
}

}  // namespace

void BindIndex(py::module_& module) {
  module.def("Index", &MakeIndex, kIndexDoc, py::arg("points"), py::kw_only(),
             py::arg("metric") = "residual");
}

}  // namespace rct
