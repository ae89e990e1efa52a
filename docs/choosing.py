#!/usr/bin/python3
"""Makes the tables of docs/choosing.md.

    ./tools/bazel run //docs:choosing

Each figure is the Kullback-Leibler divergence of a Vecchia approximation from the
exact model: how much worse data of the exact model are coded by the
approximation, in nats; 0 is exact. The process of the rows of `points` has
covariance C = L + R, where L is what the inducing points explain and R the
residual; the approximation keeps L and gives R + noise a sparse precision P, from
conditioning each row on k earlier ones. Both densities are evaluated exactly.
"""

import os
import sys

import numpy as np

# Bazel begins in the folder that holds the files of its targets.
sys.path.insert(0, os.path.join(os.getcwd(), "tools", "python"))
import rct  # noqa: E402

KERNEL = "matern32"
INDUCING = 100
NEIGHBORS = 10


def stations():
    """Chord coordinates of the rainfall stations in kilometres, and all columns."""
    table = np.loadtxt("docs/data/rainfall_stations.csv", delimiter=",", skiprows=1)
    return rct.lonlat(table[:, :2]), table


def five_coordinates(chords, table):
    """Place, elevation and rainfall, each with mean 0 and variance 1."""
    columns = np.column_stack([chords, table[:, 2:]])
    return (columns - columns.mean(axis=0)) / columns.std(axis=0)


class Process:
    """A Gaussian process at some points, of variance 1, and what is known of it."""

    def __init__(self, points, lengthscale):
        self.points = points
        self.lengthscale = lengthscale
        squared = ((points[:, None] - points[None]) ** 2).sum(axis=2)
        a = np.sqrt(3 * squared) / lengthscale
        self.covariance = (1 + a) * np.exp(-a)
        self.log_dets = {}

    def log_det(self, noise):
        if noise not in self.log_dets:
            noisy = self.covariance + noise * np.eye(len(self.points))
            self.log_dets[noise] = np.linalg.slogdet(noisy)[1]
        return self.log_dets[noise]

    def index(self, metric, inducing=None, seed=1, num_inducing=INDUCING):
        scales = {"lengthscale": self.lengthscale}
        if metric == "euclidean":
            return rct.Index(self.points, metric=metric, **scales)
        if metric == "correlation":
            return rct.Index(self.points, metric=metric, kernel=KERNEL, **scales)
        chance = {} if inducing == "cover_tree" else {"seed": seed}
        return rct.Index(self.points, metric=metric, kernel=KERNEL, inducing=inducing,
                         num_inducing=num_inducing, **scales, **chance)

    def order(self, method, seed=1):
        chance = {"seed": seed} if method == "random" else {}
        return rct.order(self.points, method, **chance)

    def divergence(self, noise, v, sets):
        """Of the approximation with factors `v` and conditioning sets `sets`."""
        n = len(self.points)
        noisy = self.covariance + noise * np.eye(n)
        residual = noisy - v @ v.T
        log_det = trace = 0.0
        precision_v = np.zeros_like(v)  # P V
        for row in range(n):
            before = sets[row][sets[row] >= 0]
            among = np.append(before, row)
            weights = np.append(
                -np.linalg.solve(residual[np.ix_(before, before)], residual[before, row]), 1.0)
            variance = weights @ residual[among, row]
            log_det += np.log(variance)
            trace += weights @ noisy[np.ix_(among, among)] @ weights / variance
            precision_v[among] += np.outer(weights, weights @ v[among] / variance)
        # The determinant and the inverse of P^-1 + V V' (Sylvester, Woodbury).
        inner = np.eye(v.shape[1]) + v.T @ precision_v
        log_det += np.linalg.slogdet(inner)[1]
        trace -= np.trace(np.linalg.solve(inner, precision_v.T @ noisy @ precision_v))
        return (trace - n + log_det - self.log_det(noise)) / 2


def of_order(process, noise, method):
    index = process.index("correlation")
    sets, _ = index.graph(NEIGHBORS, predecessor=True, order=process.order(method))
    return process.divergence(noise, np.zeros((len(process.points), 0)), sets)


def of_inducing(process, noise, inducing, seed=1, num_inducing=INDUCING, k=NEIGHBORS):
    index = process.index("residual", inducing, seed, num_inducing)
    sets, _ = index.graph(k, predecessor=True, order=process.order("maxmin"))
    return process.divergence(noise, index.factors, sets)


def of_metric(process, noise, metric, k=NEIGHBORS):
    residual = process.index("residual", "kmeans++")
    index = residual if metric == "residual" else process.index(metric)
    sets, _ = index.graph(k, predecessor=True, order=process.order("maxmin"))
    return process.divergence(noise, residual.factors, sets)


def table(heading, rows):
    lines = ["| " + " | ".join(heading) + " |", "|:--" + "|--:" * (len(heading) - 1) + "|"]
    for row in rows:
        cells = [cell if isinstance(cell, str) else f"{cell:.2f}" for cell in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def tables():
    """The tables by name."""
    chords, columns = stations()
    near, far = Process(chords, 500), Process(chords, 1500)
    five = Process(five_coordinates(chords, columns), 2)
    farther = Process(chords, 3000)
    named = [("stations, 500 km", near), ("stations, 1,500 km", far), ("five coordinates", five)]
    noises = (0.1, 0.001)
    ordering = [[f"{name}, noise {noise}"] + [of_order(process, noise, method)
                                              for method in ("maxmin", "middle_out", "random")]
                for name, process in named[:2] for noise in noises]
    inducing = [[f"{name}, noise 0.1"]
                + [np.mean([of_inducing(process, 0.1, how, seed) for seed in (1, 2, 3)])
                   for how in ("random", "kmeans++", "kmeans")]
                + [of_inducing(process, 0.1, "cover_tree")]
                for name, process in named + [("stations, 3,000 km", farther)]]
    metric = [[f"{name}, noise {noise}, k = {k}"]
              + [of_metric(process, noise, which, k) for which in ("residual", "euclidean")]
              for name, process in named[1:] for noise in noises for k in (10, 30)]
    sizes = [[f"m = {m}"] + [of_inducing(far, 0.1, "kmeans++", 1, m, k) for k in (5, 10, 20, 40)]
             for m in (25, 50, 100, 200)]
    return {
        "ordering": table(["", "maxmin", "middle_out", "random"], ordering),
        "inducing": table(["", "random", "kmeans++", "kmeans", "cover_tree"], inducing),
        "metric": table(["", "residual", "euclidean"], metric),
        "sizes": table(["", "k = 5", "k = 10", "k = 20", "k = 40"], sizes),
    }


def place(page, made):
    """The page with the tables that were made, each between two comments."""
    for name, text in made.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, rest = page.split(begin)
        after = rest.split(end)[1]
        page = before + begin + text + "\n" + end + after
    return page


def main():
    made = tables()
    root = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if root is None:
        print("\n\n".join(f"{name}\n{text}" for name, text in made.items()))
        return
    path = os.path.join(root, "docs", "choosing.md")
    with open(path, encoding="utf-8") as file:
        page = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(place(page, made))
    print(f"wrote the tables of {path}")


if __name__ == "__main__":
    main()
