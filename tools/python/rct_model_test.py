#!/usr/bin/python3
"""Inducing points by name, what an index says of its model, and rebuild."""

import gc
import os
import sys
import tempfile
import unittest

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rct  # noqa: E402

N, D, M = 500, 2, 12
NAMES = ("random", "kmeans++", "kmeans", "cover_tree")


def matern12(x, y, lengthscale):
    difference = (x[:, None, :] - y[None, :, :]) / lengthscale
    return np.exp(-np.sqrt((difference**2).sum(axis=2)))


class ModelTest(unittest.TestCase):
    def setUp(self):
        self.points = np.random.default_rng(3).uniform(size=(N, D))

    def index(self, **changes):
        arguments = dict(kernel="matern12", lengthscale=[0.3, 0.6], inducing=M)
        arguments.update(changes)
        return rct.ResidualIndex(self.points, **arguments)

    def named(self, name, **changes):
        return self.index(inducing=name, num_inducing=M, **changes)

    def expect_same(self, a, b):
        for got, expected in zip(a.graph(k=5), b.graph(k=5)):
            np.testing.assert_array_equal(got, expected)
        np.testing.assert_array_equal(a.inducing, b.inducing)
        np.testing.assert_array_equal(a.factors, b.factors)

    def test_names(self):
        for name in NAMES:
            with self.subTest(name):
                index = self.named(name)
                self.assertEqual(index.inducing.shape, (M, D))
                self.assertEqual(len(np.unique(index.inducing, axis=0)), M)
                if name == "kmeans":
                    self.assertIsNone(index.inducing_rows)
                else:
                    np.testing.assert_array_equal(
                        index.inducing, self.points[index.inducing_rows])
                # What is read back gives the same index.
                self.expect_same(index, self.index(inducing=index.inducing))
                for threads in (1, 7):
                    self.expect_same(index, self.named(name, threads=threads))
                if name != "cover_tree":
                    other = self.named(name, seed=2)
                    self.assertFalse(np.array_equal(index.inducing, other.inducing))
        self.expect_same(self.named("random"), self.index())

    def test_the_farthest_first(self):
        scaled = self.points / [0.3, 0.6]
        nearest = np.full(N, np.inf)
        rows = [0]
        while len(rows) < M:
            nearest = np.minimum(nearest, ((scaled - scaled[rows[-1]])**2).sum(axis=1))
            rows.append(int(nearest.argmax()))
        self.assertEqual(self.named("cover_tree").inducing_rows.tolist(), rows)

    def test_spread_points_leave_less(self):
        left = {name: self.named(name).residual_variance.mean() for name in NAMES}
        self.assertLess(left["kmeans"], left["random"])
        self.assertLess(left["kmeans++"], left["random"])

    def test_properties(self):
        index = self.index(variance=2.0, jitter=1e-5)
        self.assertEqual(index.kernel, "matern12")
        self.assertEqual(index.lengthscale.tolist(), [0.3, 0.6])
        self.assertEqual(self.index(lengthscale=0.3).lengthscale.tolist(), [0.3, 0.3])
        self.assertEqual(index.variance, 2)
        self.assertEqual(index.jitter, 1e-5)
        self.assertEqual((index.size, index.dim), (N, D))
        z = index.inducing
        self.assertEqual(index.inducing_rows.dtype, np.int64)
        low = np.linalg.cholesky(2 * (matern12(z, z, [0.3, 0.6]) + 1e-5 * np.eye(M)))
        v = np.linalg.solve(low, 2 * matern12(z, self.points, [0.3, 0.6])).T
        self.assertEqual(index.factors.shape, (N, M))
        np.testing.assert_allclose(index.factors, v, atol=1e-9)
        self.assertEqual(index.residual_variance.shape, (N,))
        np.testing.assert_allclose(index.residual_variance, 2 - (v**2).sum(axis=1), atol=1e-9)

    def test_no_inducing_points(self):
        index = self.index(inducing=None)
        self.assertEqual(index.inducing.shape, (0, D))
        self.assertEqual(index.inducing_rows.shape, (0,))
        self.assertEqual(index.factors.shape, (N, 0))
        np.testing.assert_array_equal(index.residual_variance, np.ones(N))

    def test_views_are_read_only_and_keep_the_index(self):
        index = self.index()
        views = index.inducing, index.inducing_rows, index.factors, index.residual_variance
        copies = [view.copy() for view in views]
        for view in views:
            with self.assertRaises(ValueError):
                view[0] = 0
        del index
        gc.collect()
        for view, copy in zip(views, copies):
            np.testing.assert_array_equal(view, copy)

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "index.rct")
            for name in NAMES:
                index = self.named(name)
                for saved in (index, index.rebuild(lengthscale=0.2)):
                    saved.save(path)
                    for mapped in (False, True):
                        loaded = rct.ResidualIndex.load(path, map=mapped)
                        self.expect_same(saved, loaded)
                        self.assertEqual(loaded.lengthscale.tolist(), saved.lengthscale.tolist())

    def test_rebuild(self):
        old = self.named("kmeans++")
        for changes in (
            dict(inducing="kmeans", num_inducing=20, seed=4),
            dict(inducing="kmeans++", num_inducing=20, lengthscale=0.1),
            dict(inducing=7),
            dict(inducing=None),
            dict(inducing=[3, 1]),
            dict(inducing=self.points[5:9], jitter=1e-4, kernel="rbf"),
        ):
            with self.subTest(**changes):
                self.expect_same(old.rebuild(**changes), self.index(**changes))
        # Without inducing the points stay, whatever chose them.
        z = old.inducing
        for changes in (dict(lengthscale=0.1), dict(lengthscale=0.1, jitter=1e-4), dict(jitter=1e-3)):
            with self.subTest(**changes):
                self.expect_same(old.rebuild(**changes), self.index(inducing=z, **changes))

    def test_errors(self):
        repeated = self.points[:50].copy()
        repeated[:] = repeated[np.arange(50) % 7]
        index = self.index()
        for error, message, call in (
            (ValueError, "inducing: there is no 'k'; choose one of 'random'",
             lambda: self.index(inducing="k", num_inducing=3)),
            (TypeError, "num_inducing: is missing", lambda: self.index(inducing="random")),
            (TypeError, "num_inducing: ", lambda: self.index(inducing="random", num_inducing=2.5)),
            (ValueError, "num_inducing: is for inducing points that are chosen by name",
             lambda: self.index(inducing=3, num_inducing=3)),
            (ValueError, "inducing.kmeans.count: is 0", lambda: self.index(inducing="kmeans", num_inducing=0)),
            (ValueError, "inducing.cover_tree.count: is 501; must be from 1 to the number of rows, 500",
             lambda: self.index(inducing="cover_tree", num_inducing=501)),
            (ValueError, "is 8; the data has 7 distinct places; take at most 7 inducing points",
             lambda: rct.ResidualIndex(repeated, kernel="rbf", inducing="kmeans++", num_inducing=8)),
            (ValueError, "num_inducing: has no use without inducing",
             lambda: index.rebuild(num_inducing=3)),
            (ValueError, "seed: has no use without inducing", lambda: index.rebuild(seed=3)),
            (ValueError, "jitter", lambda: index.rebuild(jitter=-1.0)),
            (TypeError, "has no points", lambda: rct.ResidualIndex.__new__(rct.ResidualIndex).inducing),
        ):
            with self.subTest(message), self.assertRaisesRegex(error, message):
                call()


if __name__ == "__main__":
    unittest.main()
