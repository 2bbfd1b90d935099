"""What the resting received, kept from night to night, against what all days at once say."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from scoring.engine import OWNERS, POSTS, RESTS, Parameters
from scoring.engine.activity import activity
from scoring.engine.arrays import Ints
from scoring.engine.daily import WEIGHTS, summaries
from scoring.engine.gains import gains
from scoring.engine.inputs import INTERACTIONS
from scoring.engine.pairs import pairs_of
from scoring.engine.people import People
from scoring.engine.received import (
    Received,
    carried_on,
    first_day,
    involving,
    read_received,
    received_by,
    resting_accounts,
    together,
    write_received,
)
from scoring.engine.rests import rests, spells
from scoring.engine.state import State
from scoring.engine.tables import Table, Workspace
from tests.scoring.engine.test_state import FORMULAS, LAST, NIGHTS, Act, Nights, acts, at_once, by_pair, days_of
from tests.scoring.engine.worlds import DAY, UNTIL, World, rows

NOBODY: Ints = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Declared:
    """A rest of whole days, known from one night on and until before another."""

    person: int
    first: int
    last: int
    known_from: int
    known_until: int

    def row(self) -> tuple[int, int, int]:
        return self.person, (LAST - self.first) * DAY, (LAST - self.last) * DAY


@st.composite
def declared(draw: st.DrawFn) -> Declared:
    first = draw(st.integers(0, 6))
    night = st.integers(LAST - NIGHTS + 1, LAST + 1)
    # Person 9 has accounts 1 and 2 while they are merged.
    person = draw(st.sampled_from([1, 2, 3, 9]))
    return Declared(person, first, draw(st.integers(-2, first)), draw(night), draw(night))


def known_at(all_declared: list[Declared], night: int) -> pa.Table:
    return rows(RESTS, [rest.row() for rest in all_declared if rest.known_from <= night < rest.known_until])


def log_of(workspace: Workspace, world: World, accounts: Ints, until: int, formula: Parameters) -> Received:
    """Read accounts anew from the log, as a night does."""
    inputs = world.inputs()
    events = workspace.connection.to_pyarrow(involving(workspace, rows(INTERACTIONS, world.acts), accounts))
    seen = activity(workspace, replace(inputs, interactions=events, posts=POSTS.empty_table(), until=until))
    pairs = summaries(workspace, seen, until=until, formula=formula).pairs
    return received_by(workspace, pairs, accounts, until=until, formula=formula)


def rested_pairs(
    workspace: Workspace, state: State, received: Table, resting: pa.Table, owners: pa.Table, formula: Parameters
) -> dict[str, dict[tuple[int, int], float]]:
    people = People.of(workspace, state, owners)
    rested = spells(rests(resting, people.numbers, UNTIL), state.began or LAST, UNTIL)
    found = pairs_of(workspace, state, people, formula, gains(workspace, received, rested, people, formula))
    pairs, numbers = found.pairs, people.numbers.tolist()
    values = {"weight": pairs.weight, "free": pairs.free, "weight_calendar": pairs.weight_calendar}
    return {name: by_pair(pairs, numbers, of_pairs) for name, of_pairs in values.items()}


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@example(
    arrivals=[((UNTIL - 3 * DAY - 3600, "like", 2, 1, None, "demo"), 2)],
    all_declared=[Declared(1, 2, 0, LAST - 2, LAST + 1)],
    merged=(LAST + 1, LAST + 1),
    formula=FORMULAS[0],
    erased=5,
).via("what came before a rest becomes known while it lasts")
@example(
    arrivals=[((UNTIL - 4 * DAY - 3600, "like", 3, account, None, "demo"), 0) for account in (1, 2)],
    all_declared=[Declared(9, 3, 0, LAST - 3, LAST + 1), Declared(1, 3, 0, LAST - 3, LAST + 1)],
    merged=(LAST - 1, LAST + 1),
    formula=FORMULAS[2],
    erased=5,
).via("an account comes to somebody who rests")
@given(
    arrivals=st.lists(st.tuples(acts(), st.integers(0, 3)), min_size=10, max_size=40),
    all_declared=st.lists(declared(), min_size=1, max_size=4),
    merged=st.tuples(st.integers(LAST - NIGHTS, LAST + 1), st.integers(LAST - NIGHTS, LAST + 1)),
    formula=st.sampled_from(FORMULAS),
    erased=st.integers(1, 5),
)
def test_rests_over_nights_are_rests_over_all_days(
    arrivals: list[tuple[Act, int]],
    all_declared: list[Declared],
    merged: tuple[int, int],
    formula: Parameters,
    erased: int,
) -> None:
    """Rests are declared before, during and after the fact, and taken back; two accounts become one person and part."""

    def came(night: int) -> list[Act]:
        return [act for act, delay in arrivals if min(act[0] // DAY + 1 + delay, LAST) == night]

    def owners_at(night: int) -> pa.Table:
        return rows(OWNERS, [(1, 9), (2, 9)] if merged[0] <= night < merged[1] else [])

    with Workspace() as workspace:
        nights = Nights(workspace, formula)
        kept = Received(received_by(workspace, nights.added.pairs, NOBODY, until=UNTIL, formula=formula).rows, NOBODY)
        for night in range(LAST - NIGHTS + 1, LAST + 1):
            nights.take(night * DAY, came(night), [])
            wanted = resting_accounts(
                known_at(all_declared, night), owners_at(night), until=night * DAY, formula=formula
            )
            carried = carried_on(
                workspace,
                kept,
                wanted,
                changed=nights.changed,
                added=nights.added.pairs,
                until=night * DAY,
                formula=formula,
            )
            new = np.setdiff1d(wanted, carried.accounts)
            kept = together(carried, log_of(workspace, nights.known, new, night * DAY, formula))
            assert kept.accounts.tolist() == wanted.tolist()

        resting, owners = known_at(all_declared, LAST), owners_at(LAST)
        expected, days = at_once(workspace, nights.known, formula), days_of(workspace, nights.known, formula, UNTIL)
        args: Any = (resting, owners, formula)
        found = rested_pairs(workspace, nights.state, kept.rows, *args)
        assert_same(found, rested_pairs(workspace, expected, days.pairs, *args))
        assert all(found["weight"][pair] >= value for pair, value in found["weight_calendar"].items())

        gone = np.array([erased])
        others = replace(nights.known, acts=[act for act in nights.known.acts if erased not in act[2:4]])
        expected, days = at_once(workspace, others, formula), days_of(workspace, others, formula, UNTIL)
        without = replace(nights.state.without(gone), began=expected.began)
        left = kept.rows.filter(kept.rows.actor != erased, kept.rows.target != erased)
        assert_same(rested_pairs(workspace, without, left, *args), rested_pairs(workspace, expected, days.pairs, *args))


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, values in expected.items():
        assert found[name].keys() == values.keys(), name
        assert found[name] == pytest.approx(values, abs=1e-9), name


def test_whose_rests_matter() -> None:
    formula = Parameters()
    oldest = first_day(UNTIL, formula)
    assert LAST - oldest == 1200
    declared = [
        (7, UNTIL - DAY, UNTIL + DAY),
        (8, UNTIL, UNTIL + DAY),  # is to come
        (9, (oldest - 5) * DAY, oldest * DAY),  # long ago
        (10, (oldest - 5) * DAY, oldest * DAY + 1),
        (11, UNTIL - DAY, UNTIL - DAY),  # no time at all
    ]
    owners = rows(OWNERS, [(1, 7), (2, 7), (3, 8), (4, 9), (5, 11)])
    found = resting_accounts(rows(RESTS, declared), owners, until=UNTIL, formula=formula)
    # An account without an owner is its own person.
    assert found.tolist() == [1, 2, 7, 10]


def test_what_was_received_is_written_and_read(tmp_path: Path) -> None:
    world = World()
    for actor in (2, 3):
        world.act("like", actor, 1, 3)
    with Workspace() as workspace:
        assert read_received(workspace, tmp_path, NOBODY).accounts.size == 0
        accounts = np.array([1, 4])
        before = log_of(workspace, world, accounts, UNTIL, Parameters())
        write_received(workspace, before, tmp_path)
        after = read_received(workspace, tmp_path, np.array([3]))
        assert after.accounts.tolist() == [1, 4]
        assert workspace.arrays(after.rows)["actor"].tolist() == [2]


def test_a_day_that_is_taken_in_again_takes_its_own_place() -> None:
    def pairs(*found: tuple[int, int, int]) -> Any:
        columns = {name: [row[place] for row in found] for place, name in enumerate(("actor", "target", "day"))}
        return ibis.memtable(pa.table(columns | {name: [1.0] * len(found) for name in WEIGHTS}))

    with Workspace() as workspace:
        before = Received(pairs((2, 1, LAST - 2), (2, 1, LAST - 1), (2, 3, LAST - 2)), np.array([1, 3]))
        after = carried_on(
            workspace,
            before,
            np.array([1, 5]),
            changed={LAST - 1},
            added=pairs((4, 1, LAST - 1), (4, 3, LAST - 1), (4, 5, LAST - 1)),
            until=UNTIL,
            formula=Parameters(),
        )
        # Of 5 earlier days aren't there: it is to be read from the log.
        assert after.accounts.tolist() == [1]
        found = workspace.arrays(after.rows.order_by("day"))
        assert (found["actor"].tolist(), found["day"].tolist()) == ([2, 4], [LAST - 2, LAST - 1])
