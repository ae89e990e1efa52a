"""What the estimators of rct.sklearn share: how their parameters become an index."""

from __future__ import annotations

import math
import numbers
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
from joblib import effective_n_jobs
from sklearn.utils import check_random_state

import rct

# Whatever scikit-learn takes for points is one of numbers after its validation.
Array = npt.NDArray[Any]

MOST_INDUCING = 100
PLACES_FOR_EACH = 10


def threads_of(n_jobs: Optional[int]) -> int:
    """Returns the number of threads that scikit-learn's n_jobs stands for."""
    return int(effective_n_jobs(n_jobs))


def seed_of(random_state: Any) -> int:
    """Returns a seed: the integer itself, or one that the generator draws."""
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def spread_of(points: Array) -> float:
    """Returns the root mean square of the coordinates' standard deviations.

    It is 1 for standardized coordinates, and also where all points are one.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        spread = math.sqrt(points.astype(np.float64).var(axis=0).mean())
    return spread if 0 < spread < math.inf else 1.0


def count_of(name: str, value: Any, least: int = 1, most: float = math.inf, why: str = "") -> int:
    """Returns `value` as an integer from `least` to `most`, where `why` says why."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: is {value!r}; must be an integer")
    count = int(value)
    if count < least:
        raise ValueError(f"{name}: is {count}; must be at least {least}")
    if count > most:
        raise ValueError(f"{name}: is {count}; must be at most {most}, {why}")
    return count


def choice_of(name: str, value: Any, choices: tuple[Any, ...]) -> Any:
    """Returns `value`, which must be one of `choices`."""
    if not any(value is choice or value == choice for choice in choices):
        raise ValueError(
            f"{name}: is {value!r}; choose one of {', '.join(map(repr, choices))}")
    return value


def inducing_of(points: Array, inducing: Any, num_inducing: Optional[int]) -> dict[str, Any]:
    """Returns the arguments of rct.ResidualIndex that choose inducing points.

    Where the number is left open, it is one for each ten distinct places, and at
    most 100. With as many inducing points as places nothing would be left that
    could be correlated.
    """
    if not isinstance(inducing, str) or num_inducing is not None:
        return {"inducing": inducing, "num_inducing": num_inducing}
    places = len(rct.unique(points)[0])
    count = min(MOST_INDUCING, places // PLACES_FOR_EACH)
    if count == 0:
        return {"inducing": None}
    return {"inducing": inducing, "num_inducing": count}
