// The extension rct._rct: indexes over NumPy arrays, which the package `rct`
// (rct/__init__.py) hands on as its own.
//
// The extension is a thin layer. It checks shapes and types (arguments.h); the
// library checks everything else, and its errors become exceptions (errors.h).
// The interpreter's lock is released while the library works (calls.h).

#include <pybind11/pybind11.h>

#include <string>

#include "base/version.h"
#include "tools/python/calls.h"
#include "tools/python/euclidean.h"
#include "tools/python/index.h"
#include "tools/python/ordering.h"
#include "tools/python/places.h"
#include "tools/python/residual.h"
#include "tools/python/vecchia.h"

namespace rct {

PYBIND11_MODULE(_rct, module) {
  // Classes and functions take the name of their module from here, for help(),
  // messages and pickle.
  const pybind11::object own_name = module.attr("__name__");
  module.attr("__name__") = "rct";
  // Signatures are a part of the documentation already (signature.h).
  pybind11::options options;
  options.disable_function_signatures();
  WatchTheEnd();
  BindOrdering(module);
  BindPlaces(module);
  BindVecchiaModel(module);
  BindResidualIndex(module);
  BindEuclideanIndex(module);
  BindIndex(module);
  module.attr("__name__") = own_name;
  module.attr("__version__") = std::string(kVersion);
}

}  // namespace rct
