#!/usr/bin/python3
"""Compares orders and graphs in an order with NumPy."""

import doctest
import os
import sys
import unittest
import warnings

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rct  # noqa: E402

N, K = 250, 6


def maxmin(points, num_first=None):
    """Returns the order by the plain algorithm. Assumes that there are no ties."""
    n = len(points)
    groups = [range(n)]
    if num_first:
        groups = [range(num_first), range(num_first, n)]
    mean = points[groups[0]].mean(axis=0)
    order = [int(((points[groups[0]] - mean) ** 2).sum(axis=1).argmin())]
    squared = ((points - points[order[0]]) ** 2).sum(axis=1)
    while len(order) < n:
        group = [i for i in groups[0] if i not in order]
        group = group or [i for i in groups[-1] if i not in order]
        order.append(group[int(squared[group].argmax())])
        new = ((points - points[order[-1]]) ** 2).sum(axis=1)
        squared = np.minimum(squared, new)
    return order


class OrderTest(unittest.TestCase):
    def setUp(self):
        self.points = np.random.default_rng(5).normal(size=(N, 2))

    def test_maxmin(self):
        order = rct.order(self.points)
        self.assertEqual(order.dtype, np.int64)
        self.assertEqual(order.tolist(), maxmin(self.points))
        scaled = rct.order(self.points, "maxmin", lengthscale=[0.5, 4])
        self.assertEqual(scaled.tolist(), maxmin(self.points / [0.5, 4]))
        groups = rct.order(self.points, num_first=100, threads=2)
        self.assertEqual(groups.tolist(), maxmin(self.points, 100))

    def test_other_methods(self):
        mean = self.points.mean(axis=0)
        self.assertEqual(
            rct.order(self.points, "middle_out").tolist(),
            ((self.points - mean) ** 2).sum(axis=1).argsort().tolist(),
        )
        self.assertEqual(
            rct.order(self.points, "coordinate", column=1).tolist(),
            self.points[:, 1].argsort().tolist(),
        )
        random = rct.order(self.points, "random", seed=3)
        self.assertEqual(sorted(random), list(range(N)))
        self.assertTrue((random != rct.order(self.points, "random")).any())

    def test_no_points(self):
        self.assertEqual(rct.order(np.zeros((0, 2))).shape, (0,))

    def test_the_array_owns_its_memory(self):
        order = rct.order(self.points)
        expected = order.tolist()
        for seed in range(20):
            rct.order(self.points, "random", seed=seed)
        self.assertEqual(order.tolist(), expected)
        order[0] = 7

    def test_errors(self):
        for arguments, error, message in [
            (dict(method="best"), ValueError, "maxmin"),
            (dict(lengthscale=0), ValueError, "lengthscale"),
            (dict(lengthscale=[1, 2, 3]), ValueError, "lengthscale: has 3 values"),
            (dict(num_first=N + 1), ValueError, "num_first: is 251"),
            (dict(num_first=1.5), TypeError, "num_first"),
            (dict(method="coordinate", column=2), ValueError, "column: is 2"),
            (dict(threads=-1), ValueError, "threads"),
            (dict(seed=-1), ValueError, "seed"),
        ]:
            with self.assertRaisesRegex(error, message):
                rct.order(self.points, **arguments)
        with self.assertRaisesRegex(TypeError, "points"):
            rct.order(self.points[0])
        self.points[3, 1] = np.nan
        with self.assertRaisesRegex(ValueError, "points: row 3, column 1"):
            rct.order(self.points)

    def test_example(self):
        self.assertEqual(doctest.testmod(rct).failed, 0)


class GraphTest(unittest.TestCase):
    def setUp(self):
        self.points = np.random.default_rng(6).normal(size=(N, 2))
        self.index = rct.ResidualIndex(
            self.points, kernel="matern32", lengthscale=[0.5, 2], inducing=30
        )

    def expect_graph(self, order, argument):
        """Compares a graph with all distances, sorted by NumPy."""
        rows, distances = self.index.graph(K, predecessor=True, order=argument)
        all_rows, all_distances = self.index.search(np.arange(N), N)
        distance = np.empty((N, N))
        np.put_along_axis(distance, all_rows, all_distances, axis=1)
        rank = np.argsort(order)
        distance[rank[None, :] >= rank[:, None]] = np.inf
        expected = np.argsort(distance, axis=1)[:, :K]
        expected_distances = np.take_along_axis(distance, expected, axis=1)
        expected[np.isinf(expected_distances)] = -1
        np.testing.assert_array_equal(rows, expected)
        np.testing.assert_array_equal(distances, expected_distances)

    def test_methods_and_arrays(self):
        order = rct.order(self.points, lengthscale=[0.5, 2])
        self.expect_graph(order, order)
        self.expect_graph(order, order.tolist())
        self.expect_graph(order, order.astype(float))
        self.expect_graph(order, "maxmin")
        backwards = np.arange(N)[::-1]
        self.expect_graph(backwards, backwards)
        self.expect_graph(rct.order(self.points, "coordinate"), "coordinate")

    def test_no_order_is_that_of_the_rows(self):
        self.expect_graph(np.arange(N), None)
        self.expect_graph(np.arange(N), np.arange(N))

    def test_errors(self):
        for order, error, message in [
            ("best", ValueError, "order"),
            (np.arange(N - 1), ValueError, "order: has 249 elements"),
            (np.full(N, 3), ValueError, "order: element 1 is 3, as element 0 is"),
            (np.arange(N) + 1, ValueError, "order: element 249 is 250"),
            (np.arange(N) + 0.5, ValueError, "order: entry 0 is 0.5, which is no row number"),
            (np.arange(N) > 3, TypeError, "order: must hold integers"),
            (3, TypeError, "order"),
            ([], ValueError, "order: has 0 elements"),
        ]:
            with self.assertRaisesRegex(error, message):
                self.index.graph(K, predecessor=True, order=order)

    def test_an_order_without_effect(self):
        with self.assertWarnsRegex(UserWarning, "order: without predecessor"):
            rows, _ = self.index.graph(K, order="random")
        np.testing.assert_array_equal(rows, self.index.graph(K)[0])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.index.graph(K, predecessor=True, order="random")


if __name__ == "__main__":
    unittest.main()
