#!/usr/bin/python3
"""Checks that pickle, copy, processes and files keep an index, bit for bit."""

import copy
import io
import multiprocessing
import os
import pathlib
import pickle
import sys
import tempfile
import unittest

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rct  # noqa: E402

N, D = 400, 2


class Named(rct.ResidualIndex):
    """An index with attributes of its own."""

    __slots__ = ("__dict__", "slot", "empty")

    def __init__(self, *args, name="none", **kwargs):
        super().__init__(*args, **kwargs)
        self.name = name
        self.slot = [1]


class Plain(rct.EuclideanIndex):
    pass


class Own(rct.EuclideanIndex):
    """Has a state of its own, around that of its base."""

    def __getstate__(self):
        return {"base": super().__getstate__(), "version": 2}

    def __setstate__(self, state):
        super().__setstate__(state["base"])
        self.version = state["version"]


def nearest(index, rows):
    """What a process is asked for."""
    return index.search(rows, k=4)


class StateTest(unittest.TestCase):
    def setUp(self):
        generator = np.random.default_rng(11)
        self.points = generator.normal(size=(N, D))
        self.queries = generator.normal(size=(9, D))
        options = dict(kernel="matern52", lengthscale=[0.4, 0.7])
        self.indexes = {
            f"{strategy} {inducing}": rct.ResidualIndex(
                self.points, strategy=strategy, inducing=inducing, num_inducing=count, variance=1.5,
                **options)
            for strategy in (None, "exhaustive", "level_synchronous", "best_first")
            for inducing, count in ((20, None), ("kmeans", 15), (None, None))
        }
        self.indexes["rows"] = rct.ResidualIndex(self.points, inducing=[3, 99, 7], **options)
        for strategy in ("block", "exhaustive", "level_synchronous", "best_first"):
            self.indexes[f"euclidean {strategy}"] = rct.EuclideanIndex(
                self.points, lengthscale=[0.1, 3], strategy=strategy)
        self.index = self.indexes["None 20"]
        self.euclidean = self.indexes["euclidean block"]

    def expect_same(self, one, other):
        self.assertEqual(repr(one), repr(other))
        answers = [
            (*i.graph(5, predecessor=True), *i.search([3, 9], 4), *i.search_points(self.queries, 4),
             *i.range_search_points(self.queries, 0.5), i.lengthscale)
            for i in (one, other)
        ]
        if hasattr(one, "factors"):
            answers = [
                (*a, i.points, i.factors, i.residual_variance, i.inducing,
                 np.array([i.variance, i.jitter, i.num_inducing]))
                for a, i in zip(answers, (one, other))
            ]
            rows = [i.inducing_rows for i in (one, other)]
            self.assertEqual(*[None if r is None else r.tolist() for r in rows])
        for a, b in zip(*answers):
            self.assertEqual((a.dtype, a.shape), (b.dtype, b.shape))
            self.assertEqual(a.tobytes(), b.tobytes())


