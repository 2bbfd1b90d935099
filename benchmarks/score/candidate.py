"""A formula that may come after the engine's: readers told from accounts made for one person, absence on the scale.

    breadth_ab = (sum over c other than b of acts_ac ordinary_c, + 1) / (sum over c of acts_ac, + 1)
    ordinary_c = min(1, 40 times the vouched attention to c / the unvouched)
    q          = breadth from .8 to .9 onto 0 to 1
    V          = sum of trust (firm + (1 - firm) q) free      firm: trust on a scale 15 times as large
    B          = sum of (1 - trust) q free                    readers of many, whom nobody answers
    N          = what is left of the sum of free              accounts that act on hardly anybody else
    there      = credibility (V + min(B, 3 (1 + V)) + min(N, .3 (1 + V)))
    reach      = (1 + there)^alive - 1

An exchange counts less where somebody has many: each factor by 1 / the sum of the person's mutual rates above 1.
docs/formula-plan.md says why, and what is wrong with it still.
"""

from typing import Final

import numpy as np

from benchmarks.score.population import Floats
from benchmarks.score.world import World
from scoring.engine import Parameters
from scoring.engine.activity import activity
from scoring.engine.arrays import sum_by
from scoring.engine.discounts import mutual_rate
from scoring.engine.reach import acting
from scoring.engine.rests import rests
from scoring.engine.run import Snapshot, snapshot
from scoring.engine.tables import Workspace
from scoring.engine.trust import trust

TRUST_SCALE: Final = 0.02
FIRM_SCALE: Final = 0.3
ORDINARY_RATIO: Final = 40.0
BREADTH: Final = (0.8, 0.9)
BREADTH_PRIOR: Final = 1.0
READERS: Final = 3.0
OTHERS: Final = 0.3
EXCHANGE_PARTNERS: Final = 1.0


def rank(world: World) -> tuple[Floats, Floats]:
    """Return everybody's reach in a world, and their reach without discounts, by position."""
    formula = Parameters()
    with Workspace() as workspace:
        seen = activity(workspace, world.inputs)
        resting = rests(world.inputs.rests, seen.people, world.cut)
        known = snapshot(workspace, seen, world.inputs, resting, world.cut, formula)
    found = (
        _reach(known, formula),
        _there(sum_by(known.pairs.receiver, known.reach.expected, seen.people.size), known),
    )
    of_world = seen.people <= world.setting.people
    columns = []
    for values in found:
        column = np.zeros(world.setting.people)
        column[seen.people[of_world] - 1] = values[of_world]
        columns.append(column)
    return columns[0], columns[1]


def _reach(known: Snapshot, formula: Parameters) -> Floats:
    pairs, size = known.pairs, known.trust.size
    giver, receiver = pairs.giver, pairs.receiver
    free = acting(pairs.free, half_life_days=formula.half_life_days, horizon_days=formula.horizon_days)
    free = free * known.selectivity[giver] * known.exchange * _crowding(known, formula)
    trusted, firm = (
        trust(known.walk.share, scale=scale, core=formula.trust_core)[giver] for scale in (TRUST_SCALE, FIRM_SCALE)
    )
    vouched = sum_by(receiver, free * trusted, size)
    unvouched = sum_by(receiver, free * (1.0 - trusted), size)
    ordinary = np.minimum(1.0, np.divide(ORDINARY_RATIO * vouched, unvouched, out=np.ones(size), where=unvouched > 0))

    acts = pairs.actions.astype(np.float64)
    on_others = sum_by(giver, acts * ordinary[receiver], size)[giver] - acts * ordinary[receiver]
    breadth = (on_others + BREADTH_PRIOR) / (sum_by(giver, acts, size)[giver] + BREADTH_PRIOR)
    reader = np.clip((breadth - BREADTH[0]) / (BREADTH[1] - BREADTH[0]), 0.0, 1.0)

    of_vouched = trusted * (firm + (1.0 - firm) * reader)
    of_readers = (1.0 - trusted) * reader
    parts = (of_vouched, of_readers, 1.0 - of_vouched - of_readers)
    vouched, readers, others = (sum_by(receiver, free * part, size) for part in parts)
    room = 1.0 + vouched
    return _there(
        known.credibility * (vouched + np.minimum(readers, READERS * room) + np.minimum(others, OTHERS * room)), known
    )


def _there(reach: Floats, known: Snapshot) -> Floats:
    return np.asarray(np.expm1(known.alive * np.log1p(reach)))


def _crowding(known: Snapshot, formula: Parameters) -> Floats:
    pairs = known.pairs
    mutual = mutual_rate(pairs, known.posting.known, actions=formula.exchange_actions)
    # As many exchanges one way as the other: the rate is the same both ways.
    whole = sum_by(pairs.giver, mutual, known.trust.size)
    most = np.maximum(whole[pairs.giver], whole[pairs.receiver])
    crowded = np.divide(EXCHANGE_PARTNERS, most, out=np.ones_like(most), where=most > EXCHANGE_PARTNERS)
    return np.where(mutual > formula.exchange_from / 2, crowded, 1.0)
