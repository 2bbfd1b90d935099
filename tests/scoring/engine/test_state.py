"""Sums that take in a day at a time against the same sums made at once."""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from scoring.engine import Parameters
from scoring.engine.activity import POST_DAYS, activity
from scoring.engine.daily import COUNTS, WEIGHTS, Days, summaries
from scoring.engine.pairs import Pairs, pairs_of
from scoring.engine.people import People, posting
from scoring.engine.state import TABLES, State, rolled, summed
from scoring.engine.tables import Table, Workspace
from scoring.engine.weights import forgotten
from tests.scoring.engine.worlds import DAY, UNTIL, World

LAST = UNTIL // DAY
NIGHTS = 4
FORMULAS = (
    Parameters(),
    Parameters(horizon_days=2),
    Parameters(burst_share=0.3, burst_half_life_days=0.5, half_life_days=3, return_hours=20, horizon_days=1),
)
KEYS = {"pairs": 2, "details": 5, "accounts": 1, "words": 2}

Act = tuple[int, str, int, int, int | None, str]
Post = tuple[int, int, int, str, str | None]


@st.composite
def acts(draw: st.DrawFn) -> Act:
    # Few accounts and hours, so that favours are returned on the day and over midnight.
    at = UNTIL - draw(st.integers(1, 3 * 24)) * 3600
    kind = draw(st.sampled_from(["like", "reply", "mention", "repost"]))
    post = draw(st.none() | st.integers(1, 3))
    return at, kind, draw(st.integers(1, 3)), draw(st.integers(1, 3)), post, "demo"


@st.composite
def posts(draw: st.DrawFn) -> Post:
    at = UNTIL - draw(st.integers(1, 3 * 24)) * 3600
    return draw(st.integers(1, 4)), at, draw(st.integers(1, 4)), draw(st.sampled_from(["reply", "reshare"])), None


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with Workspace() as opened:
        yield opened


def days_of(workspace: Workspace, world: World, formula: Parameters, until: int, days: set[int] | None = None) -> Days:
    seen = activity(workspace, replace(world.inputs(), until=until))
    found = summaries(workspace, seen, until=until, formula=formula, days=sorted(days) if days else None)
    return Days(*(workspace.keep(getattr(found, field.name)) for field in fields(found)))


def at_once(workspace: Workspace, world: World, formula: Parameters) -> State:
    return summed(workspace, activity(workspace, world.inputs()), until=UNTIL, formula=formula).kept(workspace)


def rows(workspace: Workspace, state: State, name: str = "pairs") -> dict[tuple[int, ...], list[float]]:
    found = [list(row.values()) for row in workspace.connection.to_pyarrow(state.tables()[name]).to_pylist()]
    return {tuple(row[: KEYS[name]]): row[KEYS[name] :] for row in found}


def same(workspace: Workspace, one: State, other: State) -> None:
    for name in TABLES:
        left, right = (rows(workspace, state, name) for state in (one, other))
        if name == "accounts":
            # Whoever was seen on a day that came to something else is remembered.
            left = {key: values for key, values in left.items() if any(values) or key in right}
        assert left.keys() == right.keys(), name
        for key, values in left.items():
            assert values == pytest.approx(right[key], abs=1e-9), (name, key)


