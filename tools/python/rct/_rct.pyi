# The types of the extension, which rct/__init__.py hands on. Modules of the package
# that are Python have theirs inline.
#
# rct_stubs_test.py holds names, kinds and defaults of all parameters against those
# of the extension, and asks for every public name in rct_typed_program.py. So what
# is new in the extension is declared here and called there.

import os
from typing import (
    Any,
    Literal,
    Protocol,
    Sequence,
    SupportsIndex,
    Tuple,
    TypeVar,
    Union,
    overload,
)

import numpy as np
import numpy.typing as npt
from typing_extensions import TypeAlias

__version__: str

# Names are taken in any case; these are the usual ones.
_Kernel: TypeAlias = Literal["rbf", "matern12", "matern32", "matern52"]
_Strategy: TypeAlias = Literal["exhaustive", "level_synchronous", "best_first", "block"]
_Metric: TypeAlias = Literal["residual", "correlation", "euclidean"]
_Method: TypeAlias = Literal["maxmin", "random", "coordinate", "middle_out"]
_InducingName: TypeAlias = Literal["random", "kmeans++", "kmeans", "cover_tree"]

# "ellipsis" below is the type of "...", which typeshed has among the builtins.

# A whole number, which may be a float; a flag; and a real number.
_Integer: TypeAlias = Union[SupportsIndex, float, np.floating[Any]]
_Boolean: TypeAlias = Union[bool, np.bool_]
_Real: TypeAlias = Union[float, np.floating[Any], np.integer[Any]]

# What NumPy makes an array of: an array, a frame or a sequence of numbers. That
# is narrower than numpy.typing.ArrayLike, which has str, so that a name that is
# no choice is an error.
class _Array(Protocol):
    def __array__(self) -> npt.NDArray[Any]: ...

_Points: TypeAlias = Union[_Array, Sequence[Union[_Array, Sequence[_Real]]]]
_Rows: TypeAlias = Union[_Array, Sequence[_Integer]]
_Numbers: TypeAlias = Union[_Array, Sequence[_Real]]
_Flags: TypeAlias = Union[_Array, Sequence[_Boolean]]
_Lengthscale: TypeAlias = Union[_Array, _Real, Sequence[_Real]]
_Inducing: TypeAlias = Union[
    _InducingName, _Integer, _Array, Sequence[Union[_Integer, _Array, Sequence[_Real]]], None
]
_Path: TypeAlias = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]

_Integers: TypeAlias = npt.NDArray[np.int64]
_Floats: TypeAlias = npt.NDArray[np.float64]
_Neighbors: TypeAlias = Tuple[_Integers, _Floats]  # rows, distances
_Lists: TypeAlias = Tuple[_Integers, _Integers, _Floats]  # offsets, rows, distances

_Self = TypeVar("_Self", bound="_Index")

class _ClassOfIndex(type): ...  # pybind11's metaclass

# What indexes of all metrics have.
class _Index(metaclass=_ClassOfIndex):
    @property
    def metric(self) -> _Metric: ...
    @property
    def strategy(self) -> _Strategy: ...
    @property
    def size(self) -> int: ...
    @property
    def dim(self) -> int: ...
    @property
    def lengthscale(self) -> _Floats: ...
    def __len__(self) -> int: ...
    def search(
        self,
        rows: _Rows | _Integer,
        k: _Integer,
        *,
        predecessor: _Boolean = False,
        exclude_self: _Boolean = False,
        radius: _Real | None = None,
        allowed: _Flags | None = None,
        threads: _Integer = 0,
    ) -> _Neighbors: ...
    def search_points(
        self,
        points: _Points,
        k: _Integer,
        *,
        radius: _Real | None = None,
        allowed: _Flags | None = None,
        threads: _Integer = 0,
    ) -> _Neighbors: ...
    def range_search(
        self,
        rows: _Rows | _Integer,
        radius: _Real,
        *,
        predecessor: _Boolean = False,
        exclude_self: _Boolean = False,
        allowed: _Flags | None = None,
        threads: _Integer = 0,
    ) -> _Lists: ...
    def range_search_points(
        self,
        points: _Points,
        radius: _Real,
        *,
        allowed: _Flags | None = None,
        threads: _Integer = 0,
    ) -> _Lists: ...
    def graph(
        self,
        k: _Integer,
        *,
        predecessor: _Boolean = False,
        order: _Method | _Rows | None = None,
        radius: _Real | None = None,
        allowed: _Flags | None = None,
        threads: _Integer = 0,
    ) -> _Neighbors: ...
    def save(self, path: _Path, *, threads: _Integer = 0) -> None: ...
    def __copy__(self: _Self) -> _Self: ...
    def __deepcopy__(self: _Self, memo: dict[int, Any]) -> _Self: ...
    def __getstate__(self) -> Tuple[bytes, dict[str, Any] | None]: ...
    def __setstate__(self, state: Tuple[bytes | _Index, dict[str, Any] | None]) -> None: ...
    def __reduce__(self) -> Tuple[Any, ...]: ...

