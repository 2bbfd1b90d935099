"""Sums that take in a day at a time against the same sums made at once."""

from collections.abc import Iterator
from dataclasses import fields, replace

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from scoring.engine import Parameters
from scoring.engine.activity import activity
from scoring.engine.daily import WEIGHTS, summaries
from scoring.engine.pairs import pairs, pairs_of
from scoring.engine.state import State, rolled, summed
from scoring.engine.tables import Table, Workspace
from tests.scoring.engine.worlds import DAY, UNTIL, World

LAST = UNTIL // DAY
FORMULAS = (Parameters(), Parameters(burst_share=0.3, burst_half_life_days=0.5, half_life_days=3, return_hours=20))

# What comes for a day changes that day and the next.
AFFECTED = (0, 1)

Act = tuple[int, str, int, int, int | None, str]


@st.composite
def acts(draw: st.DrawFn) -> Act:
    # Few accounts and hours, so that favours are returned on the day and over midnight.
    at = UNTIL - draw(st.integers(1, 4 * 24)) * 3600
    kind = draw(st.sampled_from(["like", "reply", "mention", "repost"]))
    post = draw(st.none() | st.integers(1, 3))
    return at, kind, draw(st.integers(1, 3)), draw(st.integers(1, 3)), post, "demo"


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with Workspace() as opened:
        yield opened


def days_of(workspace: Workspace, world: World, formula: Parameters, until: int, days: set[int] | None = None) -> Table:
    seen = activity(workspace, replace(world.inputs(), until=until))
    return workspace.keep(summaries(workspace, seen, until=until, formula=formula, days=sorted(days) if days else None))


def rows(workspace: Workspace, state: State) -> dict[tuple[int, int], list[float]]:
    found = workspace.connection.to_pyarrow(state.table).to_pylist()
    return {(row.pop("actor"), row.pop("target")): list(row.values()) for row in found}


