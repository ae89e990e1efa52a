// Orders of points in Python: rct.order(), and the argument `order` of graph().

#ifndef RCT_TOOLS_PYTHON_ORDERING_H_
#define RCT_TOOLS_PYTHON_ORDERING_H_

#include <pybind11/pybind11.h>

#include <cstdint>
#include <vector>

#include "index/euclidean_index.h"
#include "index/residual_index.h"

namespace rct {

// Adds the function order() to the module.
void BindOrdering(pybind11::module_& module);

// Return the order of the rows of `index` that `order` is: the name of a
// method, which then measures in units of the lengthscale, or row numbers. It
// is empty for None. Warn of an order that decides next to nothing because
// `predecessor` is not set. The library checks the row numbers.
std::vector<int64_t> GraphOrder(const pybind11::object& order, bool predecessor,
                                const ResidualIndex& index,
                                const pybind11::object& threads);
std::vector<int64_t> GraphOrder(const pybind11::object& order, bool predecessor,
                                const EuclideanIndex& index,
                                const pybind11::object& threads);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_ORDERING_H_
