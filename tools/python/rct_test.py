#!/usr/bin/python3
"""Compares the module `rct` with NumPy."""

import doctest
import os
import re
import signal
import sys
import tempfile
import threading
import time
import unittest
import warnings

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rct  # noqa: E402

N, D, M, K = 400, 3, 20, 10
JITTER = 1e-6


def matern32(x, y, lengthscale):
    difference = (x[:, None, :] - y[None, :, :]) / lengthscale
    a = np.sqrt(3 * (difference**2).sum(axis=2))
    return (1 + a) * np.exp(-a)


def distances(x, y, z, lengthscale):
    """Returns the residual correlation distance of each of x to each of y."""
    low = np.linalg.cholesky(matern32(z, z, lengthscale) + JITTER * np.eye(len(z)))
    v, w = (np.linalg.solve(low, matern32(z, a, lengthscale)).T for a in (x, y))
    p, q = (np.maximum(1 - (a**2).sum(axis=1), 1e-9) for a in (v, w))
    rho = (matern32(x, y, lengthscale) - v @ w.T) / np.sqrt(np.outer(p, q))
    return np.sqrt(np.maximum(0, 1 - np.abs(rho)))


class ResidualIndexTest(unittest.TestCase):
    def setUp(self):
        generator = np.random.default_rng(7)
        self.points = generator.normal(size=(N, D))
        self.queries = generator.normal(size=(30, D))
        self.inducing = np.arange(5, N, N // M)[:M]

    def index(self, points=None, **changes):
        arguments = dict(kernel="matern32", lengthscale=0.8, inducing=self.inducing)
        arguments.update(changes)
        return rct.ResidualIndex(self.points if points is None else points, **arguments)

    def expect_nearest(self, answer, expected):
        """Compares answers with all distances; inf where a row is no candidate."""
        rows, found = answer
        self.assertEqual(rows.dtype, np.int64)
        self.assertEqual(found.dtype, np.float64)
        self.assertEqual(rows.shape, (len(expected), K))
        self.assertEqual(found.shape, (len(expected), K))
        order = np.argsort(expected, axis=1, kind="stable")[:, :K]
        nearest = np.take_along_axis(expected, order, axis=1)
        order[np.isinf(nearest)] = -1
        np.testing.assert_array_equal(np.sort(rows), np.sort(order))
        np.testing.assert_allclose(found, nearest, atol=1e-6, rtol=0)

    def all_distances(self, x):
        return distances(x, self.points, self.points[self.inducing], 0.8)

    def test_search(self):
        expected = self.all_distances(self.points)
        np.fill_diagonal(expected, 0)
        rows = np.array([3, 0, 399, 3])
        for index in (self.index(), self.index(strategy="level_synchronous", threads=2)):
            self.expect_nearest(index.search(rows, K), expected[rows])
            self.expect_nearest(index.search(rows.tolist(), k=K, threads=1), expected[rows])

    def test_search_points(self):
        self.expect_nearest(
            self.index().search_points(self.queries, K), self.all_distances(self.queries)
        )

    def test_graph(self):
        expected = self.all_distances(self.points)
        np.fill_diagonal(expected, np.inf)
        self.expect_nearest(self.index().graph(K), expected)
        expected[np.triu_indices(N)] = np.inf
        self.expect_nearest(self.index().graph(K, predecessor=True), expected)

    def test_constraints(self):
        index = self.index()
        self.assertEqual(index.search([9], 1)[0][0, 0], 9)
        self.assertNotEqual(index.search([9], 1, exclude_self=True)[0][0, 0], 9)
        rows, found = index.search([2], 3, predecessor=True)
        self.assertEqual(sorted(rows[0]), [-1, 0, 1])
        self.assertEqual(found[0, 2], np.inf)

    def test_radius(self):
        expected = self.all_distances(self.points)
        np.fill_diagonal(expected, 0)
        index = self.index()
        _, found = index.search([0], K)
        radius = found[0, 4]  # itself no neighbor: strictly below
        self.assertEqual((index.search([0], K, radius=radius)[0] >= 0).sum(), 4)
        rows = np.array([0, 9, 0])
        offsets, near, distance = index.range_search(rows, radius)
        self.assertEqual([a.dtype for a in (offsets, near, distance)], [np.int64, np.int64, float])
        self.assertEqual(offsets.tolist()[:2], [0, 4])
        self.assertEqual(offsets[3], len(near))
        self.assertTrue((distance < radius).all())
        matrix = np.full((3, N), np.inf)
        matrix[np.repeat(np.arange(3), np.diff(offsets)), near] = distance
        within = np.where(expected[rows] < radius - 1e-6, expected[rows], np.inf)
        np.testing.assert_allclose(matrix[np.isfinite(within)], within[np.isfinite(within)], atol=1e-6)
        everything = index.range_search_points(self.queries, np.inf)
        self.assertEqual(len(everything[1]), N * len(self.queries))
        few = index.range_search([5], np.inf, predecessor=True)
        self.assertEqual(sorted(few[1]), [0, 1, 2, 3, 4])
        self.assertEqual(index.graph(K, radius=-1)[0].max(), -1)

    def test_allowed(self):
        allowed = np.arange(N) % 7 == 3
        expected = self.all_distances(self.queries)
        expected[:, ~allowed] = np.inf
        index = self.index()
        self.expect_nearest(index.search_points(self.queries, K, allowed=allowed), expected)
        for answer in (
            index.search([3, 5], K, allowed=allowed),
            index.graph(K, allowed=allowed.tolist()),
            index.range_search([3, 5], 0.9, allowed=allowed)[1:],
            index.range_search_points(self.queries, 0.9, allowed=allowed)[1:],
        ):
            self.assertTrue(allowed[answer[0]].all())
        with self.assertRaisesRegex(ValueError, "allowed: has 3 flags"):
            index.search([3], 1, allowed=allowed[:3])
        with self.assertRaisesRegex(ValueError, "allowed: is empty; None means all"):
            index.search([3], 1, allowed=np.zeros(0, bool))

    def test_an_interrupt_ends_a_search(self):
        points = np.random.default_rng(1).normal(size=(60000, D))
        index = self.index(points, inducing=500)
        timer = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
        timer.start()
        start = time.monotonic()
        with self.assertRaises(KeyboardInterrupt):
            index.graph(K, threads=1)
        self.assertLess(time.monotonic() - start, 10)
        timer.join()
        self.assertEqual(index.search([7], 1)[0][0, 0], 7)

    def test_inducing(self):
        by_row = self.index().graph(K)
        for inducing in (self.points[self.inducing], self.inducing.astype(np.int32)):
            for a, b in zip(by_row, self.index(inducing=inducing).graph(K)):
                np.testing.assert_array_equal(a, b)
        expected = np.sqrt(1 - matern32(self.points, self.points, 0.8))
        np.fill_diagonal(expected, np.inf)
        self.expect_nearest(self.index(inducing=None).graph(K), expected)
        one, same, other = (
            self.index(inducing=m, seed=s).graph(K)[1]
            for m, s in ((M, 1), (np.int32(M), 1), (M, 2))
        )
        self.assertTrue((one == same).all())
        self.assertFalse((one == other).all())

    def test_arrays_of_any_layout_give_what_their_values_say(self):
        expected = self.index().graph(K)[1]
        wide = np.empty((N, 2 * D))
        wide[:, ::2] = self.points
        for points in (np.asfortranarray(self.points), wide[:, ::2], self.points.tolist()):
            np.testing.assert_array_equal(self.index(points).graph(K)[1], expected)
        single = self.points.astype(np.float32)
        np.testing.assert_array_equal(
            self.index(single).graph(K)[1], self.index(single.astype(np.float64)).graph(K)[1]
        )

    def test_answers_are_no_copies_and_outlive_the_index(self):
        rows, found = self.index().search([1, 2], K)
        self.assertFalse(rows.flags.owndata)
        self.assertFalse(found.flags.owndata)
        kept = found.copy()
        del rows
        np.testing.assert_array_equal(found, kept)

    def test_the_index_keeps_its_own_points(self):
        points = self.points.copy()
        index = self.index(points)
        expected = index.graph(K)[1]
        points[:] = 0
        np.testing.assert_array_equal(index.graph(K)[1], expected)

    def test_rebuild(self):
        old = self.index()
        before = old.graph(k=K)[0].tolist()
        for changes in (
            dict(lengthscale=0.5),
            dict(lengthscale=[0.5, 1.0, 2.0], variance=3.0),
            dict(kernel="rbf"),
        ):
            rebuilt = old.rebuild(**changes)
            fresh = self.index(**changes)
            for got, expected in zip(rebuilt.graph(k=K), fresh.graph(k=K)):
                np.testing.assert_array_equal(got, expected)
        del fresh
        self.assertEqual(old.graph(k=K)[0].tolist(), before)
        del old
        rebuilt = rebuilt.rebuild(threads=2)
        self.expect_nearest(
            self.index().rebuild(lengthscale=0.5).search_points(self.queries, k=K),
            distances(self.queries, self.points, self.points[self.inducing], 0.5),
        )
        for changes, message in (
            (dict(kernel="cubic"), "kernel: there is no 'cubic'"),
            (dict(lengthscale=0), r"kernel.lengthscale\[0\]"),
            (dict(lengthscale=[1.0, 2.0]), "2 values for points of 3"),
            (dict(variance=-1), "kernel.variance"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                rebuilt.rebuild(**changes)

    def test_files(self):
        for strategy in ("exhaustive", "block", "level_synchronous"):
            index = self.index(strategy=strategy)
            expected = (*index.graph(K), *index.search_points(self.queries, K))
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "index.rct")
                index.save(path)
                loaded = [rct.ResidualIndex.load(path, map=m) for m in (False, True)]
                with open(path, "rb") as file:
                    start = file.read(1000)
                os.remove(path)
                with open(path, "wb") as file:
                    file.write(start)
                with self.assertRaisesRegex(ValueError, "index.rct: truncated: has 1000"):
                    rct.ResidualIndex.load(path)
                with self.assertRaisesRegex(FileNotFoundError, "cannot open.*none.rct"):
                    rct.ResidualIndex.load(os.path.join(folder, "none.rct"))
                with self.assertRaisesRegex(FileNotFoundError, "cannot create.*none/x"):
                    index.save(os.path.join(folder, "none/x"))
                self.assertEqual(os.listdir(folder), ["index.rct"])
            for other in loaded:
                answer = (*other.graph(K), *other.search_points(self.queries, K))
                for a, b in zip(answer, expected):
                    np.testing.assert_array_equal(a, b)

    def test_errors(self):
        with_nan = self.points.copy()
        with_nan[7, 2] = np.nan
        index = self.index()
        cases = [
            (ValueError, "points: row 7, column 2 is nan", lambda: self.index(with_nan)),
            (ValueError, "kernel: there is no 'cubic'; choose one of 'rbf', 'matern12', 'matern32', "
             "'matern52'", lambda: self.index(kernel="cubic")),
            (ValueError, "strategy: there is no 'x'; choose one of 'exhaustive', 'level_synchronous', "
             "'best_first', 'block'", lambda: self.index(strategy="x")),
            (ValueError, "kernel: there is no 'family_unspecified'",
             lambda: self.index(kernel="family_unspecified")),
            (ValueError, "kernel.lengthscale: 2 values", lambda: self.index(lengthscale=[1, 2])),
            (ValueError, "kernel.variance: is -1", lambda: self.index(variance=-1)),
            (ValueError, "jitter: is 0", lambda: self.index(jitter=0)),
            (ValueError, "inducing.random.count: is 401", lambda: self.index(inducing=401)),
            (ValueError, "row 400 is out of range", lambda: self.index(inducing=[400])),
            (ValueError, "no inducing points given", lambda: self.index(inducing=[])),
            (ValueError, "threads: is -1", lambda: self.index(threads=-1)),
            (ValueError, "query 1: row 400 is out of range", lambda: index.search([0, 400], 1)),
            (ValueError, "k: is 0", lambda: index.search([0], 0)),
            (ValueError, "query points: have 2", lambda: index.search_points(np.zeros((1, 2)), 1)),
            (ValueError, "query points: row 0, column 1 is inf",
             lambda: index.search_points(np.array([[0, np.inf, 0]]), 1)),
            (RuntimeError, "not positive definite",
             lambda: self.index(np.zeros((9, 1)), inducing=9, jitter=1e-30)),
        ]
        for error, message, call in cases:
            with self.subTest(message):
                with self.assertRaises(error) as caught:
                    call()
                self.assertIn(message, str(caught.exception))

    def test_strategy(self):
        with open("index/index.proto", encoding="utf-8") as schema:
            default = re.search(r"optional Strategy strategy = \d+ \[default = (\w+)\]", schema.read())
        self.assertEqual(self.index().strategy, default.group(1).lower())
        self.assertEqual(self.index(strategy=None).strategy, default.group(1).lower())
        # Bounds are not proven for such a small jitter.
        self.assertEqual(self.index(jitter=1e-15).strategy, "exhaustive")
        chosen = self.index(strategy="Best_First")
        self.assertEqual(chosen.strategy, "best_first")
        self.assertEqual(chosen.rebuild(kernel="rbf").strategy, "best_first")
        with self.assertRaises(AttributeError):
            chosen.strategy = "block"

    def test_warnings(self):
        index = self.index()
        calls = [
            (None, lambda: index.graph(K)),
            (None, lambda: index.search(range(N), 1)),
            (None, lambda: index.search_points(self.points, 1)),
            ("a radius of 2 limits nothing", lambda: index.range_search([0], 2.0)),
            ("a radius of 2 limits nothing", lambda: index.search([0], 1, radius=2.0)),
        ]
        narrow = self.index(lengthscale=1e-4)
        unrelated = "are unrelated to them .* the lengthscale is small"
        calls += [
            (unrelated, lambda: narrow.graph(K)),
            (unrelated, lambda: narrow.search(range(9), K)),
            (unrelated, lambda: narrow.search_points(self.queries, K)),
            (None, lambda: narrow.search(range(7), K)),
            (None, lambda: narrow.range_search_points(self.queries, np.inf)),
        ]
        twice = np.concatenate([self.points[:9], self.points[:9]])
        calls += [
            ("inducing points 0 and 2 .rows 3 and 12. have the same coordinates",
             lambda: self.index(twice, inducing=[3, 4, 12])),
            ("18 of 18 queries are at distance 0", lambda: self.index(twice, inducing=[3]).graph(1)),
        ]
        for i, (message, call) in enumerate(calls):
            with self.subTest(i), warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                call()
                self.assertEqual(len(seen), 0 if message is None else 1, seen)
                if message is not None:
                    self.assertRegex(str(seen[0].message), message)
                    self.assertIs(seen[0].category, UserWarning)
                    self.assertEqual(seen[0].filename, __file__)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with self.assertRaisesRegex(UserWarning, "unrelated"):
                narrow.graph(K)

    def test_an_index_without_init(self):
        class Forgetful(rct.ResidualIndex):
            def __init__(self):
                pass

        with self.assertRaisesRegex(TypeError, "__init__"):
            Forgetful()
        for empty in (
            rct.ResidualIndex.__new__(rct.ResidualIndex),
            Forgetful.__new__(Forgetful),
        ):
            for call in (
                lambda: len(empty),
                lambda: repr(empty),
                lambda: empty.strategy,
                lambda: empty.search([0], 1),
                lambda: empty.search_points(self.queries, 1),
                lambda: empty.range_search([0], 1.0),
                lambda: empty.range_search_points(self.queries, 1.0),
                lambda: empty.graph(1),
                lambda: empty.rebuild(),
                lambda: empty.save("x"),
            ):
                with self.assertRaisesRegex(TypeError, "has no points; call its __init__"):
                    call()

        class Subclass(rct.ResidualIndex):
            pass

        index = Subclass(self.points, kernel="rbf", inducing=5)
        self.assertEqual(index.search([7], 1)[0][0, 0], 7)

    def test_no_queries(self):
        self.assertEqual(self.index().search([], 3)[0].shape, (0, 3))

    def test_other_threads_run_meanwhile(self):
        points = np.random.default_rng(1).normal(size=(8000, D))
        index = self.index(points, inducing=200)
        begun = threading.Event()

        def search():
            begun.set()
            index.graph(K, threads=1)

        worker = threading.Thread(target=search)
        worker.start()
        begun.wait()
        ticks = 0
        while worker.is_alive():
            time.sleep(0.001)
            ticks += 1
        self.assertGreater(ticks, 20)

    def test_describes_itself(self):
        index = self.index()
        self.assertEqual(len(index), N)
        self.assertEqual(
            repr(index),
            "<rct.ResidualIndex of 400 points, d = 3, m = 20, kernel 'matern32', "
            "lengthscale = 0.8, strategy 'block'>",
        )
        other = index.rebuild(lengthscale=[0.5, 1, 2], variance=3, inducing=None)
        self.assertIn("m = 0, kernel 'matern32', lengthscale = [0.5, 1.0, 2.0], variance = 3.0,",
                      repr(other))
        for name in ("search", "search_points", "graph"):
            self.assertIn("k nearest rows", getattr(rct.ResidualIndex, name).__doc__)
        for name in ("range_search", "range_search_points"):
            self.assertIn("ll rows within a radius", getattr(rct.ResidualIndex, name).__doc__)
        self.assertIn("lengthscale", rct.ResidualIndex.__init__.__doc__)

    def test_the_examples_in_the_readme(self):
        with open("README.md", encoding="utf-8") as readme:
            examples = re.findall(r"```python\n(.*?)```", readme.read(), re.DOTALL)
        self.assertEqual(len(examples), 4)
        names = {}
        for example in examples:
            exec(example, names)
        self.assertEqual(names["rows"].shape, (3, K))
        self.assertTrue((names["distances"] <= 1).all())
        self.assertEqual(names["sets"].shape, (10_000, 10))
        self.assertEqual(names["z"].shape, (100, 3))
        self.assertEqual(len(names["longer"]), 10_100)
        self.assertEqual(names["b"].shape, (10_000, 10_000))
        self.assertAlmostEqual(names["mean"][0], np.cos(np.radians(40)), delta=0.01)
        self.assertEqual(names["graph"].shape, (10_000, 10_000))
        self.assertEqual(names["axes"].get_xlabel(), "coordinate 0")

    def test_the_example_in_the_docstring(self):
        parser = doctest.DocTestParser()
        example = parser.get_doctest(rct.__doc__, {}, "rct", None, None)
        self.assertGreater(len(example.examples), 4)
        self.assertEqual(doctest.DocTestRunner().run(example).failed, 0)


if __name__ == "__main__":
    unittest.main()
