"""Acts to daily summaries, and those to pairs of persons: the second half of the table work."""

from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from scoring.engine.activity import DAY, Activity
from scoring.engine.arrays import Bools, Floats, Ints
from scoring.engine.parameters import Parameters
from scoring.engine.tables import Table, Workspace

_COUNTS = ("actions", "reactions", "namings")
_WEIGHTS = ("weight", "free")
_CALENDAR = ("weight_calendar", "free_calendar")


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
        Sum over the acts of 2 ** (-age / half life).
    free : ndarray of float64, shape (m,)
        The same without acts that only return one of the same day.
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

    def lone(self) -> Bools:
        """Tell which pairs are of a giver who acts on nobody else, and whom the receiver never acted on.

        What such a giver does says something of the receiver's audience and nothing of anybody else: somebody new to
        the log would otherwise move the scores of people whom they never met.

        Returns
        -------
        ndarray of bool, shape (m,)
            True for such pairs.
        """
        # Ascending by giver, so whoever stands alone has other givers on both sides.
        new = np.append(True, self.giver[1:] != self.giver[:-1])
        last = np.append(self.giver[1:] != self.giver[:-1], True)
        return np.asarray((new & last)[: self.giver.size] & (self.back < 0))


def pairs(
    workspace: Workspace,
    seen: Activity,
    *,
    until: int,
    formula: Parameters,
    since: int | None = None,
    pauses: pa.Table | None = None,
) -> Pairs:
    """Sum acts to pairs, by way of one summary per two accounts and UTC day.

    Returns are between accounts: two accounts of one person don't return for each other, so that what a day comes to is
    the same whoever turns out to own them. On a day, with n acts each way and the second of the first of each: which
    acted first, or alone, was free to; which acted second only returned it, and is free for as many acts as were more
    than were received. Where both began in the same second, both count as returns. Midnight frees nobody: what a day
    left unreturned can be returned on the next, by acts that begin at most `return_hours` after the last of what they
    return. The day's weight counts in the proportion free / n. This needs sums and extremes of a day and the one before
    only.

    An act weighs (1 - burst_share) 2^(-age / half life) + burst_share (half life / burst half life) 2^(-age / burst
    half life): a mixture of two rates, each in proportion to 1 / its half-life.

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
    days = workspace.keep(_days(seen, until, formula, since))
    days = days.left_join(_returned(workspace, days, formula.return_hours), ["actor", "target", "day"])
    days = days.mutate(weight_calendar=_mixed(days, None, formula), free_share=days.free_share.fill_null(1.0))
    days = days.mutate(free_calendar=days.weight_calendar * days.free_share)
    if pauses is not None and pauses.num_rows:
        days = days.left_join(
            ibis.memtable(pauses).rename(_person="person", _day="day"),
            [("receiver", "_person"), ("day", "_day")],
        )
        weight = _mixed(days, days.rested.fill_null(0.0), formula)
        days = days.mutate(weight=weight, free=weight * days.free_share)
    else:
        days = days.mutate(weight=days.weight_calendar, free=days.free_calendar)
    names = (*_COUNTS, *_WEIGHTS, *_CALENDAR)
    sums = days.group_by("giver", "receiver").aggregate(**{name: days[name].sum() for name in names})
    # Persons' numbers ascend with their positions, so pairs do in either.
    found = workspace.arrays(sums.order_by("giver", "receiver"))
    size = seen.people.size
    giver, receiver = (np.searchsorted(seen.people, found.pop(name)) for name in ("giver", "receiver"))
    columns: dict[str, Any] = {
        name: values.astype(np.int64 if name in _COUNTS else np.float64) for name, values in found.items()
    }
    return Pairs(giver, receiver, locate(giver * size + receiver, receiver * size + giver), **columns)


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
    slow = ibis.literal(2.0) ** (-age / formula.half_life_days)
    if not formula.burst_share:
        return slow
    burst = ibis.literal(2.0) ** (-age / formula.burst_half_life_days)
    return slow * (1.0 - formula.burst_share) + burst * _burst_weight(formula)


def _burst_weight(formula: Parameters) -> float:
    return formula.burst_share * formula.half_life_days / formula.burst_half_life_days


def _mixed(days: Table, rested: Any, formula: Parameters) -> Any:
    # A day's weight, younger by the days of rest since.
    def younger(weight: Any, half_life: float) -> Any:
        return weight if rested is None else weight * ibis.literal(2.0) ** (rested / half_life)

    slow = younger(days.slow, formula.half_life_days)
    if not formula.burst_share:
        return slow
    burst = younger(days.burst, formula.burst_half_life_days)
    return slow * (1.0 - formula.burst_share) + burst * _burst_weight(formula)


def _days(seen: Activity, until: int, formula: Parameters, since: int | None) -> Table:
    acts = seen.acts.filter(seen.acts["at"] < until)
    if since is not None:
        acts = acts.filter(acts["at"] >= since)
    age = (until - acts["at"]) / DAY
    acts = acts.mutate(
        day=acts["at"] // DAY,
        slow=ibis.literal(2.0) ** (-age / formula.half_life_days),
        burst=ibis.literal(2.0) ** (-age / formula.burst_half_life_days),
        reaction=~acts.naming & ~acts.talk,
    )
    days = acts.group_by(*dict.fromkeys(("giver", "receiver", *seen.accounts)), "day").aggregate(
        actions=acts.count(),
        slow=acts.slow.sum(),
        **({"burst": acts.burst.sum()} if formula.burst_share else {}),
        first=acts["at"].min(),
        last=acts["at"].max(),
        reactions=acts.reaction.sum(),
        namings=acts.naming.sum(),
    )
    return days.mutate(actor=days[seen.accounts[0]], target=days[seen.accounts[1]])


def _returned(workspace: Workspace, days: Table, return_hours: float) -> Table:
    """Return of which days' acts only a share was free, and which share; only of accounts that acted on each other."""
    keys = ["actor", "target", "day"]
    other_way = days.select(actor=days.target, target=days.actor).distinct()
    mutual = days.semi_join(other_way, ["actor", "target"])
    mutual = workspace.keep(mutual.select(*keys, "actions", "first", "last"))
    back = mutual.select(
        actor=mutual.target,
        target=mutual.actor,
        day=mutual.day,
        returned=mutual.actions,
        returned_first=mutual["first"],
    )
    mutual = mutual.left_join(back, keys).drop("actor_right", "target_right", "day_right")
    given = mutual.actions - mutual.returned.fill_null(0)
    # Whoever left something unreturned is owed it for the next day.
    before = mutual.filter(given > 0).select(
        actor=mutual.target, target=mutual.actor, day=mutual.day + 1, owed=given, owed_last=mutual["last"]
    )
    mutual = mutual.left_join(before, keys)
    return mutual.select(*keys, free_share=_free_share(mutual, return_hours)).filter(ibis._.free_share < 1)


def _free_share(days: Table, return_hours: float) -> Any:
    first = days.returned.isnull() | (days["first"] < days.returned_first)
    free = first.ifelse(days.actions, ibis.greatest(days.actions - days.returned, 0))
    owing = days.owed.notnull() & (days["first"] - days.owed_last <= round(return_hours * 3600))
    return ibis.greatest(free - owing.ifelse(days.owed, 0), 0) / days.actions
