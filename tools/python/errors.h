// Errors of the library as exceptions of Python, and advice as warnings.

#ifndef RCT_TOOLS_PYTHON_ERRORS_H_
#define RCT_TOOLS_PYTHON_ERRORS_H_

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace rct {

// Raises `type` with a message, whatever bytes that holds: names of files may
// be no UTF-8.
[[noreturn]] void Raise(PyObject* type, const std::string& message);

// ValueError for InvalidArgument, MemoryError for ResourceExhausted, and else
// RuntimeError. Cancelled, which nobody but a signal's handler and the end of
// the interpreter asks for, is the exception that the handler has raised, or
// SystemExit, which ends a thread without a word.
void ThrowUnlessOk(const absl::Status& status);

// The same for a call that reads or writes `path`: what the system has refused
// is an OSError with errno and filename, as of Python's own open(), and so a
// FileNotFoundError, a PermissionError and so on.
void ThrowUnlessOk(const absl::Status& status, const std::string& path);

// A UserWarning for each sentence, at the caller's line; raises where the
// warning's filter says so.
void Warn(const std::vector<std::string>& advice);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_ERRORS_H_
