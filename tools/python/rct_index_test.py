#!/usr/bin/python3
"""Tests rct.Index: the metric as an argument, and rct.EuclideanIndex."""

import doctest
import os
import pathlib
import sys
import tempfile
import unittest
import warnings

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rct  # noqa: E402

N, D, K = 300, 2, 7
STRATEGIES = (None, "exhaustive", "level_synchronous", "best_first", "block")
LENGTHSCALES = [0.5, 2.0]


def brute_force(queries, points, k, candidate=None, lengthscale=1.0, rank=None):
    """Returns rows and distances by all pairs and a sort by (distance, rank).

    candidate[i, j] says whether point j may be a neighbor of query i.
    """
    scaled = [np.asarray(x, dtype=float) / lengthscale for x in (queries, points)]
    difference = scaled[0][:, None, :] - scaled[1][None, :, :]
    all_distances = np.sqrt((difference**2).sum(axis=2))
    if candidate is not None:
        all_distances[~candidate] = np.inf
    rank = np.arange(len(points)) if rank is None else rank
    order = np.array([np.lexsort((rank, row)) for row in all_distances])[:, :k]
    nearest = np.take_along_axis(all_distances, order, axis=1)
    order[np.isinf(nearest)] = -1
    return order, nearest


class IndexTest(unittest.TestCase):
    def setUp(self):
        generator = np.random.default_rng(3)
        # Whole numbers, of which many pairs are at one distance and many points
        # are repeated: sums of squares are exact, and ties go by row.
        self.grid = generator.integers(0, 12, size=(N, D)).astype(float)
        self.points = generator.normal(size=(N, D))
        self.queries = generator.normal(size=(20, D))

    def expect_same(self, answer, expected):
        self.assertEqual(len(answer), len(expected))
        for a, b in zip(answer, expected):
            np.testing.assert_array_equal(a, b)

    def expect_same_index(self, one, other):
        """Compares every call of two indexes bit for bit."""
        for predecessor in (False, True):
            self.expect_same(
                one.graph(K, predecessor=predecessor), other.graph(K, predecessor=predecessor)
            )
        self.expect_same(one.graph(K, predecessor=True, order="maxmin"),
                         other.graph(K, predecessor=True, order="maxmin"))
        self.expect_same(one.search([4, 9], K), other.search([4, 9], K))
        self.expect_same(one.search_points(self.queries, K), other.search_points(self.queries, K))
        self.expect_same(one.range_search([4, 9], 0.4), other.range_search([4, 9], 0.4))
        self.expect_same(one.range_search_points(self.queries, 0.4),
                         other.range_search_points(self.queries, 0.4))
        for name in ("metric", "strategy", "size", "dim"):
            self.assertEqual(getattr(one, name), getattr(other, name))
        self.assertEqual(one.lengthscale.tolist(), other.lengthscale.tolist())
        self.assertEqual(repr(one), repr(other))


