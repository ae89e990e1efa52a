"""Pictures of conditioning sets, for which matplotlib has to be installed.

    >>> import numpy as np, rct, rct.plot
    >>> points = np.random.default_rng(1).uniform(size=(500, 2))
    >>> index = rct.ResidualIndex(points, kernel="matern32", lengthscale=0.3,
    ...                           inducing="kmeans++", num_inducing=25)
    >>> ax = rct.plot.conditioning_set(index, 400, k=10, order="maxmin")
    >>> ax.figure.savefig("set.pdf")  # doctest: +SKIP

Colours are those of Okabe and Ito (2008) and of the map "YlGnBu", in which darker is
nearer: the colour-blind can tell them apart, and shapes and lightness are enough in
black and white.
"""

from __future__ import annotations

import operator
import warnings
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.legend_handler import HandlerPathCollection

import rct

__all__ = ["compare_sets", "conditioning_set"]

Array = npt.NDArray[Any]
AnyIndex = Union[rct.ResidualIndex, rct.EuclideanIndex]

LATER, EARLIER, INK = "#d5d5d5", "#969696", "#1a1a1a"
VERMILION, BLUE, ORANGE = "#d55e00", "#0072b2", "#e69f00"

NAMES = {
    "residual": "residual correlation", "correlation": "correlation",
    "euclidean": "Euclidean distance",
}
QUANTITIES = {
    "residual": "residual correlation |\u03c1|", "correlation": "correlation \u03c1",
    "euclidean": "distance in lengthscales",
}

# Above this number of points they are drawn as pixels where the rest is of lines.
MANY = 5000
# The coordinates have one unit where their extents differ by no more than this factor.
ALIKE = 5
# A gap between longitudes, in degrees, at which a map may be cut.
WIDE = 30


def conditioning_set(
    index: AnyIndex, row: int, k: int = 20, *, points: Any = None, order: Any = None,
    lonlat: bool = False, dims: tuple[int, int] = (0, 1), window: Optional[float] = None,
    ax: Optional[Axes] = None,
) -> Axes:
    """Draws the k earlier points that are nearest to a point, as Vecchia takes them.

    index   A ResidualIndex or an EuclideanIndex.
    row     The point.
    k       The size of the set.
    points  Those of the index, (n, d). None asks the index, which a EuclideanIndex
            cannot answer.
    order   What "earlier" means, as in graph().
    lonlat  The index has rct.lonlat() of longitude and latitude, and a map of degrees
            is drawn: of points, where these are given.
    dims    The two columns of points that are drawn.
    window  What is shown, from the point to each side, in units of how far its set
            reaches: 1.5, say, is the set with some room. None shows all points.
    ax      The matplotlib axes that are drawn into; None makes a new figure.

    The set is coloured by correlation, or by distance where the metric is Euclidean.
    Crosses are inducing points. Returns the axes, for titles and limits.
    """
    scene = _Scene([index], row, points, order, lonlat, dims, window)
    members, distances = scene.members(index, k)
    ax = _axes(ax)
    scene.draw_points(ax)
    scene.draw_inducing(ax, index)
    euclidean = index.metric == "euclidean"
    ax.add_collection(LineCollection(
        [(scene.at[row], scene.at[member]) for member in members], colors=INK, linewidths=0.5,
        alpha=0.6, zorder=2.5))
    dots = ax.scatter(
        *scene.at[members].T, c=distances if euclidean else 1 - distances**2, s=36,
        cmap="YlGnBu_r" if euclidean else "YlGnBu", vmin=0, vmax=None if euclidean else 1,
        edgecolors=INK, linewidths=0.7, zorder=4, label=f"its set, k = {k}")
    if len(members):
        bar = ax.inset_axes((1.03, 0, 0.03, 1))
        ax.figure.colorbar(dots, cax=bar, label=QUANTITIES[index.metric])
    scene.finish(ax, members)
    return ax


