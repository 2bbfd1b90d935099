"""Sums by two accounts to pairs of persons: the last step of the table work."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from scoring.engine.arrays import Bools, Counts, Floats, Ints, blocks, in_groups, keys_of, side_by_side
from scoring.engine.daily import COUNTS, PAIR
from scoring.engine.gains import Gains
from scoring.engine.parameters import Parameters
from scoring.engine.people import People
from scoring.engine.state import State
from scoring.engine.tables import Table, Workspace
from scoring.engine.weights import mixed


@dataclass(frozen=True)
class Pairs:
    """What givers did to receivers, one element per pair with at least one act.

    Attributes
    ----------
    giver, receiver : ndarray of int32, shape (m,)
        Positions of people, ascending by giver, then receiver. Whole numbers of pairs are narrow, for there are more
        pairs than anything else in memory: `arrays.keys_of` makes one number of two.
    actions : ndarray of int32, shape (m,)
        Acts, at least 1.
    weight : ndarray of float64, shape (m,)
        What the acts weigh at their ages (`state.mixed`), and what rests of the receiver add to it (`gains`).
    free : ndarray of float64, shape (m,)
        The same without acts that only return others (`daily.summaries`).
    weight_calendar, free_calendar : ndarray of float64, shape (m,)
        The same two by the calendar: no rest stops their clock.
    slow : ndarray of float64, shape (m,)
        What the acts weigh by the calendar and the half-life alone.
    """

    giver: Counts
    receiver: Counts
    actions: Counts
    weight: Floats
    free: Floats
    weight_calendar: Floats
    free_calendar: Floats
    slow: Floats


@dataclass(frozen=True)
class Answers:
    """How the two of each pair respond to each other: what tells an exchange, and nothing else.

    Attributes
    ----------
    back : ndarray of int32, shape (m,)
        Where the same two stand the other way round; -1 where nothing came back.
    reactions, namings : ndarray of int32, shape (m,)
        Acts on posts of the receiver that aren't talk, and acts that stand in posts of the giver.
    """

    back: Counts
    reactions: Counts
    namings: Counts


@dataclass(frozen=True)
class Recent:
    """What of each pair came within the last horizon.

    Attributes
    ----------
    acted, free : ndarray of bool, shape (m,)
        Whether any act did, and whether a free one did.
    slow : ndarray of float64, shape (m,)
        The part of `Pairs.slow` that did.
    """

    acted: Bools
    free: Bools
    slow: Floats


class MadePairs(NamedTuple):
    """Pairs, and beside them what only some steps need, to be let go of after these."""

    pairs: Pairs
    answers: Answers
    recent: Recent


def pairs_of(
    workspace: Workspace, state: State, people: People, formula: Parameters, gained: Gains | None = None
) -> MadePairs:
    """Make pairs of persons of sums by two accounts, whoever owns these today.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    state : State
        The sums.
    people : People
        Everybody in the state.
    formula : Parameters
        How weights are mixed.
    gained : Gains, optional
        What rests add.

    Returns
    -------
    MadePairs
        Of different persons.
    """
    sums = state.pairs
    values = {name: sums[name].cast("int32") for name in COUNTS}
    values |= {name: sums[name] > 0 for name in ("recent", "recent_free")}
    values |= {"slow": sums.slow, "recent_slow": sums.recent_slow}
    values["free"] = mixed(sums.slow_free, sums.burst_free, formula)
    if formula.burst_share:
        values["weight"] = mixed(sums.slow, sums.burst, formula)
    giver, receiver, found = _by_persons(workspace, sums.select(*PAIR, **values), people)
    free = found.pop("free")
    calendar = found.pop("weight") if formula.burst_share else found["slow"]
    weight, free_rested = calendar, free
    if gained is not None:
        weight, free_rested = calendar.copy(), free.copy()
        at = locate(keys_of(giver, receiver, people.size), gained.keys)
        known = at >= 0
        weight[at[known]] += gained.weight[known]
        free_rested[at[known]] += gained.free[known]
    answers = Answers(_back(giver, receiver, people.size), found["reactions"], found["namings"])
    recent = Recent(found["recent"], found["recent_free"], found["recent_slow"])
    pairs = Pairs(giver, receiver, found["actions"], weight, free_rested, calendar, free, found["slow"])
    return MadePairs(pairs, answers, recent)


def _by_persons(workspace: Workspace, sums: Table, people: People) -> tuple[Counts, Counts, dict[str, Any]]:
    """Sum rows of two accounts up by two different persons; return giver and receiver, ascending, and the columns."""
    table = people.placed(people.placed(sums, "actor", "giver"), "target", "receiver")
    found = workspace.arrays(table.filter(table.giver != table.receiver))
    giver, receiver = found.pop("giver"), found.pop("receiver")
    order = in_groups(receiver, people.size)
    giver, receiver = giver[order], receiver[order]
    by_giver = in_groups(giver, people.size)
    giver, receiver, order = giver[by_giver], receiver[by_giver], order[by_giver]
    del by_giver
    # Hardly anybody has several accounts, and where nobody has, there is nothing to sum up.
    begins = None
    again = (giver[1:] == giver[:-1]) & (receiver[1:] == receiver[:-1])
    if again.any():
        begins = np.flatnonzero(np.append(True, ~again))
        giver, receiver = giver[begins], receiver[begins]

    def _summed(name: str) -> Any:
        # A column lies in memory twice only as long as it is being ordered.
        ordered = found.pop(name)[order]
        return ordered if begins is None else np.add.reduceat(ordered, begins, dtype=ordered.dtype)

    names = [*found]
    return giver, receiver, dict(zip(names, side_by_side(_summed, names), strict=True))


def _back(giver: Counts, receiver: Counts, size: int) -> Counts:
    """Return where the same two stand the other way round, -1 where they don't."""
    keys = keys_of(giver, receiver, size)
    # Turned round, they ascend too, and what is looked for one after the other is near each other.
    turned = in_groups(receiver, size)
    back = np.full(giver.size, -1, dtype=np.int32)

    def _find(some: slice) -> None:
        rows = turned[some]
        at = locate(keys, keys_of(receiver[rows], giver[rows], size))
        met = at >= 0
        back[rows[met]] = at[met]

    for some in blocks(turned.size):
        _find(some)
    return back


def locate(keys: Ints, wanted: Ints) -> Ints:
    """Find keys in a sorted array.

    Parameters
    ----------
    keys : ndarray of int64, shape (m,)
        Ascending, each once.
    wanted : ndarray of int64, shape (k,)
        What to look for.

    Returns
    -------
    ndarray of int64, shape (k,)
        Positions in `keys`; -1 for what isn't there.

    Examples
    --------
    >>> locate(np.array([2, 5, 9]), np.array([5, 6])).tolist()
    [1, -1]
    """
    if not keys.size:
        return np.full(wanted.size, -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    return np.where(keys[at] == wanted, at, -1)
