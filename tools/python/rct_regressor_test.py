#!/usr/bin/python3
"""Compares rct.sklearn.VecchiaRegressor with scikit-learn's exact regressor."""

import os
import pickle
import sys
import unittest
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rct  # noqa: E402
import rct.sklearn  # noqa: E402
from rct.sklearn import VecchiaRegressor  # noqa: E402
from sklearn_checks import run_checks  # noqa: E402

N = 120
KERNELS = {
    "rbf": lambda scale: RBF(scale), "matern12": lambda scale: Matern(scale, nu=0.5),
    "matern32": lambda scale: Matern(scale, nu=1.5), "matern52": lambda scale: Matern(scale, nu=2.5),
}


def exact(kernel, lengthscale, variance, noise, optimizer=None):
    """scikit-learn's regressor with noise as a part of the kernel."""
    bounds = (1e-7, 1e7)
    scale = KERNELS[kernel](lengthscale).set_params(length_scale_bounds=bounds)
    return GaussianProcessRegressor(
        ConstantKernel(variance, bounds) * scale + WhiteKernel(noise, bounds), alpha=1e-12,
        optimizer=optimizer)


class RegressorTest(unittest.TestCase):
    def setUp(self):
        generator = np.random.default_rng(11)
        self.points = generator.uniform(size=(N, 2))
        self.queries = generator.uniform(size=(40, 2))
        self.y = 5 + self.truth(self.points) + 0.2 * generator.normal(size=N)

    @staticmethod
    def truth(points):
        return np.sin(6 * points[:, 0]) + np.cos(3 * points[:, 1])

    def fit(self, points=None, y=None, **parameters):
        return VecchiaRegressor(**parameters).fit(
            self.points if points is None else points, self.y if y is None else y)

    def test_checks_of_scikit_learn(self):
        run_checks(self, VecchiaRegressor())
        run_checks(self, VecchiaRegressor(
            inducing=None, optimizer=None, order=None, normalize_y=False))

    def test_the_exact_model(self):
        for kernel in KERNELS:
            for lengthscale in (0.3, [0.3, 0.7]):
                for inducing in ("kmeans++", None):
                    with self.subTest(kernel=kernel, lengthscale=lengthscale, inducing=inducing):
                        ours = self.fit(
                            n_neighbors=N, kernel=kernel, lengthscale=lengthscale, variance=1.5,
                            noise=0.05, inducing=inducing, optimizer=None)
                        theirs = exact(kernel, lengthscale, 1.5, 0.05)
                        theirs.fit(self.points, self.y - self.y.mean())
                        self.assertAlmostEqual(
                            ours.log_marginal_likelihood_value_,
                            theirs.log_marginal_likelihood_value_, delta=1e-6)
                        mean, std = ours.predict(self.queries, return_std=True, include_noise=True)
                        expected, deviation = theirs.predict(self.queries, return_std=True)
                        np.testing.assert_allclose(mean, expected + self.y.mean(), atol=1e-6)
                        np.testing.assert_allclose(std, deviation, atol=1e-6)
                        np.testing.assert_array_equal(mean, ours.predict(self.queries))
                        _, latent = ours.predict(self.queries, return_std=True)
                        np.testing.assert_allclose(latent**2 + 0.05, std**2, atol=1e-12)

    def test_the_optimum(self):
        for kernel, lengthscale in (("matern32", None), ("rbf", None), ("matern52", [1.0, 1.0])):
            with self.subTest(kernel=kernel, lengthscale=lengthscale):
                ours = self.fit(n_neighbors=N, kernel=kernel, lengthscale=lengthscale)
                theirs = exact(kernel, [1.0, 1.0] if lengthscale else 1.0, 1.0, 0.1, "fmin_l_bfgs_b")
                theirs.fit(self.points, self.y - self.y.mean())
                found = np.exp(theirs.kernel_.theta)
                self.assertGreater(
                    ours.log_marginal_likelihood_value_,
                    theirs.log_marginal_likelihood_value_ - 1e-2)
                np.testing.assert_allclose(ours.variance_, found[0], rtol=0.2)
                np.testing.assert_allclose(
                    ours.lengthscale_, np.broadcast_to(found[1:-1], 2), rtol=0.1)
                np.testing.assert_allclose(ours.noise_, found[-1], rtol=0.02)

    def test_small_sets_come_near(self):
        ours = self.fit(n_neighbors=12, num_inducing=15)
        theirs = exact("matern32", 0.5, 1.0, 0.1, "fmin_l_bfgs_b")
        theirs.fit(self.points, self.y - self.y.mean())
        self.assertAlmostEqual(
            ours.log_marginal_likelihood_value_, theirs.log_marginal_likelihood_value_, delta=0.5)
        np.testing.assert_allclose(
            ours.predict(self.queries), theirs.predict(self.queries) + self.y.mean(), atol=0.05)

    def test_no_step_is_better(self):
        for parameters in (dict(), dict(lengthscale=[1, 1]), dict(inducing=None, kernel="rbf")):
            model = self.fit(n_neighbors=N, **parameters)
            best = model.log_marginal_likelihood()
            self.assertEqual(best, model.log_marginal_likelihood_value_)
            for name in ("lengthscale", "variance", "noise"):
                for factor in (0.8, 1.25):
                    value = getattr(model, name + "_") * factor
                    self.assertLess(model.log_marginal_likelihood(**{name: value}), best + 1e-2)

    def test_never_worse_than_the_beginning(self):
        for k in (1, 5):
            for kernel in ("rbf", "matern12"):
                for lengthscale in (0.2, [0.1, 3.0]):
                    given = dict(
                        n_neighbors=k, kernel=kernel, lengthscale=lengthscale, noise=0.04,
                        inducing="random")
                    self.assertGreaterEqual(
                        self.fit(**given).log_marginal_likelihood_value_,
                        self.fit(**given, optimizer=None).log_marginal_likelihood_value_ - 1e-6)

    def test_an_index_under_the_hyperparameters(self):
        for lengthscale in (None, [1.0, 3.0]):
            model = self.fit(lengthscale=lengthscale, n_neighbors=10)
            index = rct.ResidualIndex(
                self.points, kernel="matern32", lengthscale=model.lengthscale_,
                variance=model.variance_, inducing=model.index_.inducing)
            again = index.vecchia(10, model.noise_, order=model.order_)
            self.assertEqual(
                again.log_likelihood(self.y - self.y.mean()), model.log_marginal_likelihood_value_)
            self.assertEqual(sorted(model.order_), list(range(N)))

    def test_threads_change_nothing(self):
        one, all_ = (self.fit(n_neighbors=8, n_jobs=jobs) for jobs in (None, -1))
        self.assertEqual(one.log_marginal_likelihood_value_, all_.log_marginal_likelihood_value_)
        np.testing.assert_array_equal(one.predict(self.queries), all_.predict(self.queries))

    def test_units(self):
        """Other units of points and of y give the same model in these units."""
        model = self.fit(n_neighbors=10)
        scaled = self.fit(self.points * 1024, self.y * 64, n_neighbors=10)
        np.testing.assert_allclose(scaled.lengthscale_, model.lengthscale_ * 1024, rtol=1e-2)
        np.testing.assert_allclose(scaled.variance_, model.variance_ * 64**2, rtol=1e-2)
        np.testing.assert_allclose(scaled.noise_, model.noise_ * 64**2, rtol=1e-2)
        np.testing.assert_allclose(
            scaled.predict(self.queries * 1024), model.predict(self.queries) * 64, rtol=1e-3)

    def test_orders(self):
        likelihoods = set()
        for order in (None, "maxmin", "random", np.arange(N)[::-1]):
            model = self.fit(order=order, n_neighbors=3, lengthscale=0.5, optimizer=None)
            likelihoods.add(model.log_marginal_likelihood_value_)
        self.assertEqual(len(likelihoods), 4)
        self.assertEqual(self.fit(order=None, optimizer=None).order_, None)

    def test_what_is_given(self):
        model = self.fit(lengthscale=0.4, variance=2.0, noise=0.3, optimizer=None)
        self.assertEqual(model.lengthscale_.tolist(), [0.4, 0.4])
        self.assertEqual((model.variance_, model.noise_), (2, 0.3))
        model = self.fit(optimizer=None)
        self.assertAlmostEqual(model.variance_, self.y.var())
        self.assertAlmostEqual(model.noise_, self.y.var() / 10)
        np.testing.assert_allclose(model.lengthscale_, np.sqrt(self.points.var(axis=0).mean()))

    def test_a_coordinate_of_no_use(self):
        points = np.column_stack([self.points, np.random.default_rng(1).uniform(size=N)])
        model = self.fit(points, lengthscale=[1.0, 1.0, 1.0], kernel="rbf")
        self.assertGreater(model.lengthscale_[2], 5 * model.lengthscale_[:2].max())

    def test_the_mean(self):
        far = [[1e6, 1e6]]
        self.assertAlmostEqual(self.fit().predict(far)[0], self.y.mean())
        self.assertAlmostEqual(self.fit(normalize_y=False).predict(far)[0], 0)

    def test_repeated_points(self):
        points = np.vstack([self.points, self.points[:30]])
        y = np.append(self.y, self.y[:30])
        model = self.fit(points, y)
        self.assertGreater(model.noise_, 0)
        with self.assertRaisesRegex(RuntimeError, "row"):
            self.fit(points, y, noise=0.0, optimizer=None)
        self.assertGreater(self.fit(points, np.ones(len(y)), noise=0.0).noise_, 0)
        # No noise at all: the search ends at its bound.
        smooth = self.fit(points, self.truth(points), kernel="rbf")
        self.assertGreaterEqual(smooth.noise_, 0.999e-6 * smooth.variance_)

    def test_inducing_points_alone(self):
        model = self.fit(n_neighbors=0, num_inducing=40, kernel="rbf")
        self.assertEqual(model._model.B.nnz, N)
        self.assertGreater(model.score(self.queries, 5 + self.truth(self.queries)), 0.95)

    def test_small_and_constant_data(self):
        for constant in (3.0, 0.1, 1e-200, 0.0):
            model = self.fit(y=np.full(N, constant))
            np.testing.assert_array_equal(model.predict(self.queries), np.full(40, constant))
        for factor in (2.0**-300, 2.0**300):
            np.testing.assert_allclose(
                self.fit(y=self.y * factor).predict(self.queries) / factor,
                self.fit().predict(self.queries), rtol=1e-6)
        for n in (1, 2, 5):
            model = self.fit(self.points[:n], self.y[:n])
            self.assertTrue(np.isfinite(model.predict(self.queries, return_std=True)).all())
        one_place = self.fit(np.zeros((12, 2)), self.y[:12])
        np.testing.assert_allclose(one_place.predict([[0, 0]]), self.y[:12].mean(), rtol=0.02)

    def test_pipelines(self):
        model = make_pipeline(StandardScaler(), VecchiaRegressor(n_neighbors=10))
        scores = cross_val_score(model, self.points, self.y, cv=3)
        self.assertGreater(scores.min(), 0.85)
        places = np.column_stack([170 + 20 * self.points[:, 0], 40 * self.points[:, 1]])
        globe = make_pipeline(FunctionTransformer(rct.lonlat), VecchiaRegressor(n_neighbors=10))
        globe.fit(places[30:], self.y[30:])
        self.assertGreater(globe.score(places[:30], self.y[:30]), 0.85)
        round_ = places - [360, 0] * (places[:, :1] > 180)  # the same places
        np.testing.assert_allclose(globe.predict(round_), globe.predict(places), rtol=1e-9)
        estimator = VecchiaRegressor(noise=0.2, order="random")
        self.assertEqual(clone(estimator).get_params(), estimator.get_params())

    def test_no_warnings_on_the_way(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.fit(np.random.default_rng(3).normal(size=(N, 6)))

    def test_a_failed_fit_changes_nothing(self):
        model = self.fit(optimizer=None)
        before = model.predict(self.queries)
        model.set_params(kernel="k")
        with self.assertRaises(ValueError):
            model.fit(self.points[:50], self.y[:50])
        np.testing.assert_array_equal(model.predict(self.queries), before)

    def test_errors(self):
        fitted = self.fit(optimizer=None)
        for error, message, call in (
            (ValueError, "optimizer: is 'adam'; choose one of 'L-BFGS-B', None",
             lambda: self.fit(optimizer="adam")),
            (ValueError, "kernel: there is no 'k'", lambda: self.fit(kernel="k")),
            (ValueError, "order: there is no 'up'|method", lambda: self.fit(order="up")),
            (ValueError, "lengthscale", lambda: self.fit(lengthscale=[1.0, 2.0, 3.0])),
            (ValueError, "noise: is -1; must be at least 0", lambda: self.fit(noise=-1.0)),
            (ValueError, "noise: is nan", lambda: self.fit(noise=np.nan, optimizer=None)),
            (ValueError, "variance", lambda: self.fit(variance=0.0)),
            (ValueError, "n_neighbors: is -1; must be at least 0", lambda: self.fit(n_neighbors=-1)),
            (TypeError, "n_neighbors: is 2.5", lambda: self.fit(n_neighbors=2.5)),
            (ValueError, "y: the mean of its squares is inf", lambda: self.fit(y=self.y * 1e200)),
            (ValueError, "y: .* multiply y by a constant", lambda: self.fit(y=self.y * 1e-180)),
            (ValueError, "features", lambda: fitted.predict(self.queries[:, :1])),
        ):
            with self.subTest(message), self.assertRaisesRegex(error, message):
                call()

    def test_pickle(self):
        model = self.fit(n_neighbors=10)
        copy = pickle.loads(pickle.dumps(model))
        for a, b in zip(model.predict(self.queries, True), copy.predict(self.queries, True)):
            np.testing.assert_array_equal(a, b)
        self.assertEqual(copy.log_marginal_likelihood(), model.log_marginal_likelihood_value_)


if __name__ == "__main__":
    unittest.main()
