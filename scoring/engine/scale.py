"""The absolute scale from reach, in people, to the score, and percentiles."""

from typing import Any

import numpy as np
import numpy.typing as npt

from scoring.engine.arrays import Floats


def score(reach: npt.ArrayLike, top: float = 10_000_000.0) -> Floats:
    """Turn reach into a score: 1 + 99 ln(1 + reach) / ln(1 + top), at most 100.

    The scale is absolute: it knows no other person, so a score moves only if reach does. A logarithm,
    because reach spans seven decades and ten people more matter to whom ten listen.

    Parameters
    ----------
    reach : array_like
        People, of any shape; negative values count as 0.
    top : float
        Reach at which the score is 100.

    Returns
    -------
    ndarray of float64
        Scores from 1 to 100, in the shape of `reach`.

    Examples
    --------
    >>> score([0, 10, 100, 1000, 10_000_000]).round(1).tolist()
    [1.0, 15.7, 29.3, 43.4, 100.0]
    """
    people = np.maximum(np.asarray(reach, dtype=np.float64), 0.0)
    return np.asarray(np.minimum(1.0 + 99.0 * np.log1p(people) / np.log1p(top), 100.0))


def reach_at(value: npt.ArrayLike, top: float = 10_000_000.0) -> Floats:
    """Return the reach that a score stands for: the inverse of `score`.

    Parameters
    ----------
    value : array_like
        Scores from 1 to 100.
    top : float
        Reach at which the score is 100.

    Returns
    -------
    ndarray of float64
        People.

    Examples
    --------
    >>> reach_at([1, 43.5, 100]).round().tolist()
    [0.0, 1011.0, 10000000.0]
    """
    return np.asarray(np.expm1((np.asarray(value, dtype=np.float64) - 1.0) / 99.0 * np.log1p(top)))


def percentile(values: npt.NDArray[Any]) -> Floats:
    """Return each value's mid-rank among all, from 0 to 100.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Scores. They are compared at nine decimals, so that people who are equal but for the order of a
        floating sum share one place.

    Returns
    -------
    ndarray of float64, shape (n,)
        100 (below + equal / 2) / n; empty for empty input.

    Examples
    --------
    >>> percentile(np.array([1.0, 1.0, 5.0, 9.0])).tolist()
    [25.0, 25.0, 62.5, 87.5]
    """
    if not values.size:
        return np.zeros(0)
    _, group, counts = np.unique(np.round(values, 9), return_inverse=True, return_counts=True)
    below = np.concatenate([[0], np.cumsum(counts)[:-1]])
    middle: Floats = 100.0 * (below + counts / 2.0) / values.size
    return middle[group]
