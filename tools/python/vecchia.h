// Vecchia models in Python: rct.VecchiaModel, and ResidualIndex.vecchia().

#ifndef RCT_TOOLS_PYTHON_VECCHIA_H_
#define RCT_TOOLS_PYTHON_VECCHIA_H_

#include <pybind11/pybind11.h>

#include "index/residual_index.h"
#include "tools/python/index_caster.h"

namespace rct {

// Adds the class to the module.
void BindVecchiaModel(pybind11::module_& module);

// Adds the method that makes a model.
void AddVecchia(IndexClass<ResidualIndex>& index);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_VECCHIA_H_
