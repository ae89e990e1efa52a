#!/usr/bin/python3
"""Looks at what rct.plot draws, artist by artist."""

import doctest
import io
import os
import subprocess
import sys
import unittest

import matplotlib
import numpy as np

matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import rct  # noqa: E402
import rct.plot  # noqa: E402

N, K = 200, 12
QUIET = """
import sys, numpy, rct, rct.plot
from matplotlib.figure import Figure
points = numpy.random.default_rng(1).uniform(size=(50, 2))
index = rct.EuclideanIndex(points)
rct.plot.conditioning_set(index, 30, 5, points=points, ax=Figure().subplots())
assert "matplotlib.pyplot" not in sys.modules
"""


def drawn(ax):
    """Returns the dots of an Axes by their labels."""
    return {dots.get_label(): dots for dots in ax.collections if not dots.get_label().startswith("_")}


def pairs(array):
    return sorted(map(tuple, np.asarray(array).tolist()))


class PlotTest(unittest.TestCase):
    def setUp(self):
        self.points = np.random.default_rng(3).uniform(size=(N, 2))
        self.index = rct.ResidualIndex(
            self.points, kernel="matern32", lengthscale=0.3, inducing="kmeans", num_inducing=9)
        self.euclidean = rct.EuclideanIndex(self.points, lengthscale=0.3)
        self.addCleanup(pyplot.close, "all")

    def draw(self, index=None, row=150, points=None, k=K, **arguments):
        return rct.plot.conditioning_set(
            self.index if index is None else index, row, k,
            points=self.points if points is None else points, **arguments)

    def test_the_set(self):
        order = rct.order(self.points, lengthscale=0.3)
        correlation = rct.ResidualIndex(self.points, kernel="rbf", lengthscale=0.3, inducing=None)
        for index in (self.index, correlation, self.euclidean):
            for given in (None, "maxmin", order, order.tolist()):
                with self.subTest(index=index, order=given):
                    self.expect_the_set(index, given)

    def expect_the_set(self, index, order):
        rows, distances = index.graph(K, predecessor=True, order=order)
        ax = self.draw(index, order=order)
        dots = drawn(ax)[f"its set, k = {K}"]
        np.testing.assert_array_equal(dots.get_offsets(), self.points[rows[150]])
        expected = distances[150]
        euclidean = index is self.euclidean
        np.testing.assert_array_equal(
            dots.get_array(), expected if euclidean else 1 - expected**2)
        self.assertEqual((dots.norm.vmin, dots.norm.vmax), (0, expected.max() if euclidean else 1))
        self.assertIn(
            "distance in lengthscales" if euclidean else "correlation",
            ax.child_axes[0].get_ylabel())

    def test_sets_with_ties_are_those_of_the_graph(self):
        grid = np.stack(np.meshgrid(np.arange(9.0), np.arange(9.0)), axis=-1).reshape(-1, 2)
        index = rct.EuclideanIndex(grid)
        order = rct.order(grid, "random")
        rows, _ = index.graph(5, predecessor=True, order=order)
        ax = Figure().subplots()
        for row in range(0, 81, 7):
            ax.clear()
            self.draw(index, row, grid, 5, order=order, ax=ax)
            found = drawn(ax)["its set, k = 5"].get_offsets()
            np.testing.assert_array_equal(found, grid[rows[row][rows[row] >= 0]])

    def test_the_others(self):
        order = rct.order(self.points, "random")
        dots = drawn(self.draw(order=order))
        place = int(np.flatnonzero(order == 150)[0])
        for label, expected in (
            ("earlier points", self.points[order[:place]]),
            ("later points", self.points[order[place:]]),
            ("inducing points", self.index.inducing), ("point 150", self.points[[150]]),
        ):
            self.assertEqual(pairs(dots[label].get_offsets()), pairs(expected))
        self.assertNotIn("inducing points", drawn(self.draw(self.euclidean)))

    def test_few_earlier_points(self):
        self.assertEqual(len(drawn(self.draw(row=0, window=2))[f"its set, k = {K}"].get_offsets()), 0)
        self.assertEqual(len(drawn(self.draw(row=5, window=2))[f"its set, k = {K}"].get_offsets()), 5)

    def test_two_of_three_coordinates(self):
        points = np.column_stack([self.points, 100 * self.points[:, 0]])
        index = rct.ResidualIndex(points, kernel="rbf", inducing=[4, 9])
        ax = self.draw(index, points=points, dims=(2, 1))
        self.assertEqual(pairs(drawn(ax)["inducing points"].get_offsets()), pairs(points[[4, 9]][:, [2, 1]]))
        self.assertEqual((ax.get_xlabel(), ax.get_ylabel()), ("coordinate 2", "coordinate 1"))
        self.assertEqual(ax.get_aspect(), "auto")
        self.assertEqual(self.draw(index, points=points).get_aspect(), 1)

    def test_degrees(self):
        places = np.column_stack([170 + 30 * self.points[:, 0], 60 + 10 * self.points[:, 1]])
        index = rct.ResidualIndex(
            rct.lonlat(places), kernel="matern32", lengthscale=500, inducing=[3, 70])
        ax = self.draw(index, points=places, lonlat=True, order="maxmin")
        dots = drawn(ax)
        np.testing.assert_allclose(dots["inducing points"].get_offsets(), places[[3, 70]])
        rows, _ = index.graph(K, predecessor=True, order="maxmin")
        np.testing.assert_array_equal(dots[f"its set, k = {K}"].get_offsets(), places[rows[150]])
        self.assertAlmostEqual(ax.get_aspect(), 1 / np.cos(np.radians(65)), delta=0.1)
        self.assertEqual((ax.get_xlabel(), ax.get_ylabel()), ("longitude", "latitude"))

    def test_points_of_the_index(self):
        for ax in (
            rct.plot.conditioning_set(self.index, 150, K),
            rct.plot.compare_sets(self.euclidean, self.index, 150, K),
        ):
            np.testing.assert_array_equal(drawn(ax)["point 150"].get_offsets(), self.points[[150]])
        with self.assertRaisesRegex(ValueError, "points: are missing; a EuclideanIndex"):
            rct.plot.conditioning_set(self.euclidean, 150, K)
        # Across the antimeridian, and where the widest gap is elsewhere.
        for west in (170.0, -100.0, -180.0, 10.0):
            places = np.column_stack([west + 30 * self.points[:, 0], 60 * self.points[:, 1]])
            index = rct.ResidualIndex(rct.lonlat(places), kernel="rbf", inducing=[3])
            ax = rct.plot.conditioning_set(index, 150, K, lonlat=True)
            longitude, latitude = drawn(ax)["point 150"].get_offsets()[0]
            expected = places[150, 0] + (360 if west == -180 else 0)
            self.assertAlmostEqual(longitude, expected)
            self.assertAlmostEqual(latitude, places[150, 1])
            low, high = np.array(ax.dataLim.intervalx)
            self.assertLess(high - low, 30)
        everywhere = np.column_stack([360 * self.points[:, 0], 60 * self.points[:, 1]])
        index = rct.ResidualIndex(rct.lonlat(everywhere), kernel="rbf", inducing=[3])
        ax = rct.plot.conditioning_set(index, 150, K, lonlat=True, order="maxmin")
        self.assertGreaterEqual(ax.dataLim.x0, -180)
        self.assertLessEqual(ax.dataLim.x1, 180)

    def test_windows(self):
        ax = self.draw(window=2)
        members = drawn(ax)[f"its set, k = {K}"].get_offsets()
        reach = 2 * abs(members - self.points[150]).max()
        np.testing.assert_allclose(ax.get_xlim(), self.points[150, 0] + np.array([-reach, reach]))
        np.testing.assert_allclose(ax.get_ylim(), self.points[150, 1] + np.array([-reach, reach]))

    def test_two_sets(self):
        one, two = (set(index.graph(K, predecessor=True)[0][150].tolist())
                    for index in (self.index, self.euclidean))
        self.assertTrue(one - two)
        for indexes, labels, names in (
            ((self.index, self.euclidean), None, ("residual correlation", "Euclidean distance")),
            ((self.index, self.euclidean), ("a", "b"), ("a", "b")),
        ):
            dots = drawn(rct.plot.compare_sets(*indexes, 150, K, points=self.points, labels=labels))
            for label, expected in (
                ("in both sets", one & two), (f"{names[0]} only", one - two),
                (f"{names[1]} only", two - one),
            ):
                found = dots[f"{label} ({len(expected)})"].get_offsets()
                self.assertEqual(pairs(found), pairs(self.points[sorted(expected)]))
            self.assertEqual(pairs(dots["inducing points"].get_offsets()), pairs(self.index.inducing))

    def test_nothing_global(self):
        before = dict(matplotlib.rcParams)
        _, ax = pyplot.subplots()
        self.assertIs(self.draw(ax=ax), ax)
        self.assertEqual(pyplot.get_fignums(), [1])
        self.assertIsNot(self.draw().figure, ax.figure)
        self.assertEqual(dict(matplotlib.rcParams), before)
        subprocess.run(
            [sys.executable, "-c", QUIET], check=True, env={**os.environ, "PYTHONPATH": HERE})

    def test_files(self):
        for format_ in ("png", "pdf", "svg"):
            output = io.BytesIO()
            self.draw(window=1.5).figure.savefig(output, format=format_)
            self.assertGreater(output.tell(), 2000)

    def test_examples(self):
        failed, tried = doctest.testmod(rct.plot)
        self.assertEqual((failed, tried > 0), (0, True))

    def test_errors(self):
        places = 10 * self.points
        chords = rct.EuclideanIndex(rct.lonlat(places))
        for error, message, call in (
            (ValueError, "row: is 200; must be from 0 to 199", lambda: self.draw(row=200)),
            (ValueError, "row: is -1", lambda: self.draw(row=-1)),
            (TypeError, "integer", lambda: self.draw(row=1.5)),
            (ValueError, r"points: has the shape \(199, 2\); must have \(200, 2\)",
             lambda: self.draw(points=self.points[1:])),
            (ValueError, r"must have \(200, 3\), .* with lonlat=True",
             lambda: self.draw(chords, points=places)),
            (ValueError, r"must have \(200, 1\)", lambda: self.draw(points=places, lonlat=True)),
            (ValueError, "lonlat: the index has 2 coordinates",
             lambda: rct.plot._degrees(self.points)),
            (ValueError, "dims: is .0, 2.; must be two columns of points, each from 0 to 1",
             lambda: self.draw(dims=(0, 2))),
            (ValueError, "dims: is .1, 1.; must be two", lambda: self.draw(dims=(1, 1))),
            (ValueError, "window: is 0; must be positive", lambda: self.draw(window=0)),
            (ValueError, "labels: are 1; must be two",
             lambda: rct.plot.compare_sets(
                 self.index, self.euclidean, 1, points=self.points, labels=("a",))),
            (ValueError, "dims: is .0,.; must be two", lambda: self.draw(dims=(0,))),
            (ValueError, "order: must have each row from 0 to 199 once",
             lambda: self.draw(order=np.zeros(N, dtype=int))),
            (ValueError, "method: there is no 'up'", lambda: self.draw(order="up")),
            (ValueError, "k: is 0", lambda: self.draw(k=0)),
            (ValueError, "second: has 3 points, first has 200",
             lambda: rct.plot.compare_sets(
                 self.index, rct.EuclideanIndex(self.points[:3]), 1)),
        ):
            with self.subTest(message), self.assertRaisesRegex(error, message):
                call()


if __name__ == "__main__":
    unittest.main()
