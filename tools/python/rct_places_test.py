#!/usr/bin/python3
"""Checks unique(), lonlat() and ResidualIndex.append() of the module `rct`."""

import os
import sys
import unittest

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rct  # noqa: E402


class UniqueTest(unittest.TestCase):
    def test_agrees_with_numpy(self):
        points = np.random.default_rng(1).integers(0, 5, size=(400, 2)).astype(float)
        points[points == 0] *= np.random.default_rng(2).choice([-1, 1], (points == 0).sum())
        rows, inverse, counts = rct.unique(points)
        expected = np.unique(points, axis=0)
        self.assertEqual(len(rows), len(expected))
        self.assertTrue((np.diff(rows) > 0).all())
        np.testing.assert_array_equal(points[rows][inverse], points)
        np.testing.assert_array_equal(counts, np.bincount(inverse))
        for place, row in enumerate(rows):
            self.assertEqual(row, np.flatnonzero(inverse == place)[0])
        self.assertEqual({rows.dtype, inverse.dtype, counts.dtype}, {np.dtype(np.int64)})

    def test_little_data(self):
        rows, inverse, counts = rct.unique(np.empty((0, 2)))
        self.assertEqual((len(rows), len(inverse), len(counts)), (0, 0, 0))
        rows, inverse, counts = rct.unique([[1, 2], [1, 2]])
        self.assertEqual((list(rows), list(inverse), list(counts)), ([0], [0, 0], [2]))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "points: row 1, column 0 is nan"):
            rct.unique([[1.0], [np.nan]])
        with self.assertRaisesRegex(TypeError, "points: "):
            rct.unique([1.0, 2.0])


class LonLatTest(unittest.TestCase):
    def test_great_circle_distances(self):
        places = np.array([[179.9, -17.0], [-179.9, -17.0], [13.41, 52.52], [30.0, 90.0]])
        chords = rct.lonlat(places)
        self.assertEqual(chords.shape, (4, 3))
        np.testing.assert_allclose(np.linalg.norm(chords, axis=1), 6371.0088, rtol=1e-15)
        arc = 2 * 6371.0088 * np.arcsin(np.linalg.norm(chords[0] - chords[1]) / (2 * 6371.0088))
        self.assertAlmostEqual(arc, 21.2671, 3)  # 0.2 degrees at 17 degrees south
        np.testing.assert_array_equal(chords[3], [0, 0, 6371.0088])
        unit = rct.lonlat(places, radius_km=1)
        np.testing.assert_allclose(unit * 6371.0088, chords, rtol=1e-15)

    def test_further_columns_stay(self):
        chords = rct.lonlat([[0.0, 0.0, 7.5, -2.0]])
        np.testing.assert_array_equal(chords, [[6371.0088, 0, 0, 7.5, -2]])

    def test_errors(self):
        for places, message in (
            ([[0, 91]], "lon_lat: row 0, column 1 is 91; a latitude must be from -90 to 90"),
            ([[0, 0], [361, 0]], "lon_lat: row 1, column 0 is 361; a longitude"),
            ([[1.0]], "lon_lat: the number of columns is 1"),
            ([[np.nan, 0]], "lon_lat: row 0, column 0 is nan"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                rct.lonlat(places)
        for radius in (0, -1, np.inf, np.nan):
            with self.assertRaisesRegex(ValueError, "radius_km: "):
                rct.lonlat([[0, 0]], radius_km=radius)


class AppendTest(unittest.TestCase):
    def test_earlier_rows_stay(self):
        points = np.random.default_rng(3).normal(size=(300, 2))
        for strategy in (None, "exhaustive", "best_first"):
            index = rct.ResidualIndex(points[:200], kernel="matern52", inducing=20, strategy=strategy)
            grown = index.append(points[200:250]).append(points[250:], threads=2)
            self.assertEqual((len(index), len(grown)), (200, 300))
            before = index.graph(k=6, predecessor=True)
            after = grown.graph(k=6, predecessor=True)
            for old, new in zip(before, after):
                np.testing.assert_array_equal(new[:200], old)

    def test_errors(self):
        index = rct.ResidualIndex(np.eye(3), kernel="rbf", inducing=None)
        with self.assertRaisesRegex(ValueError, "points: the number of columns is 2, that of the index is 3"):
            index.append([[1.0, 2.0]])
        with self.assertRaisesRegex(ValueError, "points: row 0, column 2 is inf"):
            index.append([[1.0, 2.0, np.inf]])
        with self.assertRaises(TypeError):
            index.append("text")


if __name__ == "__main__":
    unittest.main()
