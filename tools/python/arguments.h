// Arguments of Python calls, as the library takes them.
//
// Nothing is guessed: what would change its value on the way, or has no value,
// is refused by a message that names the argument, the place in it and what to
// do. That is TypeError where the kind of thing is wrong (a shape, text, dates,
// booleans, complex numbers, a sparse matrix), and ValueError where a value is:
//
//   - entries that a mask hides (numpy.ma), in the array or in a list of them;
//   - integers and long doubles that float64 cannot hold, as time stamps in
//     nanoseconds: different ones would fall together;
//   - row numbers beyond int64.
//
// All else that NumPy makes an array of is one, pandas frames of numbers among
// them. Arrays of float64 (int64 for rows, bool for flags) in C order are read
// where they are; others are converted. NaN, infinities and ranges are for the
// library to check.

#ifndef RCT_TOOLS_PYTHON_ARGUMENTS_H_
#define RCT_TOOLS_PYTHON_ARGUMENTS_H_

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "google/protobuf/descriptor.h"
#include "metric/metric.pb.h"

namespace rct {

// C order and this type: in place where the array is so already, a converted
// copy where it is not.
template <class T>
using CArray =
    pybind11::array_t<T, pybind11::array::c_style | pybind11::array::forcecast>;

// Points, a row each.
CArray<double> Points(const char* name, const pybind11::object& object);
inline MatrixView<const double> View(const CArray<double>& points) {
  return {points.data(), points.shape(0), points.shape(1)};
}

// Row numbers.
CArray<int64_t> Rows(const char* name, const pybind11::object& object);
inline absl::Span<const int64_t> View(const CArray<int64_t>& rows) {
  return {rows.data(), static_cast<size_t>(rows.size())};
}

// Booleans, at least one; None means that there are none. They live as long as
// this does.
class Flags {
 public:
  Flags(const char* name, const pybind11::object& object);
  absl::Span<const bool> span() const { return span_; }

 private:
  CArray<bool> flags_;
  absl::Span<const bool> span_;
};

// One number, or several: a Python number, a NumPy scalar, or an array or a
// sequence of at least one.
std::vector<double> Numbers(const char* name, const pybind11::object& object);
// One alone.
double Number(const char* name, const pybind11::object& object);

// A whole number of Python or NumPy, in range; no boolean, and no float however
// whole it is.
int64_t Integer(const char* name, const pybind11::object& object,
                int64_t least = INT64_MIN, int64_t most = INT64_MAX);
int Threads(const pybind11::object& object);

// What is taken out of the process: None, a count, row numbers or coordinates.
// The library refuses coordinates whose number is no multiple of that of the
// points, `dim`, and this any whose width is another. `size` is the number of
// points.
InducingConfig Inducing(const pybind11::object& object, uint64_t seed,
                        int64_t size, int64_t dim);
uint64_t Seed(const pybind11::object& object);

// The number of a value of an enum, by its name in lower case, but for number
// 0, which is none. ValueError lists the names.
int Choose(const char* name, const std::string& choice,
           const google::protobuf::EnumDescriptor& values);

// The name of a file: str, bytes or os.PathLike.
std::string Path(const pybind11::object& object);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_ARGUMENTS_H_
