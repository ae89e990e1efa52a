"""The hyperparameters of VecchiaRegressor: where the likelihood is greatest.

The likelihood of Vecchia's approximation jumps where a conditioning set changes, so
that an optimizer which follows a slope loses its way. It is smooth while the sets
stay. So the search goes in rounds: in each, the inducing points, the order and the
sets are those of the lengthscales that it begins with. The likelihood at the end of a
round is that with the sets at its end, where the next round begins; the round after
which it is no greater is the last one, and what it found is dropped.

The variance needs no search. With s the noise in units of the variance, the
covariance of y is variance * C, where C depends on lengthscales and s, and

    log p(y) = log N(0; 0, C) - n / 2 log(variance) - y' C^-1 y / (2 variance)

is greatest at variance = y' C^-1 y / n.

Searches are in logarithms: of lengthscales in units of the first ones, one number for
all coordinates or one for each, and of s.
"""

from __future__ import annotations

import math
import warnings
from typing import Callable, Optional

import numpy as np
from scipy.optimize import minimize

import rct
from rct._estimators import Array

# Where the search may go. Some noise keeps repeated points and smooth kernels from
# making the likelihood infinite.
LENGTHSCALE_BOUNDS = (1e-3, 1e3)
NOISE_BOUNDS = (1e-6, 1e3)

# The step of finite differences. A likelihood is computed to about 1e-10, and its
# slope thereby to 1e-6.
STEP = 1e-4

# By how much a round has to raise the log-likelihood to be followed by another one,
# and a step within a round.
LEAST_GAIN = 0.01
LEAST_STEP_GAIN = 0.001
MOST_ROUNDS = 20


class Likelihood:
    """-log p(y) at the best variance, as a function of logarithms.

    index  With variance 1, under unit * exp(lengthscales of the first call).
    order  Of its rows; None is their own.
    y      At these; of a size near 1, so that no difference of likelihoods is lost.
    unit   Of lengthscales, one for each coordinate.

    The least value is kept, with where it was.
    """

    def __init__(
        self, index: rct.ResidualIndex, order: Optional[Array], y: Array,
        unit: Array, n_neighbors: int, threads: int,
    ) -> None:
        self.index = index
        self.order = order
        self.y = y
        self.unit = unit
        self.n_neighbors = n_neighbors
        self.threads = threads
        self.sets: Optional[Array] = None
        self.least = math.inf
        self.logs = np.zeros(0)

    def keep_sets(self) -> None:
        """Takes the sets of the index for those of all calls."""
        with warnings.catch_warnings():  # of lengthscales on the way
            warnings.simplefilter("ignore", UserWarning)
            self.sets, _ = self.index.graph(
                self.n_neighbors, predecessor=True, order=self.order, threads=self.threads)

    def at(self, logs: Array) -> tuple[float, float]:
        """Returns -log p(y) at the best variance, and this variance."""
        lengthscale = self.unit * np.exp(logs[:-1])
        if not np.array_equal(lengthscale, self.index.lengthscale):
            self.index = self.index.rebuild(lengthscale=lengthscale, threads=self.threads)
        model = self.index.vecchia(
            self.n_neighbors, math.exp(logs[-1]), order=self.order, sets=self.sets,
            threads=self.threads)
        n = len(self.y)
        at_zero = model.log_likelihood(np.zeros(n))
        variance = 2 * (at_zero - model.log_likelihood(self.y)) / n
        return n / 2 * (math.log(variance) + 1) - at_zero, variance

    def __call__(self, logs: Array) -> float:
        value, _ = self.at(logs)
        if value < self.least:
            self.least, self.logs = value, np.array(logs)
        return value


def maximize(
    likelihood_at: Callable[[Array], Likelihood], starts: list[Array]
) -> Array:
    """Returns the logarithms at which the likelihood is greatest.

    likelihood_at(logs) makes an index under these lengthscales. The search begins at
    the best of `starts`.
    """
    bounds = np.log([LENGTHSCALE_BOUNDS] * (len(starts[0]) - 1) + [NOISE_BOUNDS])
    logs = min(starts, key=lambda start: likelihood_at(start)(start))
    best, least = logs, math.inf
    for _ in range(MOST_ROUNDS):
        likelihood = likelihood_at(logs)
        likelihood.keep_sets()
        value = likelihood(logs)
        if value > least - LEAST_GAIN:
            break
        best, least = logs, value
        minimize(
            likelihood, logs, method="L-BFGS-B", bounds=bounds,
            options={"eps": STEP, "ftol": LEAST_STEP_GAIN / max(1.0, abs(value))})
        logs = likelihood.logs
    return best
