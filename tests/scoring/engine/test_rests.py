"""Declared rests: cut up, and taken off the clock."""

import numpy as np
import pyarrow as pa
import pytest

from scoring.engine import RESTS, InputError
from scoring.engine.rests import Spells, overlap, rests, spells
from tests.scoring.engine.worlds import DAY, rows

PEOPLE = np.array([5, 7, 9], dtype=np.int64)


def test_rests_are_cut_up_by_person_and_at_the_moment() -> None:
    declared = rows(
        RESTS, [(7, 50, 60), (7, 10, 30), (7, 20, 40), (7, 12, 13), (7, 40, 45), (9, 0, 500), (8, 1, 2), (5, 200, 300)]
    )

    found = rests(declared, PEOPLE, until=100)

    assert [column.tolist() for column in found] == [
        [1, 1, 1, 1, 1, 1, 1, 2],
        [10, 12, 13, 20, 30, 40, 50, 0],
        [12, 13, 20, 30, 40, 45, 60, 100],
    ]


def test_no_rests_are_no_rests() -> None:
    found = rests(RESTS.empty_table(), PEOPLE, until=100)

    assert [column.size for column in found] == [0, 0, 0]
    assert overlap(found, np.zeros(3, dtype=np.int64), np.full(3, 9)).tolist() == [0, 0, 0]


def test_rest_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InputError, match="a rest of person 7 ends before it begins; swap start and end"):
        rests(rows(RESTS, [(7, 30, 20)]), PEOPLE, until=100)


def test_overlap_counts_seconds_within_each_span() -> None:
    found = rests(rows(RESTS, [(7, 10, 20), (7, 30, 40), (9, 0, 50)]), PEOPLE, until=100)

    seconds = overlap(found, np.array([0, 15, 60]), np.array([100, 35, 10]))

    assert seconds.tolist() == [0, 10, 0]


def test_spells_are_whole_days_one_for_each_rest() -> None:
    # Day 3; from noon of day 5, in one go but declared twice, to noon of day 9; person 9 to the end of day 2.
    rested = [(7, 3, 4), (7, 5.5, 7), (7, 7, 9.5), (9, 0, 3)]
    found = spells(rests(days(rested), PEOPLE, 99 * DAY), first_day=1, until=99 * DAY)

    assert columns(found) == [(1, 3, 4), (1, 6, 7), (1, 7, 9), (2, 1, 3)]
    assert found.lengths().tolist() == [[0, 1, 2, 1, 0, 2, 90], [0, 2, 96, 0, 0, 0, 0]]
    assert found.around().to_pylist() == [
        {"receiver": 1, "begins": 3, "over": 6},
        {"receiver": 2, "begins": 1, "over": 2},
    ]
    assert [tuple(row.values()) for row in found.phases().to_pylist()] == [
        (1, 3, 1, 4),
        (1, 4, 2, 6),
        (1, 5, 2, 6),
        (1, 6, 3, 7),
        (1, 7, 5, 9),
        (1, 8, 5, 9),
        (2, 1, 1, 3),
        (2, 2, 1, 3),
    ]


def test_a_day_in_which_one_rest_ends_and_another_begins_is_a_spell() -> None:
    found = spells(rests(days([(7, 2, 4.5), (7, 4.5, 7)]), PEOPLE, 99 * DAY), first_day=0, until=99 * DAY)

    assert columns(found) == [(1, 2, 4), (1, 4, 5), (1, 5, 7)]


def test_a_day_that_is_not_over_is_rest_as_far_as_it_goes() -> None:
    until = 3 * DAY + DAY // 4
    found = spells(rests(days([(7, 2, 9), (9, 3.1, 9)]), PEOPLE, until), first_day=0, until=until)

    assert columns(found) == [(1, 2, 4)]
    assert found.lengths().tolist() == [[0, 1.25, 0]]


def test_no_rests_are_no_spells() -> None:
    found = spells(rests(RESTS.empty_table(), PEOPLE, 99), first_day=0, until=99)

    assert columns(found) == []
    assert found.phases().num_rows == found.around().num_rows == len(found.lengths()) == 0


def days(rested: list[tuple[int, float, float]]) -> pa.Table:
    return rows(RESTS, [(who, int(start * DAY), int(end * DAY)) for who, start, end in rested])


def columns(found: Spells) -> list[tuple[int, int, int]]:
    return list(zip(found.position.tolist(), found.first.tolist(), found.end.tolist(), strict=True))