class ResidualIndex(_Index):
    def __init__(
        self,
        points: _Points,
        *,
        kernel: _Kernel,
        lengthscale: _Lengthscale = 1.0,
        variance: _Real = 1.0,
        inducing: _Inducing,
        num_inducing: _Integer | None = None,
        seed: _Integer = 1,
        jitter: _Real = 1e-06,
        strategy: _Strategy | None = None,
        threads: _Integer = 0,
    ) -> None: ...
    @staticmethod
    def load(
        path: _Path, *, map: _Boolean = False, threads: _Integer = 0
    ) -> ResidualIndex: ...
    def append(self, points: _Points, *, threads: _Integer = 0) -> ResidualIndex: ...
    def rebuild(
        self,
        *,
        kernel: _Kernel | None = None,
        lengthscale: _Lengthscale | None = None,
        variance: _Real | None = None,
        inducing: _Inducing | ellipsis = ...,
        num_inducing: _Integer | None = None,
        seed: _Integer | None = None,
        jitter: _Real | None = None,
        threads: _Integer = 0,
    ) -> ResidualIndex: ...
    @property
    def points(self) -> _Floats: ...
    @property
    def kernel(self) -> _Kernel: ...
    @property
    def variance(self) -> float: ...
    @property
    def inducing(self) -> _Floats | None: ...
    @property
    def inducing_rows(self) -> _Integers | None: ...
    @property
    def num_inducing(self) -> int: ...
    @property
    def jitter(self) -> float | None: ...
    @property
    def factors(self) -> _Floats: ...
    @property
    def residual_variance(self) -> _Floats: ...
    def vecchia(
        self,
        k: _Integer = 20,
        noise: _Real = 0.0,
        *,
        order: _Method | _Rows | None = None,
        sets: _Array | Sequence[_Rows] | None = None,
        threads: _Integer = 0,
    ) -> VecchiaModel: ...

class VecchiaModel(metaclass=_ClassOfIndex):
    def __init__(
        self,
        index: ResidualIndex,
        k: _Integer = 20,
        noise: _Real = 0.0,
        *,
        order: _Method | _Rows | None = None,
        sets: _Array | Sequence[_Rows] | None = None,
        threads: _Integer = 0,
    ) -> None: ...
    def log_likelihood(self, y: _Numbers) -> float: ...
    def predict(self, points: _Points, y: _Numbers) -> Tuple[_Floats, _Floats]: ...
    def solve(self, y: _Numbers) -> _Floats: ...
    @property
    def B(self) -> Any: ...  # a scipy.sparse.csr_array; SciPy has no types
    @property
    def D(self) -> _Floats: ...
    @property
    def k(self) -> int: ...
    @property
    def noise(self) -> float: ...
    @property
    def index(self) -> ResidualIndex: ...

class EuclideanIndex(_Index):
    def __init__(
        self,
        points: _Points,
        *,
        lengthscale: _Lengthscale = 1.0,
        strategy: _Strategy | None = None,
        threads: _Integer = 0,
    ) -> None: ...
    @staticmethod
    def load(path: _Path, *, threads: _Integer = 0) -> EuclideanIndex: ...
    def append(self, points: _Points, *, threads: _Integer = 0) -> EuclideanIndex: ...

@overload
def Index(
    points: _Points,
    *,
    metric: Literal["residual", "correlation"] = "residual",
    kernel: _Kernel | None = None,
    lengthscale: _Lengthscale | None = None,
    variance: _Real | None = None,
    inducing: _Inducing | ellipsis = ...,
    num_inducing: _Integer | None = None,
    seed: _Integer | None = None,
    jitter: _Real | None = None,
    strategy: _Strategy | None = None,
    threads: _Integer | None = None,
) -> ResidualIndex: ...
@overload
def Index(
    points: _Points,
    *,
    metric: Literal["euclidean"],
    kernel: None = None,
    lengthscale: _Lengthscale | None = None,
    variance: None = None,
    inducing: ellipsis | None = ...,
    num_inducing: None = None,
    seed: None = None,
    jitter: None = None,
    strategy: _Strategy | None = None,
    threads: _Integer | None = None,
) -> EuclideanIndex: ...
def order(
    points: _Points,
    method: _Method = "maxmin",
    *,
    lengthscale: _Lengthscale = 1.0,
    seed: _Integer = 1,
    num_first: _Integer = 0,
    column: _Integer = 0,
    threads: _Integer = 0,
) -> _Integers: ...
def unique(points: _Points) -> Tuple[_Integers, _Integers, _Integers]: ...
def lonlat(lon_lat: _Points, radius_km: _Real = 6371.0088) -> _Floats: ...
