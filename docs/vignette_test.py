#!/usr/bin/python3
"""The vignette shows the programs that run and what they print, and its map is good.

The two programs, in Python and in C++, find the same model by different searches and
make the same map; on stations that a model has not seen, its map is nearer than simpler
ones, and its intervals hold what they promise.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

import matplotlib
import numpy as np

import rct

matplotlib.use("Agg")

DATA = "docs/data/rainfall_stations.csv"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def run(*command):
    environment = {**os.environ, "MPLBACKEND": "Agg", "MPLCONFIGDIR": os.environ["TEST_TMPDIR"]}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment)


def code(path):
    """The lines of a program that are neither blank nor comments."""
    lines = (line.strip() for line in read(path).splitlines())
    return [line for line in lines if line and not line.startswith(("//", "#!", '"""'))]


class VignetteTest(unittest.TestCase):
    def setUp(self):
        self.page = read("docs/vignette.md")

    def test_shows_the_programs(self):
        for path, language, most in ("docs/rainfall.py", "python", 30), ("docs/rainfall.cc", "cpp", 60):
            text = read(path)
            shown = text[text.index("\n", text.index("docs/vignette.md")) :].strip("\n")
            self.assertIn(f"```{language}\n{shown}\n```\n", self.page)
            self.assertLessEqual(len(code(path)), most)

    def test_draws_a_conditioning_set(self):
        example = re.search(r"```python\n(import rct.plot\n.*?)```", self.page, re.DOTALL).group(1)
        table = np.loadtxt(DATA, delimiter=",", skiprows=1)
        names = {"index": self.index(table[:, :2], 500, 1)}
        exec(example.replace("rct.plot.cond", "axes = rct.plot.cond"), names)
        self.assertEqual(names["axes"].get_xlabel(), "longitude")

    def test_shows_the_data(self):
        head = "".join(read(DATA).splitlines(keepends=True)[:4])
        self.assertIn(f"```\n{head}```\n", self.page)

    def test_both_programs_print_what_is_shown_and_make_one_map(self):
        with tempfile.TemporaryDirectory() as folder:
            picture = os.path.join(folder, "map.png")
            python = run("/usr/bin/python3", "docs/rainfall.py", DATA, picture).stdout
            self.assertGreater(os.path.getsize(picture), 50_000)
        cpp = run("docs/rainfall", DATA)
        for printed in python, cpp.stderr:
            self.assertIn(f"```\n{printed}```\n", self.page)
        lon, lat, rain = np.loadtxt(cpp.stdout.splitlines(), delimiter=",").T
        self.assertEqual(len(rain), 329 * 137)
        expected = self.predict(np.column_stack([lon, lat]), *self.fitted(python))
        np.testing.assert_allclose(rain, expected, rtol=0.02, atol=2)

    def fitted(self, printed):
        return [float(x) for x in re.findall(r"[\d.]+", printed)[:3]]

    def predict(self, new, lengthscale, variance, noise):
        lon, lat, _, rain = np.loadtxt(DATA, delimiter=",", skiprows=1).T
        level = np.sqrt(rain).mean()
        index = self.index(np.column_stack([lon, lat]), lengthscale, variance)
        model = index.vecchia(k=20, noise=noise, order="maxmin")
        mean, variance = model.predict(rct.lonlat(new), np.sqrt(rain) - level)
        return (level + mean) ** 2 + variance

    def index(self, places, lengthscale, variance):
        index = rct.ResidualIndex(rct.lonlat(places), kernel="matern32", lengthscale=500,
                                  inducing="kmeans++", num_inducing=100)
        return index.rebuild(lengthscale=lengthscale, variance=variance)

    def test_unseen_stations(self):
        table = np.loadtxt(DATA, delimiter=",", skiprows=1)
        fold = np.random.default_rng(1).permutation(len(table)) % 5
        misses, near_misses, inside = [], [], []
        for left_out in range(5):
            known, new = table[fold != left_out], table[fold == left_out]
            y, truth = np.sqrt(known[:, 3]), np.sqrt(new[:, 3])
            index = self.index(known[:, :2], 433, 14.1)
            model = index.vecchia(k=20, noise=0.77, order="maxmin")
            mean, variance = model.predict(rct.lonlat(new[:, :2]), y - y.mean())
            misses.extend(mean + y.mean() - truth)
            near, _ = rct.Index(rct.lonlat(known[:, :2]), metric="euclidean").search_points(rct.lonlat(new[:, :2]), k=4)
            near_misses.extend(y[near].mean(axis=1) - truth)
            inside.extend(np.abs(misses[-len(new) :]) < 1.96 * np.sqrt(variance + 0.77))
        shown = re.search(r"misses by ([\d.]+) on average .*?its four nearest\nstations by ([\d.]+)\..*?([\d.]+) % hold",
                          self.page, re.DOTALL)
        self.assertIsNotNone(shown)
        figures = [np.sqrt(np.mean(np.square(misses))), np.sqrt(np.mean(np.square(near_misses))), 100 * np.mean(inside)]
        self.assertLess(figures[0], 0.95 * figures[1])
        for text, figure in zip(shown.groups(), figures):
            self.assertAlmostEqual(float(text), figure, delta=0.006 if figure < 90 else 0.06)

    def test_nearness_to_the_exact_model(self):
        lon, lat, _, rain = np.loadtxt(DATA, delimiter=",", skiprows=1).T
        y = np.sqrt(rain) - np.sqrt(rain).mean()
        index = self.index(np.column_stack([lon, lat]), 433, 14.1)
        places = rct.lonlat(np.column_stack([lon, lat]))
        a = np.sqrt(3 * ((places[:, None] - places[None]) ** 2).sum(axis=2)) / 433
        covariance = 14.1 * (1 + a) * np.exp(-a) + 0.77 * np.eye(len(y))
        log_det = np.linalg.slogdet(covariance)[1]
        exact = -(len(y) * np.log(2 * np.pi) + log_det + y @ np.linalg.solve(covariance, y)) / 2
        self.assertIn(f"the parameters found is {exact:.1f};", self.page)
        order = rct.order(places, "maxmin")
        sizes = (5, 10, 20, 30, 60, 200)
        found = [index.vecchia(k, 0.77, order=order).log_likelihood(y) for k in sizes]
        self.assertIn("| k | " + " | ".join(map(str, sizes)) + " |\n", self.page)
        self.assertIn("| log-likelihood | " + " | ".join(f"{x:.1f}" for x in found) + " |\n", self.page)


if __name__ == "__main__":
    unittest.main()
