"""What rests add, against every choice of rests to take out of time."""

import itertools

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.engine import RESTS, Parameters
from scoring.engine.daily import WEIGHTS
from scoring.engine.gains import gains
from scoring.engine.people import People
from scoring.engine.rests import Spells, rests, spells
from scoring.engine.tables import Workspace
from tests.scoring.engine.worlds import DAY, rows

LAST = 60
RECEIVERS = (1, 2)
PEOPLE = np.array([1, 2, 3, 4])
ONE_HALF_LIFE = Parameters(half_life_days=5.0, burst_share=0.0)

days = st.integers(0, LAST - 1)
received = st.dictionaries(
    st.tuples(st.sampled_from([3, 4, 1]), st.sampled_from(RECEIVERS), days), st.integers(1, 9), max_size=12
)
rested = st.lists(st.tuples(st.sampled_from(RECEIVERS), days, st.integers(1, 20)), max_size=6)


@settings(max_examples=20, deadline=None)
@given(received=received, rested=rested)
def test_rests_are_taken_out_where_that_is_most(
    received: dict[tuple[int, int, int], int], rested: list[tuple[int, int, int]]
) -> None:
    found = spells(_rests(rested), 0, LAST * DAY)

    more = _gains(received, found, ONE_HALF_LIFE)

    for (giver, receiver), gained in more.items():
        theirs = [
            (int(first), int(end))
            for at, first, end in zip(found.position, found.first, found.end, strict=True)
            if PEOPLE[at] == receiver
        ]
        acts = [(day, acts) for (a, b, day), acts in received.items() if (a, b) == (giver, receiver)]
        sums = [
            sum(_weight(day, acts, some) for day, acts in acts)
            for many in range(len(theirs) + 1)
            for some in itertools.combinations(theirs, many)
        ]
        assert gained == pytest.approx(max(sums) - sums[0], abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(received=received, rested=rested, another=st.tuples(st.sampled_from(RECEIVERS), days, st.integers(1, 20)))
def test_one_more_rest_never_lowers_what_acts_weigh(
    received: dict[tuple[int, int, int], int], rested: list[tuple[int, int, int]], another: tuple[int, int, int]
) -> None:
    formula = Parameters(half_life_days=5.0, burst_share=0.4, burst_half_life_days=0.5)

    before = _gains(received, spells(_rests(rested), 0, LAST * DAY), formula)
    after = _gains(received, spells(_rests([*rested, another]), 0, LAST * DAY), formula)

    assert all(after[pair] >= gained - 1e-9 for pair, gained in before.items())


def test_weights_that_are_next_to_nothing_stay_numbers() -> None:
    formula = Parameters(half_life_days=5.0, burst_share=0.4, burst_half_life_days=0.001)

    more = _gains({(3, 1, 0): 1}, spells(_rests([(1, 1, 40)]), 0, LAST * DAY), formula)

    assert 0 < more[3, 1] < 1


def _rests(rested: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    declared = [(who, start * DAY, (start + length) * DAY) for who, start, length in rested]
    return rests(rows(RESTS, declared), PEOPLE, until=LAST * DAY)


def _gains(
    received: dict[tuple[int, int, int], int], found: Spells, formula: Parameters
) -> dict[tuple[int, int], float]:
    keys = [list(column) for column in zip(*received, strict=True)] or [[], [], []]
    columns = {name: pa.array(key, pa.int64()) for name, key in zip(("actor", "target", "day"), keys, strict=True)}
    acts = pa.array([*received.values()], pa.float64())
    people = People(
        PEOPLE, pa.table({"account": PEOPLE, "person": PEOPLE}), PEOPLE, np.arange(PEOPLE.size, dtype=np.int32)
    )
    with Workspace() as workspace:
        table = ibis.memtable(pa.table(columns | dict.fromkeys(WEIGHTS, acts)))
        more = gains(workspace, table, found, people, formula)
    givers, receivers = np.divmod(more.keys, PEOPLE.size)
    assert more.weight.tolist() == more.free.tolist()
    return dict(
        zip(zip(PEOPLE[givers].tolist(), PEOPLE[receivers].tolist(), strict=True), more.weight.tolist(), strict=True)
    )


def _weight(day: int, acts: int, taken_out: tuple[tuple[int, int], ...]) -> float:
    if any(first <= day < end for first, end in taken_out):
        return 0.0
    younger = sum(end - first for first, end in taken_out if first > day)
    return float(acts * 2 ** (-(LAST - day - 1 - younger) / ONE_HALF_LIFE.half_life_days))