class PickleTest(StateTest):
    def test_every_index_and_protocol(self):
        for name, index in self.indexes.items():
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                with self.subTest(name, protocol=protocol):
                    again = pickle.loads(pickle.dumps(index, protocol=protocol))
                    self.assertIs(type(again), type(index))
                    self.expect_same(again, index)
            # The pure Python pickler takes other ways.
            file = io.BytesIO()
            pickle._Pickler(file, 2).dump(index)
            file.seek(0)
            self.expect_same(pickle._Unpickler(file).load(), index)

    def test_a_pickle_says_the_same_each_time(self):
        for index in (self.index, self.euclidean):
            data = pickle.dumps(index)
            self.assertEqual(pickle.dumps(index), data)
            self.assertEqual(pickle.dumps(pickle.loads(data)), data)

    def test_one_index_is_one_index(self):
        a, b = pickle.loads(pickle.dumps((self.index, self.index)))
        self.assertIs(a, b)

    def test_indexes_that_came_about_otherwise(self):
        for index in (self.index.rebuild(kernel="rbf", lengthscale=0.2),
                      self.index.append(self.queries), self.euclidean.append(self.queries)):
            self.expect_same(pickle.loads(pickle.dumps(index)), index)
        again = pickle.loads(pickle.dumps(self.index))
        self.expect_same(again.rebuild(lengthscale=0.3), self.index.rebuild(lengthscale=0.3))
        self.expect_same(again.append(self.queries), self.index.append(self.queries))

    def test_little_data(self):
        for n in (0, 1, 2):
            points = self.points[:n]
            for index in (rct.EuclideanIndex(points),
                          rct.ResidualIndex(points, kernel="rbf", inducing=self.queries)):
                self.expect_same_small(pickle.loads(pickle.dumps(index)), index)

    def expect_same_small(self, one, other):
        self.assertEqual(len(one), len(other))
        for a, b in zip(one.search_points(self.queries, 3), other.search_points(self.queries, 3)):
            np.testing.assert_array_equal(a, b)

    def test_an_index_in_a_mapped_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "index.rct"
            self.index.save(path)
            mapped = rct.ResidualIndex.load(path, map=True)
            data = pickle.dumps(mapped)
            # The pickle holds all of the index, not the file's name.
            self.assertGreater(len(data), self.index.factors.nbytes)
            path.unlink()
            self.expect_same(copy.deepcopy(mapped), self.index)
            del mapped
            self.expect_same(pickle.loads(data), self.index)

    def test_damage(self):
        for index in (self.index, self.euclidean):
            cls = type(index)
            contents, attributes = index.__getstate__()
            self.assertIsNone(attributes)
            flipped = bytearray(contents)
            flipped[len(flipped) // 2] ^= 4
            for data, message in (
                (bytes(flipped), "the bytes of an index: damaged: its digest differs"),
                (contents[:-64], "the bytes of an index: truncated: has"),
                (contents + b"\0", "1 more than it should"),
                (b"", "the bytes of an index: is empty"),
                (b"not an index at all", "is no rct"),
            ):
                with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                    cls.__new__(cls).__setstate__((data, None))
            for state in (None, 7, (), (contents,), (contents, 3), ("text", None), (None, None),
                          [contents, None], (contents, None, None), (bytearray(contents), None)):
                with self.assertRaisesRegex(TypeError, "state is not what __getstate__.. returns"):
                    cls.__new__(cls).__setstate__(state)
            pickled = bytearray(pickle.dumps(index))
            for place in range(200, len(pickled) - 40, len(pickled) // 7):
                damaged = bytearray(pickled)
                damaged[place] ^= 1
                with self.assertRaisesRegex(ValueError, "the bytes of an index: "):
                    pickle.loads(damaged)
            for size in (0, 100, len(pickled) // 2):
                with self.assertRaises((EOFError, pickle.UnpicklingError)):
                    pickle.loads(pickled[:size])
        other = self.euclidean.__getstate__()
        with self.assertRaisesRegex(ValueError, "is no rct index file"):
            rct.ResidualIndex.__new__(rct.ResidualIndex).__setstate__(other)
        with self.assertRaisesRegex(TypeError, "state is not what"):
            rct.ResidualIndex.__new__(rct.ResidualIndex).__setstate__((self.euclidean, None))

    def test_what_failed_to_load_is_no_index(self):
        empty = rct.ResidualIndex.__new__(rct.ResidualIndex)
        for attempt in (empty.__getstate__, empty.__reduce__, empty.__copy__,
                        lambda: pickle.dumps(empty), lambda: copy.deepcopy(empty)):
            with self.assertRaisesRegex(TypeError, "has no points; call its __init__"):
                attempt()
        with self.assertRaises(ValueError):
            empty.__setstate__((b"", None))
        with self.assertRaisesRegex(TypeError, "has no points"):
            len(empty)
        empty.__setstate__(self.index.__getstate__())
        self.expect_same(empty, self.index)

    def test_an_index_stays_what_it_is(self):
        before = repr(self.index)
        self.index.__setstate__(self.indexes["rows"].__getstate__())
        self.assertEqual(repr(self.index), before)


class SubclassTest(StateTest):
    def setUp(self):
        super().setUp()
        self.named = Named(self.points, kernel="rbf", inducing=5, name="mine")

    def test_attributes(self):
        self.named.me = self.named
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(self.named, protocol=protocol))
            self.assertIs(type(again), Named)
            self.assertEqual((again.name, again.slot), ("mine", [1]))
            self.assertFalse(hasattr(again, "empty"))
            self.assertIs(again.me, again)
            self.expect_same(again, self.named)

    def test_without_attributes(self):
        plain = Plain(self.points)
        again = pickle.loads(pickle.dumps(plain))
        self.assertIs(type(again), Plain)
        self.expect_same(again, plain)

    def test_a_state_of_its_own(self):
        own = Own(self.points)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(own, protocol=protocol))
            self.assertEqual(again.version, 2)
            self.expect_same(again, own)

    def test_copies(self):
        self.named.values = {"a": [1]}
        self.named.me = self.named
        shallow, deep = copy.copy(self.named), copy.deepcopy(self.named)
        for other in (shallow, deep):
            self.assertIs(type(other), Named)
            self.assertIsNot(other, self.named)
            self.expect_same(other, self.named)
            # The index is shared.
            self.assertEqual(other.factors.ctypes.data, self.named.factors.ctypes.data)
        self.assertIs(shallow.values, self.named.values)
        self.assertIs(shallow.me, self.named)
        self.assertIsNot(deep.values, self.named.values)
        self.assertEqual(deep.values, {"a": [1]})
        self.assertIsNot(deep.slot, self.named.slot)
        self.assertIs(deep.me, deep)
        shallow.name = "other"
        self.assertEqual(self.named.name, "mine")
        expected = self.named.graph(3)
        del self.named
        for other in (shallow, deep):
            np.testing.assert_array_equal(other.graph(3)[0], expected[0])


class CopyTest(StateTest):
    def test_an_index_is_its_own_copy(self):
        for index in (self.index, self.euclidean):
            self.assertIs(copy.copy(index), index)
            self.assertIs(copy.deepcopy(index), index)
            held = copy.deepcopy({"a": [index], "b": index})
            self.assertIs(held["a"][0], index)


class ProcessesTest(StateTest):
    def expect_answers(self, results):
        for index, found in zip((self.index, self.euclidean), results):
            for a, b in zip(found, nearest(index, [1, 2, 3])):
                np.testing.assert_array_equal(a, b)

    def test_multiprocessing(self):
        for method in ("spawn", "fork"):
            with multiprocessing.get_context(method).Pool(1) as pool:
                self.expect_answers(
                    pool.starmap(nearest, [(i, [1, 2, 3]) for i in (self.index, self.euclidean)]))

    def test_joblib(self):
        try:
            import joblib
        except ImportError:
            self.skipTest("no joblib")
        self.expect_answers(joblib.Parallel(n_jobs=2, backend="multiprocessing")(
            joblib.delayed(nearest)(i, [1, 2, 3]) for i in (self.index, self.euclidean)))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "dump")
            joblib.dump({"index": self.index}, path, compress=3)
            self.expect_same(joblib.load(path)["index"], self.index)
        again = pickle.loads(pickle.dumps(self.index))
        self.assertEqual(joblib.hash(again), joblib.hash(self.index))


class FilesTest(StateTest):
    def test_files_keep_every_bit(self):
        with tempfile.TemporaryDirectory() as folder:
            for number, (name, index) in enumerate(self.indexes.items()):
                path = pathlib.Path(folder) / f"{number}.rct"
                for given in (path, str(path), os.fsencode(path)):
                    index.save(given)
                    contents = path.read_bytes()
                    for named in (path, str(path), os.fsencode(path)):
                        with self.subTest(name, named=named):
                            again = type(index).load(named)
                            self.expect_same(again, index)
                            again.save(path)
                            self.assertEqual(path.read_bytes(), contents)
                # A pickle has the contents of the file.
                self.assertEqual(index.__getstate__()[0], contents)


if __name__ == "__main__":
    unittest.main()
