#include "tools/python/ordering.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/euclidean_index.h"
#include "index/ordering.h"
#include "index/ordering.pb.h"
#include "index/residual_index.h"
#include "tools/python/arguments.h"
#include "tools/python/binding.h"
#include "tools/python/calls.h"
#include "tools/python/errors.h"

namespace rct {
namespace {

namespace py = pybind11;

constexpr char kOrderDoc[] =
    R"(An order of points for Vecchia approximations, exactly.

    >>> import numpy, rct
    >>> points = numpy.array([[0.0], [1.0], [5.0], [9.0], [10.0]])
    >>> rct.order(points).tolist()
    [2, 0, 4, 1, 3]

points       (n, d) numbers, all finite.
method       "maxmin": first the point nearest to the mean, then always the one
             farthest from all before it; repeats of points come last.
             "random": any order. "coordinate": by one column, ascending.
             "middle_out": by the distance from the mean, ascending.
lengthscale  One positive number, or d of them: "maxmin" and "middle_out" divide
             coordinates by it.
seed         Of "random"; the same order on every machine.
num_first    Rows 0 to num_first - 1 come before all others, as training points
             before new ones; the method orders both groups.
column       Of "coordinate".
threads      0 means all. Changes no order.

Ties go to the lower row. Returns n row numbers, int64, the first of the order
first.)";

OrderingConfig::Method MethodOf(const char* name, const py::object& method) {
  return static_cast<OrderingConfig::Method>(
      Choose(name, method, *OrderingConfig::Method_descriptor()));
}

// Returns an array that owns `values`.
py::array_t<int64_t> ToArray(std::vector<int64_t> values) {
  auto owned = std::make_unique<std::vector<int64_t>>(std::move(values));
  std::vector<int64_t>* const kept = owned.get();
  const py::capsule owner(owned.release(), [](void* values) {
    delete static_cast<std::vector<int64_t>*>(values);
  });
  return py::array_t<int64_t>(static_cast<py::ssize_t>(kept->size()),
                              kept->data(), owner);
}

py::array_t<int64_t> Order(const py::object& points, const py::object& method,
                           const py::object& lengthscale,
                           const py::object& seed, const py::object& num_first,
                           const py::object& column,
                           const py::object& threads) {
  const CArray<double> data = Points("points", points);
  OrderingConfig config;
  config.set_method(MethodOf("method", method));
  const std::vector<double> scales = Numbers("lengthscale", lengthscale);
  config.mutable_lengthscale()->Add(scales.begin(), scales.end());
  config.set_seed(Seed(seed));
  config.set_num_first(Integer("num_first", num_first));
  config.set_column(Integer("column", column));
  config.set_threads(Threads(threads));
  return ToArray(Value(Unlocked([&](Monitor* monitor) {
    return OrderPoints(View(data), config, monitor);
  })));
}

// Returns the order that `order` is. order_points(config, monitor) orders the
// points of an index by a method.
template <class OrderPointsBy>
std::vector<int64_t> OrderOf(const py::object& order, bool predecessor,
                             const py::object& threads,
                             OrderPointsBy order_points) {
  if (order.is_none()) return {};
  if (!predecessor) {
    Warn(
        {"order: without predecessor=True it decides only which of several "
         "neighbors at one distance comes first"});
  }
  if (!py::isinstance<py::str>(order)) {
    const CArray<int64_t> rows = Rows("order", order);
    const absl::Span<const int64_t> values = View(rows);
    return {values.begin(), values.end()};
  }
  OrderingConfig config;
  config.set_method(MethodOf("order", order));
  config.set_threads(Threads(threads));
  return Value(Unlocked(
      [&](Monitor* monitor) { return order_points(config, monitor); }));
}

}  // namespace

void BindOrdering(py::module_& module) {
  using py::arg;
  Function(module, "order", &Order, kOrderDoc, arg("points"),
           arg("method") = "maxmin", py::kw_only(), arg("lengthscale") = 1.0,
           arg("seed") = 1, arg("num_first") = 0, arg("column") = 0,
           arg("threads") = 0);
}

std::vector<int64_t> GraphOrder(const py::object& order, bool predecessor,
                                const ResidualIndex& index,
                                const py::object& threads) {
  return OrderOf(order, predecessor, threads,
                 [&](OrderingConfig& config, Monitor* monitor) {
                   *config.mutable_lengthscale() =
                       index.model().config().kernel().lengthscale();
                   return OrderPoints(
                       index.model().metric()->data().points.view(), config,
                       monitor);
                 });
}

std::vector<int64_t> GraphOrder(const py::object& order, bool predecessor,
                                const EuclideanIndex& index,
                                const py::object& threads) {
  return OrderOf(order, predecessor, threads,
                 [&](const OrderingConfig& config, Monitor* monitor) {
                   const Matrix<double> scaled = index.ScaledPoints();
                   return OrderPoints(scaled.view(), config, monitor);
                 });
}

}  // namespace rct
