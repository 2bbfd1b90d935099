"""Acts to daily summaries, and those to pairs of persons: the second half of the table work."""

from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scoring.engine.activity import DAY, Activity
from scoring.engine.arrays import Ints
from scoring.engine.tables import Table, Workspace


@dataclass(frozen=True)
class Pairs:
    """What two persons did to each other, one column per pair, in two rows: low to high, and high to low.

    Parameters
    ----------
    low, high : ndarray of int64, shape (m,)
        The two, as positions in `people`, low < high; sorted by low, then high; each pair once.
    actions : ndarray of int64, shape (2, m)
        Acts.
    reactions, namings : ndarray of int64, shape (2, m)
        Acts on posts of the receiver that aren't talk, and acts that stand in posts of the giver.
    blank_reactions, blank_namings : ndarray of int64, shape (2, m)
        Those of them that don't say which post.
    weight : ndarray of float64, shape (2, m)
        Sum over the acts of 2 ** (-age / half life).
    free : ndarray of float64, shape (2, m)
        The same without acts that only return one of the same day.
    weight_calendar, free_calendar : ndarray of float64, shape (2, m)
        The same two by the calendar: no rest stops their clock.
    """

    low: Ints
    high: Ints
    actions: Ints
    reactions: Ints
    namings: Ints
    blank_reactions: Ints
    blank_namings: Ints
    weight: npt.NDArray[np.float64]
    free: npt.NDArray[np.float64]
    weight_calendar: npt.NDArray[np.float64]
    free_calendar: npt.NDArray[np.float64]

    @property
    def giver(self) -> Ints:
        """Positions of the givers, shape (2, m)."""
        return np.stack([self.low, self.high])

    @property
    def receiver(self) -> Ints:
        """Positions of the receivers, shape (2, m)."""
        return np.stack([self.high, self.low])


def pairs(
    workspace: Workspace,
    seen: Activity,
    *,
    until: int,
    half_life_days: float,
    since: int | None = None,
    pauses: pa.Table | None = None,
) -> Pairs:
    """Sum acts to pairs, by way of one summary per pair and UTC day.

    On a day, with n acts each way and the second of the first of each: who acted first, or alone, was free
    to; who acted second only returned it, and is free for as many acts as were more than were received.
    Where both began in the same second, both count as returns. The day's weight counts in the proportion
    free / n. This needs sums and minima per day only, so days can be added up in any order.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    seen : Activity
        The acts.
    until : int
        Only acts before it, in epoch seconds, and ages are taken at it.
    half_life_days : float
        Age at which an act weighs half.
    since : int, optional
        Only acts at or after it.
    pauses : pyarrow.Table, optional
        person, day, rested: how many days of rest a person had after that day. Attention received before
        is younger by as much.

    Returns
    -------
    Pairs
        Pairs with at least one act, either way.
    """
    acts = seen.acts.filter(seen.acts.at < until)
    if since is not None:
        acts = acts.filter(acts.at >= since)
    acts = acts.mutate(
        low=ibis.least(acts.giver, acts.receiver),
        high=ibis.greatest(acts.giver, acts.receiver),
        up=acts.giver < acts.receiver,
        day=acts.at // DAY,
        weight=ibis.literal(2.0) ** ((acts.at - until) / (DAY * half_life_days)),
        reaction=~acts.naming & ~acts.talk,
        blank=acts.post.isnull(),
    )
    summaries: dict[str, Any] = {}
    for way, one in (("up", acts.up), ("down", ~acts.up)):
        summaries |= {
            f"actions_{way}": one.sum(),
            f"weight_{way}": acts.weight.sum(where=one).fill_null(0.0),
            f"first_{way}": acts["at"].min(where=one),
            f"reactions_{way}": (one & acts.reaction).sum(),
            f"namings_{way}": (one & acts.naming).sum(),
            f"blank_reactions_{way}": (one & acts.reaction & acts.blank).sum(),
            f"blank_namings_{way}": (one & acts.naming & acts.blank).sum(),
        }
    days = acts.group_by("low", "high", "day").aggregate(**summaries)
    days = days.mutate(
        free_up=days.weight_up * _free_share(days, "up", "down"),
        free_down=days.weight_down * _free_share(days, "down", "up"),
    )
    days = days.mutate(
        **{f"{name}_calendar_{way}": days[f"{name}_{way}"] for name in ("weight", "free") for way in ("up", "down")}
    )
    if pauses is not None and pauses.num_rows:
        days = _stretch(_stretch(days, pauses, "high", "up", half_life_days), pauses, "low", "down", half_life_days)
    counts = ("actions", "reactions", "namings", "blank_reactions", "blank_namings")
    names = (*counts, "weight", "free", "weight_calendar", "free_calendar")
    columns = [f"{name}_{way}" for name in names for way in ("up", "down")]
    sums = days.group_by("low", "high").aggregate(**{column: days[column].sum() for column in columns})
    found = workspace.arrays(sums.order_by("low", "high"))
    both: dict[str, npt.NDArray[Any]] = {
        name: np.stack([found[f"{name}_up"], found[f"{name}_down"]]).astype(np.int64 if name in counts else np.float64)
        for name in names
    }
    return Pairs(
        low=np.searchsorted(seen.people, found["low"]),
        high=np.searchsorted(seen.people, found["high"]),
        **both,
    )


def _free_share(days: Table, way: str, back: str) -> Any:
    given, received = days[f"actions_{way}"], days[f"actions_{back}"]
    first = (received == 0) | (days[f"first_{way}"] < days[f"first_{back}"])
    share = ibis.greatest(given - received, 0) / given
    return (given == 0).ifelse(0.0, first.ifelse(1.0, share))


def _stretch(days: Table, pauses: pa.Table, receiver: str, way: str, half_life_days: float) -> Table:
    known = ibis.memtable(pauses).rename(_person="person", _day="day", _rested="rested")
    joined = days.left_join(known, [days[receiver] == known["_person"], days["day"] == known["_day"]])
    factor = ibis.literal(2.0) ** (joined["_rested"].fill_null(0.0) / half_life_days)
    return joined.mutate(**{f"{name}_{way}": joined[f"{name}_{way}"] * factor for name in ("weight", "free")}).drop(
        "_person", "_day", "_rested"
    )