class EuclideanTest(IndexTest):
    def index(self, points, strategy=None):
        return rct.Index(
            points, metric="euclidean", lengthscale=LENGTHSCALES, strategy=strategy
        )

    def brute_force(self, queries, candidate=None, rank=None, points=None):
        points = self.grid if points is None else points
        return brute_force(queries, points, K, candidate, LENGTHSCALES, rank)

    def test_neighbors_with_ties(self):
        others = ~np.eye(N, dtype=bool)
        earlier = np.tri(N, k=-1, dtype=bool)
        everything = np.ones((N, N), dtype=bool)
        allowed = np.arange(N) % 3 > 0
        rows = np.array([17, 0, 299, 17])
        queries = self.grid[::9] + 0.25
        for strategy in STRATEGIES:
            with self.subTest(strategy):
                index = self.index(self.grid, strategy)
                self.expect_same(index.search(rows, K), self.brute_force(self.grid[rows]))
                self.expect_same(index.graph(K), self.brute_force(self.grid, others))
                self.expect_same(
                    index.graph(K, predecessor=True), self.brute_force(self.grid, earlier)
                )
                self.expect_same(
                    index.search(np.arange(N), K, allowed=allowed),
                    self.brute_force(self.grid, everything & allowed),
                )
                self.expect_same(index.search_points(queries, K), self.brute_force(queries))

    def test_graph_in_an_order(self):
        reverse = np.arange(N)[::-1]
        scaled = self.grid / LENGTHSCALES
        for order in (reverse, "maxmin", "random", "coordinate", "middle_out"):
            rows = order if isinstance(order, np.ndarray) else rct.order(scaled, method=order)
            rank = np.argsort(rows)
            expected = self.brute_force(self.grid, rank[None, :] < rank[:, None], rank)
            for strategy in STRATEGIES:
                with self.subTest(order=order, strategy=strategy):
                    self.expect_same(
                        self.index(self.grid, strategy).graph(K, predecessor=True, order=order),
                        expected,
                    )

    def test_the_order_is_that_of_the_lengthscales(self):
        # As is usual: none of the coordinates is a tie after the division only.
        order = rct.order(self.points, lengthscale=[0.3, 0.7])
        index = rct.Index(self.points, metric="euclidean", lengthscale=[0.3, 0.7])
        self.expect_same(index.graph(K, predecessor=True, order="maxmin"),
                         index.graph(K, predecessor=True, order=order))

    def test_range_search(self):
        index = self.index(self.grid)
        offsets, rows, distances = index.range_search(np.arange(N), 3.0)
        expected, nearest = brute_force(self.grid, self.grid, N, None, LENGTHSCALES)
        within = nearest < 3.0  # strictly
        self.assertTrue((nearest == 3.0).any())
        self.assertEqual(np.diff(offsets).tolist(), within.sum(axis=1).tolist())
        np.testing.assert_array_equal(rows, expected[within])
        np.testing.assert_array_equal(distances, nearest[within])
        self.expect_same(index.range_search_points(self.grid, 3.0), (offsets, rows, distances))

    def test_the_default_lengthscale_is_one(self):
        index = rct.Index(self.grid, metric="euclidean")
        self.assertEqual(index.lengthscale.tolist(), [1.0, 1.0])
        self.expect_same(index.search_points(self.queries, 1, radius=100),
                         rct.Index(self.grid, metric="euclidean", lengthscale=1).search_points(
                             self.queries, 1))
        found = index.search_points(self.queries, K)
        expected = brute_force(self.queries, self.grid, K)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-14)
        one = rct.Index(self.grid, metric="euclidean", lengthscale=0.3)
        self.assertEqual(one.lengthscale.tolist(), [0.3, 0.3])

    def test_it_is_a_euclidean_index(self):
        index = self.index(self.points)
        self.assertIs(type(index), rct.EuclideanIndex)
        self.expect_same_index(index, rct.EuclideanIndex(self.points, lengthscale=LENGTHSCALES))
        self.assertEqual(index.metric, "euclidean")
        self.assertEqual(index.strategy, "block")
        self.assertEqual((index.size, index.dim, len(index)), (N, D, N))
        self.assertEqual(index.lengthscale.tolist(), LENGTHSCALES)
        self.assertEqual(repr(index), "<rct.EuclideanIndex of 300 points, d = 2, "
                         "lengthscale = [0.5, 2.0], strategy 'block'>")
        self.assertEqual(self.index(self.points, "Best_First").strategy, "best_first")
        for name in ("rebuild", "kernel", "inducing", "factors", "variance"):
            self.assertFalse(hasattr(index, name), name)

    def test_append(self):
        for strategy in STRATEGIES:
            before = self.index(self.grid[:200], strategy)
            sets = before.graph(K, predecessor=True)
            after = before.append(self.grid[200:], threads=2)
            self.assertEqual((len(before), len(after)), (200, N))
            self.expect_same_index(after, self.index(self.grid, strategy))
            self.expect_same([a[:200] for a in after.graph(K, predecessor=True)], sets)
        with self.assertRaisesRegex(ValueError, "points: the number of columns is 3, that of the index is 2"):
            before.append(np.zeros((1, 3)))

    def test_save_and_load(self):
        index = self.index(self.points)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "e.rct")
            index.save(path)
            loaded = rct.EuclideanIndex.load(path)
            with self.assertRaisesRegex(ValueError, "e.rct"):
                rct.ResidualIndex.load(path)
            with self.assertRaises(FileNotFoundError):
                rct.EuclideanIndex.load(os.path.join(folder, "gone"))
        np.testing.assert_array_equal(loaded.lengthscale, index.lengthscale)
        for got, expected in zip(loaded.graph(5), index.graph(5)):
            np.testing.assert_array_equal(got, expected)

    def test_few_points(self):
        none = self.index(np.zeros((0, D)))
        self.assertEqual(none.graph(K)[0].shape, (0, K))
        self.assertEqual(none.graph(K, predecessor=True, order="maxmin")[0].shape, (0, K))
        self.assertEqual(none.search_points(self.queries, 2)[0].tolist(), [[-1, -1]] * 20)
        one = none.append(self.points[:1])
        self.assertEqual(one.search([0], 2)[0].tolist(), [[0, -1]])

    def test_warnings(self):
        twice = np.concatenate([self.points[:9], self.points[:9]])
        cases = (
            (None, lambda: self.index(self.points).graph(K)),
            # Neither a large distance nor a large radius is a mistake here.
            (None, lambda: self.index(1e6 * self.points).graph(K)),
            (None, lambda: self.index(self.points).range_search([0], 2.0)),
            ("18 of 18 queries are at distance 0: the points repeat one another",
             lambda: self.index(twice).graph(1)),
            ("order: without predecessor", lambda: self.index(self.points).graph(1, order="maxmin")),
        )
        for message, call in cases:
            with self.subTest(message), warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                call()
                self.assertEqual(len(seen), 0 if message is None else 1, seen)
                if message is not None:
                    self.assertRegex(str(seen[0].message), message)
                    self.assertIs(seen[0].category, UserWarning)
                    self.assertEqual(seen[0].filename, __file__)

    def test_errors(self):
        with_nan = self.points.copy()
        with_nan[7, 1] = np.nan
        index = self.index(self.points)
        cases = (
            ("points: row 7, column 1 is nan", lambda: self.index(with_nan)),
            ("lengthscale: 3 values for points of 2 coordinates",
             lambda: rct.Index(self.points, metric="euclidean", lengthscale=[1, 2, 3])),
            (r"lengthscale\[0\]: is 0", lambda: rct.EuclideanIndex(self.points, lengthscale=0)),
            ("strategy: there is no 'x'", lambda: self.index(self.points, "x")),
            ("points: row 0, column 0 is .* overflow", lambda: self.index(1e200 * self.points)),
            ("query 1: row 300 is out of range", lambda: index.search([0, 300], 1)),
            ("query points: have 3", lambda: index.search_points(np.zeros((1, 3)), 1)),
            ("order: there is no 'x'", lambda: index.graph(1, predecessor=True, order="x")),
        )
        for message, call in cases:
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                call()

    def test_an_index_without_init(self):
        empty = rct.EuclideanIndex.__new__(rct.EuclideanIndex)
        for call in (
            lambda: len(empty),
            lambda: repr(empty),
            lambda: empty.metric,
            lambda: empty.lengthscale,
            lambda: empty.graph(1),
            lambda: empty.append(self.points),
        ):
            with self.assertRaisesRegex(TypeError, "EuclideanIndex: has no points; call its __init__"):
                call()