def same(one: dict[tuple[int, int], list[float]], other: dict[tuple[int, int], list[float]]) -> None:
    assert one.keys() == other.keys()
    for pair, values in one.items():
        assert values == pytest.approx(other[pair], abs=1e-9), pair


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@example(
    arrivals=[
        ((UNTIL - 3 * DAY - 3600, "like", 1, 2, None, "demo"), 2),
        ((UNTIL - 3 * DAY, "like", 2, 1, None, "demo"), 0),
    ],
    formula=FORMULAS[0],
    erased=3,
).via("an act comes two nights late that another had returned after midnight")
@given(
    arrivals=st.lists(st.tuples(acts(), st.integers(0, 3)), min_size=10, max_size=40),
    formula=st.sampled_from(FORMULAS),
    erased=st.integers(1, 5),
)
def test_a_state_that_rolls_is_the_one_made_at_once(
    arrivals: list[tuple[Act, int]], formula: Parameters, erased: int
) -> None:
    """Each act becomes known some days after it happened: at once, or late, or so late that it is the last night."""
    with Workspace() as workspace:
        state = State(ibis.memtable(_empty(workspace, formula)), UNTIL - 5 * DAY)
        taken: dict[int, Table] = {}
        known: list[Act] = []
        for night in range(LAST - 4, LAST + 1):
            until = night * DAY
            came = [act for act, delay in arrivals if min(act[0] // DAY + 1 + delay, LAST) == night]
            known += came
            late = {act[0] // DAY + after for act in came for after in AFFECTED}
            changed = {day for day in late if day < night} | {night - 1}
            added = days_of(workspace, World(acts=known), formula, until, changed)
            back = [taken[day] for day in changed if day in taken]
            state = rolled(
                workspace,
                state,
                added=added,
                taken_back=ibis.union(*back) if len(back) > 1 else back[0] if back else None,
                until=until,
                formula=formula,
            )
            for day in changed:
                taken[day] = workspace.keep(added.filter(added.day == day))
        at_once = summed(days_of(workspace, World(acts=[act for act, _ in arrivals]), formula, UNTIL), UNTIL, formula)
        same(rows(workspace, state), rows(workspace, at_once))
        assert all(value >= 0 for values in rows(workspace, state).values() for value in values)

        # An erased account's rows are its own: without them the sums are as if it had never been.
        left = state.table.filter(state.table.actor != erased, state.table.target != erased)
        others = World(acts=[act for act, _ in arrivals if erased not in act[2:4]])
        without = summed(days_of(workspace, others, formula, UNTIL), UNTIL, formula)
        same(rows(workspace, State(left, UNTIL)), rows(workspace, without))


def _empty(workspace: Workspace, formula: Parameters) -> pa.Table:
    nothing = summed(days_of(workspace, World(), formula, UNTIL), UNTIL, formula)
    table: pa.Table = workspace.connection.to_pyarrow(nothing.table)
    return table


def test_a_late_act_that_was_returned_changes_the_next_day_too(workspace: Workspace) -> None:
    """1 likes 2 before midnight, 2 likes 1 after it: until the first is known, the second looks free."""
    second: Act = (UNTIL - DAY + 3600, "like", 2, 1, None, "demo")
    first: Act = (UNTIL - DAY - 3600, "like", 1, 2, None, "demo")
    formula = Parameters()
    alone = summed(days_of(workspace, World(acts=[second]), formula, UNTIL), UNTIL, formula)
    assert rows(workspace, alone)[2, 1][4] > 0.9
    both = summed(days_of(workspace, World(acts=[first, second]), formula, UNTIL), UNTIL, formula)
    assert rows(workspace, both)[2, 1][4] == 0
    only_its_day = days_of(workspace, World(acts=[first, second]), formula, UNTIL, {LAST - 2})
    assert [row["day"] for row in workspace.connection.to_pyarrow(only_its_day).to_pylist()] == [LAST - 2]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(known=st.lists(acts(), max_size=30), owners=st.dictionaries(st.integers(1, 3), st.integers(3, 6)))
def test_people_are_made_of_accounts_when_a_state_is_read(known: list[Act], owners: dict[int, int]) -> None:
    """A merge, or its undoing, changes no row of the state: it is a row of the owners."""
    with Workspace() as workspace:
        formula = Parameters()
        by_account = summed(days_of(workspace, World(acts=known), formula, UNTIL), UNTIL, formula)
        merged = World(acts=known, owners=owners)
        seen = activity(workspace, merged.inputs())
        found = pairs_of(workspace, by_account, seen.people, seen.owners, formula)
        expected = pairs(workspace, seen, until=UNTIL, formula=formula)
        for field in fields(expected):
            values = getattr(found, field.name)
            assert values == pytest.approx(getattr(expected, field.name), abs=1e-9), field.name


def test_a_state_does_not_go_back(workspace: Workspace) -> None:
    days = days_of(workspace, World(), Parameters(), UNTIL)
    with pytest.raises(ValueError, match="can't go back"):
        rolled(workspace, summed(days, UNTIL, Parameters()), added=days, until=UNTIL - DAY, formula=Parameters())


@pytest.mark.parametrize(("begin", "end"), [(UNTIL - 21 * 3600, UNTIL), (UNTIL - DAY, UNTIL - 21 * 3600)])
def test_a_state_rolls_from_midnight_to_midnight(workspace: Workspace, begin: int, end: int) -> None:
    days = days_of(workspace, World(), Parameters(), UNTIL)
    with pytest.raises(ValueError, match="from midnight to midnight"):
        rolled(workspace, summed(days, begin, Parameters()), added=days, until=end, formula=Parameters())


def test_what_taking_back_leaves_by_rounding_is_not_below_0(workspace: Workspace) -> None:
    def row(actions: int, weight: float) -> Table:
        counts = {"actor": [1], "target": [2], "actions": [actions], "reactions": [0], "namings": [0]}
        weights = {name: [weight] for name in WEIGHTS}
        return ibis.memtable(pa.table({**counts, **weights, "day": [LAST - 1]}))

    nothing = row(0, 0.0).filter(False)
    state = State(row(2, 0.3).drop("day"), UNTIL)
    left = rolled(workspace, state, added=nothing, taken_back=row(1, 0.1 + 0.2), until=UNTIL, formula=Parameters())
    assert rows(workspace, left) == {(1, 2): [1, 0, 0, 0.0, 0.0, 0.0, 0.0]}
