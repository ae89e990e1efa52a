#!/usr/bin/python3
"""Compares rct.sklearn.CorrelationNeighbors with scikit-learn and with rct itself."""

import doctest
import os
import pickle
import subprocess
import sys
import unittest
import warnings

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor, KNeighborsTransformer, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import rct  # noqa: E402
import rct.sklearn  # noqa: E402
from rct.sklearn import CorrelationNeighbors  # noqa: E402
from sklearn_checks import run_checks  # noqa: E402

N, D = 300, 3


class Frame:
    """What scikit-learn asks of a table with named columns."""

    def __init__(self, values, columns):
        self.values = values
        self.columns = columns
        self.shape = values.shape

    def __array__(self, dtype=None):
        return np.asarray(self.values, dtype=dtype)


def rows_of(matrix):
    """Returns the stored (column, value) of each row, in the order of storage."""
    return [(matrix.indices[a:b].tolist(), matrix.data[a:b].tolist())
            for a, b in zip(matrix.indptr, matrix.indptr[1:])]


class ConventionsTest(unittest.TestCase):
    def test_checks_of_scikit_learn(self):
        for metric in ("residual", "correlation", "euclidean"):
            run_checks(self, CorrelationNeighbors(metric=metric))
        run_checks(self, CorrelationNeighbors(mode="connectivity", n_jobs=-1))

    def test_rct_needs_none_of_it(self):
        subprocess.run([sys.executable, "-c", "import sys, rct; " + "; ".join(
            f"assert '{name}' not in sys.modules, '{name}'"
            for name in ("scipy", "sklearn", "matplotlib"))],
            check=True, env={**os.environ, "PYTHONPATH": HERE})

    def test_parameters(self):
        estimator = CorrelationNeighbors(n_neighbors=7, lengthscale=[1, 2, 3])
        copy = clone(estimator)
        self.assertEqual(copy.get_params(), estimator.get_params())
        copy.set_params(metric="euclidean", n_neighbors=2)
        self.assertEqual((copy.metric, copy.n_neighbors), ("euclidean", 2))
        self.assertEqual(CorrelationNeighbors.__module__, "rct.sklearn")

    def test_examples(self):
        failed, tried = doctest.testmod(rct.sklearn)
        self.assertEqual((failed, tried > 0), (0, True))