def compare_sets(
    first: AnyIndex, second: AnyIndex, row: int, k: int = 20, *, points: Any = None,
    order: Any = None, labels: Optional[tuple[str, str]] = None, lonlat: bool = False,
    dims: tuple[int, int] = (0, 1), window: Optional[float] = None, ax: Optional[Axes] = None,
) -> Axes:
    """Draws the sets of a point under two indexes of the same points.

    labels  What the indexes are called. None: by their metrics.

    All else is as in conditioning_set(); points and inducing points are those of the
    first index that has them.
    """
    if len(first) != len(second):
        raise ValueError(
            f"second: has {len(second)} points, first has {len(first)}; both must be over the "
            "same points")
    names = labels or (NAMES[first.metric], NAMES[second.metric])
    if len(names) != 2:
        raise ValueError(f"labels: are {len(names)}; must be two")
    scene = _Scene([first, second], row, points, order, lonlat, dims, window)
    one, two = (set(scene.members(index, k)[0].tolist()) for index in (first, second))
    ax = _axes(ax)
    scene.draw_points(ax)
    for index in (first, second):
        if scene.draw_inducing(ax, index):
            break
    for members, label, color, marker in (
        (one & two, "in both sets", INK, "o"), (one - two, f"{names[0]} only", BLUE, "s"),
        (two - one, f"{names[1]} only", ORANGE, "^"),
    ):
        ax.scatter(
            *scene.at[sorted(members)].T, c=color, marker=marker, s=36, edgecolors="white",
            linewidths=0.6, zorder=4, label=f"{label} ({len(members)})")
    scene.finish(ax, sorted(one | two))
    return ax


class _Scene:
    """Points in a plane, of which one is asked about, and those before it.

    The arguments are those of the functions above.
    """

    def __init__(
        self, indexes: list[AnyIndex], row: int, points: Any, order: Any, lonlat: bool,
        dims: tuple[int, int], window: Optional[float],
    ) -> None:
        n = len(indexes[0])
        self.row = operator.index(row)
        if not 0 <= self.row < n:
            raise ValueError(f"row: is {row}; must be from 0 to {n - 1}")
        if window is not None and not 0 < window < np.inf:
            raise ValueError(f"window: is {window}; must be positive and finite")
        space, self.points = _points_of(indexes, points, lonlat)
        self.lonlat = lonlat
        self.window = window
        self.dims = _dims_of(dims, self.points.shape[1])
        self.at = self.points[:, self.dims]
        self.place = _places(space, order, indexes[0].lengthscale)

    def members(self, index: AnyIndex, k: int) -> tuple[Array, Array]:
        """Returns rows and distances of the set, as graph() finds it.

        Of points at one distance those that are earlier in the order come first, so
        that all at the greatest distance have to be known.
        """
        before = self.place < self.place[self.row]
        rows, distances = index.search([self.row], k, allowed=before, exclude_self=True)
        found = rows[0] >= 0
        rows, distances = rows[0][found], distances[0][found]
        if len(rows) == k:
            radius = np.nextafter(distances[-1], np.inf)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # that all are in it, perhaps
                _, rows, distances = index.range_search(
                    [self.row], radius, allowed=before, exclude_self=True)
        nearest = np.lexsort((self.place[rows], distances))[:k]
        return rows[nearest], distances[nearest]

    def draw_points(self, ax: Axes) -> None:
        before = self.place < self.place[self.row]
        for rows, color, label, zorder in (
            (~before, LATER, "later points", 1), (before, EARLIER, "earlier points", 2)):
            ax.scatter(
                *self.at[rows].T, c=color, s=6, linewidths=0, zorder=zorder, label=label,
                rasterized=len(self.at) > MANY)

    def draw_inducing(self, ax: Axes, index: AnyIndex) -> bool:
        """Returns whether there are inducing points."""
        inducing = getattr(index, "inducing", None)
        if inducing is None or len(inducing) == 0:
            return False
        if self.lonlat:
            longitudes = self.points[:, 0]
            inducing = _degrees(inducing, (longitudes.min() + longitudes.max()) / 2)
        ax.scatter(
            *inducing[:, self.dims].T, c=INK, marker="x", s=18, linewidths=0.9, zorder=3,
            label="inducing points")
        return True

    def finish(self, ax: Axes, members: Any) -> None:
        """Adds the point, limits, labels and the legend."""
        star = ax.scatter(
            *self.at[[self.row]].T, c=VERMILION, marker="*", s=150, edgecolors="white",
            linewidths=0.6, zorder=5, label=f"point {self.row}")
        self._frame(ax, members)
        names = ["longitude", "latitude"] if self.lonlat else []
        for column, set_label in zip(self.dims, (ax.set_xlabel, ax.set_ylabel)):
            set_label(names[column] if column < len(names) else f"coordinate {column}")
        # Below the label of the axis, whatever the height of the axes.
        ax.legend(
            loc="upper center", bbox_to_anchor=(0.5, 0), borderaxespad=4, ncol=3, frameon=False,
            fontsize="small", handler_map={
                PathCollection: HandlerPathCollection(sizes=[36]),
                star: HandlerPathCollection(sizes=[110]),
            })

    def _frame(self, ax: Axes, members: Any) -> None:
        """Sets limits and, where both coordinates have one unit, the aspect."""
        window, center, extents = self.window, self.at[self.row], np.ptp(self.at, axis=0)
        reach = abs(self.at[members] - center).max(axis=0, initial=0)
        if self.lonlat and self.dims == [0, 1]:
            middle = self.at[:, 1].min() + extents[1] / 2 if window is None else center[1]
            width = 1 / max(0.1, np.cos(np.radians(middle)))  # of a degree, in longitudes
        elif extents.min() * ALIKE > extents.max():
            width = 1.0
        else:
            width = None
        if width is not None:
            ax.set_aspect(width)
            reach = max(reach[0] / width, reach[1]) * np.array([width, 1])
        if window is not None and reach.min() > 0:
            ax.set_xlim(center[0] - window * reach[0], center[0] + window * reach[0])
            ax.set_ylim(center[1] - window * reach[1], center[1] + window * reach[1])


