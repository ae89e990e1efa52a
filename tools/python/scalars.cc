#include "tools/python/scalars.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/descriptor.h"
#include "tools/python/errors.h"
#include "tools/python/refusals.h"
#include "tools/python/signature.h"

namespace rct {
namespace {

namespace py = pybind11;

// Converts NumPy's scalars and arrays without dimensions to Python's numbers.
py::object Plain(const py::object& object) {
  return py::isinstance<py::array>(object) && py::array(object).ndim() == 0
             ? py::array(object).attr("item")()
             : object;
}

bool IsBoolean(const py::object& object) {
  static const py::handle numpy_bool = Attribute("numpy", "bool_");
  return PyBool_Check(object.ptr()) || py::isinstance(object, numpy_bool);
}

// Returns an integer as Python's own.
py::int_ Whole(const char* name, const py::object& argument) {
  if (IsMasked(argument)) RefuseHidden(name, argument, "");
  const py::object object = Plain(argument);
  if (const py::object whole = WholeOfFloat(object)) return whole;
  auto whole =
      IsBoolean(object) || PyIndex_Check(object.ptr()) == 0
          ? py::object()
          : py::reinterpret_steal<py::object>(PyNumber_Index(object.ptr()));
  if (whole) return whole;
  PyErr_Clear();
  const bool large = PyFloat_Check(object.ptr()) &&
                     std::abs(PyFloat_AsDouble(object.ptr())) > kMaxWholeFloat;
  Refuse(PyExc_TypeError, name,
         absl::StrCat("must be an integer; is ", Shown(object), " (",
                      TypeName(object), ")",
                      large ? ", and floats beyond 2**53 skip integers" : ""));
}

[[noreturn]] void RefuseRange(const char* name, const py::int_& value,
                              const std::string& range) {
  Refuse(PyExc_ValueError, name,
         absl::StrCat("is ", Shown(value), "; must be ", range));
}

}  // namespace

bool IsWhole(double value) {
  return std::abs(value) <= kMaxWholeFloat && value == std::trunc(value);
}

py::object WholeOfFloat(const py::object& argument) {
  const py::object object = Plain(argument);
  static const py::handle numpy_float = Attribute("numpy", "floating");
  if (!PyFloat_Check(object.ptr()) && !py::isinstance(object, numpy_float)) {
    return py::object();
  }
  const double value = PyFloat_AsDouble(object.ptr());
  const bool whole = IsWhole(value) && object.equal(py::float_(value));
  return whole ? py::int_(static_cast<int64_t>(value)) : py::object();
}

int64_t Integer(const char* name, const py::object& object, int64_t min,
                int64_t max) {
  const py::int_ whole = Whole(name, object);
  int overflow = 0;
  const int64_t value = PyLong_AsLongLongAndOverflow(whole.ptr(), &overflow);
  if (overflow != 0 || value < min || value > max) {
    RefuseRange(name, whole, absl::StrCat("from ", min, " to ", max));
  }
  return value;
}

bool Boolean(const char* name, const py::object& object) {
  if (IsMasked(object)) RefuseHidden(name, object, "");
  const py::object plain = Plain(object);
  if (!IsBoolean(plain)) {
    Refuse(PyExc_TypeError, name,
           absl::StrCat("must be True or False; is ", Shown(plain), " (",
                        TypeName(plain), ")"));
  }
  return PyObject_IsTrue(plain.ptr()) == 1;
}

int Threads(const py::object& object) {
  return static_cast<int>(
      Integer("threads", object, /*min=*/0, std::numeric_limits<int>::max()));
}

uint64_t Seed(const py::object& object) {
  const py::int_ whole = Whole("seed", object);
  const uint64_t seed = PyLong_AsUnsignedLongLong(whole.ptr());
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    RefuseRange("seed", whole, "from 0 to 2**64 - 1");
  }
  return seed;
}

int ChooseName(const char* name, const py::object& choice,
               const std::vector<std::string>& names) {
  const std::string all =
      absl::StrCat("one of '", absl::StrJoin(names, "', '"), "'");
  if (!py::isinstance<py::str>(choice)) {
    Refuse(PyExc_TypeError, name,
           absl::StrCat("must be ", all, "; is ", Shown(choice), " (",
                        TypeName(choice), ")"));
  }
  const std::string text = py::str(choice);
  const std::string wanted = absl::AsciiStrToLower(text);
  const auto found = std::find(names.begin(), names.end(), wanted);
  if (found == names.end()) {
    const std::string near = DidYouMean(wanted, names);
    Refuse(PyExc_ValueError, name,
           absl::StrCat("there is no '", text, "'",
                        near.empty() ? "; choose " : near + " Choose ", all));
  }
  return static_cast<int>(found - names.begin());
}

std::vector<std::string> NamesOf(
    const google::protobuf::EnumDescriptor& values) {
  std::vector<std::string> names;
  for (int i = 0; i < values.value_count(); ++i) {
    if (values.value(i)->number() == 0) continue;
    names.push_back(absl::AsciiStrToLower(values.value(i)->name()));
  }
  return names;
}

int Choose(const char* name, const py::object& choice,
           const google::protobuf::EnumDescriptor& values) {
  const std::vector<std::string> names = NamesOf(values);
  const std::string& chosen = names[ChooseName(name, choice, names)];
  return values.FindValueByName(absl::AsciiStrToUpper(chosen))->number();
}

std::string Path(const py::object& object) {
  PyObject* bytes = nullptr;
  if (PyUnicode_FSConverter(object.ptr(), &bytes) == 0) {
    if (PyErr_ExceptionMatches(PyExc_ValueError) != 0) {
      PyErr_Clear();
      Refuse(PyExc_ValueError, "path",
             absl::StrCat(Shown(object),
                          " holds a null character, which no name of a file "
                          "can"));
    }
    throw py::error_already_set();
  }
  return py::reinterpret_steal<py::bytes>(bytes);
}

}  // namespace rct
