// Functions of the Python module about places: unique() and lonlat().

#ifndef RCT_TOOLS_PYTHON_PLACES_H_
#define RCT_TOOLS_PYTHON_PLACES_H_

#include <pybind11/pybind11.h>

namespace rct {

// Adds the functions to `module`.
void BindPlaces(pybind11::module_& module);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_PLACES_H_
