#include "tools/python/binding.h"

#include <pybind11/pybind11.h>

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "tools/python/errors.h"
#include "tools/python/signature.h"

namespace rct::internal_binding {

namespace py = pybind11;

void CheckSelf(const std::string& name, py::handle type,
               const py::object& self) {
  if (py::isinstance(self, type)) return;
  const std::string wanted = py::str(type.attr("__name__"));
  const std::string given = py::str(py::type::of(self).attr("__name__"));
  Raise(PyExc_TypeError,
        absl::StrCat("descriptor '", name, "' requires a '", wanted,
                     "' object but received a '", given, "'"));
}

void CheckSize(const Signature& signature, std::size_t size) {
  if (signature.size() == size) return;
  py::pybind11_fail(absl::StrCat(signature.name(), "(): has a signature of ",
                                 signature.size(), " parameters and takes ",
                                 size));
}

}  // namespace rct::internal_binding
