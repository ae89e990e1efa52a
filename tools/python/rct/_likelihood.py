"""The hyperparameters of VecchiaRegressor: where the likelihood is greatest.

The likelihood of Vecchia's approximation jumps where a conditioning set changes, so
that an optimizer which follows a slope loses its way. It is smooth while the sets
stay. So the search goes in rounds: in each, the inducing points, the order and the
sets are those of the lengthscales that it begins with. After a round they are found
anew, where the next one begins, until a round changes lengthscales by little. Of the
ends of rounds that with the greatest likelihood is the result.

The variance needs no search. With s the noise in units of the variance, the
covariance of y is variance * C, where C depends on lengthscales and s, and

    log p(y) = log N(0; 0, C) - n / 2 log(variance) - y' C^-1 y / (2 variance)

is greatest at variance = y' C^-1 y / n.

Searches are in logarithms: of lengthscales in units of the first ones, one number for
all coordinates or one for each, and of s, which comes last.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any, Callable

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

# A round ends with a step that raises the log-likelihood by less than this, and a
# round that changes no lengthscale by more than this factor is the last one.
LEAST_GAIN = 1e-4
SETTLED = 1.05
MOST_ROUNDS = 6


@dataclass(frozen=True)
class Maximum:
    """A greatest likelihood: -log p(y), an index of variance 1 and what belongs to it."""

    value: float
    index: rct.ResidualIndex
    order: Any
    s: float
    variance: float


class Likelihood:
    """-log p(y) at the best variance, as a function of logarithms, while sets stay.

    index  With variance 1.
    order  Of its rows; None is their own.
    y      At these; of a size near 1, so that no difference of likelihoods is lost.
    unit   Of lengthscales, one for each coordinate.

    Of all calls it remembers that of the least value.
    """

    def __init__(
        self, index: rct.ResidualIndex, order: Any, y: Array, unit: Array, n_neighbors: int,
        threads: int,
    ) -> None:
        self.index = index
        self.order = order
        self.y = y
        self.unit = unit
        self.n_neighbors = n_neighbors
        self.threads = threads
        with warnings.catch_warnings():  # of lengthscales on the way
            warnings.simplefilter("ignore", UserWarning)
            self.sets, _ = index.graph(
                n_neighbors, predecessor=True, order=order, threads=threads)
        self.least = math.inf
        self.logs = np.zeros(0)

    def at(self, logs: Array) -> Maximum:
        """Returns the greatest likelihood over all variances."""
        lengthscale = self.unit * np.exp(logs[:-1])
        if not np.array_equal(lengthscale, self.index.lengthscale):
            self.index = self.index.rebuild(lengthscale=lengthscale, threads=self.threads)
        s = math.exp(logs[-1])
        model = self.index.vecchia(
            self.n_neighbors, s, order=self.order, sets=self.sets, threads=self.threads)
        n = len(self.y)
        at_zero = model.log_likelihood(np.zeros(n))
        variance = 2 * (at_zero - model.log_likelihood(self.y)) / n
        value = n / 2 * (math.log(variance) + 1) - at_zero
        if value < self.least:
            self.least, self.logs = value, np.array(logs)
        return Maximum(value, self.index, self.order, s, variance)

    def minimize(self) -> None:
        """Begins at the least value so far."""
        bounds = np.log([LENGTHSCALE_BOUNDS] * (len(self.logs) - 1) + [NOISE_BOUNDS])
        # The optimizer's first step is as long as the slope, which grows with n.
        scale = math.sqrt(len(self.y))
        minimize(
            lambda logs: self.at(logs).value / scale, self.logs, method="L-BFGS-B",
            bounds=bounds,
            options={"eps": STEP, "ftol": LEAST_GAIN / max(scale, abs(self.least))})


def maximize(
    likelihood_under: Callable[[Array], Likelihood], scales: list[Array],
    noises: tuple[float, ...],
) -> Maximum:
    """Returns the greatest likelihood.

    likelihood_under(logs) finds all that stays under these lengthscales. The search
    begins with the best of `scales`, logarithms of lengthscales, and of `noises`.
    """
    likelihood = min(
        (_tried(likelihood_under(scale), scale, noises) for scale in scales),
        key=lambda tried: tried.least)
    ends = []
    for _ in range(MOST_ROUNDS):
        start = likelihood.logs
        likelihood.minimize()
        end = likelihood.logs
        likelihood = likelihood_under(end[:-1])
        ends.append(likelihood.at(end))
        if abs(end - start)[:-1].max() < math.log(SETTLED):
            break
    return min(ends, key=lambda maximum: maximum.value)


def _tried(likelihood: Likelihood, scale: Array, noises: tuple[float, ...]) -> Likelihood:
    for noise in noises:
        likelihood.at(np.append(scale, np.log(np.clip(noise, *NOISE_BOUNDS))))
    return likelihood
