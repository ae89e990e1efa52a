#!/usr/bin/python3
"""Calls librct.so as languages without a C compiler do, beside a libprotobuf.so.

The system's libprotobuf.so is loaded first, with all its symbols in sight: the one
inside of librct.so is another build of the same functions, and they must not mix.
"""

import ctypes
import os
import unittest

import numpy

ctypes.CDLL("libprotobuf.so.32", mode=ctypes.RTLD_GLOBAL)
RCT = ctypes.CDLL(os.path.abspath("index/c/librct.so.0"))

POINTER, INT32, INT64, DOUBLE, TEXT = (
    ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64, ctypes.c_double, ctypes.c_char_p)
PROGRESS = ctypes.CFUNCTYPE(INT32, DOUBLE, POINTER)

for name, result, arguments in [
        ("rct_version", TEXT, []),
        ("rct_error_message", TEXT, [POINTER]),
        ("rct_error_free", None, [POINTER]),
        ("rct_config_new", POINTER, []),
        ("rct_config_free", None, [POINTER]),
        ("rct_config_set_metric", INT32, [POINTER, TEXT, POINTER]),
        ("rct_run_new", POINTER, []),
        ("rct_run_free", None, [POINTER]),
        ("rct_run_set_progress", INT32, [POINTER, PROGRESS, POINTER, POINTER]),
        ("rct_index_build", INT32, [POINTER, INT64, INT64, POINTER, POINTER, POINTER, POINTER]),
        ("rct_index_free", None, [POINTER]),
        ("rct_index_graph", INT32,
         [POINTER, INT64, POINTER, INT64, POINTER, POINTER, POINTER, POINTER, POINTER]),
]:
    function = getattr(RCT, name)
    function.restype, function.argtypes = result, arguments


def check(function, *arguments):
    """Calls a function and raises its error."""
    error = POINTER()
    if function(*arguments, ctypes.byref(error)) != 0:
        message = RCT.rct_error_message(error).decode()
        RCT.rct_error_free(error)
        raise RuntimeError(message)


class FfiTest(unittest.TestCase):
    def setUp(self):
        self.points = numpy.random.default_rng(1).normal(size=(400, 3))
        config = RCT.rct_config_new()
        self.addCleanup(RCT.rct_config_free, config)
        check(RCT.rct_config_set_metric, config, b"euclidean")
        self.index = POINTER()
        check(RCT.rct_index_build, self.points.ctypes.data, 400, 3, config, None, ctypes.byref(self.index))
        self.addCleanup(RCT.rct_index_free, self.index)

    def graph(self, k, run=None):
        rows = numpy.empty((400, k), numpy.int64)
        distances = numpy.empty((400, k))
        check(RCT.rct_index_graph, self.index, k, None, 0, None, run, rows.ctypes.data, distances.ctypes.data)
        return rows, distances

    def test_neighbors(self):
        rows, distances = self.graph(7)
        squared = ((self.points[:, None] - self.points[None]) ** 2).sum(axis=2)
        numpy.fill_diagonal(squared, numpy.inf)
        self.assertTrue((rows == numpy.argsort(squared, axis=1)[:, :7]).all())
        self.assertTrue(numpy.allclose(distances, numpy.sqrt(numpy.sort(squared, axis=1)[:, :7])))

    def test_errors(self):
        with self.assertRaisesRegex(RuntimeError, "^k: "):
            self.graph(0)

    def test_callbacks(self):
        heard = []
        progress = PROGRESS(lambda done, user: heard.append(done) or 1)
        run = RCT.rct_run_new()
        self.addCleanup(RCT.rct_run_free, run)
        check(RCT.rct_run_set_progress, run, progress, None)
        with self.assertRaises(RuntimeError):
            self.graph(1, run)
        self.assertEqual(heard, [0.0])

    def test_version(self):
        self.assertRegex(RCT.rct_version().decode(), r"^\d+\.\d+\.\d+$")


if __name__ == "__main__":
    unittest.main()
