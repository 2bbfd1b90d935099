"""Accounts that act together: by hand, against a slow reference, and by what can't matter."""

from itertools import combinations
from math import log, sqrt
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from scoring.engine import InputError
from scoring.engine.arrays import Ints
from scoring.engine.coaction import Coaction, coaction

Rows = list[tuple[int, int, int]]


def arrays(rows: Rows) -> tuple[Ints, Ints, Ints]:
    actor, post, at = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return actor, post, at


def pairs_of(found: Coaction) -> dict[tuple[int, int], int]:
    ends = found.accounts[found.first].tolist(), found.accounts[found.second].tolist()
    return dict(zip(zip(*ends, strict=True), found.posts.tolist(), strict=True))


# Two who act on twelve posts within seconds, among forty who act on posts of all days at any time.
DICE = np.random.default_rng(1)
ALONE: Rows = [(int(a), int(p), int(t)) for a, p, t in DICE.integers(0, [40, 60, 86_400], (400, 3))]
TWO: Rows = [row for n in range(12) for row in ((101, n, 1000 * n), (102, n, 1000 * n + 7))]


def test_two_who_act_within_seconds_are_found_among_many_who_dont() -> None:
    found = coaction(*arrays(ALONE + TWO))

    assert pairs_of(found) == {(101, 102): 12}
    assert found.expected[0] < 0.1
    assert found.accounts[found.group == 0].tolist() == [101, 102]
    assert (found.group >= 0).sum() == 2


def test_the_same_two_hours_apart_are_not() -> None:
    late = [(a, p, t + (7200 if a == 102 else 0)) for a, p, t in TWO]

    assert pairs_of(coaction(*arrays(ALONE + late))) == {}
    assert pairs_of(coaction(*arrays(ALONE + late), window=7300)) == {(101, 102): 12}


def test_the_window_holds_its_end_and_no_second_more() -> None:
    rows = [(1, 5, 0), (2, 5, 60), (1, 6, 0), (2, 6, 61), (3, 7, 0)]

    found = coaction(*arrays(rows), fewest=1, similarity=0, chance=99)

    assert pairs_of(found) == {(1, 2): 1}


def test_an_account_acts_on_a_post_once() -> None:
    rows = [(1, 5, 0), (2, 5, 10), (2, 5, 20), (1, 5, 30), (3, 6, 0)]

    assert pairs_of(coaction(*arrays(rows), fewest=1, similarity=0, chance=99)) == {(1, 2): 1}


def test_a_crowd_is_nobodys_company() -> None:
    rows = [(account, post, account) for account in range(10) for post in range(3)]

    everybody = coaction(*arrays(rows), similarity=0, chance=999)
    nobody = coaction(*arrays(rows), similarity=0, chance=999, crowd=2)

    assert everybody.first.size == 45
    # Only the last ones aren't followed by more than two.
    assert pairs_of(nobody) == {(7, 8): 3, (7, 9): 3, (8, 9): 3}


def test_groups_are_numbered_by_size_and_then_by_account() -> None:
    rows = [
        (account, post + 10 * team, post * 1000 + account)
        for team, members in enumerate(([5, 6], [1, 9], [2, 3, 4]))
        for account in members
        for post in range(4)
    ]

    found = coaction(*arrays(rows), chance=99)

    assert dict(zip(found.accounts.tolist(), found.group.tolist(), strict=True)) == {
        1: 1, 9: 1, 2: 0, 3: 0, 4: 0, 5: 2, 6: 2,
    }  # fmt: skip


def test_nobody_acts() -> None:
    found = coaction(*arrays([]))

    assert found.accounts.size == found.first.size == found.group.size == 0


@pytest.mark.parametrize("wrong", [{"window": -1}, {"fewest": 0}, {"similarity": 1.5}, {"chance": 0.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="at least"):
        coaction(*arrays(TWO), **wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="as many of each"):
        coaction(np.arange(3), np.arange(2), np.arange(3))


def slowly(rows: Rows, *, window: int, fewest: int, similarity: float, chance: float) -> dict[tuple[int, int], int]:
    """Do the same by the definition, pair by pair."""
    first: dict[tuple[int, int], int] = {}
    for account, post, at in rows:
        first[account, post] = min(at, first.get((account, post), at))
    accounts = sorted({account for account, _post in first})
    posts = {a: {p for b, p in first if b == a} for a in accounts}
    df = {p: sum(p in posts[a] for a in accounts) for _a, p in first}
    shared = {
        (a, b): [p for p in posts[a] & posts[b] if abs(first[a, p] - first[b, p]) <= window]
        for a, b in combinations(accounts, 2)
    }
    any_shared = {pair: some for pair, some in shared.items() if some}
    slots, acts = sum(len(some) for some in shared.values()), len(first)
    rarity = {p: log(len(accounts) / df[p]) ** 2 for p in df}
    kept = {}
    for (a, b), some in any_shared.items():
        expected = 2 * slots * len(posts[a]) * len(posts[b]) / acts**2
        whole = sqrt(sum(rarity[p] for p in posts[a]) * sum(rarity[p] for p in posts[b]))
        cosine = sum(rarity[p] for p in some) / whole if whole else 0.0
        likely = float(poisson.sf(len(some) - 1, expected)) * len(any_shared) <= chance * (1 + 1e-12)
        if len(some) >= fewest and cosine >= similarity - 1e-12 and likely:
            kept[a, b] = len(some)
    return kept


ACTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(-100, 300)), max_size=40)


@given(ACTS)
def test_it_is_what_the_definition_says(rows: Rows) -> None:
    found = coaction(*arrays(rows), window=50, fewest=1, similarity=0.203, chance=1.07)

    assert pairs_of(found) == slowly(rows, window=50, fewest=1, similarity=0.203, chance=1.07)


@given(ACTS, st.randoms(use_true_random=False))
def test_order_and_the_hour_dont_matter(rows: Rows, turn: Random) -> None:
    other = [(a, p, t + 1_000_000) for a, p, t in rows]
    turn.shuffle(other)

    found, again = (coaction(*arrays(some), window=50, fewest=1, chance=1.07) for some in (rows, other))

    assert pairs_of(found) == pairs_of(again)
    assert np.array_equal(found.group, again.group)
    assert np.allclose(found.similarity, again.similarity, rtol=1e-12)
