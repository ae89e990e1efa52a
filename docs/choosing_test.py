#!/usr/bin/python3
"""The tables of choosing.md are what choosing.py makes, and say what the page says."""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.getcwd(), "docs"))
import choosing  # noqa: E402


def read(text):
    """The figures of a table, by the first cells of its rows and columns."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.split("\n")]
    return {row[0]: dict(zip(lines[0][1:], map(float, row[1:]))) for row in lines[2:]}


class ChoosingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.texts = choosing.tables()
        cls.made = {name: read(text) for name, text in cls.texts.items()}
        with open("docs/choosing.md", encoding="utf-8") as file:
            cls.page = file.read()

    def test_the_page_has_these_tables(self):
        for name, rows in self.made.items():
            text = re.search(f"<!-- {name} -->\n(.*?)\n<!-- end of {name} -->", self.page, re.S)
            shown = read(text.group(1))
            self.assertEqual(shown.keys(), rows.keys())
            for row, cells in rows.items():
                for column, value in cells.items():
                    # Figures are rounded to a hundredth.
                    self.assertLess(abs(shown[row][column] - value), 0.011, (name, row, column))
        self.assertEqual(choosing.place(self.page, self.texts).count("<!--"), 8)

    def test_maxmin_beats_random(self):
        for row, kl in self.made["ordering"].items():
            self.assertLess(kl["maxmin"], 0.85 * kl["random"], row)

    def test_chosen_inducing_points_win_where_the_process_reaches_far(self):
        for row in ("stations, 1,500 km, noise 0.1", "stations, 3,000 km, noise 0.1"):
            kl = self.made["inducing"][row]
            self.assertLess(kl["kmeans"], kl["kmeans++"])
            self.assertLess(kl["kmeans++"], 0.8 * kl["random"])

    def test_residual_sets_win_with_noise_and_euclidean_ones_without(self):
        self.assertEqual(len(self.made["metric"]), 8)
        for row, kl in self.made["metric"].items():
            if "noise 0.1" in row:
                self.assertLess(kl["residual"], 0.85 * kl["euclidean"], row)
            else:
                self.assertLess(kl["euclidean"], kl["residual"], row)

    def test_more_is_better(self):
        rows = [list(kl.values()) for kl in self.made["sizes"].values()]
        for row in rows:
            self.assertEqual(row, sorted(row, reverse=True))
        for column in zip(*rows):
            self.assertEqual(list(column), sorted(column, reverse=True))


if __name__ == "__main__":
    unittest.main()
