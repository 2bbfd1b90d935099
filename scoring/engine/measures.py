"""How well a ranking foretold what happened, and how well a band held it."""

import numpy as np
from scipy.stats import spearmanr

from scoring.engine.arrays import Floats, Ints

TOP = 100


def spearman(score: Floats, outcome: Floats) -> float:
    """Return the rank correlation.

    (Spearman, "The proof and measurement of association between two things", American Journal of Psychology 15, 1904;
    those who are level share the mean of their ranks.)

    Parameters
    ----------
    score, outcome : ndarray of float64, shape (n,)
        What was said of each, and what happened.

    Returns
    -------
    float
        -1 to 1; 0 where one of the two is constant, as for fewer than two.

    Examples
    --------
    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 90.0]))
    1.0
    >>> spearman(np.ones(3), np.arange(3.0))
    0.0
    """
    if not score.size or np.ptp(score) == 0 or np.ptp(outcome) == 0:
        return 0.0
    # Rounding leaves a hair more than 1.
    return float(np.clip(spearmanr(score, outcome).statistic, -1.0, 1.0))


def ndcg(score: Floats, outcome: Floats, top: int = TOP) -> float:
    """Return the discounted gain of the first by score, as a share of the best possible.

        sum over the first k of outcome / log2(1 + place)

    (Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20, 2002.) Those who are
    level count at their mean, so that their order doesn't matter (McSherry and Najork, ECIR 2008).

    Parameters
    ----------
    score, outcome : ndarray of float64, shape (n,)
        What was said of each, and what happened, at least 0.
    top : int
        How many are looked at.

    Returns
    -------
    float
        0 to 1; 0 where nothing happened.

    Examples
    --------
    >>> ndcg(np.array([9.0, 5.0, 1.0]), np.array([3.0, 2.0, 0.0]))
    1.0
    """
    discount = 1.0 / np.log2(np.arange(2, min(top, score.size) + 2))
    best = float(np.sort(outcome[_not_behind(outcome, top)])[::-1][: discount.size] @ discount)
    if not best:
        return 0.0
    first = _not_behind(score, top)
    _, group = np.unique(-score[first], return_inverse=True)
    mean = np.bincount(group, outcome[first]) / np.bincount(group)
    return min(float(mean[np.sort(group)[: discount.size]] @ discount) / best, 1.0)


def overlap(score: Floats, outcome: Floats, top: int = TOP) -> float:
    """Return the share of the true first who are among the first by score.

    Parameters
    ----------
    score, outcome : ndarray of float64, shape (n,)
        What was said of each, and what happened. Of those who are level the earlier in the arrays come first.
    top : int
        How many the first are.

    Returns
    -------
    float
        0 to 1; of fewer than `top` people everybody is among the first.

    Examples
    --------
    >>> overlap(np.array([4.0, 3.0, 2.0, 1.0]), np.array([4.0, 1.0, 3.0, 0.0]), top=2)
    0.5
    """
    top = min(top, score.size)
    return len(_first(score, top) & _first(outcome, top)) / top if top else 0.0


def _first(values: Floats, top: int) -> set[int]:
    first = _not_behind(values, top)
    order: list[int] = first[np.argsort(-values[first], kind="stable")][:top].tolist()
    return set(order)


def _not_behind(values: Floats, top: int) -> Ints:
    """Return where the highest are, and all that are level with the last of them, in their order."""
    if values.size <= top:
        return np.arange(values.size)
    return np.flatnonzero(values >= np.partition(values, values.size - top)[values.size - top])


def coverage(outcome: Floats, quantiles: Floats, levels: Floats, wanted: float) -> float:
    """Return the share of outcomes within the middle of what was foretold, by the randomised PIT.

    The place of an outcome in its foretold distribution F is drawn evenly from F(y-) to F(y), which makes it uniform
    for a good forecast of counts too, where an outcome can have a chance of its own: half of a crowd of whom nothing
    happened lies within any band that reaches down to 0, and that says nothing for the band. (Smith, "Diagnostic checks
    of non-standard time series models", Journal of Forecasting 4, 1985; Czado, Gneiting and Held, "Predictive model
    assessment for count data", Biometrics 65, 2009.) The mean over the draw is returned, so that nothing is random.

    Parameters
    ----------
    outcome : ndarray of float64, shape (n,)
        What happened.
    quantiles : ndarray of float64, shape (k, n)
        What was foretold of each: the quantiles at `levels`, ascending.
    levels : ndarray of float64, shape (k,)
        From above 0 to below 1, ascending; `(1 - wanted) / 2` and `(1 + wanted) / 2` among them. Between two of them a
        place isn't known any closer.
    wanted : float
        Share that the middle is to hold, 0 to 1.

    Returns
    -------
    float
        0 to 1; nan for nobody.

    Examples
    --------
    Of these outcomes the first is in the middle, the second above. The third is the smallest possible: with a chance of
    one half it is among the lowest half of what can happen, of which four fifths belong to the middle.

    >>> quantiles = np.array([[2.0, 2.0, 0.0], [4.0, 4.0, 0.0], [8.0, 8.0, 3.0]])
    >>> levels = np.array([0.1, 0.5, 0.9])
    >>> [round(coverage(np.array([y]), quantiles[:, [i]], levels, 0.8), 3) for i, y in enumerate([5.0, 9.0, 0.0])]
    [1.0, 0.0, 0.8]
    """
    if not outcome.size:
        return float("nan")
    tail = round((1.0 - wanted) / 2.0, 12)
    steps = np.concatenate([[0.0], levels])
    # How many quantiles lie below the outcome, and how many don't lie above it.
    below, upto = (quantiles < outcome).sum(axis=0), (quantiles <= outcome).sum(axis=0)
    start, stop = steps[below], steps[upto]
    within = np.clip(np.minimum(stop, 1.0 - tail) - np.maximum(start, tail), 0.0, None)
    # Between two levels, the place is on the one side of each end of the middle as a whole.
    between = ((start >= tail - 1e-12) & (start < 1.0 - tail - 1e-12)).astype(np.float64)
    share = np.divide(within, stop - start, out=between, where=stop > start)
    return float(share.mean())
