"""Declared rests: merged, cut, and taken off the clock."""

import numpy as np
import pytest

from scoring.engine import RESTS, InputError
from scoring.engine.rests import overlap, pauses, rests
from tests.scoring.engine.worlds import DAY, rows

PEOPLE = np.array([5, 7, 9], dtype=np.int64)


def test_rests_are_merged_by_person_and_cut_at_the_moment() -> None:
    declared = rows(
        RESTS, [(7, 50, 60), (7, 10, 30), (7, 20, 40), (7, 12, 13), (7, 40, 45), (9, 0, 500), (8, 1, 2), (5, 200, 300)]
    )

    found = rests(declared, PEOPLE, until=100)

    assert [column.tolist() for column in found] == [[1, 1, 2], [10, 50, 0], [45, 60, 100]]


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


def test_pauses_say_how_a_person_rested_on_and_after_each_day() -> None:
    # Rested on day 3, and on day 5 from noon to noon of day 6.
    found = rests(
        rows(RESTS, [(7, 3 * DAY, 4 * DAY), (7, 5 * DAY + DAY // 2, 6 * DAY + DAY // 2)]), PEOPLE, until=99 * DAY
    )

    table = pauses(found, PEOPLE, first_day=1, until=99 * DAY)

    assert table.to_pylist() == [
        {"person": 7, "day": day, "rested": rested, "resting": day == 3}
        for day, rested in ((1, 2.0), (2, 2.0), (3, 1.0), (4, 1.0), (5, 0.5))
    ]


def test_a_day_that_is_not_over_is_rest_as_far_as_it_goes() -> None:
    declared = rows(RESTS, [(7, 2 * DAY, 9 * DAY), (9, 3 * DAY + 1, 9 * DAY)])
    found = rests(declared, PEOPLE, until=3 * DAY + 100)

    table = pauses(found, PEOPLE, first_day=0, until=3 * DAY + 100)

    resting = [(row["person"], row["day"]) for row in table.to_pylist() if row["resting"]]
    assert resting == [(7, 2), (7, 3)]
