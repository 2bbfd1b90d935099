"""What a run foretold, with the rule by which it counted people, to be held against what then happens."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scoring.engine.activity import DAY
from scoring.engine.arrays import Bools, Floats, Positions, blocks, keys_of
from scoring.engine.attention import Attention, Caps, attention
from scoring.engine.baselines import counted
from scoring.engine.discounts import Breadth
from scoring.engine.pairs import Pairs, Recent, locate
from scoring.engine.parameters import Parameters
from scoring.engine.people import People
from scoring.engine.snapshot import Snapshot

_FACTORS: Final = ("reach", "trust", "firm", "selectivity", "credibility")
_BREADTH: Final = ("given", "well_given", "ordinary", "prior")
_OTHERS: Final = ("person", "known", "judged")
# What holds of whoever wasn't known when the forecast was made: no trust, and giving to hardly anybody.
_STRANGER: Final = {"selectivity": 1.0, "credibility": 1.0, "ordinary": 1.0}


@dataclass(frozen=True)
class Forecast:
    """What was foretold at a moment, and all that was used to count people.

    Attributes
    ----------
    until : int
        The moment, in epoch seconds.
    seeded_from : str
        Where trust began: 'proved' or 'data'.
    people : pyarrow.Table
        A row per person, ascending: person, reach, trust, firm, selectivity, credibility, what makes breadth (given,
        well_given, ordinary, prior), `known` (whether anything was seen of them), `judged` (whether anybody had acted
        on them), and a column per name of `baselines.baselines`.
    exchanges : pyarrow.Table
        giver, receiver and exchange, of pairs of persons whose exchange counts less than 1.
    """

    until: int
    seeded_from: str
    people: pa.Table
    exchanges: pa.Table

    @classmethod
    def of(cls, now: Snapshot, people: People, until: int) -> Self:
        """Return what was foretold.

        Parameters
        ----------
        now : Snapshot
            What is known at the moment.
        people : People
            Everybody.
        until : int
            The moment, in epoch seconds.

        Returns
        -------
        Forecast
            Of all of them.
        """
        found = now.pairs
        known = now.posting.posts > 0
        known[found.giver] = True
        known[found.receiver] = True
        columns: dict[str, npt.NDArray[Any]] = {"person": people.numbers, "reach": now.reach.reach}
        columns |= {name: getattr(now, name) for name in _FACTORS[1:]}
        columns |= {name: getattr(now.breadth, name) for name in _BREADTH}
        columns |= {"known": known, "judged": counted(found.receiver, people.size) > 0}
        less = now.exchange < 1.0
        exchanges = {
            "giver": people.numbers[found.giver[less]],
            "receiver": people.numbers[found.receiver[less]],
            "exchange": now.exchange[less],
        }
        columns |= now.baselines
        return cls(until, now.seeded_from, pa.table(columns), pa.table(exchanges))


@dataclass(frozen=True)
class Hindsight:
    """A forecast beside what happened in the horizon after it, by position in today's people.

    Attributes
    ----------
    cut : int
        When it was made, in epoch seconds.
    seeded_from : str
        Where trust began then.
    forecast : ndarray of float64, shape (n,)
        The reach that was foretold; 0 for those who weren't known.
    known : ndarray of bool, shape (n,)
        Who had been seen.
    judged : ndarray of bool, shape (n,)
        On whom anybody had acted.
    happened, acted : ndarray of float64, shape (n,)
        Who then acted: by the rule of the forecast, and the plain number of different people who were free to.
    baselines : dict of str to ndarray of float64, shape (n,)
        What others would have ranked by.
    """

    cut: int
    seeded_from: str
    forecast: Floats
    known: Bools
    judged: Bools
    happened: Floats
    acted: Floats
    baselines: dict[str, Floats]


def look_back(before: Forecast, pairs: Pairs, recent: Recent, people: People, formula: Parameters) -> Hindsight:
    """Hold a forecast against the horizon that has passed since.

    Each giver who was free to act at least once counts once, with the trust, breadth, selectivity and exchange known
    at the moment of the forecast (strangers to it: no trust, narrow and selective), unvouched attention up to its caps,
    times credibility.

    Parameters
    ----------
    before : Forecast
        Of a horizon before the moment of the pairs.
    pairs : Pairs
        What each pair did.
    recent : Recent
        What of it came since the forecast.
    people : People
        Everybody known by now.
    formula : Parameters
        The formula of the forecast.

    Returns
    -------
    Hindsight
        Both.
    """
    persons = before.people.column("person").to_numpy()
    # Who was merged into somebody else since isn't there any more.
    still = np.isin(persons, people.numbers)
    at = people.positions(persons[still])

    def _then(name: str) -> Floats:
        values = np.full(people.size, _STRANGER.get(name, 0.0))
        values[at] = before.people.column(name).to_numpy()[still]
        return values

    names = [name for name in before.people.column_names if name not in (*_FACTORS, *_BREADTH, *_OTHERS)]
    return Hindsight(
        before.until,
        before.seeded_from,
        _then("reach"),
        _then("known") > 0,
        _then("judged") > 0,
        _happened(before, _then, pairs, recent, people, formula),
        counted(pairs.receiver[recent.free], people.size),
        {name: _then(name) for name in names},
    )


def _happened(
    before: Forecast, then: Callable[[str], Floats], pairs: Pairs, recent: Recent, people: People, formula: Parameters
) -> Floats:
    """Count who acted, some pairs at a time."""
    given, well_given, ordinary, prior = (then(name) for name in _BREADTH)
    broad = Breadth(given, well_given, ordinary, prior, formula.breadth_from, formula.breadth_to)
    trust, firm, selectivity = (then(name) for name in ("trust", "firm", "selectivity"))
    exchange = _exchanges(before.exchanges, people)
    # What it weighed then, of which only the age has changed.
    age = formula.horizon_days / formula.half_life_days
    summed = Attention(*np.zeros((3, people.size)))
    free = np.flatnonzero(recent.free)
    for block in blocks(free.size):
        some = free[block]
        giver, receiver = pairs.giver[some], pairs.receiver[some]
        weight = np.maximum(pairs.slow[some] - recent.slow[some], 0.0) * 2.0**age
        single = attention(
            exchange(giver, receiver) * selectivity[giver],
            trust[giver],
            firm[giver],
            broad.of(giver, receiver, weight),
        )
        summed += single.summed(receiver, people.size)
    return np.asarray(then("credibility") * summed.counted(Caps.of(formula)).whole())


def _exchanges(exchanges: pa.Table, people: People) -> Callable[[Positions, Positions], Floats]:
    """Return what gives the factors of pairs: 1 for those that aren't in the table."""
    ends = [exchanges.column(name).to_numpy() for name in ("giver", "receiver")]
    still = np.isin(ends[0], people.numbers) & np.isin(ends[1], people.numbers)
    theirs = keys_of(people.positions(ends[0][still]), people.positions(ends[1][still]), people.size)
    order = np.argsort(theirs)
    theirs, factors = theirs[order], exchanges.column("exchange").to_numpy()[still][order]

    def factor(giver: Positions, receiver: Positions) -> Floats:
        found = np.ones(giver.size)
        at = locate(theirs, keys_of(giver, receiver, people.size))
        met = at >= 0
        found[met] = factors[at[met]]
        return found

    return factor


def horizon_before(until: int, formula: Parameters) -> int:
    """Return the moment a horizon before another.

    Parameters
    ----------
    until : int
        In epoch seconds.
    formula : Parameters
        How long a horizon is.

    Returns
    -------
    int
        In epoch seconds.
    """
    return until - round(formula.horizon_days * DAY)
