"""Exact Shapley shares of the reasons for which reach is less than the forecast."""

from collections.abc import Callable, Iterator
from itertools import combinations
from math import factorial

from scoring.engine.arrays import Floats

REASONS = ("unvouched", "exchange", "indiscriminate", "repetition", "absence")


def shares(value: Callable[[frozenset[str]], Floats], reasons: tuple[str, ...] = REASONS) -> dict[str, Floats]:
    """Split value(none) - value(all) over the reasons, so that their order doesn't decide.

    A reason's share is what it takes off, averaged over all orders in which the reasons could be
    applied (Shapley, "A Value for n-Person Games", 1953):

        taken_r = sum over S without r of |S|! (k - |S| - 1)! / k! (value(S) - value(S + r))

    Parameters
    ----------
    value : callable
        From the set of reasons that are on to an array of any shape; called once per subset.
    reasons : tuple of str
        The k reasons; 2^k subsets are computed.

    Returns
    -------
    dict of ndarray
        What each reason takes off, in the shape of the values.

    Examples
    --------
    >>> import numpy as np
    >>> split = shares(lambda on: np.array([1.0]) * 0.5 ** len(on), ("a", "b"))
    >>> {reason: taken.tolist() for reason, taken in split.items()}
    {'a': [0.375], 'b': [0.375]}
    """
    taken: dict[str, Floats] = {}
    # One pass that adds each subset's value to every reason, so that 2^k arrays never live at once.
    for on, weights in coefficients(reasons):
        found = value(on)
        for reason, weight in weights.items():
            part = weight * found
            taken[reason] = taken[reason] + part if reason in taken else part
    return taken


def coefficients(reasons: tuple[str, ...] = REASONS) -> Iterator[tuple[frozenset[str], dict[str, float]]]:
    """Yield what the value of each subset counts for in each reason's share, see `shares`.

    Parameters
    ----------
    reasons : tuple of str
        The k reasons.

    Yields
    ------
    tuple of frozenset of str and dict of str to float
        One of the 2^k subsets, and its factor by reason: below 0 where the reason is in it.

    Examples
    --------
    >>> [(sorted(on), weights) for on, weights in coefficients(("a", "b"))][:2]
    [([], {'a': 0.5, 'b': 0.5}), (['a'], {'a': -0.5, 'b': 0.5})]
    """
    count = len(reasons)
    for size in range(count + 1):
        for subset in combinations(reasons, size):
            weights = {}
            for reason in reasons:
                without = size - (reason in subset)
                weight = factorial(without) * factorial(count - without - 1) / factorial(count)
                weights[reason] = -weight if reason in subset else weight
            yield frozenset(subset), weights
