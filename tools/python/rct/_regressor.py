"""Gaussian process regression by Vecchia's approximation, as an estimator."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Optional, Union

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

import rct
from rct._estimators import Array, choice_of, count_of, inducing_of, seed_of, spread_of, threads_of
from rct._likelihood import NOISE_BOUNDS, Likelihood, maximize

OPTIMIZERS = ("L-BFGS-B", None)

# Where the search begins: at the best of these, unless lengthscale or noise are given.
# Lengthscales are in units of the points' spread, noise in units of the variance.
LENGTHSCALE_STARTS = (0.1, 0.3, 1.0, 3.0)
NOISE_STARTS = (0.01, 0.3)
NOISE_SHARE = 0.1


# Between these the variance of y may be, so that products with it stay in float64.
SQUARES = (1e-200, 1e200)


@dataclass(frozen=True)
class Process:
    """A Gaussian process at rows in an order, and the noise of what is observed."""

    index: rct.ResidualIndex
    order: Any
    noise: float


class VecchiaRegressor(RegressorMixin, BaseEstimator):
    """A Gaussian process regressor for many points: fit in O(n), not in O(n^3).

    The covariance is that of m inducing points, exactly, and a residual process by
    Vecchia's approximation: each point is conditioned on the n_neighbors earlier
    ones that are most correlated with it once the inducing points are known. With
    n_neighbors of all points the model is exact, that of scikit-learn's
    GaussianProcessRegressor.

        >>> import numpy as np
        >>> from rct.sklearn import VecchiaRegressor
        >>> X = np.random.default_rng(1).uniform(size=(400, 2))
        >>> y = np.sin(6 * X[:, 0]) + X[:, 1]
        >>> model = VecchiaRegressor(n_neighbors=10).fit(X[:300], y[:300])
        >>> bool(model.score(X[300:], y[300:]) > 0.99)
        True
        >>> mean, std = model.predict(X[300:], return_std=True)

    For longitude and latitude it is the last step of a pipeline, of which
    sklearn.preprocessing.FunctionTransformer(rct.lonlat) is the first.

    Parameters, all by keyword:

    n_neighbors   The size of conditioning sets; 0 leaves the inducing points alone.
    kernel        "rbf", "matern12", "matern32" or "matern52".
    lengthscale   One positive number, or one for each coordinate. Where the optimizer
                  begins, and whether it looks for one or for several. None: one, by
                  the spread of the points.
    variance      Of the process; where the optimizer begins. None: that of y.
    noise         The variance of the noise of y, likewise. None: a tenth of variance.
    optimizer     "L-BFGS-B", by which scipy.optimize maximizes the likelihood over the
                  logarithms of these; or None, which keeps them. The optimizer leaves
                  at least 1e-6 times the variance for the noise.
    normalize_y   Takes the mean of y for that of the process; otherwise it is 0.
                  variance and noise are in the unit of y squared all the same.
    order         Of the points: a method of rct.order(), such as "maxmin", their row
                  numbers in an order, or None for the order of the rows.
    inducing, num_inducing, jitter, strategy, random_state, n_jobs
                  As those of CorrelationNeighbors.

    Attributes after fit(): lengthscale_, (n_features_in_,); variance_; noise_;
    log_marginal_likelihood_value_; index_, the rct.ResidualIndex under these; order_,
    the row numbers in their order or None; n_features_in_ and feature_names_in_.

    The optimizer begins at the best of a few lengthscales and noises; there is no
    chance in it. Inducing points that are chosen by name, orders by name and
    conditioning sets are those of the lengthscales at the end. With optimizer=None and
    noise=0 repeated points are an error.
    """

    index_: rct.ResidualIndex
    noise_: float
    _model: Optional[rct.VecchiaModel]

    def __init__(
        self,
        *,
        n_neighbors: int = 20,
        kernel: str = "matern32",
        lengthscale: Any = None,
        variance: Optional[float] = None,
        noise: Optional[float] = None,
        optimizer: Optional[str] = "L-BFGS-B",
        normalize_y: bool = True,
        order: Any = "maxmin",
        inducing: Any = "kmeans++",
        num_inducing: Optional[int] = None,
        jitter: float = 1e-6,
        strategy: Optional[str] = None,
        random_state: Any = 1,
        n_jobs: Optional[int] = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.kernel = kernel
        self.lengthscale = lengthscale
        self.variance = variance
        self.noise = noise
        self.optimizer = optimizer
        self.normalize_y = normalize_y
        self.order = order
        self.inducing = inducing
        self.num_inducing = num_inducing
        self.jitter = jitter
        self.strategy = strategy
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any) -> VecchiaRegressor:
        """Finds hyperparameters, inducing points and conditioning sets for y at X."""
        choice_of("optimizer", self.optimizer, OPTIMIZERS)
        count_of("n_neighbors", self.n_neighbors, least=0)
        points, y = self._validate_data(X, y, dtype="numeric", y_numeric=True)
        mean, centered = _centered(y.astype(np.float64), bool(self.normalize_y))
        process = self._process(points, centered)
        model = self._model_of(process)
        self._model, self._y_mean, self._y = model, mean, centered
        self.index_, self.order_, self.noise_ = process.index, process.order, process.noise
        self.lengthscale_ = process.index.lengthscale
        self.variance_ = process.index.variance
        self.log_marginal_likelihood_value_ = model.log_likelihood(centered)
        return self

    def predict(
        self, X: Any, return_std: bool = False, *, include_noise: bool = False
    ) -> Union[Array, tuple[Array, Array]]:
        """Returns means, (q,), and with return_std also standard deviations.

        include_noise  The standard deviations are those of new observations, not of
                       the process that is observed.
        """
        check_is_fitted(self)
        points = self._validate_data(X, reset=False, dtype="numeric")
        of_centered, variance = self._fitted_model().predict(points, self._y)
        mean: Array = of_centered + self._y_mean
        if not return_std:
            return mean
        return mean, np.sqrt(variance + self.noise_ if include_noise else variance)

    def log_marginal_likelihood(
        self, *, lengthscale: Any = None, variance: Optional[float] = None,
        noise: Optional[float] = None,
    ) -> float:
        """Returns the log-likelihood of y under other hyperparameters.

        None stands for the fitted one. Inducing points and the order stay.
        """
        check_is_fitted(self)
        index = self.index_.rebuild(
            lengthscale=lengthscale, variance=variance, threads=threads_of(self.n_jobs))
        noise = self.noise_ if noise is None else noise
        return self._model_of(Process(index, self.order_, noise)).log_likelihood(self._y)

    def _process(self, points: Array, y: Array) -> Process:
        """Returns the process that y is of, under the best hyperparameters."""
        seed, threads = seed_of(self.random_state), threads_of(self.n_jobs)
        inducing = inducing_of(points, self.inducing, self.num_inducing)
        arguments: dict[str, Any] = {
            "kernel": self.kernel, "jitter": self.jitter, "strategy": self.strategy,
            "lengthscale": spread_of(points) if self.lengthscale is None else self.lengthscale,
            "variance": self.variance, **inducing,
        }
        if self.variance is None:
            arguments["variance"] = float((y**2).mean()) or 1.0
        index = rct.ResidualIndex(points, seed=seed, threads=threads, **arguments)
        noise = NOISE_SHARE * index.variance if self.noise is None else float(self.noise)
        if not 0 <= noise < math.inf:
            raise ValueError(f"noise: is {noise:g}; must be at least 0 and finite")
        order = self._order_under(index.lengthscale, points, seed)
        if self.optimizer is None:
            return Process(index, order, noise)
        first = Process(index, order, max(noise, NOISE_BOUNDS[0] * index.variance))
        if not y.any():
            return first
        return self._best(first, points, y, {**inducing, "seed": seed})

    def _best(self, first: Process, points: Array, y: Array, inducing: dict[str, Any]) -> Process:
        """Returns the process of the greatest likelihood, looked for from the first one."""
        threads = threads_of(self.n_jobs)
        scale = math.sqrt((y**2).mean())
        unit = first.index.rebuild(variance=1.0, threads=threads)
        lengthscale = unit.lengthscale
        several = self.lengthscale is not None and np.size(self.lengthscale) > 1
        # One lengthscale for all coordinates changes no choice.
        choices = inducing if several and isinstance(inducing["inducing"], str) else {}

        def likelihood_under(logs: Array) -> Likelihood:
            here = lengthscale * np.exp(logs)
            index = unit.rebuild(lengthscale=here, threads=threads, **choices)
            order = self._order_under(here, points, inducing["seed"]) if several else first.order
            return Likelihood(index, order, y / scale, lengthscale, self.n_neighbors, threads)

        width = len(lengthscale) if several else 1
        scales = LENGTHSCALE_STARTS if self.lengthscale is None else (1.0,)
        best = maximize(
            likelihood_under, [np.full(width, math.log(scale)) for scale in scales],
            NOISE_STARTS if self.noise is None else (first.noise / first.index.variance,))
        variance = scale**2 * best.variance
        index = best.index.rebuild(variance=variance, threads=threads)
        return Process(index, best.order, math.exp(best.logs[-1]) * variance)

    def _order_under(self, lengthscale: Array, points: Array, seed: int) -> Any:
        order: Any = self.order
        if not isinstance(order, str):
            return order
        method: Any = order
        return rct.order(
            points, method, lengthscale=lengthscale, seed=seed,
            threads=threads_of(self.n_jobs))

    def _model_of(self, process: Process) -> rct.VecchiaModel:
        return process.index.vecchia(
            self.n_neighbors, process.noise, order=process.order,
            threads=threads_of(self.n_jobs))

    def _fitted_model(self) -> rct.VecchiaModel:
        if self._model is None:  # of a pickle
            self._model = self._model_of(Process(self.index_, self.order_, self.noise_))
        return self._model

    def __getstate__(self) -> dict[str, Any]:
        # What the model holds follows from the index.
        state: dict[str, Any] = super().__getstate__()
        return {**state, "_model": None} if "_model" in state else state


def _centered(y: Array, from_mean: bool) -> tuple[float, Array]:
    """Returns the mean of y, or 0, and y minus this, all 0 where all of y is equal."""
    if not from_mean:
        mean = 0.0
    elif np.ptp(y) == 0:
        mean = float(y[0])
    else:
        mean = float(y.mean())
    centered = y - mean
    with np.errstate(over="ignore", under="ignore"):
        square = (centered**2).mean()
    if centered.any() and not SQUARES[0] < square < SQUARES[1]:
        raise ValueError(
            f"y: the mean of its squares is {square:g}, after its mean is subtracted; it must be "
            f"between {SQUARES[0]:g} and {SQUARES[1]:g}: multiply y by a constant")
    return mean, centered
