"""The hyperparameters of VecchiaRegressor: where the likelihood is greatest.

The likelihood of Vecchia's approximation jumps where a conditioning set changes, so
that an optimizer which follows a slope loses its way. It is smooth while the sets
stay. So the search goes in rounds: in each, the inducing points, the order and the
sets are those of the lengthscales that it begins with. After a round they are found
anew, where the next one begins, until a round changes lengthscales by little. The
result is the end of a round, or the beginning, with the greatest likelihood.

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
class Trial:
    """-log p(y) at some logarithms, an index of variance 1 and what belongs to it."""

    value: float
    logs: Array
    index: rct.ResidualIndex
    order: Any
    variance: float


class Likelihood:
    """-log p(y) at the best variance, as a function of logarithms, while sets stay.

    index  With variance 1.
    order  Of its rows; None is their own.
    y      At these; of a size near 1, so that no difference of likelihoods is lost.
    unit   Of lengthscales, one for each coordinate.

    best is the trial of the least value.
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
        self.sets = _sets(index, order, n_neighbors, threads)
        self.best = Trial(math.inf, np.zeros(0), index, order, 1.0)

    def at(self, logs: Array) -> Trial:
        lengthscale = self.unit * np.exp(logs[:-1])
        if not np.array_equal(lengthscale, self.index.lengthscale):
            self.index = self.index.rebuild(lengthscale=lengthscale, threads=self.threads)
        model = self.index.vecchia(
            self.n_neighbors, math.exp(logs[-1]), order=self.order, sets=self.sets,
            threads=self.threads)
        n = len(self.y)
        at_zero = model.log_likelihood(np.zeros(n))
        variance = 2 * (at_zero - model.log_likelihood(self.y)) / n
        value = n / 2 * (math.log(variance) + 1) - at_zero
        trial = Trial(value, np.array(logs), self.index, self.order, variance)
        if value < self.best.value:
            self.best = trial
        return trial

    def minimize(self) -> None:
        """Begins at the best trial so far."""
        start = self.best
        bounds = np.log([LENGTHSCALE_BOUNDS] * (len(start.logs) - 1) + [NOISE_BOUNDS])
        # The optimizer's first step is as long as the slope, which grows with n.
        scale = math.sqrt(len(self.y))
        minimize(
            lambda logs: self.at(logs).value / scale, start.logs, method="L-BFGS-B",
            bounds=bounds,
            options={"eps": STEP, "ftol": LEAST_GAIN / max(scale, abs(start.value))})


def maximize(
    likelihood_under: Callable[[Array], Likelihood], scales: list[Array],
    noises: tuple[float, ...],
) -> Trial:
    """Returns the trial of the greatest likelihood, with the sets of its lengthscales.

    likelihood_under(logs) finds all that stays under these lengthscales. The search
    begins with the best of `scales`, logarithms of lengthscales, and of `noises`.
    """
    likelihood = min(
        (_tried(likelihood_under(scale), scale, noises) for scale in scales),
        key=lambda tried: tried.best.value)
    ends = [likelihood.best]
    for _ in range(MOST_ROUNDS):
        likelihood.minimize()
        logs = likelihood.best.logs
        likelihood = likelihood_under(logs[:-1])
        ends.append(likelihood.at(logs))
        if abs(ends[-1].logs - ends[-2].logs)[:-1].max() < math.log(SETTLED):
            break
    return min(ends, key=lambda trial: trial.value)


def _tried(likelihood: Likelihood, scale: Array, noises: tuple[float, ...]) -> Likelihood:
    for noise in noises:
        likelihood.at(np.append(scale, np.log(np.clip(noise, *NOISE_BOUNDS))))
    return likelihood


def _sets(index: rct.ResidualIndex, order: Any, n_neighbors: int, threads: int) -> Array:
    if n_neighbors == 0:
        return np.empty((len(index), 0), dtype=np.int64)
    with warnings.catch_warnings():  # of lengthscales on the way
        warnings.simplefilter("ignore", UserWarning)
        rows, _ = index.graph(n_neighbors, predecessor=True, order=order, threads=threads)
    return rows
