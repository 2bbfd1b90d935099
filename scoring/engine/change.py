"""Why a score changed: the difference between two runs, split so that the parts add up to it."""

import numpy as np
import numpy.typing as npt

from scoring.engine.arrays import Floats
from scoring.engine.scale import score


def shares_of_change(before: float, after: float, parts: npt.ArrayLike, *, top: float = 10_000_000.0) -> Floats:
    """Turn changes of parts of a reach into shares of the change of its score, by the secant rule.

        share_i = d reach_i (score(after) - score(before)) / (after - before)

    The parts of a change in reach add up to it, and so do the shares to the change of the score. Where the reach is the
    same although its parts aren't, the secant is the tangent, 99 / ln(1 + top) / (1 + reach): the shares add up to 0.

    Parameters
    ----------
    before, after : float
        Reach in the two runs, at least 0.
    parts : array_like, shape (k,)
        By how much each part changed; they sum to after - before.
    top : float
        Reach at which the score is 100.

    Returns
    -------
    ndarray of float64, shape (k,)
        Points of score.

    Examples
    --------
    >>> shares = shares_of_change(10, 12, [3, -1])
    >>> bool(np.isclose(shares.sum(), score(12) - score(10)))
    True
    """
    changes = np.asarray(parts, dtype=np.float64)
    gap = after - before
    # Below this, the difference of two logarithms is mostly rounding.
    if abs(gap) > 1e-9 * (1.0 + max(before, after)):
        slope = float(score(after, top) - score(before, top)) / gap
    else:
        slope = 99.0 / np.log1p(top) / (1.0 + after) if after < top else 0.0
    return np.asarray(changes * slope)
