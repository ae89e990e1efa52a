#include "tools/python/arguments.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "metric/inducing_names.h"
#include "metric/metric.pb.h"
#include "tools/python/refusals.h"
#include "tools/python/scalars.h"

namespace rct {
namespace {

namespace py = pybind11;

std::string Shape(const py::array& array) {
  return py::str(array.attr("shape"));
}

// Refuses masked entries of arrays in a list, whose masks NumPy drops silently.
void RefuseHiddenIn(const char* name, const py::object& object) {
  if (!py::isinstance<py::list>(object) && !py::isinstance<py::tuple>(object)) {
    return;
  }
  int64_t i = 0;
  for (const py::handle element : object) {
    if (IsMasked(element)) {
      RefuseHidden(name, element, absl::StrCat("in element ", i, ", "));
    }
    ++i;
  }
}

// Converts an object to an array, without a copy if it is one.
py::array ToArray(const char* name, const py::object& object) {
  if (py::hasattr(object, "nnz") && py::hasattr(object, "toarray")) {
    Refuse(PyExc_TypeError, name,
           "is a sparse matrix; give .toarray() of it, if memory allows");
  }
  RefuseHiddenIn(name, object);
  try {
    const py::module_ numpy = py::module_::import("numpy");
    const py::object array = numpy.attr("asanyarray")(object);
    if (IsMasked(array)) RefuseHidden(name, array, "");
    return numpy.attr("asarray")(array);
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_ValueError) && !error.matches(PyExc_TypeError)) {
      throw;
    }
    const std::string why = py::str(error.value());
    if (absl::StartsWith(why, absl::StrCat(name, ": "))) throw;
    Refuse(PyExc_TypeError, name,
           absl::StrCat("is no array, and NumPy makes none of it: ", why));
  }
}

enum class Wanted { kReals, kRows, kFlags };

// Returns a remedy for an array of another kind than is wanted.
std::string Hint(char kind, Wanted wanted) {
  switch (kind) {
    case 'b':
      return wanted == Wanted::kRows
                 ? "numpy.flatnonzero(mask) gives the row numbers of a mask"
                 : "give .astype(float) of it, if 0 and 1 are meant";
    case 'f':
    case 'i':
    case 'u':
      return wanted == Wanted::kRows
                 ? "give .astype(int) of it, if all are whole"
                 : "give .astype(bool) of it, if 0 and 1 are flags";
    case 'c':
      return "give .real and .imag of it as columns of their own";
    case 'M':
    case 'm':
      return "subtract an origin and divide by a unit: "
             "(t - t[0]) / numpy.timedelta64(1, 's')";
    case 'S':
    case 'U':
      return "give .astype(float) of it, if the text is numbers";
    case 'V':
      return "numpy.lib.recfunctions.structured_to_unstructured(a) makes a "
             "plain array of a structured one";
    default:
      return "something in it is None, text, a list of another length or an "
             "integer beyond 64 bits; give .astype(float) of it, if all are "
             "numbers";
  }
}

void CheckKind(const char* name, const py::array& array, Wanted wanted) {
  const std::string_view kinds = wanted == Wanted::kReals  ? "fiu"
                                 : wanted == Wanted::kRows ? "iu"
                                                           : "b";
  const char kind = array.dtype().kind();
  if (absl::StrContains(kinds, kind)) return;
  Refuse(PyExc_TypeError, name,
         absl::StrCat("must hold ",
                      wanted == Wanted::kReals  ? "real numbers"
                      : wanted == Wanted::kRows ? "integers, row numbers"
                                                : "booleans",
                      "; holds ", std::string(py::str(array.dtype())), "; ",
                      Hint(kind, wanted)));
}

// Refuses an object that NumPy wraps as an array of one entry, such as a set or
// None.
void RefuseWrapped(const char* name, const py::object& object,
                   const py::array& array,
                   std::string_view wanted = "an array") {
  if (array.ndim() == 0 && array.dtype().kind() == 'O') {
    Refuse(PyExc_TypeError, name,
           absl::StrCat("must be ", wanted, "; is ", TypeName(object)));
  }
}

bool Holds(int64_t value) {
  const uint64_t size = value < 0 ? 0 - static_cast<uint64_t>(value)
                                  : static_cast<uint64_t>(value);
  return size == 0 || std::bit_width(size) - std::countr_zero(size) <=
                          std::numeric_limits<double>::digits;
}
bool Holds(uint64_t value) {
  return value == 0 || std::bit_width(value) - std::countr_zero(value) <=
                           std::numeric_limits<double>::digits;
}
bool Holds(long double value) {
  // The library refuses NaN.
  return value != value ||
         static_cast<long double>(static_cast<double>(value)) == value;
}

