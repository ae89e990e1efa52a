"""Exact nearest neighbors under the residual correlation metric.

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
"""

from rct._rct import (
    EuclideanIndex,
    Index,
    ResidualIndex,
    VecchiaModel,
    lonlat,
    order,
    unique,
)
from rct._rct import __version__ as __version__

__all__ = [
    "EuclideanIndex",
    "Index",
    "ResidualIndex",
    "VecchiaModel",
    "lonlat",
    "order",
    "unique",
]
