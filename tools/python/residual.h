// The Python class rct.ResidualIndex.

#ifndef RCT_TOOLS_PYTHON_RESIDUAL_H_
#define RCT_TOOLS_PYTHON_RESIDUAL_H_

#include <pybind11/pybind11.h>

namespace rct {

// Adds the class to the module.
void BindResidualIndex(pybind11::module_& module);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_RESIDUAL_H_
