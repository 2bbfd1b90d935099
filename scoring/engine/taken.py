"""What each reason takes off what single supporters bring."""

import numpy as np

from scoring.engine.arrays import Floats, Ints
from scoring.engine.attention import attention
from scoring.engine.pairs import Pairs
from scoring.engine.parameters import Parameters
from scoring.engine.reach import Reach, brings
from scoring.engine.shapley import shares


def taken_of(
    rows: Ints,
    pairs: Pairs,
    reach: Reach,
    *,
    trust: Floats,
    firm: Floats,
    broad: Floats,
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
    rows : ndarray of int64, shape (k,)
        Which pairs.
    pairs : Pairs
        What each pair did.
    reach : Reach
        What came of them.
    trust, firm : ndarray of float64, shape (n,)
        Of givers, 0 to 1.
    broad : ndarray of float64, shape (k,)
        How far the givers of these pairs are readers of many, 0 to 1.
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
    giver = pairs.giver[rows]
    people, receiver = np.unique(pairs.receiver[rows], return_inverse=True)
    switches = reach.switches.only(people)
    sorts = attention(np.ones(rows.size), trust[giver], firm[giver], broad)
    brought = {False: reach.expected[rows], True: (brings(pairs.free, formula) * exchange)[rows]}
    selective = selectivity[giver]

    def _value(on: frozenset[str]) -> Floats:
        part = brought["exchange" in on]
        if "indiscriminate" in on:
            part = part * selective
        return part * sorts.scaled(switches.scaling(on), receiver)

    return shares(_value)
