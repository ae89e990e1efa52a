"""Gaussian process regression by Vecchia's approximation, as an estimator."""

from __future__ import annotations

import math
from typing import Any, Optional, Union

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

import rct
from rct._estimators import choice_of, inducing_of, seed_of, spread_of, threads_of
from rct._likelihood import NOISE_BOUNDS, Likelihood, maximize

OPTIMIZERS = ("L-BFGS-B", None)

# Where the search begins: at the best of these, unless lengthscale or noise are given.
# Lengthscales are in units of the points' spread, noise in units of the variance.
LENGTHSCALE_STARTS = (0.1, 0.3, 1.0, 3.0)
NOISE_STARTS = (0.01, 0.3)
NOISE_SHARE = 0.1


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

    Parameters, all by keyword:

    n_neighbors   The size of conditioning sets.
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
        points, y = self._validate_data(X, y, dtype="numeric", y_numeric=True)
        y = y.astype(np.float64)
        self._y_mean = float(y.mean()) if self.normalize_y else 0.0
        self._y = y - self._y_mean
        self._seed = seed_of(self.random_state)
        self.index_ = self._first_index(points)
        self.order_ = self._order_of(points, self.index_.lengthscale)
        self.noise_ = NOISE_SHARE * self.index_.variance if self.noise is None else float(self.noise)
        if self.optimizer is not None and self._y.any():
            self._optimize(points)
        self.lengthscale_ = self.index_.lengthscale
        self.variance_ = self.index_.variance
        self._model = self._approximation(self.index_, self.noise_)
        self.log_marginal_likelihood_value_ = self._model.log_likelihood(self._y)
        return self

    def predict(
        self, X: Any, return_std: bool = False, *, include_noise: bool = False
    ) -> Union[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Returns means, (q,), and with return_std also standard deviations.

        include_noise  The standard deviations are those of new observations, not of
                       the process that is observed.
        """
        check_is_fitted(self)
        points = self._validate_data(X, reset=False, dtype="numeric")
        mean, variance = self._fitted_model().predict(points, self._y)
        mean = mean + self._y_mean
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
        model = self._approximation(index, self.noise_ if noise is None else noise)
        return model.log_likelihood(self._y)

    def _first_index(self, points: np.ndarray) -> rct.ResidualIndex:
        lengthscale, variance = self.lengthscale, self.variance
        if lengthscale is None:
            lengthscale = spread_of(points)
        if variance is None:
            variance = float((self._y**2).mean()) or 1.0
        self._inducing = inducing_of(points, self.inducing, self.num_inducing)
        return rct.Index(
            points, metric="residual", kernel=self.kernel, lengthscale=lengthscale,
            variance=variance, jitter=self.jitter, seed=self._seed, strategy=self.strategy,
            threads=threads_of(self.n_jobs), **self._inducing)

    def _order_of(self, points: np.ndarray, lengthscale: np.ndarray) -> Optional[np.ndarray]:
        if not isinstance(self.order, str):
            return self.order
        return rct.order(
            points, self.order, lengthscale=lengthscale, seed=self._seed,
            threads=threads_of(self.n_jobs))

    def _approximation(self, index: rct.ResidualIndex, noise: float) -> Any:
        return index.vecchia(
            self.n_neighbors, noise, order=self.order_, threads=threads_of(self.n_jobs))

    def _optimize(self, points: np.ndarray) -> None:
        """Replaces index_, order_ and noise_ by those of the greatest likelihood."""
        threads = threads_of(self.n_jobs)
        first = self.index_.lengthscale
        unit = self.index_.rebuild(variance=1.0, threads=threads)
        several = self.lengthscale is not None and np.size(self.lengthscale) > 1
        by_name = isinstance(self._inducing["inducing"], str)

        def likelihood_at(logs: np.ndarray) -> Likelihood:
            lengthscale = first * np.exp(logs[:-1])
            # One lengthscale for all coordinates changes no choice.
            anew = {**self._inducing, "seed": self._seed} if several and by_name else {}
            index = unit.rebuild(lengthscale=lengthscale, threads=threads, **anew)
            order = self._order_of(points, lengthscale) if several else self.order_
            return Likelihood(index, order, self._y, first, self.n_neighbors, threads)

        logs = maximize(likelihood_at, self._starts(len(first) if several else 1))
        found = likelihood_at(logs)
        _, variance = found.at(logs)
        self.index_ = found.index.rebuild(variance=variance, threads=threads)
        self.order_ = found.order
        self.noise_ = math.exp(logs[-1]) * variance

    def _starts(self, num_lengthscales: int) -> list[np.ndarray]:
        scales = LENGTHSCALE_STARTS if self.lengthscale is None else (1.0,)
        noises = NOISE_STARTS if self.noise is None else (self.noise_ / self.index_.variance,)
        return [np.log([scale] * num_lengthscales + [float(np.clip(noise, *NOISE_BOUNDS))])
                for scale in scales for noise in noises]

    def _fitted_model(self) -> Any:
        if self._model is None:  # of a pickle
            self._model = self._approximation(self.index_, self.noise_)
        return self._model

    def __getstate__(self) -> dict[str, Any]:
        # What the model holds follows from the index.
        state = super().__getstate__()
        return {**state, "_model": None} if "_model" in state else state

