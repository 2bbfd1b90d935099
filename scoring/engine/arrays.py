"""The array types of the engine, and what is done with arrays everywhere."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]
# Of people: narrow where there is one of every pair.
Positions = Counts | Ints
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

T = TypeVar("T")
U = TypeVar("U")

# Parts that are worked on at once, at most: what comes of each is in memory, and a container may have few of the
# machine's processors and little of its memory.
_SIDE_BY_SIDE: Final = 4
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
    if values.dtype == np.float64:
        return np.asarray(np.bincount(group, weights=values, minlength=size), dtype=np.float64)
    # Wide for a moment only, and some at a time: sums of whole numbers are the same in whatever order.
    sums = np.zeros(size)
    for some in blocks(group.size, at_least=size):
        sums += np.bincount(group[some], weights=values[some], minlength=size)
    return sums


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
    begins = np.arange(group.size + 1, dtype=np.int32)
    columns = sparse.csc_array(
        (np.ones(group.size, dtype=np.int8), group.astype(np.int32, copy=False), begins), shape=(size, group.size)
    )
    return np.asarray(columns.tocsr().indices)


def blocks(many: int, *, at_least: int = 0) -> Iterator[slice]:
    """Yield elements some at a time: what is worked out of them by the way would take as much memory as they do.

    Parameters
    ----------
    many : int
        How many there are.
    at_least : int, optional
        So many at a time if that is more than a million: where each time costs as much as so many.

    Yields
    ------
    slice
        Of up to a million, in their order; together all.
    """
    step = max(_AT_ONCE, at_least)
    for begin in range(0, many, step):
        yield slice(begin, begin + step)


def side_by_side(work: Callable[[T], U], parts: Iterable[T]) -> Iterator[U]:
    """Do the same with each part, a few at a time where there are processors: NumPy works without Python's lock.

    Parameters
    ----------
    work : callable
        From a part to what comes of it; called by several threads at once.
    parts : iterable
        Looked at one by one, so that few are in memory.

    Yields
    ------
    object
        What came of each, in the order of the parts. What `work` raises is raised in its place.
    """
    many = min(_SIDE_BY_SIDE, len(os.sched_getaffinity(0)))
    with ThreadPoolExecutor(many) as threads:
        begun: deque[Future[U]] = deque()
        try:
            for part in parts:
                begun.append(threads.submit(work, part))
                if len(begun) > many:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()


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
