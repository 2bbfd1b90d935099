"""The array types of the engine, and the sum over groups."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def sum_by(group: Ints, values: npt.NDArray[np.generic], size: int) -> Floats:
    """Sum values by group.

    Parameters
    ----------
    group : ndarray of int64, shape (k,)
        Group of each value, from 0 to below `size`.
    values : ndarray, shape (k,)
        Numbers or truth values.
    size : int
        Number of groups n.

    Returns
    -------
    ndarray of float64, shape (n,)
        Sums, added in the order of the values; 0 for groups without any.

    Examples
    --------
    >>> sum_by(np.array([0, 2, 0]), np.array([1.5, 2.0, 1.0]), 3).tolist()
    [2.5, 0.0, 2.0]
    """
    return np.asarray(np.bincount(group, weights=values.astype(np.float64), minlength=size), dtype=np.float64)
