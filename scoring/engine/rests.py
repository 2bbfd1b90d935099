"""Declared rests: time that costs nobody anything."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scoring.engine.activity import DAY
from scoring.engine.arrays import Bools, Floats, Ints
from scoring.engine.errors import InputError
from scoring.engine.inputs import RESTS
from scoring.engine.tables import conform


def rests(table: pa.Table, people: Ints, until: int) -> tuple[Ints, Ints, Ints]:
    """Return declared rests before a moment, cut up where one of a person's begins or ends within another.

    Parameters
    ----------
    table : pyarrow.Table
        Rows of `RESTS`.
    people : ndarray of int64
        Persons, ascending; rests of others are left out.
    until : int
        What lies after it, in epoch seconds, is cut off.

    Returns
    -------
    tuple of ndarray of int64, each of shape (k,)
        Position of the person, start and end, by person and start, without overlap.

    Raises
    ------
    InputError
        A rest ends before it begins.
    """
    rows = conform(table, RESTS, "rests").drop_null()
    person, start, end = (rows.column(name).to_numpy() for name in RESTS.names)
    if (end < start).any():
        wrong = int(np.flatnonzero(end < start)[0])
        raise InputError(f"rests: a rest of person {person[wrong]} ends before it begins; swap start and end")
    end = np.minimum(end, until)
    keep = (start < end) & np.isin(person, people)
    position, start, end = np.searchsorted(people, person[keep]), start[keep], end[keep]
    # Going along each person's times, how many rests are on from each to the next.
    whose, moment = np.tile(position, 2), np.concatenate([start, end])
    order = np.lexsort((moment, whose))
    whose, moment = whose[order], moment[order]
    running = np.cumsum(np.repeat([1, -1], start.size)[order])
    on = np.flatnonzero((running[:-1] > 0) & (moment[1:] > moment[:-1]))
    return whose[on], moment[on], moment[on + 1]


def overlap(rests: tuple[Ints, Ints, Ints], begin: Ints, end: Ints) -> Ints:
    """Return how many seconds of a span each person rested.

    Parameters
    ----------
    rests : tuple of ndarray
        As `rests` returns them.
    begin, end : ndarray of int64, shape (n,)
        Span per person, in epoch seconds; empty where end <= begin.

    Returns
    -------
    ndarray of int64, shape (n,)
        Seconds.
    """
    position, start, stop = rests
    seconds = np.zeros(begin.size, dtype=np.int64)
    shared = np.minimum(stop, end[position]) - np.maximum(start, begin[position])
    np.add.at(seconds, position, np.maximum(shared, 0))
    return seconds


@dataclass(frozen=True)
class Spells:
    """Runs of whole days of rest, by person and time, each as it was declared: two that touch are two.

    Attributes
    ----------
    position : ndarray of int64, shape (k,)
        Of the person, ascending.
    first, end : ndarray of int64, shape (k,)
        The first day, and that after the last, in days since 1970.
    until : float
        The moment, in days since 1970: a spell that goes on at it ends there.
    """

    position: Ints
    first: Ints
    end: Ints
    until: float

    def phases(self) -> pa.Table:
        """Return in which phase of a person's time each day lies.

        Returns
        -------
        pyarrow.Table
            receiver int32, day int64, phase int32 and closes float64, the moment when the phase ends, in days since
            1970. Phase 2 i + 1 is spell i of the person, from 0, and phase 2 i what lies between it and the one before
            it. There is a row for each day from the first spell of a person to the last.
        """
        number, last = self._numbers()
        counts = np.where(last, self.end, np.append(self.first[1:], 0)) - self.first
        spell = np.repeat(np.arange(counts.size), counts)
        day = np.arange(spell.size) - np.repeat(np.cumsum(counts) - counts, counts) + self.first[spell]
        after = day >= self.end[spell]
        closes = np.where(after, np.append(self.first[1:], 0)[spell], np.minimum(self.end, self.until)[spell])
        columns = {"receiver": self.position[spell].astype(np.int32), "day": day}
        return pa.table(columns | {"phase": (2 * number[spell] + 1 + after).astype(np.int32), "closes": closes})

    def around(self) -> pa.Table:
        """Return what lies before the first and after the last spell of each person.

        Returns
        -------
        pyarrow.Table
            receiver int32, ascending; begins int64, the first day of the first spell; over int32, the phase after
            the last spell.
        """
        number, last = self._numbers()
        begins = self.first[number == 0]
        whose, over = self.position[last].astype(np.int32), (2 * number[last] + 2).astype(np.int32)
        return pa.table({"receiver": whose, "begins": begins, "over": over})

    def lengths(self) -> Floats:
        """Return how long each phase lasts.

        Returns
        -------
        ndarray of float64, shape (persons with a spell, 2 spells of the one with most + 1)
            Days, at least 0: 0 for the first phase, before which there is nothing, and for those that a person hasn't.
        """
        number, last = self._numbers()
        row = np.cumsum(number == 0) - 1
        found = np.zeros((int(last.sum()), 2 * int(number.max(initial=-1)) + 3))
        closes = np.minimum(self.end, self.until)
        found[row, 2 * number + 1] = closes - self.first
        found[row, 2 * number + 2] = np.where(last, self.until, np.append(self.first[1:], 0)) - closes
        return found

    def _numbers(self) -> tuple[Ints, Bools]:
        """Return the place of each spell among those of its person, from 0, and whether it is the last."""
        new = np.append(True, np.diff(self.position) != 0)[: self.position.size]
        begins = np.flatnonzero(new)
        counts = np.diff(np.append(begins, self.position.size))
        return np.arange(self.position.size) - np.repeat(begins, counts), np.append(new[1:], True)[: new.size]


def spells(rests: tuple[Ints, Ints, Ints], first_day: int, until: int) -> Spells:
    """Return the whole days of rest. A day of which the part before the moment is rest is a whole one.

    Parameters
    ----------
    rests : tuple of ndarray
        As `rests` returns them.
    first_day : int
        First day that matters, in days since 1970.
    until : int
        The moment, in epoch seconds, at which `rests` were cut off.

    Returns
    -------
    Spells
        Of days, not of seconds, for what was received is known by day.
    """
    position, start, stop = rests
    start = np.maximum(start, first_day * DAY)
    position, start, stop = (column[start < stop] for column in (position, start, stop))
    begins, ends = start // DAY, -(-stop // DAY)
    counts = ends - begins
    rest = np.repeat(np.arange(position.size), counts)
    day = np.arange(rest.size) - np.repeat(np.cumsum(counts) - counts, counts) + begins[rest]
    seconds = np.minimum(stop[rest], (day + 1) * DAY) - np.maximum(start[rest], day * DAY)
    width = int(ends.max(initial=0)) + 1
    keys, where = np.unique(position[rest] * width + day, return_inverse=True)
    rested = np.bincount(where, weights=seconds, minlength=keys.size)
    whole = rested >= np.minimum((keys % width + 1) * DAY, until) - keys % width * DAY
    keys = keys[whole]
    # A spell ends where a day isn't rest, and where another rest begins or ends.
    cuts = np.concatenate([-(-start // DAY), np.where(stop >= until, ends, stop // DAY)])
    new = np.append(True, np.diff(keys) != 1)[: keys.size] | np.isin(keys, np.tile(position, 2) * width + cuts)
    heads = np.flatnonzero(new)
    tails = np.append(heads[1:], keys.size)[: heads.size] - 1
    whose, first, end = keys[heads] // width, keys[heads] % width, keys[tails] % width + 1
    return Spells(whose, first, end, until / DAY)
