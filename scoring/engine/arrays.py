"""The array types of the engine, and what is done with arrays everywhere."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
# Of people: narrow where there is one of every pair.
Positions = Counts | Ints
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Elements that are worked on at once.
_AT_ONCE: Final = 1_000_000


def sum_by(group: Positions, values: npt.NDArray[np.generic], size: int) -> Floats:
    """Sum values by group.

    Parameters
    ----------
    group : ndarray of int, shape (k,)
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
    return np.asarray(
        np.bincount(group, weights=values.astype(np.float64, copy=False), minlength=size), dtype=np.float64
    )


def in_groups(group: Positions, size: int) -> Counts:
    """Return the order by group, in which elements of one group stand as they did.

    Parameters
    ----------
    group : ndarray of int, shape (k,)
        Group of each element, from 0 to below `size`.
    size : int
        Number of groups.

    Returns
    -------
    ndarray of int32, shape (k,)
        Positions.

    Examples
    --------
    >>> in_groups(np.array([1, 0, 1, 0]), 2).tolist()
    [1, 3, 0, 2]
    """
    # What turns a matrix of one column of each element counts and deals out, and needn't compare as sorting does.
    places = np.arange(group.size, dtype=np.int32)
    columns = sparse.csc_array(
        (places, group.astype(np.int32, copy=False), np.append(places, np.int32(group.size))), shape=(size, group.size)
    )
    return np.asarray(columns.tocsr().data)


def blocks(many: int) -> Iterator[slice]:
    """Yield elements some at a time: what is worked out of them by the way would take as much memory as they do.

    Parameters
    ----------
    many : int
        How many there are.

    Yields
    ------
    slice
        Of up to a million, in their order; together all.
    """
    for begin in range(0, many, _AT_ONCE):
        yield slice(begin, begin + _AT_ONCE)


def keys_of(giver: Positions, receiver: Positions, size: int) -> Ints:
    """Return one number for each two people.

    Parameters
    ----------
    giver, receiver : ndarray of int32 or int64, shape (k,)
        Positions.
    size : int
        Number of people n.

    Returns
    -------
    ndarray of int64, shape (k,)
        giver * n + receiver.
    """
    keys = giver.astype(np.int64)
    keys *= size
    keys += receiver
    return keys
