// The properties of rct.ResidualIndex that say what it was made of: points,
// kernel, inducing points and factors.
//
// Arrays are read-only views of the index's own numbers, without a copy, and
// keep the index alive; the lengthscales are a copy.

#ifndef RCT_TOOLS_PYTHON_MODEL_H_
#define RCT_TOOLS_PYTHON_MODEL_H_

#include <pybind11/pybind11.h>

#include "index/residual_index.h"
#include "tools/python/index_caster.h"

namespace rct {

void AddModelProperties(IndexClass<ResidualIndex>& index);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_MODEL_H_