class CorrelationTest(IndexTest):
    def test_it_is_an_index_without_inducing_points(self):
        arguments = dict(kernel="matern32", lengthscale=[0.3, 0.5], variance=2.0)
        for more in ({}, dict(inducing=None), dict(seed=None, jitter=None)):
            index = rct.Index(self.points, metric="correlation", **arguments, **more)
            self.expect_same_index(
                index, rct.ResidualIndex(self.points, inducing=None, **arguments)
            )
        self.assertIs(type(index), rct.ResidualIndex)
        self.assertEqual(index.metric, "correlation")
        self.assertEqual(index.variance, 2.0)
        self.assertEqual(index.rebuild(inducing=5).metric, "residual")

    def test_rows_are_those_of_euclidean_distance(self):
        for kernel in ("rbf", "matern12", "matern32", "matern52"):
            unit = dict(lengthscale=[0.9, 1.3])
            correlation = rct.Index(self.points, metric="correlation", kernel=kernel, **unit)
            euclidean = rct.Index(self.points, metric="euclidean", **unit)
            for arguments in (
                dict(),
                dict(predecessor=True),
                dict(predecessor=True, order="maxmin"),
                dict(predecessor=True, order=np.arange(N)[::-1]),
            ):
                rows, _ = correlation.graph(K, **arguments)
                np.testing.assert_array_equal(rows, euclidean.graph(K, **arguments)[0])


