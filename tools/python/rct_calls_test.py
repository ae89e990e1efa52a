#!/usr/bin/python3
"""Checks calls that do not fit, what signatures say, and the version."""

import inspect
import os
import re
import sys
import types
import unittest

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rct  # noqa: E402

CLASSES = [value for value in vars(rct).values() if isinstance(value, type)]


def functions():
    """Returns each public function, method and property of the extension by its name."""
    found = {}
    for name, value in vars(rct).items():
        if isinstance(value, types.BuiltinFunctionType):
            found[name] = value
    for cls in CLASSES:
        for name in vars(cls):
            value = getattr(cls, name)
            if isinstance(value, property):
                found[f"{cls.__name__}.{name}"] = value.fget
            elif inspect.isroutine(value) and name != "__new__":
                found[f"{cls.__name__}.{name}"] = value
    return found


class CallsTest(unittest.TestCase):
    def setUp(self):
        self.points = np.random.default_rng(3).normal(size=(50, 2))
        self.index = rct.ResidualIndex(self.points, kernel="rbf", inducing=5)

    def refuses(self, message, call, *arguments, **named):
        with self.subTest(message):
            with self.assertRaises(TypeError) as caught:
                call(*arguments, **named)
            self.assertEqual(str(caught.exception), message)

    def test_all_functions_are_found(self):
        found = functions()
        for name in ("Index", "order", "unique", "lonlat", "ResidualIndex.__init__",
                     "ResidualIndex.__setstate__", "EuclideanIndex.load", "EuclideanIndex.search",
                     "ResidualIndex.size", "EuclideanIndex.__len__", "ResidualIndex.kernel"):
            self.assertIn(name, found)
        self.assertGreater(len(found), 40)

    def test_no_call_answers_in_words_of_pybind11(self):
        calls = ((), (1,), (None,) * 20, (self.index,), (self.index, 1), (self.index,) + (None,) * 3)
        named = ({}, {"x": 1}, {"self": 1}, {"points": 1}, {"k": 1, "path": 2})
        for name, function in functions().items():
            for arguments in calls:
                for more in named:
                    try:
                        function(*arguments, **more)
                    except Exception as error:
                        text = str(error)
                        for words in ("incompatible", "supported", "C++", "pybind", "arg0",
                                      "instance of 'none'", "Unable to"):
                            self.assertNotIn(words, text, name)
                        self.assertLess(len(text), 400, (name, text))
        for cls in CLASSES:
            self.refuses("__init__(self, ...) called with invalid or missing `self` argument",
                         cls.__init__, 3)
            for more in named:
                with self.assertRaises(TypeError):
                    cls(**more)

    def test_arguments_that_are_missing(self):
        self.refuses("search() missing 1 required argument: 'k'", self.index.search, [1])
        self.refuses("search() missing 2 required arguments: 'rows' and 'k'", self.index.search)
        self.refuses("search() missing 3 required arguments: 'self', 'rows' and 'k'",
                     rct.ResidualIndex.search)
        self.refuses("ResidualIndex() missing 2 required arguments: 'kernel' and 'inducing'",
                     rct.ResidualIndex, self.points)
        self.refuses("EuclideanIndex() missing 1 required argument: 'points'", rct.EuclideanIndex)
        self.refuses("load() missing 1 required argument: 'path'", rct.ResidualIndex.load)
        self.refuses("order() missing 1 required argument: 'points'", rct.order)

    def test_arguments_that_are_too_many(self):
        self.refuses("search() takes at most 2 positional arguments (rows, k) but 3 were given; give "
                     "others by name: predecessor, exclude_self, radius, allowed, threads",
                     self.index.search, [1], 2, True)
        self.refuses("rebuild() takes no positional arguments but 1 was given; give others by name: "
                     "kernel, lengthscale, variance, inducing, num_inducing, seed, jitter, threads",
                     self.index.rebuild, "rbf")
        self.refuses("append() takes at most 1 positional argument (points) but 2 were given; give "
                     "others by name: threads", self.index.append, self.points, 1)
        self.refuses("unique() takes at most 1 positional argument (points) but 2 were given",
                     rct.unique, self.points, 1)
        self.refuses("ResidualIndex() takes at most 1 positional argument (points) but 2 were given; "
                     "give others by name: kernel, lengthscale, variance, inducing, num_inducing, "
                     "seed, jitter, strategy, threads", rct.ResidualIndex, self.points, "rbf")
        self.refuses("search() got multiple values for argument 'rows'",
                     self.index.search, [1], 2, rows=[3])
        self.refuses("__len__() takes no positional arguments but 1 was given",
                     self.index.__len__, 1)

    def test_names_that_are_unknown(self):
        self.refuses("search() got an unexpected keyword argument 'neighbors'; it takes rows, k, "
                     "predecessor, exclude_self, radius, allowed, threads",
                     self.index.search, [1], neighbors=3)
        self.refuses("ResidualIndex() got an unexpected keyword argument 'kernal'; did you mean "
                     "'kernel'? It takes points, kernel, lengthscale, variance, inducing, "
                     "num_inducing, seed, jitter, strategy, threads",
                     rct.ResidualIndex, self.points, kernal="rbf", inducing=3)
        self.refuses("graph() got an unexpected keyword argument 'predecesor'; did you mean "
                     "'predecessor'? It takes k, predecessor, order, radius, allowed, threads",
                     self.index.graph, 3, predecesor=True)
        self.refuses("unique() got an unexpected keyword argument 'axis'; it takes points",
                     rct.unique, self.points, axis=0)
        self.refuses("__len__() got an unexpected keyword argument 'x'; it takes none",
                     self.index.__len__, x=0)

    def test_text_that_is_none(self):
        # Lone surrogates, as names of files have them.
        for call in (lambda: rct.ResidualIndex(self.points, kernel="\udc80", inducing=3),
                     lambda: rct.order(self.points, "\udc80"),
                     lambda: self.index.graph(3, **{"\udc80": 4}),
                     lambda: rct.Index(self.points, metric="\udc80")):
            with self.assertRaises(UnicodeEncodeError):
                call()

    def test_objects_of_another_class(self):
        other = rct.EuclideanIndex(self.points)
        self.refuses("descriptor 'search' requires a 'ResidualIndex' object but received a 'int'",
                     rct.ResidualIndex.search, 3, [1], 2)
        self.refuses("descriptor 'graph' requires a 'ResidualIndex' object but received a "
                     "'EuclideanIndex'", rct.ResidualIndex.graph, other, 2)
        self.refuses("descriptor 'size' requires a 'EuclideanIndex' object but received a "
                     "'ResidualIndex'", rct.EuclideanIndex.size.fget, self.index)
        self.refuses("descriptor '__len__' requires a 'ResidualIndex' object but received a 'list'",
                     rct.ResidualIndex.__len__, [])

    def test_an_unbound_method(self):
        for a, b in zip(rct.ResidualIndex.search(self.index, [1], k=2), self.index.search([1], 2)):
            np.testing.assert_array_equal(a, b)
        for a, b in zip(rct.ResidualIndex.search(self=self.index, k=2, rows=[1]),
                        self.index.search([1], 2)):
            np.testing.assert_array_equal(a, b)

    def test_properties_cannot_be_set(self):
        for name in ("kernel", "variance", "num_inducing", "size", "points"):
            with self.assertRaises(AttributeError):
                setattr(self.index, name, 1)