def test_everybody_who_was_seen_has_a_row_and_who_posted_has_days(workspace: Workspace) -> None:
    world = World()
    world.act("like", 1, 2, 0.5)
    world.act("mention", 3, 3, 0.5)  # of oneself
    world.act("follow", 4, 5, 0.5)
    world.act("reply", 9, 1, 1.5)
    world.post(6, 2.5)
    world.post(7, 0.5, kind="reshare")
    post = world.post(8, 1.5)
    world.posted.append((post, UNTIL - DAY // 2, 8, "original", None))  # once more, on another day

    state = at_once(workspace, world, Parameters())
    nobody = {(account,): [0, 0] for account in (1, 2, 3, 4, 5, 9)}
    assert rows(workspace, state, "accounts") == nobody | {(6,): [1, 1], (7,): [1, 0], (8,): [2, 2]}
    days = {
        (account, word * 60 + place)
        for (account, word), (bits,) in rows(workspace, state, "words").items()
        for place in range(60)
        if int(bits) >> place & 1
    }
    assert days == {(9, LAST - 2), (6, LAST - 3), (8, LAST - 2), (8, LAST - 1)}


class Nights:
    """Take activity in night by night, as it becomes known, and keep what each day came to when it was taken in."""

    def __init__(self, workspace: Workspace, formula: Parameters) -> None:
        self.workspace, self.formula = workspace, formula
        nothing = at_once(workspace, World(), formula)
        self.state = replace(nothing, until=UNTIL - NIGHTS * DAY)
        self.taken: dict[int, Days] = {}
        self.known = World()
        self.changed: set[int] = set()
        self.added = days_of(workspace, World(), formula, UNTIL)

    def take(self, until: int, new_acts: list[Act], new_posts: list[Post]) -> None:
        self.known.acts += new_acts
        self.known.posted += new_posts
        # The topics of a post are in its text.
        self.known.topics += [(post, topic) for post, *_ in new_posts for topic in range(7, 7 + post % 3)]
        # What comes for a day changes it and the next; a post changes what acts on it were, for weeks.
        late = {at // DAY + after for at, *_ in new_acts for after in (0, 1)}
        late |= {post[1] // DAY + after for post in new_posts for after in range(POST_DAYS + 1)}
        today = until // DAY
        changed = {day for day in late if day < today} | set(range(self.state.until // DAY, today))
        added = days_of(self.workspace, self.known, self.formula, until, changed)
        back = [self.taken[day] for day in changed if day in self.taken]
        first = [round(moment / DAY - self.formula.horizon_days) for moment in (self.state.until, until)]
        left = [day for day in range(*first) if day in self.taken and day not in changed]
        self.state = rolled(
            self.workspace,
            self.state,
            added=added,
            taken_back=together(back) if back else None,
            no_longer_recent=together([self.taken[day] for day in left]).pairs if left else None,
            until=until,
            formula=self.formula,
        ).kept(self.workspace)
        self.changed, self.added = changed, added
        for day in changed:
            parts = (getattr(added, field.name) for field in fields(Days))
            self.taken[day] = Days(*(self.workspace.keep(part.filter(part.day == day)) for part in parts))


def together(days: list[Days]) -> Days:
    def union(name: str) -> Table:
        parts = [getattr(day, name) for day in days]
        return ibis.union(*parts) if len(parts) > 1 else parts[0]

    return Days(*(union(field.name) for field in fields(Days)))


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@example(
    arrivals=[
        ((UNTIL - 3 * DAY - 3600, "like", 1, 2, None, "demo"), 2),
        ((UNTIL - 3 * DAY, "like", 2, 1, None, "demo"), 0),
    ],
    posted=[],
    formula=FORMULAS[0],
    erased=3,
).via("an act comes two nights late that another had returned after midnight")
@example(
    arrivals=[((UNTIL - 2 * DAY, "reply", 1, 2, 3, "demo"), 0)],
    posted=[((3, UNTIL - 4 * DAY, 2, "reply", None), 3)],
    formula=FORMULAS[1],
    erased=3,
).via("a post becomes known days after it was answered")
@given(
    arrivals=st.lists(st.tuples(acts(), st.integers(0, 3)), min_size=10, max_size=40),
    posted=st.lists(st.tuples(posts(), st.integers(0, 3)), max_size=6, unique_by=lambda row: row[0][0]),
    formula=st.sampled_from(FORMULAS),
    erased=st.integers(1, 5),
)
def test_a_state_that_rolls_is_the_one_made_at_once(
    arrivals: list[tuple[Act, int]], posted: list[tuple[Post, int]], formula: Parameters, erased: int
) -> None:
    """All becomes known some days after it happened: at once, or late, or so late that it is the last night."""

    def came(rows: list[Any], night: int, place: int) -> list[Any]:
        return [row for row, delay in rows if min(row[place] // DAY + 1 + delay, LAST) == night]

    with Workspace() as workspace:
        nights = Nights(workspace, formula)
        for night in range(LAST - NIGHTS + 1, LAST + 1):
            nights.take(night * DAY, came(arrivals, night, 0), came(posted, night, 1))
        expected = at_once(workspace, nights.known, formula)
        same(workspace, nights.state, expected)
        assert (nights.state.events, nights.state.began) == (expected.events, expected.began)
        assert all(value >= 0 for values in rows(workspace, nights.state).values() for value in values)

        # An erased account's rows are its own: without them the sums are as if it had never been.
        gone = {post[0] for post in nights.known.posted if post[2] == erased}
        others = replace(
            nights.known,
            acts=[act for act in nights.known.acts if erased not in act[2:4]],
            posted=[post for post in nights.known.posted if post[2] != erased],
            topics=[row for row in nights.known.topics if row[0] not in gone],
        )
        without = nights.state.without(np.array([erased]))
        expected = at_once(workspace, others, formula)
        # That somebody was there to write to the erased is all that stays.
        left, right = (rows(workspace, state, "words") for state in (without, expected))
        assert all(int(left[key][0]) & int(bits) == bits for key, (bits,) in right.items())
        same(workspace, replace(without, words=expected.words), expected)


def test_a_late_act_that_was_returned_changes_the_next_day_too(workspace: Workspace) -> None:
    """1 likes 2 before midnight, 2 likes 1 after it: until the first is known, the second looks free."""
    second: Act = (UNTIL - DAY + 3600, "like", 2, 1, None, "demo")
    first: Act = (UNTIL - DAY - 3600, "like", 1, 2, None, "demo")
    formula = Parameters()
    free = (*COUNTS, *WEIGHTS).index("slow_free")
    alone = at_once(workspace, World(acts=[second]), formula)
    assert rows(workspace, alone)[2, 1][free] > 0.9
    both = at_once(workspace, World(acts=[first, second]), formula)
    assert rows(workspace, both)[2, 1][free] == 0
    only_its_day = days_of(workspace, World(acts=[first, second]), formula, UNTIL, {LAST - 2})
    assert [row["day"] for row in workspace.connection.to_pyarrow(only_its_day.pairs).to_pylist()] == [LAST - 2]


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    known=st.lists(acts(), max_size=30),
    posted=st.lists(posts(), max_size=5, unique_by=lambda row: row[0]),
    owners=st.dictionaries(st.integers(1, 3), st.integers(3, 6)),
)
def test_people_are_made_of_accounts_when_a_state_is_read(
    known: list[Act], posted: list[Post], owners: dict[int, int]
) -> None:
    """A merge, or its undoing, changes no row of a state: it is a row of the owners.

    Without returns, which are between accounts, nothing else tells the accounts of one person from one account.
    """
    with Workspace() as workspace:
        formula = Parameters()
        by_account = World(acts=known, posted=posted)
        seconds = [(act[0] + place, *act[1:]) for place, act in enumerate(known)]
        by_account.acts = seconds
        state = at_once(workspace, by_account, formula)
        people = People.of(workspace, state, World(owners=owners).inputs().owners)

        def person(account: int) -> int:
            return owners.get(account, account)

        # Whether an act is talk is told by posts of the account that it answers, not by its owner's other accounts.
        authors = {number: author for number, _, author, _, _ in posted}
        assume(
            all(
                authors.get(post, t) == t or person(authors[post]) != person(t)
                for _, _, _, t, post, _ in seconds
                if post is not None
            )
        )
        renamed = World(
            acts=[(at, kind, person(a), person(t), post, on) for at, kind, a, t, post, on in seconds if a != t],
            posted=[(number, at, person(author), kind, None) for number, at, author, kind, _ in posted],
        )
        # Acts between two accounts of one person are a sign of presence, and nothing else.
        alone = at_once(workspace, renamed, formula)
        theirs = People.of(workspace, alone, World().inputs().owners)
        found, expected = (
            (pairs_of(workspace, one, who, formula), posting(workspace, one, who), who.numbers.tolist())
            for one, who in ((state, people), (alone, theirs))
        )
        got, wanted = (
            [
                by_pair(made.pairs, who, values)
                for values in (
                    *(made.pairs.actions, made.answers.reactions, made.answers.namings),
                    *(made.pairs.weight, made.pairs.slow, made.recent.acted, made.recent.slow),
                )
            ]
            for made, _, who in (found, expected)
        )
        assert got == [pytest.approx(values) for values in wanted]
        for name in ("posts", "own"):
            counts = dict(zip(found[2], getattr(found[1], name).tolist(), strict=True))
            assert {p: n for p, n in counts.items() if n} == {
                p: n for p, n in zip(expected[2], getattr(expected[1], name).tolist(), strict=True) if n
            }


def by_pair(pairs: Pairs, numbers: list[int], values: Any) -> dict[tuple[int, int], float]:
    ends = zip(pairs.giver.tolist(), pairs.receiver.tolist(), strict=True)
    return {(numbers[a], numbers[b]): value for (a, b), value in zip(ends, values.tolist(), strict=True)}


def test_posting_days_of_two_accounts_are_one_persons(workspace: Workspace) -> None:
    world = World(owners={1: 9, 2: 9})
    for account, ago in ((1, 0.5), (2, 0.6), (1, 70.5), (2, 200.5), (3, 1.5)):
        world.post(account, ago)
    state = at_once(workspace, world, Parameters())
    people = People.of(workspace, state, world.inputs().owners)

    found = posting(workspace, state, people)

    assert people.numbers.tolist() == [3, 9]
    assert (found.posts.tolist(), found.days.tolist()) == ([1, 4], [1, 3])
    assert (found.first.tolist(), found.last.tolist()) == ([LAST - 2, LAST - 201], [LAST - 2, LAST - 1])


def test_pairs_that_weigh_next_to_nothing_are_forgotten(workspace: Workspace) -> None:
    formula = Parameters()
    world = World()
    world.act("like", 1, 2, 599.5)
    world.act("like", 1, 3, 600.5)
    world.act("like", 1, 4, 0.5)
    state = at_once(workspace, world, formula)

    assert sorted(rows(workspace, state)) == [(1, 2), (1, 4)]
    assert {key[:2] for key in rows(workspace, state, "details")} == {(1, 2), (1, 4)}
    nothing = days_of(workspace, World(), formula, UNTIL)
    night = rolled(workspace, state, added=nothing, until=UNTIL + DAY, formula=formula)
    assert sorted(rows(workspace, night)) == [(1, 4)]
    assert {key[:2] for key in rows(workspace, night, "details")} == {(1, 4)}
    assert rows(workspace, state)[1, 2][len(COUNTS)] > forgotten(formula)
    assert forgotten(formula) == 2.0**-20
    assert forgotten(Parameters(half_life_days=1)) == 2.0**-600


def test_a_state_does_not_go_back(workspace: Workspace) -> None:
    formula = Parameters()
    days = days_of(workspace, World(), formula, UNTIL)
    state = at_once(workspace, World(), formula)
    with pytest.raises(ValueError, match="can't go back"):
        rolled(workspace, state, added=days, until=UNTIL - DAY, formula=formula)


@pytest.mark.parametrize(("begin", "end"), [(UNTIL - 21 * 3600, UNTIL), (UNTIL - DAY, UNTIL - 21 * 3600)])
def test_a_state_rolls_from_midnight_to_midnight(workspace: Workspace, begin: int, end: int) -> None:
    formula = Parameters()
    days = days_of(workspace, World(), formula, UNTIL)
    state = replace(at_once(workspace, World(), formula), until=begin)
    with pytest.raises(ValueError, match="from midnight to midnight"):
        rolled(workspace, state, added=days, until=end, formula=formula)


def test_what_taking_back_leaves_by_rounding_is_not_below_0(workspace: Workspace) -> None:
    formula = Parameters()
    nothing = days_of(workspace, World(), formula, UNTIL)

    def day(actions: int, weight: float) -> Days:
        counts = {"actor": [1], "target": [2], "actions": [actions], "reactions": [0], "namings": [0]}
        weights = {name: [weight] for name in WEIGHTS}
        return replace(nothing, pairs=ibis.memtable(pa.table({**counts, **weights, "day": [LAST - 1]})))

    empty = at_once(workspace, World(), formula)
    state = rolled(workspace, empty, added=day(2, 0.3), until=UNTIL, formula=formula).kept(workspace)
    # .3 less (.1 + .2) is -5e-17; of three acts one is left, of the very least weight.
    one_more = rolled(workspace, state, added=day(1, 1.0), taken_back=day(2, 0.1 + 0.2), until=UNTIL, formula=formula)
    assert [min(values) for values in rows(workspace, one_more).values()] == [0]
    left = rolled(workspace, state, added=nothing, taken_back=day(2, 0.1 + 0.2), until=UNTIL, formula=formula)
    assert rows(workspace, left) == {}
