"""What a day of acts comes to, by two accounts: the only form in which acts go on into sums over days."""

from collections.abc import Sequence
from typing import Any, Final

import ibis
import pyarrow as pa

from scoring.engine.activity import DAY, Activity
from scoring.engine.parameters import Parameters
from scoring.engine.tables import Table, Workspace

# What adds up, as it is and with the weights' age.
COUNTS: Final = ("actions", "reactions", "namings")
WEIGHTS: Final = ("slow", "slow_free", "burst", "burst_free")
PAIR: Final = ("actor", "target")


def summaries(
    workspace: Workspace,
    seen: Activity,
    *,
    until: int,
    formula: Parameters,
    since: int | None = None,
    days: Sequence[int] | None = None,
) -> Table:
    """Sum acts up by two accounts and UTC day.

    Returns are between accounts: two accounts of one person don't return for each other, so that what a day comes to is
    the same whoever turns out to own them. On a day, with n acts each way and the second of the first of each: which
    acted first, or alone, was free to; which acted second only returned it, and is free for as many acts as were more
    than were received. Where both began in the same second, both count as returns. Midnight frees nobody: what a day
    left unreturned can be returned on the next, by acts that begin at most `return_hours` after the last of what they
    return. The day's weight counts in the proportion free / n. So a day needs its own acts and those of the one before,
    and nothing else; what comes late for a day changes that day and the next.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    seen : Activity
        The acts.
    until : int
        Only acts before it, in epoch seconds.
    formula : Parameters
        Half-lives, and how soon an act on the next day still is a return.
    since : int, optional
        Only acts at or after it.
    days : sequence of int, optional
        Only these days, since 1970.

    Returns
    -------
    ibis table
        Columns actor, target, day, the `COUNTS`, and weights as they are at the end of the day, or at `until` if that
        comes before: `slow` with the half-life, `burst` with that of bursts (0 where the formula has none), and of both
        the part that was free. Two accounts that did nothing on a day have no row.
    """
    acts = seen.acts.filter(seen.acts["at"] < until)
    if since is not None:
        acts = acts.filter(acts["at"] >= since)
    acts = acts.mutate(day=acts["at"] // DAY)
    if days is not None:
        needed = sorted({day - before for day in days for before in (0, 1)})
        acts = acts.semi_join(ibis.memtable(pa.table({"day": pa.array(needed, pa.int64())})), "day")
    age = (ibis.least((acts.day + 1) * DAY, until) - acts["at"]) / DAY
    acts = acts.mutate(slow=halved(age, formula.half_life_days), reaction=~acts.naming & ~acts.talk)
    sums = acts.group_by(actor=acts[seen.accounts[0]], target=acts[seen.accounts[1]], day=acts.day).aggregate(
        actions=acts.count(),
        reactions=acts.reaction.sum(),
        namings=acts.naming.sum(),
        slow=acts.slow.sum(),
        **({"burst": halved(age, formula.burst_half_life_days).sum()} if formula.burst_share else {}),
        first=acts["at"].min(),
        last=acts["at"].max(),
    )
    sums = workspace.keep(sums)
    joined = sums.left_join(_returned(workspace, sums, formula.return_hours), [*PAIR, "day"])
    if days is not None:
        joined = joined.semi_join(ibis.memtable(pa.table({"day": pa.array(sorted(set(days)), pa.int64())})), "day")
    free = joined.free_share.fill_null(1.0)
    burst = joined.burst if formula.burst_share else ibis.literal(0.0)
    return joined.select(
        *PAIR,
        "day",
        *COUNTS,
        "slow",
        slow_free=joined.slow * free,
        burst=burst,
        burst_free=burst * free,
    )


def halved(age: Any, half_life: float) -> Any:
    """Return 2 to the power of -age / half-life.

    Parameters
    ----------
    age : ibis expression
        In days; below 0 for what is to grow back.
    half_life : float
        In days.

    Returns
    -------
    ibis expression
        1 at age 0.
    """
    return ibis.literal(2.0) ** (-age / half_life)


def _returned(workspace: Workspace, days: Table, return_hours: float) -> Table:
    """Return of which days' acts only a share was free, and which share; only of accounts that acted on each other."""
    keys = [*PAIR, "day"]
    other_way = days.select(actor=days.target, target=days.actor).distinct()
    mutual = days.semi_join(other_way, list(PAIR))
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
