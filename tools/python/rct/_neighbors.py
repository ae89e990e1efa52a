"""Neighbors under correlation as an estimator of scikit-learn."""

from __future__ import annotations

from typing import Any, Optional, Union

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

import rct
from rct._estimators import Array, choice_of, count_of, inducing_of, seed_of, spread_of, threads_of

METRICS = ("residual", "correlation", "euclidean")
MODES = ("connectivity", "distance")


class CorrelationNeighbors(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Exact neighbors of points under the correlation of a Gaussian process.

    It has the calls of scikit-learn's NearestNeighbors, and those of
    KNeighborsTransformer, by which it is a step of a pipeline:

        >>> import numpy as np
        >>> from rct.sklearn import CorrelationNeighbors
        >>> from sklearn.neighbors import KNeighborsRegressor
        >>> from sklearn.pipeline import make_pipeline
        >>> X = np.random.default_rng(1).uniform(size=(500, 2))
        >>> model = make_pipeline(
        ...     CorrelationNeighbors(n_neighbors=10, lengthscale=0.3),
        ...     KNeighborsRegressor(n_neighbors=10, metric="precomputed"))
        >>> float(model.fit(X, X[:, 0]).score(X, X[:, 0])) > 0.9
        True
        >>> sets = model[0].predecessor_graph(5, order="maxmin")  # Vecchia
        >>> sets.shape, int(sets[0].nnz) <= 5
        ((500, 500), True)

    Parameters, all by keyword:

    n_neighbors   Of each point, where a call does not say.
    radius        Of radius_neighbors(), where a call does not say: there is no
                  default that would suit all metrics.
    mode          What transform() writes: "distance" or "connectivity" (ones).
    metric        "residual": sqrt(1 - |rho|), rho the correlation once the inducing
                  points are known. "correlation": the same without inducing points.
                  "euclidean": distance in lengthscales, where the parameters from
                  kernel to random_state, but for lengthscale, have no use.
    kernel        "rbf", "matern12", "matern32" or "matern52".
    lengthscale   One positive number, or one for each coordinate. None: for
                  correlations the root mean square of the coordinates' standard
                  deviations, for Euclidean distance 1.
    inducing      "random", "kmeans++", "kmeans" or "cover_tree": how they are
                  chosen; or what else rct.ResidualIndex takes.
    num_inducing  How many, where inducing is a name. None: one for each ten distinct
                  places, at most 100; below ten places there are none, and
                  correlations are those of the process itself. More than there are
                  places are a ValueError.
    jitter        On the diagonal of the inducing points' correlations.
    strategy      How the index searches; None leaves it to the library. Changes no
                  answer.
    random_state  An int is the seed by which inducing points are chosen: the same on
                  every machine. A RandomState draws the seed, and so does None, which
                  gives others on every fit.
    n_jobs        Threads: None means 1 and -1 all, as in scikit-learn. Changes no
                  answer.

    Attributes after fit(): index_, the rct.ResidualIndex or rct.EuclideanIndex;
    lengthscale_, (n_features_in_,); n_samples_fit_; n_features_in_; and, for named
    columns, feature_names_in_.

    Neighbors are always ordered by (distance, row). Repeated points are at distance
    0, so that a point need not be the first of its own neighbors where it is asked
    for as a new point.
    """

    index_: Union[rct.ResidualIndex, rct.EuclideanIndex]
    n_samples_fit_: int

    def __init__(
        self,
        *,
        n_neighbors: int = 5,
        radius: Optional[float] = None,
        mode: str = "distance",
        metric: str = "residual",
        kernel: str = "matern32",
        lengthscale: Any = None,
        inducing: Any = "kmeans++",
        num_inducing: Optional[int] = None,
        jitter: float = 1e-6,
        strategy: Optional[str] = None,
        random_state: Any = 1,
        n_jobs: Optional[int] = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.radius = radius
        self.mode = mode
        self.metric = metric
        self.kernel = kernel
        self.lengthscale = lengthscale
        self.inducing = inducing
        self.num_inducing = num_inducing
        self.jitter = jitter
        self.strategy = strategy
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> CorrelationNeighbors:
        """Builds the index over the rows of X; y is not used."""
        choice_of("metric", self.metric, METRICS)
        choice_of("mode", self.mode, MODES)
        points = self._validate_data(X, dtype="numeric")
        arguments: dict[str, Any] = {"strategy": self.strategy, **self._metric_arguments(points)}
        metric: Any = self.metric
        self.index_ = rct.Index(
            points, metric=metric, threads=threads_of(self.n_jobs), **arguments)
        self.lengthscale_ = self.index_.lengthscale
        self.n_samples_fit_ = len(self.index_)
        return self

    def kneighbors(
        self, X: Any = None, n_neighbors: Optional[int] = None, return_distance: bool = True
    ) -> Union[Array, tuple[Array, Array]]:
        """Returns distances and rows of the nearest points, (q, n_neighbors) each.

        X                New points; None: the points themselves, each of which is
                         then no neighbor of its own.
        return_distance  False: rows alone are returned.
        """
        check_is_fitted(self)
        n_neighbors = count_of(
            "n_neighbors", self.n_neighbors if n_neighbors is None else n_neighbors,
            most=self.n_samples_fit_ - (X is None),
            why=f"the points there are (n_samples = {self.n_samples_fit_}), without the point "
            "itself where X is None")
        threads = threads_of(self.n_jobs)
        if X is None:
            rows, distances = self.index_.graph(n_neighbors, threads=threads)
        else:
            points = self._validate_data(X, reset=False, dtype="numeric")
            rows, distances = self.index_.search_points(points, n_neighbors, threads=threads)
        return (distances, rows) if return_distance else rows

    def kneighbors_graph(
        self, X: Any = None, n_neighbors: Optional[int] = None, mode: str = "connectivity"
    ) -> csr_matrix:
        """Returns what kneighbors() finds as a sparse matrix, (q, n_samples_fit_).

        mode  "connectivity": ones; "distance": distances, of which zeros are stored.
        """
        choice_of("mode", mode, MODES)
        distances, rows = self.kneighbors(X, n_neighbors)
        return self._matrix(rows, distances, mode)

    def radius_neighbors(
        self, X: Any = None, radius: Optional[float] = None, return_distance: bool = True
    ) -> Union[Array, tuple[Array, Array]]:
        """Returns distances and rows of all points within a radius, itself included.

        As kneighbors(), but with an array of arrays, one for each query.
        """
        offsets, rows, distances = self._range(X, radius)
        found = _split(rows, offsets)
        return (_split(distances, offsets), found) if return_distance else found

    def radius_neighbors_graph(
        self, X: Any = None, radius: Optional[float] = None, mode: str = "connectivity"
    ) -> csr_matrix:
        """Returns what radius_neighbors() finds as kneighbors_graph() does."""
        choice_of("mode", mode, MODES)
        offsets, rows, distances = self._range(X, radius)
        values = distances if mode == "distance" else np.ones(len(rows))
        return csr_matrix((values, rows, offsets), shape=(len(offsets) - 1, self.n_samples_fit_))

    def predecessor_graph(
        self, n_neighbors: Optional[int] = None, *, order: Any = None, mode: str = "distance"
    ) -> csr_matrix:
        """Returns the conditioning sets of Vecchia's approximation, a matrix (n, n).

        Row i holds the n_neighbors nearest among the points before point i, or all
        of them where there are fewer.

        order  What "before" means: None is the order of the rows of X; or a method
               of rct.order(), such as "maxmin"; or row numbers in an order.
        mode   As in kneighbors_graph().
        """
        check_is_fitted(self)
        choice_of("mode", mode, MODES)
        rows, distances = self.index_.graph(
            count_of("n_neighbors", self.n_neighbors if n_neighbors is None else n_neighbors),
            predecessor=True, order=order, threads=threads_of(self.n_jobs))
        return self._matrix(rows, distances, mode)

    def transform(self, X: Any) -> csr_matrix:
        """Returns the graph of the neighbors of X, in the mode of this estimator.

        With mode="distance" it has n_neighbors + 1 in each row, as that of
        scikit-learn's KNeighborsTransformer: points that were fitted find themselves,
        too.
        """
        check_is_fitted(self)
        extra = self.mode == "distance"
        return self.kneighbors_graph(X, self.n_neighbors + extra, self.mode)

    @property
    def _n_features_out(self) -> int:
        return self.n_samples_fit_

    def _metric_arguments(self, points: Array) -> dict[str, Any]:
        lengthscale = self.lengthscale
        if self.metric == "euclidean":
            return {"lengthscale": 1.0 if lengthscale is None else lengthscale}
        arguments: dict[str, Any] = {
            "kernel": self.kernel,
            "lengthscale": spread_of(points) if lengthscale is None else lengthscale,
        }
        if self.metric == "residual":
            arguments.update(
                inducing_of(points, self.inducing, self.num_inducing),
                seed=seed_of(self.random_state), jitter=self.jitter)
        return arguments

    def _range(
        self, X: Any, radius: Optional[float]
    ) -> tuple[Array, Array, Array]:
        check_is_fitted(self)
        radius = self.radius if radius is None else radius
        if radius is None:
            raise ValueError("radius: is missing; give it to this call or to the estimator")
        # The index takes neighbors below a radius, scikit-learn those at it as well.
        limit = np.nextafter(radius, np.inf)
        threads = threads_of(self.n_jobs)
        if X is None:
            return self.index_.range_search(
                np.arange(self.n_samples_fit_), limit, exclude_self=True, threads=threads)
        points = self._validate_data(X, reset=False, dtype="numeric")
        return self.index_.range_search_points(points, limit, threads=threads)

    def _matrix(self, rows: Array, distances: Array, mode: str) -> csr_matrix:
        found = rows >= 0
        offsets = np.concatenate([[0], np.cumsum(found.sum(axis=1))])
        values = distances[found] if mode == "distance" else np.ones(offsets[-1])
        return csr_matrix(
            (values, rows[found], offsets), shape=(len(rows), self.n_samples_fit_))


def _split(values: Array, offsets: Array) -> Array:
    """Returns an array of the arrays from each offset to the next."""
    parts = np.empty(len(offsets) - 1, dtype=object)
    parts[:] = np.split(values, offsets[1:-1])
    return parts
