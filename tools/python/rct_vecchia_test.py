#!/usr/bin/python3
"""Holds rct.VecchiaModel to dense models in NumPy."""

import doctest
import os
import sys
import unittest

import numpy as np
import scipy.sparse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rct  # noqa: E402

N, Q, K, NOISE, LENGTHSCALE = 150, 20, 8, 0.2, 0.4


def matern32(x, y):
    difference = (x[:, None, :] - y[None, :, :]) / LENGTHSCALE
    a = np.sqrt(3 * (difference**2).sum(axis=2))
    return (1 + a) * np.exp(-a)


def log_density(covariance, y):
    _, log_determinant = np.linalg.slogdet(covariance)
    square = y @ np.linalg.solve(covariance, y)
    return -(len(y) * np.log(2 * np.pi) + log_determinant + square) / 2


class VecchiaTest(unittest.TestCase):
    def setUp(self):
        random = np.random.default_rng(7)
        self.points = random.uniform(size=(N, 2))
        self.new = random.uniform(size=(Q, 2))
        self.y = random.normal(size=N)
        self.index = rct.ResidualIndex(
            self.points, kernel="matern32", lengthscale=LENGTHSCALE, inducing=12
        )

    def test_all_earlier_rows_make_the_dense_model(self):
        covariance = matern32(self.points, self.points) + NOISE * np.eye(N)
        for order in None, "maxmin", "random":
            model = self.index.vecchia(k=N, noise=NOISE, order=order)
            expected = log_density(covariance, self.y)
            self.assertAlmostEqual(model.log_likelihood(self.y), expected, delta=1e-8 * abs(expected))
            solved = np.linalg.solve(covariance, self.y)
            np.testing.assert_allclose(model.solve(self.y), solved, atol=1e-9)
            mean, variance = model.predict(self.new, self.y)
            cross = matern32(self.new, self.points)
            np.testing.assert_allclose(mean, cross @ solved, atol=1e-8)
            explained = (cross * np.linalg.solve(covariance, cross.T).T).sum(axis=1)
            np.testing.assert_allclose(variance, 1 - explained, atol=1e-8)

    def test_factors_make_the_covariance_that_the_likelihood_has(self):
        model = self.index.vecchia(k=K, noise=NOISE, order="maxmin")
        b = model.B
        self.assertIsInstance(b, scipy.sparse.csr_array)
        self.assertEqual(b.shape, (N, N))
        self.assertTrue(b.has_canonical_format)
        np.testing.assert_array_equal(b.diagonal(), 1)
        self.assertEqual(model.D.shape, (N,))
        inverse = np.linalg.inv(b.toarray())
        covariance = inverse @ np.diag(model.D) @ inverse.T
        v = self.index.factors
        self.assertAlmostEqual(model.log_likelihood(self.y), log_density(v @ v.T + covariance, self.y), places=8)
        with self.assertRaises(ValueError):
            model.D[0] = 1

    def test_sets_of_the_graph_are_the_sets(self):
        order = rct.order(self.points, "maxmin", lengthscale=LENGTHSCALE)
        sets, _ = self.index.graph(k=K, predecessor=True, order=order)
        own = self.index.vecchia(k=K, noise=NOISE, order=order)
        given = self.index.vecchia(k=K, noise=NOISE, order=order, sets=sets)
        self.assertEqual(own.log_likelihood(self.y), given.log_likelihood(self.y))
        named = self.index.vecchia(k=K, noise=NOISE, order="maxmin")
        self.assertEqual(own.log_likelihood(self.y), named.log_likelihood(self.y))

    def test_without_inducing_points_it_is_plain(self):
        index = rct.Index(self.points, metric="correlation", kernel="matern32", lengthscale=LENGTHSCALE)
        model = index.vecchia(k=1, noise=0)
        sets, _ = index.graph(k=1, predecessor=True)
        k = matern32(self.points, self.points)
        expected = log_density(np.ones((1, 1)), self.y[:1])
        for i in range(1, N):
            j = sets[i, 0]
            variance = 1 - k[i, j] ** 2
            expected += log_density(np.full((1, 1), variance), self.y[i : i + 1] - k[i, j] * self.y[j])
        self.assertAlmostEqual(model.log_likelihood(self.y), expected, places=7)
        mean, variance = index.vecchia(k=K, noise=0).predict(self.points, self.y)
        np.testing.assert_allclose(mean, self.y, atol=1e-6)
        np.testing.assert_allclose(variance, 0, atol=1e-9)

    def test_attributes(self):
        model = self.index.vecchia(noise=NOISE)
        self.assertEqual((model.k, model.noise), (20, NOISE))
        self.assertEqual(repr(model), "<rct.VecchiaModel of 150 points, k = 20, noise = 0.2>")
        self.assertEqual(model.index.search([3], k=2)[0].tolist(), self.index.search([3], k=2)[0].tolist())
        b, d = model.B, model.D
        del model
        self.assertEqual(b.shape, (N, N))
        self.assertGreater(d.min(), NOISE)

    def test_bad_arguments(self):
        model = self.index.vecchia(k=K, noise=NOISE)
        for error, text, call in (
            (ValueError, "noise", lambda: self.index.vecchia(noise=-1)),
            (ValueError, "k: ", lambda: self.index.vecchia(k=-1)),
            (TypeError, "noise: ", lambda: self.index.vecchia(noise="little")),
            (TypeError, "did you mean 'noise'", lambda: self.index.vecchia(nois=1)),
            (TypeError, "missing 1 required argument: 'y'", lambda: model.predict(self.new)),
            (TypeError, "missing 1 required argument: 'index'", lambda: rct.VecchiaModel()),
            (TypeError, "index: must be a ResidualIndex", lambda: rct.VecchiaModel(rct.EuclideanIndex(self.points))),
            (TypeError, "has no points", lambda: rct.VecchiaModel.__new__(rct.VecchiaModel).solve(self.y)),
            (ValueError, "order", lambda: self.index.vecchia(noise=1, order="maximin")),
            (ValueError, "order", lambda: self.index.vecchia(noise=1, order=[0, 1])),
            (TypeError, "sets: must be 2-dimensional", lambda: self.index.vecchia(noise=1, sets=[1, 2])),
            (ValueError, "sets: there are 2 rows for 150 points", lambda: self.index.vecchia(noise=1, sets=[[-1], [0]])),
            (ValueError, "sets: row 0, entry 0: row 1 does not come before", lambda: self.index.vecchia(noise=1, sets=np.ones((N, 1), int))),
            (ValueError, "y: there are 149 observations of 150 points", lambda: model.log_likelihood(self.y[1:])),
            (ValueError, "y: the observation of row 2 is nan", lambda: model.log_likelihood([0, 0, np.nan] + [0] * 147)),
            (TypeError, "y: must be", lambda: model.log_likelihood(self.y[:, None])),
            (ValueError, "points", lambda: model.predict([[0.0]], self.y)),
        ):
            with self.subTest(text=text), self.assertRaisesRegex(error, text):
                call()

    def test_repeated_places_need_noise(self):
        points = np.vstack([self.points, self.points[:1]])
        index = rct.ResidualIndex(points, kernel="matern12", lengthscale=0.3, inducing=5)
        with self.assertRaisesRegex(RuntimeError, "row 150 has no variance left"):
            index.vecchia(k=5)
        index.vecchia(k=5, noise=1e-3)

    def test_doctest(self):
        tests = doctest.DocTestFinder().find(rct.VecchiaModel, "VecchiaModel", globs={})
        runner = doctest.DocTestRunner()
        for test in tests:
            runner.run(test)
        self.assertGreater(runner.tries, 5)
        self.assertEqual(runner.failures, 0)


if __name__ == "__main__":
    unittest.main()
