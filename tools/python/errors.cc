#include "tools/python/errors.h"

#include <pybind11/pybind11.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rct {
namespace {

namespace py = pybind11;

py::str Text(const std::string& bytes) {
  PyObject* text = PyUnicode_DecodeUTF8(
      bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "backslashreplace");
  if (text == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(text);
}

// Returns the errno that a status was made of, whose text its message ends
// with, or 0 if there is none.
int ErrnoOf(const absl::Status& status) {
  constexpr int kMaxErrno = 133;
  for (int error = 1; error <= kMaxErrno; ++error) {
    if (absl::ErrnoToStatusCode(error) == status.code() &&
        absl::EndsWith(status.message(),
                       absl::StrCat(": ", std::strerror(error)))) {
      return error;
    }
  }
  return 0;
}

}  // namespace

void Raise(PyObject* type, const std::string& message) {
  PyErr_SetObject(type, Text(message).ptr());
  throw py::error_already_set();
}

void ThrowUnlessOk(const absl::Status& status) {
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  if (status.ok()) return;
  const std::string message(status.message());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      Raise(PyExc_ValueError, message);
    case absl::StatusCode::kResourceExhausted:
      Raise(PyExc_MemoryError, message);
    case absl::StatusCode::kCancelled:
      Raise(PyExc_SystemExit, message);
    default:
      Raise(PyExc_RuntimeError, message);
  }
}

void ThrowUnlessOk(const absl::Status& status, const std::string& path) {
  int error = ErrnoOf(status);
  std::error_code ignored;
  if (!status.ok() && std::filesystem::is_directory(path, ignored)) {
    error = EISDIR;
  }
  if (error == 0 || error == ENOMEM) return ThrowUnlessOk(status);
  std::string_view what = status.message();
  absl::ConsumePrefix(&what, absl::StrCat(path, ": "));
  const auto filename =
      py::reinterpret_steal<py::object>(PyUnicode_DecodeFSDefaultAndSize(
          path.data(), static_cast<Py_ssize_t>(path.size())));
  // The constructor of OSError chooses the class by the number.
  const py::object exception =
      py::handle(PyExc_OSError)(error, Text(std::string(what)), filename);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())),
                  exception.ptr());
  throw py::error_already_set();
}

void Warn(const std::vector<std::string>& advice) {
  for (const std::string& sentence : advice) {
    if (PyErr_WarnEx(PyExc_UserWarning, sentence.c_str(), /*stack_level=*/1) !=
        0) {
      throw py::error_already_set();
    }
  }
}

}  // namespace rct
