"""Settings for a data set, chosen by what lies before its cut alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np

from scoring.engine import Parameters

# Half-lives in days, each with the share of the rate that is taken with a tenth of a day.
RATES: Final = ((0.35, 0.0), (0.5, 0.0), (1.0, 0.0), (0.5, 0.1), (1.0, 0.3), (2.0, 0.3))
TRUST_UNPROVED: Final = (0.1, 0.3, 1.0)


@dataclass(frozen=True)
class InnerSplit:
    """A split inside the training days: how many people it judges, and the Spearman of each of some formulas there."""

    people: int
    spearman: Callable[[list[Parameters]], Sequence[float]]


def chosen_by_inner_splits(splits: Sequence[InnerSplit], horizon_days: int) -> tuple[Parameters, list[str]]:
    """Return the formula with the highest mean Spearman over inner splits, and lines that say so.

    By Spearman, which on real data chooses well; nDCG@100, which looks at a hundred people only, chooses backwards.
    Splits weigh by their people, for the variance of a rank correlation goes with 1 / people. Of formulas that are
    level the first is taken.
    """
    formulas = [
        Parameters(half_life_days=half_life, burst_share=burst, trust_unproved=trust, horizon_days=horizon_days)
        for (half_life, burst), trust in product(RATES, TRUST_UNPROVED)
    ]
    found = np.average([split.spearman(formulas) for split in splits], axis=0, weights=[s.people for s in splits])
    best = int(np.argmax(found))
    grid = found.reshape(len(RATES), len(TRUST_UNPROVED))
    chosen = formulas[best]
    lines = [
        f"chosen by {len(splits)} inner splits: half-life {chosen.half_life_days:g} days, with a share of "
        f"{chosen.burst_share:g} on a tenth of a day, trust of everybody where nobody is proved "
        f"{chosen.trust_unproved:g}; mean Spearman there:",
        f"{'half-life, days':>18}{'burst':>8}" + "".join(f"{f'trust {trust:g}':>11}" for trust in TRUST_UNPROVED),
    ]
    for (half_life, burst), row in zip(RATES, grid, strict=True):
        lines.append(f"{half_life:>18g}{burst:>8g}" + "".join(f"{figure:>11.3f}" for figure in row))
    return chosen, lines
