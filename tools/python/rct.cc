// The Python module `rct`: indexes over NumPy arrays.
//
// The module is a thin layer. It checks shapes and types (arguments.h); the
// library checks everything else, and its errors become exceptions (errors.h).
// The interpreter's lock is released while the library works (calls.h).

#include <pybind11/pybind11.h>

#include "tools/python/calls.h"
#include "tools/python/euclidean.h"
#include "tools/python/index.h"
#include "tools/python/ordering.h"
#include "tools/python/places.h"
#include "tools/python/residual.h"

namespace rct {
namespace {

constexpr char kModuleDoc[] =
    R"(Exact nearest neighbors under the residual correlation metric.

For each query, the points most correlated with it under a Gaussian process,
after what the inducing points explain has been taken out:

    >>> import numpy, rct
    >>> points = numpy.random.default_rng(1).normal(size=(1000, 3))
    >>> index = rct.ResidualIndex(points, kernel="matern52", inducing=50)
    >>> rows, distances = index.search([17, 400], k=10)
    >>> rows.shape, int(rows[0, 0]), float(distances[0, 0])
    ((2, 10), 17, 0.0)
    >>> sets, _ = index.graph(k=10, predecessor=True)  # Vecchia

rct.Index takes the metric as an argument: residual or plain correlation, or
Euclidean distance.
)";

}  // namespace

PYBIND11_MODULE(rct, module) {
  module.doc() = kModuleDoc;
  WatchTheEnd();
  BindOrdering(module);
  BindPlaces(module);
  BindResidualIndex(module);
  BindEuclideanIndex(module);
  BindIndex(module);
}

}  // namespace rct
