"""What each reason takes off what single supporters bring."""

from collections.abc import Callable
from typing import Final

import numpy as np

from scoring.engine.arrays import Floats, Positions
from scoring.engine.attention import attention
from scoring.engine.pairs import Pairs
from scoring.engine.parameters import Parameters
from scoring.engine.reach import Reach, Switches, brings
from scoring.engine.shapley import REASONS, coefficients

# Pairs whose parts are in memory at once.
_AT_ONCE: Final = 100_000


def taken_of(
    rows: Positions,
    pairs: Pairs,
    reach: Reach,
    *,
    trust: Floats,
    firm: Floats,
    broad: Callable[[Positions], Floats],
    selectivity: Floats,
    exchange: Floats,
    formula: Parameters,
) -> dict[str, Floats]:
    """Split what was taken off single supporters by reason.

    With any of the reasons on, reach is a sum over supporters: what a cap, repetition and absence leave is shared in
    proportion. A Shapley share is a sum of such reaches, so it is one over supporters too:

        taken_r,b = sum_a taken_r,ab,    expected_ab - contribution_ab = sum_r taken_r,ab

    What a reason takes off one supporter can leave room under a cap for another, whose share is then below 0.

    Parameters
    ----------
    rows : ndarray of int, shape (k,)
        Which pairs.
    pairs : Pairs
        What each pair did.
    reach : Reach
        What came of them.
    trust, firm : ndarray of float64, shape (n,)
        Of givers, 0 to 1.
    broad : callable
        From positions of pairs to how far their givers are readers of many, 0 to 1.
    selectivity : ndarray of float64, shape (n,)
        Factor of givers, 0 to 1.
    exchange : ndarray of float64, shape (m,)
        Factor per pair, 0 to 1.
    formula : Parameters
        The formula.

    Returns
    -------
    dict of ndarray of float64, shape (k,)
        People taken off, by reason.
    """
    found = {reason: np.empty(rows.size) for reason in REASONS}
    for begin in range(0, rows.size, _AT_ONCE):
        some = rows[begin : begin + _AT_ONCE]
        giver = pairs.giver[some]
        people, receiver = np.unique(pairs.receiver[some], return_inverse=True)
        sorts = attention(np.ones(some.size), trust[giver], firm[giver], broad(some))
        free = brings(pairs.free[some], formula) * exchange[some]
        every, selective = reach.expected[some], selectivity[giver]
        brought = (every, every * selective, free, free * selective)
        parts = np.stack([part * sort for part in brought for sort in (sorts.vouched, sorts.broad, sorts.narrow)])
        # What a part of one sort counts for is the receiver's: sum_S of the Shapley weight of S, times its scaling.
        of_people = _weights(reach.switches.only(people), people.size)
        for reason, weights in of_people.items():
            found[reason][begin : begin + some.size] = np.einsum("pk,pk->k", parts, weights[:, receiver])
    return found


def _weights(switches: Switches, size: int) -> dict[str, Floats]:
    """Return by reason what each part counts for, of shape (12, k): exchange and indiscriminate off or on, by sort."""
    weights = {reason: np.zeros((12, size)) for reason in REASONS}
    for on, share in coefficients():
        scaling = switches.scaling(on)
        factors = np.empty((3, size))
        factors[:] = scaling.vouched, scaling.broad, scaling.narrow
        # Of a subset only the parts that are as it says count: three rows of the twelve.
        place = 3 * (2 * ("exchange" in on) + ("indiscriminate" in on))
        for reason, part in share.items():
            weights[reason][place : place + 3] += part * factors
    return weights
