// Converts arguments of Python calls to those of the library.
//
// Nothing is guessed: an argument whose value would change in the conversion,
// or that has no value, is refused. The message names the argument, the place
// in it and a remedy. The error is TypeError where the kind of argument is
// wrong (a shape, text, dates, booleans, complex numbers, a sparse matrix), and
// ValueError where a value is:
//
//   - entries that a mask hides (numpy.ma), in the array or in a list of them;
//   - integers and long doubles that float64 cannot hold, such as time stamps
//     in nanoseconds: different ones would become equal;
//   - row numbers beyond int64, and floats that are no row numbers.
//
// Integers and row numbers may be floats that are whole, as R and many tables
// have them, up to 2**53: from there on floats skip integers. Booleans are no
// numbers, and numbers no booleans.
//
// Everything else that NumPy converts to an array is accepted, pandas frames of
// numbers among them. Arrays of float64 (int64 for rows, bool for flags) in C
// order are read in place; others are converted. The library checks for NaN,
// infinities and ranges.

#ifndef RCT_TOOLS_PYTHON_ARGUMENTS_H_
#define RCT_TOOLS_PYTHON_ARGUMENTS_H_

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "metric/metric.pb.h"
#include "tools/python/scalars.h"  // IWYU pragma: export

namespace rct {

// An array of this type in C order: the caller's own where it is one already,
// and else a converted copy.
template <class T>
using CArray =
    pybind11::array_t<T, pybind11::array::c_style | pybind11::array::forcecast>;

// Returns points, one in each row.
CArray<double> Points(const char* name, const pybind11::object& object);
inline MatrixView<const double> View(const CArray<double>& points) {
  return {points.data(), points.shape(0), points.shape(1)};
}

// Returns row numbers.
CArray<int64_t> Rows(const char* name, const pybind11::object& object);

// Rows that a call asks for: row numbers, or one number.
struct QueryRows {
  CArray<int64_t> rows;
  bool is_one = false;
};
QueryRows RowsOrRow(const char* name, const pybind11::object& object);

inline absl::Span<const int64_t> View(const CArray<int64_t>& rows) {
  return {rows.data(), static_cast<size_t>(rows.size())};
}

// At least one boolean, or none for None. The span is valid as long as the
// object.
class Flags {
 public:
  Flags(const char* name, const pybind11::object& object);
  absl::Span<const bool> span() const { return span_; }

 private:
  CArray<bool> flags_;
  absl::Span<const bool> span_;
};

// Returns the numbers of a Python number, a NumPy scalar, or an array or a
// sequence of at least one number.
std::vector<double> Numbers(const char* name, const pybind11::object& object);

// Returns the number of an object that holds exactly one.
double Number(const char* name, const pybind11::object& object);

// Returns the inducing points that `object` describes: None, a count, one of
// InducingNames() with a count in `num_inducing`, row numbers or coordinates (m
// x dim). `size` is the number of points.
InducingConfig Inducing(const pybind11::object& object,
                        const pybind11::object& num_inducing, uint64_t seed,
                        int64_t size, int64_t dim);

// Refuses a number of inducing points, and a seed, where none are chosen.
void RefuseWithoutInducing(const pybind11::object& num_inducing,
                           const pybind11::object& seed);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_ARGUMENTS_H_
