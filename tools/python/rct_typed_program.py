"""A user's program with every call of the package, for its types and to be run."""

import copy
import pathlib
import pickle
import tempfile
from typing import Optional, Union

import numpy as np
import numpy.typing as npt

import rct

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

points: Floats = np.random.default_rng(1).normal(size=(200, 2))
version: str = rct.__version__
rows, inverse, counts = rct.unique(points)
places: Floats = points[rows][inverse]
chords: Floats = rct.lonlat([[178.44, -18.14], [-171.77, -13.83]], radius_km=6371)
order: Integers = rct.order(points, "maxmin", lengthscale=0.3, num_first=10, threads=1)
order = rct.order([[0.0, 1], [2, 3]], method="coordinate", column=1, seed=np.int64(3))

index = rct.ResidualIndex(points, kernel="matern52", lengthscale=[0.3, 0.5], inducing=20, seed=2)
index = rct.ResidualIndex(points, kernel="rbf", variance=2, inducing="kmeans++", num_inducing=12.0,
                          jitter=1e-5, strategy="block", threads=2)
index = rct.ResidualIndex(points, kernel="rbf", lengthscale=np.float64(0.4), inducing=[3, 5, 8])
index = rct.ResidualIndex(points, kernel="matern12", inducing=points[:9])
index = rct.Index(points, kernel="matern32", inducing=None)
index = rct.Index(points, metric="correlation", kernel="matern32")
euclidean = rct.Index(points, metric="euclidean", lengthscale=0.3)
euclidean = rct.EuclideanIndex(points, lengthscale=points.std(axis=0), strategy="exhaustive")
index = index.rebuild(kernel="rbf", lengthscale=0.4, inducing=15, jitter=1e-6)
index = index.rebuild(variance=1.5, inducing=...)
index = index.append(points[:3])
euclidean = euclidean.append(points[:3].tolist(), threads=1)

allowed = np.arange(len(index)) % 2 == 0
indexes: list[Union[rct.ResidualIndex, rct.EuclideanIndex]] = [index, euclidean]
for either in indexes:
    near: Integers
    distances: Floats
    near, distances = either.search([17, 18], k=10, predecessor=True, exclude_self=True)
    near, distances = either.search(range(4), 2, radius=0.5, allowed=allowed, threads=1)
    near, distances = either.search(17, k=np.int64(10))
    near, distances = either.search(np.arange(3.0), k=10.0)
    near, distances = either.search_points(points[:2] + 0.1, k=4, radius=None, allowed=allowed)
    near, distances = either.graph(k=3, predecessor=True, order="maxmin", radius=2)
    near, distances = either.graph(3, predecessor=True, order=range(len(either)), allowed=allowed)
    offsets: Integers
    offsets, near, distances = either.range_search([1, 2], 0.3, predecessor=True, exclude_self=True)
    offsets, near, distances = either.range_search_points(points, radius=0.1, allowed=allowed)
    size: int = either.size + either.dim + len(either)
    names: str = either.metric + either.strategy + repr(either)
    lengthscale: Floats = either.lengthscale

kernel: str = index.kernel
variance: float = index.variance
num_inducing: int = index.num_inducing
jitter: Optional[float] = index.jitter
inducing: Optional[Floats] = index.inducing
inducing_rows: Optional[Integers] = index.inducing_rows
arrays: list[Floats] = [index.points, index.factors, index.residual_variance]

same: rct.ResidualIndex = copy.copy(index)
same = copy.deepcopy(index)
same = pickle.loads(pickle.dumps(index))
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "index.rct"
    index.save(path, threads=1)
    same = rct.ResidualIndex.load(path, map=True)
    same = rct.ResidualIndex.load(str(path), threads=2)
    euclidean.save(path)
    euclidean = rct.EuclideanIndex.load(path)

y: Floats = np.sin(index.points[:, 0])
model: rct.VecchiaModel = index.vecchia(k=5, noise=0.1, order="maxmin", threads=1)
likelihood: float = model.log_likelihood(y) + model.noise + model.k
mean: Floats
deviation: Floats
mean, deviation = model.predict(index.points[:3] + 0.1, y.tolist())
weights: Floats = model.solve(y) + model.D + model.B @ y
sets, _ = model.index.graph(4, predecessor=True)
model = index.vecchia(4, 1, sets=sets)
model = rct.VecchiaModel(index, k=4, noise=0.1)


class Named(rct.ResidualIndex):
    def __init__(self, name: str, points: Floats) -> None:
        super().__init__(points, kernel="rbf", inducing=5)
        self.name = name


print(Named("mine", points).name)
