"""What others would rank people by, from the same acts as the score: what it has to be better than."""

from typing import Final

import numpy as np

from scoring.engine.arrays import Bools, Counts, Floats, Positions, keys_of, sum_by
from scoring.engine.pairs import Pairs, Recent

REACTIONS: Final = "reactions counted"
DISTINCT: Final = "distinct reactors"
RECENT: Final = "distinct reactors, last horizon"
DECAYED: Final = "reactions, recent ones weighing more"


def counted(receiver: Positions, size: int, times: Floats | Counts | Bools | None = None) -> Floats:
    """Count what each person received.

    Parameters
    ----------
    receiver : ndarray of int, shape (k,)
        Whom each act, or each group of acts, was for, as positions.
    size : int
        Number of people n.
    times : ndarray, shape (k,), optional
        What each counts for; 1 without.

    Returns
    -------
    ndarray of float64, shape (n,)
        Sums.

    Examples
    --------
    >>> counted(np.array([0, 0, 2]), 3).tolist()
    [2.0, 0.0, 1.0]
    """
    return np.bincount(receiver, minlength=size).astype(np.float64) if times is None else sum_by(receiver, times, size)


def distinct(giver: Positions, receiver: Positions, size: int) -> Floats:
    """Count the different people who gave each person something.

    Parameters
    ----------
    giver, receiver : ndarray of int, shape (k,)
        Positions; the same two may come any number of times.
    size : int
        Number of people n.

    Returns
    -------
    ndarray of float64, shape (n,)
        People.

    Examples
    --------
    >>> distinct(np.array([1, 1, 2, 0]), np.array([0, 0, 0, 2]), 3).tolist()
    [2.0, 0.0, 1.0]
    """
    return counted(np.unique(keys_of(receiver, giver, size)) // size, size)


def baselines(pairs: Pairs, recent: Recent, size: int) -> dict[str, Floats]:
    """Rank everybody by plain counts, with nothing taken off.

    Parameters
    ----------
    pairs : Pairs
        What each pair did.
    recent : Recent
        What of it is recent.
    size : int
        Number of people n.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        Reactions; different people; the same within the last horizon; reactions by 2 ** (-age / half life).
    """
    return {
        REACTIONS: counted(pairs.receiver, size, pairs.actions),
        DISTINCT: counted(pairs.receiver, size),
        RECENT: counted(pairs.receiver, size, recent.acted),
        DECAYED: counted(pairs.receiver, size, pairs.weight_calendar),
    }