template <class T>
void CheckExact(const char* name, const py::array& array) {
  const CArray<T> values(array);
  for (int64_t i = 0; i < values.size(); ++i) {
    if (Holds(values.data()[i])) continue;
    const std::string value = py::str(array.attr("flat")[py::int_(i)]);
    Refuse(PyExc_ValueError, name,
           absl::StrCat(Place(array, i), " is ", value,
                        ", which float64 cannot hold: it would be rounded, and "
                        "others to the same number; subtract an offset first, "
                        "as that of the first row"));
  }
}

// Returns real numbers that float64 can hold.
CArray<double> Reals(const char* name, const py::array& array) {
  CheckKind(name, array, Wanted::kReals);
  const char kind = array.dtype().kind();
  if (array.itemsize() >= 8) {
    if (kind == 'i') CheckExact<int64_t>(name, array);
    if (kind == 'u') CheckExact<uint64_t>(name, array);
  }
  if (kind == 'f' && array.itemsize() > 8) {
    CheckExact<long double>(name, array);
  }
  return CArray<double>(array);
}

CArray<double> PointsOf(const char* name, const py::array& array) {
  if (array.ndim() != 2) {
    std::string hint;
    if (array.ndim() == 1) {
      hint =
          "; give a[:, None] for points of one coordinate, or a[None, :] for "
          "one point";
    }
    Refuse(PyExc_TypeError, name,
           absl::StrCat("must be 2-dimensional, a point a row; has shape ",
                        Shape(array), hint));
  }
  return Reals(name, array);
}

// Returns the row numbers that floats are.
CArray<int64_t> RowsOfFloats(const char* name, const py::array& array) {
  const CArray<double> floats(array);
  for (int64_t i = 0; i < floats.size(); ++i) {
    const double value = floats.data()[i];
    if (IsWhole(value)) continue;
    const std::string text = py::str(array.attr("flat")[py::int_(i)]);
    Refuse(PyExc_ValueError, name,
           absl::StrCat(Place(array, i), " is ", text,
                        ", which is no row number: they are whole, and floats "
                        "are exact up to 2**53"));
  }
  return CArray<int64_t>(floats);
}

// Floats may be coordinates where `floats` is false.
CArray<int64_t> RowsOf(const char* name, const py::array& array, bool floats) {
  if (array.ndim() != 1) {
    const bool column = array.ndim() == 2 && array.shape(1) == 1;
    Refuse(PyExc_TypeError, name,
           absl::StrCat("must be 1-dimensional, of row numbers; has shape ",
                        Shape(array),
                        array.ndim() == 0 ? "; give [a] for one row"
                        : column          ? "; give a[:, 0] of a column"
                                          : ""));
  }
  // NumPy makes an array of float64 of an empty list.
  if (array.size() == 0) return CArray<int64_t>(0);
  if (floats && array.dtype().kind() == 'f') return RowsOfFloats(name, array);
  CheckKind(name, array, Wanted::kRows);
  if (array.dtype().kind() == 'u' && array.itemsize() >= 8) {
    const CArray<uint64_t> values(array);
    for (int64_t i = 0; i < values.size(); ++i) {
      if (values.data()[i] <= uint64_t{INT64_MAX}) continue;
      Refuse(PyExc_ValueError, name,
             absl::StrCat(Place(array, i), " is ", values.data()[i],
                          ", which is no row number"));
    }
  }
  return CArray<int64_t>(array);
}

void CheckWidth(const py::array& array, int64_t size, int64_t dim) {
  const int64_t width = array.shape(1);
  if (width == dim) return;
  std::string hint;
  const char kind = array.dtype().kind();
  if (width == 1 && (kind == 'i' || kind == 'u')) {
    const CArray<double> rows(array);
    if (std::all_of(rows.data(), rows.data() + rows.size(), [&](double row) {
          return row >= 0 && row < static_cast<double>(size);
        })) {
      hint = "; if these are row numbers, give inducing[:, 0]";
    }
  } else if (array.shape(0) == dim) {
    hint = "; if a point is a column, give inducing.T";
  }
  Refuse(PyExc_ValueError, "inducing",
         absl::StrCat("has points of ", width,
                      width == 1 ? " coordinate" : " coordinates",
                      ", the data has points of ", dim, hint));
}

// Returns the choice that a name describes.
InducingConfig NamedInducing(const py::object& name,
                             const py::object& num_inducing, uint64_t seed) {
  const int choice = ChooseName("inducing", name, InducingNames());
  if (num_inducing.is_none()) {
    Refuse(PyExc_TypeError, "num_inducing",
           absl::StrCat("is missing: how many points inducing='",
                        InducingNames()[choice], "' chooses"));
  }
  return InducingByName(choice, Integer("num_inducing", num_inducing), seed);
}

}  // namespace

