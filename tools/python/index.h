// The Python function rct.Index(): an index of the metric that an argument
// names.

#ifndef RCT_TOOLS_PYTHON_INDEX_H_
#define RCT_TOOLS_PYTHON_INDEX_H_

#include <pybind11/pybind11.h>

namespace rct {

// Adds the function to the module, which must have the classes of indexes
// already.
void BindIndex(pybind11::module_& module);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_INDEX_H_