class ResidualTest(IndexTest):
    def test_it_is_the_residual_index(self):
        for arguments in (
            dict(inducing=20),
            dict(inducing=20, seed=5, jitter=1e-4, variance=3.0, threads=2),
            dict(inducing="kmeans++", num_inducing=9, strategy="level_synchronous"),
            dict(inducing=[3, 7, 11], strategy="exhaustive"),
            dict(inducing=self.queries),
            dict(inducing=None),
        ):
            arguments.update(kernel="matern52", lengthscale=0.8)
            expected = rct.ResidualIndex(self.points, **arguments)
            for index in (
                rct.Index(self.points, **arguments),
                rct.Index(self.points, metric="residual", **arguments),
            ):
                self.assertIs(type(index), rct.ResidualIndex)
                self.expect_same_index(index, expected)
                self.assertEqual(index.factors.tobytes(), expected.factors.tobytes())
        self.assertEqual(index.metric, "correlation")
        index = rct.Index(self.points, kernel="rbf", inducing=4)
        self.assertEqual(index.metric, "residual")
        self.assertEqual(index.append(self.queries).metric, "residual")


class ArgumentsTest(IndexTest):
    def test_arguments_without_use(self):
        values = dict(kernel="rbf", variance=1.0, inducing=np.arange(4), num_inducing=3, seed=1,
                      jitter=1e-6)
        for name, value in values.items():
            message = (f"^{name} and metric='euclidean': Euclidean distance has no use for it; "
                       f"leave {name} out, or choose another metric$")
            with self.assertRaisesRegex(ValueError, message):
                rct.Index(self.points, metric="euclidean", **{name: value})
            rct.Index(self.points, metric="euclidean", **{name: None})
            if name in ("kernel", "variance"):
                continue
            message = f"^{name} and metric='correlation': .* no inducing points; leave {name} out"
            with self.assertRaisesRegex(ValueError, message):
                rct.Index(self.points, metric="correlation", kernel="rbf", **{name: value})

    def test_other_errors(self):
        cases = (
            (ValueError, "metric: there is no 'cosine'; choose one of 'residual', 'correlation', "
             "'euclidean'", dict(metric="cosine")),
            (TypeError, "kernel: is missing; metric='residual' needs it; choose one of 'rbf', "
             "'matern12', 'matern32', 'matern52'", dict(inducing=4)),
            (TypeError, "kernel: is missing; metric='residual'", dict(kernel=None, inducing=4)),
            (TypeError, "kernel: is missing; metric='correlation'", dict(metric="correlation")),
            (TypeError, "inducing: is missing; metric='residual' needs it; without inducing points, "
             "choose metric='correlation'", dict(kernel="rbf")),
            (TypeError, "Index() got an unexpected keyword argument 'lengthscales'; did you mean "
             "'lengthscale'? It takes points, metric, kernel, ", dict(metric="euclidean", lengthscales=2)),
            (TypeError, "Index() got an unexpected keyword argument 'x'; it takes points, metric, ",
             dict(metric="correlation", x=None)),
            (ValueError, "metric: there is no 'euclidian'; did you mean 'euclidean'? Choose one of "
             "'residual', 'correlation', 'euclidean'", dict(metric="euclidian")),
            (ValueError, "kernel: there is no 'cubic'", dict(kernel="cubic", inducing=4)),
            (ValueError, "kernel.lengthscale: 3 values",
             dict(metric="correlation", kernel="rbf", lengthscale=[1, 2, 3])),
        )
        for error, message, arguments in cases:
            with self.subTest(message), self.assertRaises(error) as caught:
                rct.Index(self.points, **arguments)
            self.assertIn(message, str(caught.exception))

    def test_documentation(self):
        for name in ("search", "search_points", "range_search", "range_search_points", "graph",
                     "append", "metric", "strategy", "size", "dim"):
            text = getattr(rct.EuclideanIndex, name).__doc__
            of_residual = getattr(rct.ResidualIndex, name).__doc__
            self.assertEqual(text.replace("EuclideanIndex", "ResidualIndex"), of_residual)
        example = doctest.DocTestParser().get_doctest(rct.Index.__doc__, {}, "Index", None, None)
        self.assertGreater(len(example.examples), 4)
        self.assertEqual(doctest.DocTestRunner().run(example).failed, 0)


if __name__ == "__main__":
    unittest.main()
