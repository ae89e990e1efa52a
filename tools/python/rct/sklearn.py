"""Estimators for scikit-learn, which has to be installed.

CorrelationNeighbors  Exact neighbors under residual correlation, correlation or
                      Euclidean distance: NearestNeighbors and KNeighborsTransformer.
"""

from rct._neighbors import CorrelationNeighbors
from rct._regressor import VecchiaRegressor

__all__ = ["CorrelationNeighbors", "VecchiaRegressor"]

for _name in __all__:  # pickles and messages name the public module
    globals()[_name].__module__ = __name__
