// The Python class rct.EuclideanIndex.

#ifndef RCT_TOOLS_PYTHON_EUCLIDEAN_H_
#define RCT_TOOLS_PYTHON_EUCLIDEAN_H_

#include <pybind11/pybind11.h>

namespace rct {

// Adds the class to the module.
void BindEuclideanIndex(pybind11::module_& module);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_EUCLIDEAN_H_
