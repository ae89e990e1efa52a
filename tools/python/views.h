// Arrays of NumPy that show numbers of an object without a copy, and keep the
// object alive.

#ifndef RCT_TOOLS_PYTHON_VIEWS_H_
#define RCT_TOOLS_PYTHON_VIEWS_H_

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>

#include "absl/types/span.h"
#include "base/matrix.h"

namespace rct {

inline pybind11::array ReadOnly(pybind11::array array) {
  array.attr("setflags")(pybind11::arg("write") = false);
  return array;
}

// Return read-only views of numbers that `owner` keeps alive.

inline pybind11::array ViewOf(MatrixView<const double> matrix,
                              const pybind11::object& owner) {
  constexpr auto kWidth = static_cast<int64_t>(sizeof(double));
  return ReadOnly(pybind11::array_t<double>({matrix.rows, matrix.cols},
                                            {matrix.stride * kWidth, kWidth},
                                            matrix.data, owner));
}

template <class T>
pybind11::array ViewOf(absl::Span<const T> values,
                       const pybind11::object& owner) {
  return ReadOnly(pybind11::array_t<T>(
      static_cast<pybind11::ssize_t>(values.size()), values.data(), owner));
}

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_VIEWS_H_
