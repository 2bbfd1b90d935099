"""Intervals of a difference in differences: the product's own, and others that it was chosen from."""

import warnings
from collections.abc import Callable
from functools import partial
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from scipy import stats

from campaigns.returns import LEAST_MENTIONS, intervals
from campaigns.returns.bootstrap import Floats

Pair = tuple[Floats, Floats]
# Mentions of the invited and of the holdout, how long the window after is, and draws, to the ends of 90 % intervals.
Method = Callable[[Pair, Pair, float, int], tuple[Floats, Floats]]


def enough(invited: Pair, holdout: Pair) -> Any:
    """Say of each world whether it has mentions enough for an interval; of the others nothing is said."""
    return sum(counts.sum(axis=1) for counts in (*invited, *holdout)) >= LEAST_MENTIONS


def own(invited: Pair, holdout: Pair, ratio: float, draws: int) -> tuple[Floats, Floats]:
    """Draw the lot again, as the product does."""
    _, low, high = intervals(invited, holdout, ratio=ratio, level=0.9, draws=draws, seed=1)
    return low, high


def pooled(invited: Pair, holdout: Pair, ratio: float, draws: int) -> tuple[Floats, Floats]:
    """Draw with replacement from the residuals of both groups, studentised: what the product did before.

    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 16.2.
    """
    one, other = (after - before * ratio for before, after in (invited, holdout))
    least = np.concatenate([after + before * ratio**2 for before, after in (invited, holdout)], axis=1)
    both = [
        (some - some.mean(axis=1, keepdims=True)) * np.sqrt(some.shape[1] / (some.shape[1] - 1))
        for some in (one, other)
    ]
    residuals = np.concatenate(both, axis=1)
    residuals -= residuals.mean(axis=1, keepdims=True)
    generator = np.random.default_rng(1)
    difference, squared = np.zeros((2, len(one), draws))
    people = residuals.shape[1]
    for sign, size in ((1, one.shape[1]), (-1, other.shape[1])):
        weights = generator.multinomial(size, np.full(people, 1 / people), size=draws).T / size
        mean = residuals @ weights
        variance = (residuals**2 @ weights - mean**2) * size / (size - 1)
        difference += sign * mean
        squared += np.maximum(variance, least @ weights) / size
    ends = np.quantile(difference / np.sqrt(np.maximum(squared, 1e-12)), [0.05, 0.95], axis=1)
    steady = least.mean(axis=1)
    error = np.sqrt(sum(np.maximum(some.var(axis=1, ddof=1), steady) / some.shape[1] for some in (one, other)))
    found = one.mean(axis=1) - other.mean(axis=1)
    return found - ends[1] * error, found - ends[0] * error


def welch(invited: Pair, holdout: Pair, ratio: float, draws: int) -> tuple[Floats, Floats]:
    """Return Welch's t interval."""
    one, other = (after - before * ratio for before, after in (invited, holdout))
    # Where all are equal it has no interval, and says so.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = stats.ttest_ind(one, other, axis=1, equal_var=False).confidence_interval(0.9)
    return np.asarray(found.low), np.asarray(found.high)


def percentiles(
    invited: Pair, holdout: Pair, ratio: float, draws: int, *, corrected: bool = False
) -> tuple[Floats, Floats]:
    """Return percentiles of a bootstrap that draws each group from itself, bias-corrected and accelerated or not.

    Efron, "Better bootstrap confidence intervals", 1987; of two groups the acceleration takes each one's own jackknife.
    """
    one, other = (after - before * ratio for before, after in (invited, holdout))
    generator = np.random.default_rng(1)
    drawn = []
    for group in (one, other):
        size = group.shape[1]
        drawn.append(group @ generator.multinomial(size, np.full(size, 1 / size), size=draws).T / size)
    differences = np.sort(drawn[0] - drawn[1], axis=1)
    ends = np.array([[0.05, 0.95]] * len(one))
    if corrected:
        found = one.mean(axis=1) - other.mean(axis=1)
        parts = [
            sign * (group - group.mean(axis=1, keepdims=True)) / group.shape[1]
            for sign, group in ((1, one), (-1, other))
        ]
        cubes, squares = (sum((part**power).sum(axis=1) for part in parts) for power in (3, 2))
        acceleration = cubes / (6 * np.maximum(squares, 1e-12) ** 1.5)
        below = np.clip((differences < found[:, None]).mean(axis=1), 1 / draws, 1 - 1 / draws)
        normal = NormalDist()
        bias = np.array([normal.inv_cdf(part) for part in below])
        for place, end in enumerate((0.05, 0.95)):
            moved = bias + normal.inv_cdf(end)
            ends[:, place] = [normal.cdf(z) for z in bias + moved / (1 - acceleration * moved)]
    places = np.clip((ends * draws).astype(np.int64), 0, draws - 1)
    found_ends = np.take_along_axis(differences, places, axis=1)
    return found_ends[:, 0], found_ends[:, 1]


METHODS: Final[dict[str, Method]] = {
    "the lot drawn again": own,
    "pooled residuals, before": pooled,
    "Welch's t": welch,
    "percentiles": percentiles,
    "BCa": partial(percentiles, corrected=True),
}