class SignaturesTest(unittest.TestCase):
    def test_every_function_has_one(self):
        for name, function in functions().items():
            signature = inspect.signature(function)
            self.assertNotIn("arg0", str(signature), name)
            self.assertFalse((function.__doc__ or "").startswith(name.split(".")[-1] + "("), name)
            self.assertTrue(function.__doc__, name)

    def test_what_they_say(self):
        index = rct.EuclideanIndex([[0.0]])
        self.assertEqual(
            str(inspect.signature(index.search)),
            "(rows, k, *, predecessor=False, exclude_self=False, radius=None, allowed=None, threads=0)",
        )
        self.assertEqual(str(inspect.signature(rct.EuclideanIndex)),
                         "(points, *, lengthscale=1.0, strategy=None, threads=0)")
        self.assertIs(inspect.signature(rct.ResidualIndex.rebuild).parameters["inducing"].default, ...)
        self.assertEqual(inspect.signature(rct.lonlat).parameters["radius_km"].default, 6371.0088)

    def test_defaults_are_what_they_say(self):
        points = np.random.default_rng(4).normal(size=(40, 2))
        index = rct.ResidualIndex(points, kernel="rbf", inducing=5)
        named = [(rct.EuclideanIndex, dict(points=points)),
                 (rct.ResidualIndex, dict(points=points, kernel="rbf", inducing=5)),
                 (index.graph, dict(k=3)), (index.search, dict(rows=[4], k=3)),
                 (index.rebuild, {}), (rct.order, dict(points=points)),
                 (rct.Index, dict(points=points, kernel="rbf", inducing=5))]
        for function, arguments in named:
            defaults = {name: parameter.default
                        for name, parameter in inspect.signature(function).parameters.items()
                        if parameter.default is not parameter.empty}
            results = [function(**arguments), function(**{**defaults, **arguments})]
            for a, b in zip(*(r.graph(3) if hasattr(r, "graph") else r for r in results)):
                np.testing.assert_array_equal(a, b)

    def test_modules(self):
        for cls in CLASSES:
            self.assertEqual(cls.__module__, "rct")
            self.assertEqual(cls.__init__.__module__, "rct")


class AttributesTest(unittest.TestCase):
    def test_of_a_residual_index(self):
        points = np.random.default_rng(4).normal(size=(40, 2))
        index = rct.ResidualIndex(points, kernel="matern32", inducing="kmeans", num_inducing=7,
                                  variance=2, jitter=1e-5, lengthscale=[1, 3])
        self.assertEqual((index.size, len(index), index.dim, index.num_inducing), (40, 40, 2, 7))
        self.assertEqual((index.kernel, index.variance, index.jitter), ("matern32", 2.0, 1e-5))
        self.assertEqual((index.metric, index.strategy), ("residual", "block"))
        self.assertEqual(index.lengthscale.tolist(), [1, 3])
        np.testing.assert_array_equal(index.points, points)
        self.assertFalse(index.points.flags.writeable)
        self.assertEqual(index.factors.shape, (40, 7))
        self.assertEqual(index.rebuild(inducing=None).num_inducing, 0)
        kept = index.points
        del index
        np.testing.assert_array_equal(kept, points)

    def test_repr(self):
        points = np.random.default_rng(4).normal(size=(40, 6))
        index = rct.Index(points, metric="euclidean", lengthscale=range(1, 7))
        self.assertEqual(
            repr(index),
            "<rct.EuclideanIndex of 40 points, d = 6, lengthscale = [1.0, 2.0, 3.0, ...], "
            "strategy 'block'>")
        self.assertIn("lengthscale = 0.1, ", repr(rct.EuclideanIndex(points, lengthscale=[0.1] * 6)))


class VersionTest(unittest.TestCase):
    def test_it_is_that_of_the_library(self):
        with open("base/version.h", encoding="utf-8") as header:
            version = re.search(r'kVersion = "([^"]*)"', header.read()).group(1)
        self.assertRegex(version, r"^\d+\.\d+\.\d+$")
        self.assertEqual(rct.__version__, version)


if __name__ == "__main__":
    unittest.main()
