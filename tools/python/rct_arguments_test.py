#!/usr/bin/python3
"""Checks which arguments the module `rct` accepts, and how it refuses others."""

import decimal
import fractions
import os
import pathlib
import sys
import tempfile
import unittest
import warnings

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rct  # noqa: E402

N, D = 60, 2
BIG = 2**53 + 1  # the least integer that float64 does not hold


class Sparse:
    """Looks like a matrix of scipy.sparse."""

    nnz, shape = 3, (N, D)

    def toarray(self):
        raise AssertionError("nobody asked for it")


class Frame:
    """Looks like a frame of pandas."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None):
        return self.array


class Broken:
    def __array__(self, dtype=None):
        raise RuntimeError("the file is gone")


class Integral:
    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


class ArgumentsTest(unittest.TestCase):
    def setUp(self):
        self.points = np.random.default_rng(5).random((N, D))
        self.index = self.make()

    def make(self, *points, **changes):
        arguments = dict(kernel="rbf", lengthscale=0.3, inducing=6)
        arguments.update(changes)
        return rct.ResidualIndex(*(points or (self.points,)), **arguments)

    def refuses(self, error, message, call, *arguments):
        with self.subTest(message):
            with self.assertRaises(error) as caught:
                call(*arguments)
            self.assertIn(message, str(caught.exception))

    def same(self, a, b):
        for x, y in zip(a.graph(3), b.graph(3)):
            np.testing.assert_array_equal(x, y)

    def test_kinds_of_points(self):
        times = np.array([["2020-01-01", "2020-01-02"]] * N, dtype="datetime64[ns]")
        fields = np.zeros(N, dtype=[("x", float), ("y", float)])
        ragged = [[1.0, 2.0], [3.0]]
        cases = [
            (self.points > 0.5, "holds bool; give .astype(float)"),
            (self.points.astype(object), "holds object; something in it is None"),
            ([[2**70, 1]], "an integer beyond 64 bits"),
            ([[decimal.Decimal(1), 2]], "holds object"),
            ([[None, 1.0]], "holds object"),
            ([["1", "2"]], "holds <U1; give .astype(float)"),
            (np.array([[b"1", b"2"]]), "holds |S1"),
            (times, "holds datetime64[ns]; subtract an origin and divide by a unit"),
            (times - times[0], "holds timedelta64[ns]; subtract"),
            (fields.reshape(-1, 1), "structured_to_unstructured"),
            (self.points.astype(complex), "holds complex128; give .real and .imag"),
            (Sparse(), "is a sparse matrix; give .toarray()"),
            (ragged, "is no array, and NumPy makes none of it: "),
            (None, "must be an array; is NoneType"),
            ({1.0, 2.0}, "must be an array; is set"),
            ((x for x in self.points), "must be an array; is generator"),
            ("points.npy", "must be 2-dimensional, a point a row; has shape ()"),
            (3.0, "must be 2-dimensional, a point a row; has shape ()"),
            (np.zeros(3), "has shape (3,); give a[:, None] for points of one coordinate"),
            (np.zeros((1, 2, 2)), "has shape (1, 2, 2)"),
            (Frame(self.points.astype(object)), "holds object"),
        ]
        for points, message in cases:
            self.refuses(TypeError, "points: ", self.make, points)
            self.refuses(TypeError, message, self.make, points)
            self.refuses(TypeError, message, self.index.search_points, points, 1)
        self.refuses(RuntimeError, "the file is gone", self.make, Broken())

    def test_points_that_are_fine(self):
        expected = self.make()
        half = self.points.astype(np.float16)
        self.same(self.make(half), self.make(half.astype(float)))
        self.same(self.make(self.points.astype(np.longdouble)), expected)
        self.same(self.make(self.points.astype(">f8")), expected)
        self.same(self.make(Frame(self.points)), expected)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            matrix = np.matrix(self.points)
        self.same(self.make(matrix), expected)
        self.same(self.make(np.ma.masked_array(self.points)), expected)
        self.same(self.make(list(np.ma.masked_array(self.points))), expected)
        whole = np.arange(N * D).reshape(N, D)
        for dtype in (np.int8, np.uint16, np.int64, np.uint64):
            self.same(self.make(whole.astype(dtype)), self.make(whole.astype(float)))

    def test_numbers_that_float64_does_not_hold(self):
        for dtype in (np.int64, np.uint64):
            for value in (BIG, 2**62 + 2):
                points = np.zeros((5, 2), dtype=dtype)
                points[3, 1] = value
                message = f"points: row 3, column 1 is {value}, which float64 cannot hold"
                self.refuses(ValueError, message, self.make, points)
                self.refuses(ValueError, message, self.index.search_points, points, 1)
        self.refuses(ValueError, f"row 0, column 0 is {-BIG}", self.make, [[-BIG, 0]])
        self.refuses(ValueError, f"is {2**64 - 1}", self.make, np.array([[2**64 - 1, 0]], np.uint64))
        self.refuses(ValueError, "subtract an offset first", self.make, [[BIG, 0]])
        self.refuses(
            ValueError, "row 1, column 0 is 0.1", self.make,
            np.array([[1, 2], [np.longdouble("0.1"), 3]], dtype=np.longdouble),
        )
        held = np.array([[2**53, -(2**53)], [2**60, -(2**63)], [3 * 2**55, 1], [0, 0]])
        wide = dict(inducing=None, lengthscale=1e19)
        self.same(self.make(held, **wide), self.make(held.astype(float), **wide))
        held = np.array([[2**63], [0], [2**53]], dtype=np.uint64)
        self.same(self.make(held, **wide), self.make(held.astype(float), **wide))
        # Transposed, the same number is elsewhere.
        points = np.zeros((2, 5), dtype=np.int64)
        points[1, 3] = BIG
        self.refuses(ValueError, "row 3, column 1", self.make, points.T)

    def test_masks(self):
        hidden = np.ma.masked_array(self.points.copy(), mask=np.zeros((N, D), bool))
        hidden[7, 1] = np.ma.masked
        hidden[9, 0] = np.ma.masked
        rows = np.ma.masked_array([1, 2], mask=[0, 1])
        flags = np.ma.masked_array(np.ones(N, bool), mask=np.arange(N) > 3)
        there = "row 7, column 1 is masked, it has no value"
        cases = [
            ("points: " + there, lambda: self.make(hidden)),
            ("points: " + there, lambda: self.make(hidden.astype(int))),
            ("points: " + there, lambda: self.make(Frame(hidden))),
            ("points: in element 7, entry 1 is masked", lambda: self.make(list(hidden))),
            ("points: " + there, lambda: self.index.search_points(hidden, 1)),
            ("points: " + there, lambda: self.index.range_search_points(hidden, 0.5)),
            ("inducing: " + there, lambda: self.make(inducing=hidden)),
            ("inducing: entry 1 is masked", lambda: self.make(inducing=rows)),
            ("inducing: the value is masked", lambda: self.make(inducing=np.ma.masked)),
            ("rows: entry 1 is masked", lambda: self.index.search(rows, 1)),
            ("rows: entry 1 is masked", lambda: self.index.range_search(rows, 0.5)),
            ("rows: in element 1, the value is masked",
             lambda: self.index.search([3, np.ma.masked], 1)),
            ("allowed: entry 4 is masked", lambda: self.index.graph(1, allowed=flags)),
            ("lengthscale: entry 1 is masked",
             lambda: self.make(lengthscale=np.ma.masked_array([1.0, 2.0], mask=[0, 1]))),
            ("k: the value is masked", lambda: self.index.graph(np.ma.masked)),
            ("radius: the value is masked", lambda: self.index.graph(1, radius=np.ma.masked)),
        ]
        for message, call in cases:
            self.refuses(ValueError, message, call)

    def test_rows(self):
        cases = [
            (ValueError, [0.0, 1.5], "entry 1 is 1.5, which is no row number: they are whole"),
            (ValueError, [0.0, np.nan], "entry 1 is nan, which is no row number"),
            (ValueError, [-np.inf, 3], "entry 0 is -inf, which is no row number"),
            (ValueError, [2.0**60], "is 1.152921504606847e+18, which is no row number: they are "
             "whole, and floats are exact up to 2**53"),
            (ValueError, np.array([0, 1.5], np.longdouble), "entry 1 is 1.5"),
            (ValueError, 0.5, "entry 0 is 0.5, which is no row number"),
            (ValueError, [0.0, -1.0], "row -1 is out of range"),
            (ValueError, N, f"row {N} is out of range"),
            (TypeError, np.arange(N) < 3, "numpy.flatnonzero(mask) gives the row numbers"),
            (TypeError, True, "must hold integers, row numbers; holds bool"),
            (TypeError, "5", "holds <U1"),
            (TypeError, [[1]], "has shape (1, 1); give a[:, 0] of a column"),
            (TypeError, ["1"], "holds <U1"),
            (TypeError, [1, None], "holds object"),
            (TypeError, None, "must be row numbers; is NoneType"),
            (TypeError, {3, 5}, "must be row numbers; is set"),
            (ValueError, np.array([0, 2**63], np.uint64), f"entry 1 is {2**63}, which is no row"),
            (ValueError, [0, -1], "row -1 is out of range"),
        ]
        for error, rows, message in cases:
            self.refuses(error, message, self.index.search, rows, 1)
            self.refuses(error, message, self.index.range_search, rows, 0.5)
        expected = self.index.search([3, 5], 4)[0]
        for rows in ((3, 5), np.array([3, 5], np.uint8), np.array([3, 5], np.uint64),
                     np.array([3, 5], ">i4"), np.array([3, 0, 5])[::2], range(3, 7, 2),
                     [3.0, 5.0], (3, 5.0), np.array([3, 5], np.float32), [np.int8(3), np.float64(5)],
                     np.array([3, 5], np.longdouble), Frame(np.array([3.0, 5.0]))):
            np.testing.assert_array_equal(self.index.search(rows, 4)[0], expected)
        self.assertEqual(self.index.search(np.zeros(0), 4)[0].shape, (0, 4))

    def test_one_row(self):
        many = self.index.search([5], 4, exclude_self=True)
        lists = self.index.range_search([5], 0.5)
        for row in (5, 5.0, np.int64(5), np.float64(5), np.array(5), np.array(5.0), np.uint8(5)):
            one = self.index.search(row, k=4, exclude_self=True)
            self.assertEqual([a.shape for a in one], [(4,), (4,)])
            for a, b in zip(one, many):
                np.testing.assert_array_equal(a, b[0])
            for a, b in zip(self.index.range_search(row, 0.5), lists):
                np.testing.assert_array_equal(a, b)
        self.assertEqual(lists[0].shape, (2,))

    def test_allowed(self):
        for allowed, message in (
            (np.ones(N), "must hold booleans; holds float64; give .astype(bool)"),
            (np.arange(N), "must hold booleans; holds int64; give .astype(bool)"),
            (np.ones((N, 1), bool), "must be 1-dimensional, of booleans; has shape (60, 1)"),
            (True, "has shape ()"),
        ):
            self.refuses(TypeError, message, lambda a=allowed: self.index.graph(1, allowed=a))

    def test_inducing(self):
        z = self.points[:6]
        wrong = "has points of 3 coordinates, the data has points of 2"
        cases = [
            (ValueError, z.T, "has points of 6 coordinates, the data has points of 2; if a point "
             "is a column, give inducing.T"),
            (ValueError, np.c_[z[:4], np.zeros(4)], wrong),
            (ValueError, np.argwhere(np.arange(N) % 10 == 0),
             "has points of 1 coordinate, the data has points of 2; if these are row numbers, "
             "give inducing[:, 0]"),
            (ValueError, np.zeros((0, 3)), wrong),
            (TypeError, 2.5, "must be a count, a name, row numbers, coordinates or None; is 2.5"),
            (TypeError, np.nan, "must be a count, a name"),
            (TypeError, 2.0**60, "must be a count, a name"),
            (TypeError, [2.0, 1.0], "must hold integers, row numbers; holds float64; give .astype(int)"),
            (ValueError, "k-means", "there is no 'k-means'; did you mean 'kmeans'? Choose one of "
             "'random', 'kmeans++', 'kmeans', 'cover_tree'"),
            (TypeError, True, "must be a count"),
            (ValueError, "all", "inducing: there is no 'all'; choose one of 'random', 'kmeans++', "
             "'kmeans', 'cover_tree'"),
            (TypeError, "kmeans", "num_inducing: is missing: how many points inducing='kmeans' chooses"),
            (TypeError, [1.5], "must hold integers"),
            (TypeError, np.zeros((2, 2, 2)), "has shape (2, 2, 2)"),
            (TypeError, {1, 2}, "must be a count, a name, row numbers, coordinates or None; is set"),
            (ValueError, [], "no inducing points given"),
            (ValueError, 0, "inducing.random.count: is 0"),
            (ValueError, np.array(2**63, np.uint64), f"is {2**63}; must be from"),
            (ValueError, [[BIG, 1]], f"row 0, column 0 is {BIG}"),
        ]
        for error, inducing, message in cases:
            self.refuses(error, message, lambda i=inducing: self.make(inducing=i))
        # A column that holds no row numbers gets no hint.
        with self.assertRaises(ValueError) as caught:
            self.make(inducing=np.array([[N], [1]]))
        self.assertNotIn("row numbers", str(caught.exception))
        # With points of one coordinate a column is coordinates.
        line = self.points[:, :1]
        self.same(
            self.make(line, inducing=np.array([[0], [1]])),
            self.make(line, inducing=np.array([[0.0], [1.0]])),
        )
        for count in (np.array(6), 6.0, np.float64(6), np.int64(6), np.array(6.0)):
            self.same(self.make(inducing=count), self.make(inducing=6))
            self.same(self.make(inducing="kmeans", num_inducing=count),
                      self.make(inducing="kmeans", num_inducing=6))
        self.same(self.make(inducing=range(0, 12, 2)), self.make(inducing=np.arange(0, 12, 2)))

    def test_lengthscale(self):
        expected = self.make(lengthscale=[0.3, 0.3])
        for one in (0.3, np.float64(0.3), np.array(0.3), [0.3], (0.3,), np.array([0.3, 0.3])):
            self.same(self.make(lengthscale=one), expected)
            self.same(expected.rebuild(lengthscale=one), expected)
        self.same(self.make(lengthscale=2), self.make(lengthscale=np.int32(2)))
        cases = [
            (ValueError, [], "is empty; give at least one number"),
            (ValueError, np.zeros(0), "is empty"),
            (TypeError, True, "must hold real numbers; holds bool"),
            (TypeError, [True, False], "must hold real numbers; holds bool"),
            (TypeError, "0.3", "holds <U3"),
            (TypeError, [[0.3]], "must be a number or 1-dimensional; has shape (1, 1)"),
            (TypeError, 1j, "holds complex128"),
            (ValueError, BIG, f"the value is {BIG}"),
            (ValueError, [0.3, -1], "kernel.lengthscale[1]"),
        ]
        for error, lengthscale, message in cases:
            self.refuses(error, message, lambda x=lengthscale: self.make(lengthscale=x))
            self.refuses(error, message, lambda x=lengthscale: self.index.rebuild(lengthscale=x))
        self.refuses(TypeError, "lengthscale: must be one positive number, or one for each "
                     "coordinate; is NoneType", lambda: self.make(lengthscale=None))

    def test_numbers(self):
        self.same(self.make(variance=np.float32(2)), self.make(variance=2))
        self.same(self.make(jitter=np.array(1e-5)), self.make(jitter=1e-5))
        for name in ("variance", "jitter"):
            for value, message in (
                (True, "holds bool"), ("1", "holds <U1"), (1j, "complex"), ([1.0], "must be one number"),
                (None, "must be a number; is NoneType"),
                (fractions.Fraction(1, 2), "must be a number; is Fraction"),
            ):
                self.refuses(TypeError, message, lambda: self.make(**{name: value}))
        self.refuses(TypeError, "radius: must hold real", lambda: self.index.graph(1, radius=True))
        self.refuses(ValueError, "radius: is no number", lambda: self.index.graph(1, radius=np.nan))
        self.refuses(TypeError, "radius: must be a number; is NoneType",
                     lambda: self.index.range_search([1], None))
        for radius in (None, np.inf, np.float32(7), 7):
            np.testing.assert_array_equal(self.index.graph(1, radius=radius)[0],
                                          self.index.graph(1)[0])

    def test_integers(self):
        expected = self.index.graph(3)[0]
        for k in (np.int32(3), np.uint64(3), np.array(3), Integral(3), 3.0, np.float64(3),
                  np.float16(3), np.longdouble(3), np.array(3.0)):
            np.testing.assert_array_equal(self.index.graph(k, threads=np.int8(1))[0], expected)
            np.testing.assert_array_equal(self.index.graph(k, threads=1.0)[0], expected)
        self.same(self.make(seed=4.0), self.make(seed=4))
        self.assertRaises(ValueError, self.index.graph, -0.0)
        self.same(self.make(seed=np.uint64(2**64 - 1)), self.make(seed=2**64 - 1))
        for k, kind in ((2.5, "float"), (np.float64(2.5), "float64"), (True, "bool"),
                        (np.True_, "bool_"), ("2", "str"), (None, "NoneType"), ([2], "list"),
                        (np.array([2]), "ndarray"), (np.array(2.5), "float"), (np.nan, "float"),
                        (-np.inf, "float"), (2.0**60, "float"), (-(2.0**60), "float"),
                        (np.longdouble(1) + np.finfo(np.longdouble).eps, "float128"),
                        (decimal.Decimal(2), "Decimal"), (2 + 0j, "complex")):
            self.refuses(TypeError, "k: must be an integer; is ", self.index.graph, k)
            self.refuses(TypeError, f"({kind})", self.index.graph, k)
        self.refuses(TypeError, "and floats beyond 2**53 skip integers", self.index.graph, 2.0**53 + 2)
        self.refuses(TypeError, "threads: must be an integer; is 1.5",
                     lambda: self.index.graph(1, threads=1.5))
        self.refuses(TypeError, "seed: must be an integer; is False", lambda: self.make(seed=False))
        for call, message in (
            (lambda: self.index.graph(2**70), f"k: is {2**70}; must be from"),
            (lambda: self.index.graph(10**5000), "k: is some int; must be from"),
            (lambda: self.make(seed=-(10**5000)), "seed: is some int; must be from"),
            (lambda: self.index.graph(0), "k: is 0; must be from 1"),
            (lambda: self.index.graph(1, threads=-1), "threads: is -1; must be from 0"),
            (lambda: self.index.graph(1, threads=2**40), f"threads: is {2**40}; must be from 0"),
            (lambda: self.make(seed=-1), "seed: is -1; must be from 0 to 2**64 - 1"),
            (lambda: self.make(seed=2**64), f"seed: is {2**64}; must be from 0"),
        ):
            self.refuses(ValueError, message, call)

    def test_messages_are_short(self):
        long = ["a long text"] * 10000
        for call in (lambda: self.index.graph(long), lambda: self.index.graph(1, predecessor=long),
                     lambda: self.make(kernel=long), lambda: self.make(threads=tuple(long)),
                     lambda: self.make(strategy=dict.fromkeys(range(10**4)))):
            with self.assertRaises(TypeError) as caught:
                call()
            self.assertLess(len(str(caught.exception)), 200)

    def test_booleans(self):
        for false in (False, np.False_, np.array(False)):
            np.testing.assert_array_equal(
                self.index.graph(3, predecessor=false)[0], self.index.graph(3)[0])
        np.testing.assert_array_equal(
            self.index.search([4], 2, exclude_self=np.True_)[0],
            self.index.search([4], 2, exclude_self=True)[0])
        for value in (0, 1, 1.0, None, "yes", [True], np.array([True])):
            for name in ("predecessor", "exclude_self"):
                self.refuses(TypeError, f"{name}: must be True or False; is {value!r}",
                             lambda: self.index.search([3], 1, **{name: value}))
        self.refuses(TypeError, "map: must be True or False; is 1 (int)",
                     lambda: rct.ResidualIndex.load("x", map=1))

    def test_names(self):
        for name, value, near, names in (
            ("kernel", "matern5/2", "matern52", "'rbf', 'matern12', 'matern32', 'matern52'"),
            ("strategy", "exhaustiv", "exhaustive",
             "'exhaustive', 'level_synchronous', 'best_first', 'block'"),
        ):
            self.refuses(ValueError, f"{name}: there is no {value!r}; did you mean {near!r}? Choose "
                         f"one of {names}", lambda: self.make(**{name: value}))
            self.refuses(ValueError, f"{name}: there is no 'Q'; choose one of {names}",
                         lambda: self.make(**{name: "Q"}))
            for other in (3, b"rbf", ["rbf"]):
                self.refuses(TypeError, f"{name}: must be one of {names}; is {other!r}",
                             lambda: self.make(**{name: other}))
        self.refuses(ValueError, "order: there is no 'max_min'; did you mean 'maxmin'?",
                     lambda: self.index.graph(1, predecessor=True, order="max_min"))
        self.refuses(ValueError, "method: there is no 'max_min'; did you mean 'maxmin'? Choose one of "
                     "'maxmin', 'random', 'coordinate', 'middle_out'",
                     lambda: rct.order(self.points, "max_min"))

    def test_paths(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.rct")
            for name in (path, pathlib.Path(path), os.fsencode(path)):
                self.index.save(name)
                self.same(rct.ResidualIndex.load(name), self.index)
                os.remove(path)
            # Names need not be UTF-8.
            odd = os.path.join(os.fsencode(folder), b"\xff.rct")
            self.index.save(odd)
            self.same(rct.ResidualIndex.load(os.fsdecode(odd)), self.index)
            os.remove(odd)
            missing = os.path.join(folder, "none.rct")
            with open(os.path.join(folder, "file"), "w"):
                pass
            load = rct.ResidualIndex.load
            for error, number, name, call in (
                (FileNotFoundError, 2, missing, lambda: load(missing)),
                (FileNotFoundError, 2, missing, lambda: load(pathlib.Path(missing), map=True)),
                (FileNotFoundError, 2, os.fsdecode(odd), lambda: load(odd)),
                (FileNotFoundError, 2, missing + "/x", lambda: self.index.save(missing + "/x")),
                (IsADirectoryError, 21, folder, lambda: load(folder)),
                (IsADirectoryError, 21, folder, lambda: self.index.save(folder)),
                (NotADirectoryError, 20, folder + "/file/x", lambda: load(folder + "/file/x")),
                (OSError, 36, folder + "/" + "x" * 300, lambda: load(folder + "/" + "x" * 300)),
            ):
                with self.subTest(name), self.assertRaises(error) as caught:
                    call()
                self.assertEqual(caught.exception.errno, number)
                self.assertEqual(caught.exception.filename, name)
            with self.assertRaisesRegex(FileNotFoundError, "cannot open: No such file.*none.rct"):
                load(missing)
            if os.geteuid() != 0:
                self.index.save(path)
                os.chmod(path, 0)
                self.assertRaises(PermissionError, load, path)
            self.refuses(FileNotFoundError, "path is empty", load, "")
            self.refuses(ValueError, "holds a null character", load, "a\0b")
            self.refuses(ValueError, "holds a null character", self.index.save, b"a\0b")
            self.assertRaises(TypeError, load, 7)
            self.assertRaises(TypeError, self.index.save, None)


if __name__ == "__main__":
    unittest.main()
