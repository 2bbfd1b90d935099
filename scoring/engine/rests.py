"""Declared rests: time that costs nobody anything."""

import numpy as np
import pyarrow as pa

from scoring.engine.activity import DAY
from scoring.engine.arrays import Ints
from scoring.engine.errors import InputError
from scoring.engine.inputs import RESTS
from scoring.engine.tables import conform


def rests(table: pa.Table, people: Ints, until: int) -> tuple[Ints, Ints, Ints]:
    """Return declared rests before a moment, merged where they overlap.

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
    order = np.lexsort((end, start, position))
    position, start, end = position[order], start[order], end[order]
    if not position.size:
        return position, start, end
    # A running maximum of ends per person: lifting each person's times above all of the person's before
    # makes one running maximum do for everybody.
    base = position * (int(end.max()) - int(start.min()) + 1) - int(start.min())
    reached = np.maximum.accumulate(end + base)
    opens = np.ones(position.size, dtype=bool)
    opens[1:] = (start + base)[1:] > reached[:-1]
    heads = np.flatnonzero(opens)
    tails = np.append(heads[1:], position.size) - 1
    return position[heads], start[heads], (reached - base)[tails]


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


def pauses(rests: tuple[Ints, Ints, Ints], people: Ints, first_day: int, until: int) -> pa.Table:
    """Return how each resting person rested on and after each day before the end of their last rest.

    Parameters
    ----------
    rests : tuple of ndarray
        As `rests` returns them.
    people : ndarray of int64
        Persons, ascending.
    first_day : int
        First day that matters, in days since 1970.
    until : int
        The moment, in epoch seconds, at which `rests` were cut off.

    Returns
    -------
    pyarrow.Table
        person int64, day int64, rested float64: the days of rest after that day; resting bool: whether the whole day,
        as far as it lies before the moment, was rest. Days of which neither is so have no row.
    """
    position, start, stop = rests
    last = np.zeros(people.size, dtype=np.int64)
    np.maximum.at(last, position, -(-stop // DAY))
    resting = np.unique(position)
    counts = np.maximum(last[resting] - first_day, 0)
    who = np.repeat(resting, counts)
    day = np.arange(who.size) - np.repeat(np.cumsum(counts) - counts, counts) + first_day
    rested, within = np.zeros(who.size), np.zeros(who.size, dtype=np.int64)
    heads = np.zeros(people.size, dtype=np.int64)
    heads[resting] = np.cumsum(counts) - counts
    # Each rest touches the days of its person before its end: one row per rest and day.
    spans = np.maximum(-(-stop // DAY) - first_day, 0)
    rest = np.repeat(np.arange(position.size), spans)
    offset = np.arange(rest.size) - np.repeat(np.cumsum(spans) - spans, spans)
    before = (offset + first_day) * DAY
    at = heads[position[rest]] + offset
    np.add.at(rested, at, np.maximum(stop[rest] - np.maximum(start[rest], before + DAY), 0) / DAY)
    shared = np.minimum(stop[rest], before + DAY) - np.maximum(start[rest], before)
    np.add.at(within, at, np.maximum(shared, 0))
    whole = within >= np.minimum((day + 1) * DAY, until) - day * DAY
    keep = (rested > 0) | whole
    return pa.table(
        {"person": people[who[keep]], "day": day[keep], "rested": rested[keep], "resting": pa.array(whole[keep])}
    )
