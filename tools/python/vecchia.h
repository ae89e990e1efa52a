// Vecchia models in Python: rct.VecchiaModel, and ResidualIndex.vecchia().

#ifndef RCT_TOOLS_PYTHON_VECCHIA_H_
#define RCT_TOOLS_PYTHON_VECCHIA_H_

#include <pybind11/pybind11.h>

namespace rct {

// Adds the class to the module, which has ResidualIndex already, and the
// method.
void BindVecchia(pybind11::module_& module);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_VECCHIA_H_
