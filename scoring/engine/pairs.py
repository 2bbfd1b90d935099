"""Sums by two accounts to pairs of persons: the last step of the table work."""

from dataclasses import dataclass, replace
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from scoring.engine.activity import Activity, to_persons
from scoring.engine.arrays import Floats, Ints
from scoring.engine.daily import COUNTS, WEIGHTS, halved, summaries
from scoring.engine.parameters import Parameters
from scoring.engine.state import State, mixed, summed
from scoring.engine.tables import Table, Workspace


@dataclass(frozen=True)
class Pairs:
    """What givers did to receivers, one element per pair with at least one act.

    Attributes
    ----------
    giver, receiver : ndarray of int64, shape (m,)
        Positions in `people`, ascending by giver, then receiver.
    back : ndarray of int64, shape (m,)
        Where the same two stand the other way round; -1 where nothing came back.
    actions : ndarray of int64, shape (m,)
        Acts, at least 1.
    reactions, namings : ndarray of int64, shape (m,)
        Acts on posts of the receiver that aren't talk, and acts that stand in posts of the giver.
    weight : ndarray of float64, shape (m,)
        What the acts weigh at their ages (`state.mixed`).
    free : ndarray of float64, shape (m,)
        The same without acts that only return others (`daily.summaries`).
    weight_calendar, free_calendar : ndarray of float64, shape (m,)
        The same two by the calendar: no rest stops their clock.
    """

    giver: Ints
    receiver: Ints
    back: Ints
    actions: Ints
    reactions: Ints
    namings: Ints
    weight: Floats
    free: Floats
    weight_calendar: Floats
    free_calendar: Floats


def pairs(
    workspace: Workspace,
    seen: Activity,
    *,
    until: int,
    formula: Parameters,
    since: int | None = None,
    pauses: pa.Table | None = None,
) -> Pairs:
    """Sum acts to pairs of persons, by way of days and of pairs of accounts (`daily.summaries`, `state.summed`).

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    seen : Activity
        The acts.
    until : int
        Only acts before it, in epoch seconds, and ages are taken at it.
    formula : Parameters
        Half-lives, and how soon an act on the next day still is a return.
    since : int, optional
        Only acts at or after it.
    pauses : pyarrow.Table, optional
        person, day, rested: how many days of rest a person had after that day. Attention received before
        is younger by as much.

    Returns
    -------
    Pairs
        Who acted on whom.
    """
    days = workspace.keep(summaries(workspace, seen, until=until, formula=formula, since=since))
    found = pairs_of(workspace, summed(days, until, formula), seen.people, seen.owners, formula)
    if pauses is None or not pauses.num_rows:
        return found
    received = _rested(days, pauses, seen, formula)
    younger = pairs_of(workspace, summed(received, until, formula), seen.people, seen.owners, formula)
    size = seen.people.size
    at = locate(found.giver * size + found.receiver, younger.giver * size + younger.receiver)
    weight, free = found.weight.copy(), found.free.copy()
    weight[at], free[at] = younger.weight, younger.free
    return replace(found, weight=weight, free=free)


def pairs_of(workspace: Workspace, state: State, people: Ints, owners: pa.Table, formula: Parameters) -> Pairs:
    """Make pairs of persons of sums by two accounts, whoever owns these today.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    state : State
        The sums.
    people : ndarray of int64, shape (n,)
        Everybody, ascending; all owners of accounts in the state are among them.
    owners : pyarrow.Table
        Rows of `OWNERS`, each once; an account without a row is its own person.
    formula : Parameters
        How weights are mixed.

    Returns
    -------
    Pairs
        Of different persons; no rest stops any clock.
    """
    sums = to_persons(to_persons(state.table, owners, "actor", "giver"), owners, "target", "receiver")
    sums = sums.filter(sums.giver != sums.receiver)
    values = {name: sums[name] for name in COUNTS}
    values["weight"] = mixed(sums.slow, sums.burst, formula)
    values["free"] = mixed(sums.slow_free, sums.burst_free, formula)
    if owners.num_rows:
        sums = sums.group_by("giver", "receiver").aggregate(**{name: value.sum() for name, value in values.items()})
    else:
        sums = sums.select("giver", "receiver", **values)
    # Persons' numbers ascend with their positions, so pairs do in either.
    found = workspace.arrays(sums.order_by("giver", "receiver"))
    giver, receiver = (np.searchsorted(people, found[name]) for name in ("giver", "receiver"))
    counts = {name: found[name].astype(np.int64) for name in COUNTS}
    weight, free = (found[name].astype(np.float64) for name in ("weight", "free"))
    back = locate(giver * people.size + receiver, receiver * people.size + giver)
    return Pairs(giver, receiver, back, **counts, weight=weight, free=free, weight_calendar=weight, free_calendar=free)


def _rested(days: Table, pauses: pa.Table, seen: Activity, formula: Parameters) -> Table:
    """Return what was received by those who rested later, younger by the days of rest since."""
    received = to_persons(days.mutate(whose=days.target), seen.owners, "whose", "receiver")
    resting = ibis.memtable(pauses).rename(_person="person", _day="day")
    received = received.semi_join(resting, [("receiver", "_person")])
    joined = received.left_join(resting, [("receiver", "_person"), ("day", "_day")])
    rested = joined.rested.fill_null(0.0)
    factors = {"slow": halved(-rested, formula.half_life_days), "burst": halved(-rested, formula.burst_half_life_days)}
    return joined.mutate(**{name: joined[name] * factors[name.removesuffix("_free")] for name in WEIGHTS})


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


def act_weight(age: Any, formula: Parameters) -> Any:
    """Return what an act of an age weighs by the calendar.

    Parameters
    ----------
    age : ibis expression
        In days, at least 0.
    formula : Parameters
        Half-lives.

    Returns
    -------
    ibis expression
        1 at age 0, if there is no burst.
    """
    return mixed(halved(age, formula.half_life_days), halved(age, formula.burst_half_life_days), formula)
