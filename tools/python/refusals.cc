#include "tools/python/refusals.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "tools/python/errors.h"

namespace rct {

namespace py = pybind11;

void Refuse(PyObject* type, const char* name, const std::string& why) {
  Raise(type, absl::StrCat(name, ": ", why));
}

std::string TypeName(const py::object& object) {
  return py::str(py::type::of(object).attr("__name__"));
}

std::string Shown(const py::object& object) {
  try {
    return py::str(py::module_::import("reprlib").attr("repr")(object));
  } catch (py::error_already_set& error) {
    // So of integers with thousands of digits.
    if (!error.matches(PyExc_ValueError)) throw;
    return absl::StrCat("some ", TypeName(object));
  }
}

std::string Place(const py::array& array, int64_t i) {
  if (array.ndim() == 0) return "the value";
  if (array.ndim() == 1) return absl::StrCat("entry ", i);
  const int64_t columns = array.shape(array.ndim() - 1);
  return absl::StrCat("row ", i / columns, ", column ", i % columns);
}

py::handle Attribute(const char* module, const char* name) {
  py::object attribute = py::module_::import(module).attr(name);
  return attribute.release();
}

bool IsMasked(const py::handle& object) {
  static const py::handle masked = Attribute("numpy.ma", "MaskedArray");
  return py::isinstance(object, masked);
}

void RefuseHidden(const char* name, const py::handle& object,
                  const std::string& within) {
  const py::module_ ma = py::module_::import("numpy.ma");
  const auto mask = py::array::ensure(ma.attr("getmaskarray")(object));
  const py::array_t<bool, py::array::c_style | py::array::forcecast> hidden(
      mask);
  for (int64_t i = 0; i < hidden.size(); ++i) {
    if (!hidden.data()[i]) continue;
    Refuse(PyExc_ValueError, name,
           absl::StrCat(within, Place(mask, i),
                        " is masked, it has no value; fill what is masked or "
                        "leave those rows out"));
  }
}

}  // namespace rct