CArray<double> Points(const char* name, const py::object& object) {
  const py::array array = ToArray(name, object);
  RefuseWrapped(name, object, array);
  return PointsOf(name, array);
}

CArray<int64_t> Rows(const char* name, const py::object& object) {
  const py::array array = ToArray(name, object);
  RefuseWrapped(name, object, array);
  return RowsOf(name, array, /*floats=*/true);
}

QueryRows RowsOrRow(const char* name, const py::object& object) {
  const py::array array = ToArray(name, object);
  RefuseWrapped(name, object, array, "row numbers");
  const bool is_one = array.ndim() == 0;
  const py::array rows = is_one ? py::array(array.attr("reshape")(1)) : array;
  return {RowsOf(name, rows, /*floats=*/true), is_one};
}

Flags::Flags(const char* name, const py::object& object) {
  if (object.is_none()) return;
  const py::array array = ToArray(name, object);
  RefuseWrapped(name, object, array);
  if (array.ndim() != 1) {
    Refuse(PyExc_TypeError, name,
           absl::StrCat("must be 1-dimensional, of booleans; has shape ",
                        Shape(array)));
  }
  // An empty span would mean that all rows are allowed.
  if (array.size() == 0) {
    Refuse(PyExc_ValueError, name, "is empty; None means all");
  }
  CheckKind(name, array, Wanted::kFlags);
  flags_ = CArray<bool>(array);
  span_ = absl::MakeConstSpan(flags_.data(), flags_.size());
}

std::vector<double> Numbers(const char* name, const py::object& object) {
  const py::array array = ToArray(name, object);
  RefuseWrapped(name, object, array,
                "one positive number, or one for each coordinate");
  if (array.ndim() > 1) {
    Refuse(PyExc_TypeError, name,
           absl::StrCat("must be a number or 1-dimensional; has shape ",
                        Shape(array)));
  }
  if (array.size() == 0) {
    Refuse(PyExc_ValueError, name, "is empty; give at least one number");
  }
  const CArray<double> reals = Reals(name, array);
  return {reals.data(), reals.data() + reals.size()};
}

double Number(const char* name, const py::object& object) {
  const py::array array = ToArray(name, object);
  RefuseWrapped(name, object, array, "a number");
  if (array.ndim() != 0) {
    Refuse(PyExc_TypeError, name,
           absl::StrCat("must be one number; has shape ", Shape(array)));
  }
  return Reals(name, array).data()[0];
}

InducingConfig Inducing(const py::object& object,
                        const py::object& num_inducing, uint64_t seed,
                        int64_t size, int64_t dim) {
  constexpr char kName[] = "inducing";
  InducingConfig config;
  if (py::isinstance<py::str>(object)) {
    return NamedInducing(object, num_inducing, seed);
  }
  if (!num_inducing.is_none()) {
    Refuse(PyExc_ValueError, "num_inducing",
           "is for inducing points that are chosen by name, such as "
           "inducing='kmeans++'; leave it out");
  }
  if (object.is_none()) {
    config.mutable_none();
    return config;
  }
  const py::array array = ToArray(kName, object);
  RefuseWrapped(kName, object, array,
                "a count, a name, row numbers, coordinates or None");
  if (array.ndim() == 0) {
    const py::object whole = WholeOfFloat(array);
    if (!whole && !absl::StrContains("iu", array.dtype().kind())) {
      Refuse(PyExc_TypeError, kName,
             absl::StrCat("must be a count, a name, row numbers, coordinates "
                          "or None; is ",
                          Shown(object)));
    }
    config.mutable_random()->set_count(Integer(kName, array));
    config.mutable_random()->set_seed(seed);
  } else if (array.ndim() == 2) {
    CheckWidth(array, size, dim);
    const CArray<double> points = PointsOf(kName, array);
    config.mutable_coordinates()->mutable_value()->Add(
        points.data(), points.data() + points.size());
  } else {
    const CArray<int64_t> rows = RowsOf(kName, array, /*floats=*/false);
    config.mutable_rows()->mutable_row()->Add(rows.data(),
                                              rows.data() + rows.size());
  }
  return config;
}

void RefuseWithoutInducing(const py::object& num_inducing,
                           const py::object& seed) {
  for (const auto& [name, object] :
       {std::pair("num_inducing", num_inducing), std::pair("seed", seed)}) {
    if (object.is_none()) continue;
    Refuse(PyExc_ValueError, name,
           "has no use without inducing, which chooses inducing points anew");
  }
}

}  // namespace rct
