"""Own topics: worked by hand, and what must hold whatever the numbers."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.engine.lift import Lifts, own_topics

NOTHING = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def lifts(
    rows: Sequence[tuple[int, int, float]], total: Sequence[float], above: Sequence[tuple[int, int]] | None = None
) -> Lifts:
    person, topic, reach = (np.array(column) for column in zip(*rows, strict=True))
    lines = np.array(above, dtype=np.int64).reshape(-1, 2) if above else None
    return own_topics(
        person,
        topic,
        reach.astype(float),
        np.array(total, dtype=float),
        NOTHING if lines is None else (lines[:, 0], lines[:, 1]),
        prior_people=3,
        lift_from=1.5,
        reach_from=1,
    )


def test_lift_by_hand() -> None:
    # Person 0 reaches 6 of 10 on topic 5, the others 4 of 30.
    found = lifts([(0, 5, 6), (1, 5, 4)], [10, 10, 20])
    mine, theirs = (4 + 3 * 10 / 40) / (30 + 3), (6 + 3 * 10 / 40) / (30 + 3)
    assert found.lift == pytest.approx([(6 + 3 * mine) / (13 * mine), (4 + 3 * theirs) / (13 * theirs)])
    assert found.rank.tolist() == [1, 1]


def test_what_is_everybodys_is_nobodys() -> None:
    rows = [(person, 1, 9.0) for person in range(4)] + [(0, 2, 4.0)]
    found = lifts(rows, [10] * 4)
    assert found.lift[:4] == pytest.approx([1, 1, 1, 1], abs=0.01)
    assert found.rank.tolist() == [0, 0, 0, 0, 1]


def test_nobody_is_their_own_measure() -> None:
    # Of all reach half is one person's; measured with themselves, a lift of 2 is the most they could ever have.
    found = lifts([(0, 1, 50), (1, 1, 1)], [100, 50, 50])
    assert found.lift[0] > 10
    assert found.rank.tolist() == [1, 0]


def test_a_tiny_reach_on_a_rare_topic_neither_leads_nor_counts_below_one() -> None:
    rows = [(0, 1, 40.0), (0, 2, 1.2), (0, 3, 0.9), *((person, 1, 20.0) for person in range(1, 5))]
    found = lifts(rows, [60, 100, 100, 100, 100])
    assert found.lift[1] > found.lift[0] > 1.5
    assert found.rank.tolist() == [1, 2, 0, 0, 0, 0, 0]


def test_a_topic_is_left_to_a_narrower_one_that_brings_half_of_it() -> None:
    others = [(1, 10, 1.0), (1, 11, 1.0)]
    total = [20, 100, 100]
    assert lifts([(0, 10, 10), (0, 11, 5), *others], total, [(11, 10)]).rank.tolist() == [0, 1, 0, 0]
    assert lifts([(0, 10, 10), (0, 11, 4.9), *others], total, [(11, 10)]).rank.tolist() == [1, 2, 0, 0]
    # Somebody else's narrower topic takes nothing.
    assert lifts([(0, 10, 10), (2, 11, 10), *others], total, [(11, 10)]).rank.tolist() == [1, 1, 0, 0]


def test_nothing_gives_nothing() -> None:
    found = own_topics(*NOTHING, np.zeros(0), np.zeros(3), NOTHING, prior_people=3, lift_from=1.5, reach_from=1)
    assert (found.lift.size, found.rank.size) == (0, 0)


@given(data=st.data(), people=st.integers(1, 6))
def test_order_and_numbers_of_people_do_not_matter(data: st.DataObject, people: int) -> None:
    total = data.draw(st.lists(st.floats(0.1, 1000), min_size=people, max_size=people))
    keys = data.draw(
        st.lists(st.tuples(st.integers(0, people - 1), st.integers(1, 4)), min_size=1, max_size=12, unique=True)
    )
    shares = data.draw(st.lists(st.floats(0.001, 1), min_size=len(keys), max_size=len(keys)))
    rows = [(person, topic, total[person] * share) for (person, topic), share in zip(keys, shares, strict=True)]
    lines = [(1, 2), (1, 4), (2, 4)]
    plain = lifts(rows, total, lines)
    assert (plain.lift > 0).all()
    assert np.isfinite(plain.lift).all()
    for person in range(people):
        ranks = sorted(rank for rank, row in zip(plain.rank.tolist(), rows, strict=True) if row[0] == person and rank)
        assert ranks == list(range(1, len(ranks) + 1))

    turned = lifts([(people - 1 - p, t, r) for p, t, r in rows[::-1]], total[::-1], lines)
    assert turned.lift[::-1] == pytest.approx(plain.lift, rel=1e-9)
    sure = abs(plain.lift - 1.5) > 1e-6
    if sure.all():
        assert turned.rank[::-1].tolist() == plain.rank.tolist()