class NeighborsTest(unittest.TestCase):
    def setUp(self):
        generator = np.random.default_rng(5)
        self.points = generator.normal(size=(N, D))
        self.points[10:14] = self.points[200]  # one place five times
        self.queries = generator.normal(size=(40, D))

    def expect_same(self, matrix, expected):
        """Compares sparse matrices whose rows may be stored in another order."""
        self.assertTrue(issparse(matrix))
        self.assertEqual(matrix.format, "csr")
        self.assertEqual(matrix.dtype, np.float64)
        np.testing.assert_allclose(matrix.toarray(), expected.toarray(), atol=1e-12)
        np.testing.assert_array_equal(np.diff(matrix.indptr), np.diff(expected.indptr))

    def test_euclidean_is_what_scikit_learn_finds(self):
        ours = CorrelationNeighbors(metric="euclidean", n_neighbors=6, radius=0.8).fit(self.points)
        theirs = NearestNeighbors(n_neighbors=6, radius=0.8).fit(self.points)
        for x in (None, self.queries):
            distances, rows = ours.kneighbors(x)
            np.testing.assert_allclose(distances, theirs.kneighbors(x)[0], atol=1e-12)
            np.testing.assert_array_equal(rows, ours.kneighbors(x, return_distance=False))
            self.expect_same(ours.radius_neighbors_graph(x, mode="distance"),
                             theirs.radius_neighbors_graph(x, mode="distance"))
            self.expect_same(ours.radius_neighbors_graph(x), theirs.radius_neighbors_graph(x))
        for call in ("kneighbors_graph", "radius_neighbors_graph"):
            for mode in ("distance", "connectivity"):
                self.expect_same(getattr(ours, call)(self.queries, mode=mode),
                                 getattr(theirs, call)(self.queries, mode=mode))
        found = ours.radius_neighbors(self.queries)
        expected = theirs.radius_neighbors(self.queries, sort_results=True)
        for ours_of_one, theirs_of_one in zip(found, expected):
            self.assertEqual(ours_of_one.dtype, object)
            for a, b in zip(ours_of_one, theirs_of_one):
                np.testing.assert_allclose(a, b, atol=1e-12)

    def test_a_transformer_as_scikit_learns(self):
        for mode in ("distance", "connectivity"):
            ours = CorrelationNeighbors(metric="euclidean", mode=mode, n_neighbors=8)
            theirs = KNeighborsTransformer(mode=mode, n_neighbors=8)
            points = self.points[14:]
            self.expect_same(ours.fit_transform(points), theirs.fit_transform(points))
            self.expect_same(ours.transform(self.queries), theirs.transform(self.queries))
        self.assertEqual(ours.get_feature_names_out()[1], "correlationneighbors1")
        self.assertEqual(len(ours.get_feature_names_out()), N - 14)

    def test_answers_are_those_of_the_index(self):
        estimator = CorrelationNeighbors(
            kernel="matern52", lengthscale=[1, 2, 0.5], num_inducing=20, random_state=3)
        estimator.fit(self.points)
        index = rct.ResidualIndex(
            self.points, kernel="matern52", lengthscale=[1, 2, 0.5], inducing="kmeans++",
            num_inducing=20, seed=3)
        np.testing.assert_array_equal(estimator.lengthscale_, [1, 2, 0.5])
        for found, expected in (
            (estimator.kneighbors(), index.graph(5)),
            (estimator.kneighbors(self.queries, 9), index.search_points(self.queries, 9)),
        ):
            np.testing.assert_array_equal(found[0], expected[1])
            np.testing.assert_array_equal(found[1], expected[0])
        distances, rows = estimator.kneighbors(n_neighbors=4)
        matrix = estimator.kneighbors_graph(n_neighbors=4, mode="distance")
        for i, (columns, values) in enumerate(rows_of(matrix)):
            self.assertEqual(columns, rows[i].tolist())
            self.assertEqual(values, distances[i].tolist())
        offsets, rows, distances = index.range_search(np.arange(N), 0.9, exclude_self=True)
        found = estimator.radius_neighbors(radius=0.9)
        np.testing.assert_array_equal(np.concatenate(found[1]), rows)
        np.testing.assert_array_equal(np.concatenate(found[0]), distances)
        np.testing.assert_array_equal([len(a) for a in found[0]], np.diff(offsets))

    def test_a_radius_includes_its_end(self):
        estimator = CorrelationNeighbors(num_inducing=10).fit(self.points)
        distances, rows = estimator.kneighbors(self.queries[:1], 7)
        found = estimator.radius_neighbors(self.queries[:1], radius=distances[0, -1])
        np.testing.assert_array_equal(found[1][0], rows[0])

    def test_predecessors(self):
        estimator = CorrelationNeighbors(n_neighbors=4, num_inducing=10).fit(self.points)
        order = rct.order(self.points, "maxmin", lengthscale=estimator.lengthscale_)
        for given in (None, "maxmin", order):
            sets = estimator.predecessor_graph(order=given)
            place = np.arange(N) if given is None else np.argsort(order)
            np.testing.assert_array_equal(np.diff(sets.indptr), np.minimum(place, 4))
            rows, distances = estimator.index_.graph(4, predecessor=True, order=given)
            for i, (columns, values) in enumerate(rows_of(sets)):
                self.assertTrue((place[columns] < place[i]).all())
                self.assertEqual(columns, rows[i][rows[i] >= 0].tolist())
                self.assertEqual(values, distances[i][rows[i] >= 0].tolist())
        ones = estimator.predecessor_graph(2, mode="connectivity")
        self.assertEqual(set(ones.data), {1})
        self.assertEqual(ones.nnz, 2 * N - 3)

    def test_pipelines(self):
        y = np.sin(self.points[:, 0])
        model = make_pipeline(
            StandardScaler(), CorrelationNeighbors(n_neighbors=20, num_inducing=5),
            KNeighborsRegressor(metric="precomputed"))
        search = GridSearchCV(model, {
            "correlationneighbors__metric": ["residual", "correlation", "euclidean"],
            "kneighborsregressor__n_neighbors": [3, 10],
        }, cv=3).fit(self.points, y)
        self.assertGreater(search.best_score_, 0.7)

    def test_defaults(self):
        scaled = self.points * 100
        for metric, expected in (("residual", scaled.std(axis=0)), ("euclidean", np.ones(D))):
            estimator = CorrelationNeighbors(metric=metric).fit(scaled)
            rms = np.sqrt((expected**2).mean())
            np.testing.assert_allclose(estimator.lengthscale_, rms)
        # One inducing point for ten places.
        for count, metric, inducing in ((9, "correlation", 0), (10, "residual", 1), (299, "residual", 29)):
            index = CorrelationNeighbors().fit(scaled[-count:]).index_
            self.assertEqual((index.metric, len(index.inducing)), (metric, inducing))
        repeated = np.repeat(self.points[100:119], 10, axis=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the repeated points
            self.assertEqual(len(CorrelationNeighbors().fit(repeated).index_.inducing), 1)
        many = np.random.default_rng(1).uniform(size=(1500, 2))
        self.assertEqual(len(CorrelationNeighbors().fit(many).index_.inducing), 100)
        one = CorrelationNeighbors().fit([[3.0, 4.0]])
        self.assertEqual(one.lengthscale_.tolist(), [1, 1])
        self.assertEqual(one.kneighbors([[3.0, 4.5]], 1)[1].tolist(), [[0]])

    def test_random_state(self):
        def inducing(state):
            estimator = CorrelationNeighbors(random_state=state, num_inducing=15)
            return estimator.fit(self.points).index_.inducing.tolist()
        self.assertEqual(inducing(4), inducing(4))
        self.assertNotEqual(inducing(4), inducing(5))
        self.assertEqual(inducing(np.random.RandomState(2)), inducing(np.random.RandomState(2)))
        self.assertNotEqual(inducing(None), inducing(None))

    def test_other_inducing_points(self):
        for inducing, expected in (
            ([3, 200], self.points[[3, 200]]), (self.queries[:4], self.queries[:4]),
            (None, np.empty((0, D)))):
            estimator = CorrelationNeighbors(inducing=inducing).fit(self.points)
            np.testing.assert_array_equal(estimator.index_.inducing, expected)

    def test_names_of_columns(self):
        estimator = CorrelationNeighbors().fit(Frame(self.points, ["x", "y", "z"]))
        self.assertEqual(estimator.feature_names_in_.tolist(), ["x", "y", "z"])
        with self.assertRaisesRegex(ValueError, "feature names"):
            estimator.kneighbors(Frame(self.points, ["y", "x", "z"]))

    def test_errors(self):
        fitted = CorrelationNeighbors().fit(self.points)
        fit = lambda **parameters: CorrelationNeighbors(**parameters).fit(self.points)
        wide = np.full((3, 2), 2**60 + 1)
        for error, message, call in (
            (ValueError, "metric: is 'cosine'; choose one of 'residual', 'correlation', 'euclidean'",
             lambda: fit(metric="cosine")),
            (ValueError, "mode: is 'x'; choose one of 'connectivity', 'distance'", lambda: fit(mode="x")),
            (ValueError, "kernel: there is no 'k'; choose one of", lambda: fit(kernel="k")),
            (ValueError, "lengthscale", lambda: fit(lengthscale=-1.0)),
            (ValueError, "count: is 301; must be from 1 to the number of rows, 300",
             lambda: fit(num_inducing=301)),
            (ValueError, r"n_neighbors: is 301; must be at most 300, the points there are "
             r"\(n_samples = 300\)", lambda: fitted.kneighbors(self.queries, 301)),
            (ValueError, "n_neighbors: is 300; must be at most 299", lambda: fitted.kneighbors(None, 300)),
            (ValueError, "n_neighbors: is 0", lambda: fitted.kneighbors_graph(n_neighbors=0)),
            (ValueError, "n_neighbors: is 0", lambda: fitted.predecessor_graph(0)),
            (TypeError, "n_neighbors: is 2.5; must be an integer", lambda: fitted.kneighbors(None, 2.5)),
            (TypeError, "n_neighbors: is True", lambda: fitted.kneighbors(None, True)),
            (ValueError, "mode: is 'both'", lambda: fitted.kneighbors_graph(mode="both")),
            (ValueError, "mode: is 'both'", lambda: fitted.predecessor_graph(mode="both")),
            (ValueError, "radius: is missing", lambda: fitted.radius_neighbors()),
            (ValueError, "radius", lambda: fitted.radius_neighbors(radius=np.nan)),
            (ValueError, "n_samples|features", lambda: fitted.kneighbors(self.queries[:, :2])),
            (ValueError, "points", lambda: CorrelationNeighbors().fit(wide)),
        ):
            with self.subTest(message), self.assertRaisesRegex(error, message):
                call()


class PickleTest(unittest.TestCase):
    def test_pickle(self):
        points = np.random.default_rng(2).normal(size=(60, 2))
        for metric in ("residual", "correlation", "euclidean"):
            estimator = CorrelationNeighbors(metric=metric).fit(points)
            copy = pickle.loads(pickle.dumps(estimator))
            for a, b in zip(estimator.kneighbors(), copy.kneighbors()):
                np.testing.assert_array_equal(a, b)


if __name__ == "__main__":
    unittest.main()
