#include "tools/python/index.h"

#include <pybind11/pybind11.h>

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "index/euclidean_index.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "tools/python/binding.h"
#include "tools/python/errors.h"
#include "tools/python/index_caster.h"
#include "tools/python/scalars.h"

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
left out, and so is inducing=...; one that the metric has no use for is a
ValueError.

    >>> import numpy, rct
    >>> points = numpy.array([[0.0], [1.0], [3.0]])
    >>> index = rct.Index(points, metric="euclidean", lengthscale=0.5)
    >>> index
    <rct.EuclideanIndex of 3 points, d = 1, lengthscale = 0.5, strategy 'block'>
    >>> index.search([0], k=2, exclude_self=True)[1].tolist()
    [[2.0, 6.0]]

This is a function: the classes are ResidualIndex and EuclideanIndex. Searches,
graph(), append(), metric, strategy, lengthscale, size, dim and len() are the
same for both.)";

enum Metric { kResidual, kCorrelation, kEuclidean };
constexpr const char* kMetrics[] = {"residual", "correlation", "euclidean"};

// In the order of MakeIndex(): an argument, the last metric (in the order
// above) that has a use for it, and the last one that needs it.
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

Metric MetricNamed(const py::object& name) {
  return static_cast<Metric>(
      ChooseName("metric", name, {std::begin(kMetrics), std::end(kMetrics)}));
}

// Returns "metric='euclidean'".
std::string Assignment(Metric metric) {
  return absl::StrCat("metric='", kMetrics[metric], "'");
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

// Returns whether a value is as if its argument were left out: None, but for
// inducing where it has a use, of which None is a value.
bool IsLeftOut(std::string_view name, Metric metric, const py::object& value) {
  if (value.is(py::ellipsis())) return name == "inducing";
  return value.is_none() && (name != "inducing" || metric != kResidual);
}

// Returns the arguments that are given. Throws ValueError where the metric has
// no use for one.
py::dict Given(Metric metric, const std::vector<py::object>& values) {
  py::dict given;
  for (size_t i = 0; i < values.size(); ++i) {
    const Argument& argument = kArguments[i];
    if (IsLeftOut(argument.name, metric, values[i])) continue;
    if (metric > argument.last_use) RefuseUseless(argument.name, metric);
    given[py::str(std::string(argument.name))] = values[i];
  }
  return given;
}

// Returns what to do where a needed argument is missing.
std::string Remedy(std::string_view name) {
  if (name == "inducing") {
    return "without inducing points, choose metric='correlation'";
  }
  return absl::StrCat(
      "choose one of '",
      absl::StrJoin(NamesOf(*KernelConfig::Family_descriptor()), "', '"), "'");
}

// Throws TypeError unless each argument that the metric needs is given.
void CheckNeed(Metric metric, const py::dict& given) {
  for (const Argument& argument : kArguments) {
    const std::string name(argument.name);
    if (metric > argument.last_need || given.contains(name)) continue;
    Raise(PyExc_TypeError,
          absl::StrCat(name, ": is missing; ", Assignment(metric),
                       " needs it; ", Remedy(name)));
  }
}

py::object MakeIndex(const py::object& points, const py::object& name,
                     const py::object& kernel, const py::object& lengthscale,
                     const py::object& variance, const py::object& inducing,
                     const py::object& num_inducing, const py::object& seed,
                     const py::object& jitter, const py::object& strategy,
                     const py::object& threads) {
  const Metric metric = MetricNamed(name);
  py::dict given =
      Given(metric, {kernel, lengthscale, variance, inducing, num_inducing,
                     seed, jitter, strategy, threads});
  CheckNeed(metric, given);
  if (metric == kEuclidean) {
    return py::type::of<EuclideanIndex>()(points, **given);
  }
  if (metric == kCorrelation) given["inducing"] = py::none();
  return py::type::of<ResidualIndex>()(points, **given);
}

}  // namespace

void BindIndex(py::module_& module) {
  using py::arg;
  const py::none none;
  Function(module, "Index", &MakeIndex, kIndexDoc, arg("points"), py::kw_only(),
           arg("metric") = "residual", arg("kernel") = none,
           arg("lengthscale") = none, arg("variance") = none,
           arg("inducing") = py::ellipsis(), arg("num_inducing") = none,
           arg("seed") = none, arg("jitter") = none, arg("strategy") = none,
           arg("threads") = none);
}

}  // namespace rct
