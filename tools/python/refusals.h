// What the conversions of arguments share: exceptions that name an argument and
// a place in it.

#ifndef RCT_TOOLS_PYTHON_REFUSALS_H_
#define RCT_TOOLS_PYTHON_REFUSALS_H_

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

namespace rct {

// Raises an exception of a type about the argument `name`.
[[noreturn]] void Refuse(PyObject* type, const char* name,
                         const std::string& why);

// Returns the name of the object's class.
std::string TypeName(const pybind11::object& object);

// Returns the object as Python writes it, in some 30 characters at most.
std::string Shown(const pybind11::object& object);

// Returns the place of entry i, counted in C order: "row 3, column 1", or
// "entry 3".
std::string Place(const pybind11::array& array, int64_t i);

// Returns an attribute of a module, which lives as long as the process.
pybind11::handle Attribute(const char* module, const char* name);

// Returns whether NumPy masks entries of the object.
bool IsMasked(const pybind11::handle& object);

// Refuses a masked entry. `within` begins the name of its place.
void RefuseHidden(const char* name, const pybind11::handle& object,
                  const std::string& within);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_REFUSALS_H_