def _places(points: Array, order: Any, lengthscale: Array) -> Array:
    """Returns the place of each row in the order."""
    n = len(points)
    if order is None:
        return np.arange(n)
    if isinstance(order, str):
        method: Any = order
        order = rct.order(points, method, lengthscale=lengthscale)
    order = np.asarray(order)
    if order.shape != (n,) or not np.array_equal(np.sort(order), np.arange(n)):
        raise ValueError(f"order: must have each row from 0 to {n - 1} once")
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    return place


def _axes(ax: Optional[Axes]) -> Axes:
    if ax is not None:
        return ax
    from matplotlib import pyplot  # which chooses a backend

    return pyplot.subplots(layout="constrained")[1]


def _points_of(indexes: list[AnyIndex], points: Any, lonlat: bool) -> tuple[Array, Array]:
    """Returns the points of the index, and those that are drawn, with all columns."""
    n, dim = len(indexes[0]), indexes[0].dim - lonlat
    if points is None:
        known = [index for index in indexes if hasattr(index, "points")]
        if not known:
            raise ValueError(
                "points: are missing; a EuclideanIndex has them in units of its lengthscales only")
        return known[0].points, _degrees(known[0].points) if lonlat else known[0].points
    points = np.asarray(points, dtype=np.float64)
    if points.shape != (n, dim):
        raise ValueError(
            f"points: has the shape {points.shape}; must have {(n, dim)}, a row for each of the "
            "index" + (", longitude and latitude where the index has chords" if lonlat else
                       "; with lonlat=True, longitude and latitude in place of chords"))
    return rct.lonlat(points) if lonlat else points, points


def _dims_of(dims: Any, width: int) -> list[int]:
    chosen = [operator.index(column) for column in dims]
    if len(chosen) != 2 or chosen[0] == chosen[1] or not all(0 <= column < width for column in chosen):
        raise ValueError(
            f"dims: is {dims}; must be two columns of points, each from 0 to {width - 1}")
    return chosen


def _degrees(chords: Array, center: Optional[float] = None) -> Array:
    """Returns longitudes within 180 of the center, latitudes and further columns.

    None centers the map opposite to the widest gap between longitudes, if that is
    wide, and on Greenwich otherwise.
    """
    if chords.shape[1] < 3:
        raise ValueError(
            f"lonlat: the index has {chords.shape[1]} coordinates; it must be over rct.lonlat(), "
            "whose chords have three")
    x, y, z = chords[:, :3].T
    longitude = np.degrees(np.arctan2(y, x))
    latitude = np.degrees(np.arctan2(z, np.hypot(x, y)))
    if center is None:
        ascending = np.sort(longitude)
        gaps = np.diff(ascending, prepend=ascending[-1] - 360)
        widest = gaps.argmax()
        opposite = ascending[widest] - gaps[widest] / 2 + 180
        # America lies west of Greenwich, and the Pacific east of it.
        center = (opposite + 150) % 360 - 150 if gaps[widest] > WIDE else 0.0
    west = center - 180
    degrees: Array = np.column_stack([west + (longitude - west) % 360, latitude, chords[:, 3:]])
    return degrees
