// Turns errors of the library into exceptions of Python, and advice into
// warnings.

#ifndef RCT_TOOLS_PYTHON_ERRORS_H_
#define RCT_TOOLS_PYTHON_ERRORS_H_

#include <pybind11/pybind11.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rct {

// Raises `type` with a message, which may hold bytes that are no UTF-8, as
// names of files do.
[[noreturn]] void Raise(PyObject* type, const std::string& message);

// Throws ValueError for InvalidArgument, MemoryError for ResourceExhausted, and
// RuntimeError for other errors. Only a signal's handler and the end of the
// interpreter cancel a call: for Cancelled it throws the exception that the
// handler has raised, or SystemExit, which ends a thread silently.
void ThrowUnlessOk(const absl::Status& status);

// Returns the value of a result, or throws its error likewise.
template <class T>
T Value(absl::StatusOr<T> result) {
  ThrowUnlessOk(result.status());
  return *std::move(result);
}

// Throws the error of a call that reads or writes `path`. An error of the
// system becomes an OSError with errno and filename, as Python's own open()
// throws it: a FileNotFoundError, a PermissionError and so on.
void ThrowUnlessOk(const absl::Status& status, const std::string& path);

// Issues a UserWarning for each sentence at the caller's line. Throws where the
// filter of warnings turns them into errors.
void Warn(const std::vector<std::string>& advice);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_ERRORS_H_
