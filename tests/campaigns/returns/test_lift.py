"""The lift of a campaign: what it is, when it can be told, and what doesn't change it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.returns import LEAST_MENTIONS, Counts, Lift, lift


def counts(*pairs: tuple[float, float]) -> Counts:
    before, after = np.array(pairs, dtype=np.float64).T
    return Counts(before, after)


def measured(invited: Counts, holdout: Counts, **changed: float) -> Lift:
    days = {"days_before": 28.0, "days_after": 28.0} | changed
    return lift(invited, holdout, days_before=days["days_before"], days_after=days["days_after"], seed=1)


INVITED = counts((1, 4), (0, 3), (2, 6), (1, 5), (1, 2))
HOLDOUT = counts((1, 2), (2, 2), (0, 1), (1, 1), (1, 2), (1, 4))
people = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=5, max_size=12)


def test_a_case_worked_by_hand() -> None:
    found = measured(INVITED, HOLDOUT)

    # Before 5 / 5 = 1 and 6 / 6 = 1, after 20 / 5 = 4 and 12 / 6 = 2: the holdout gained 1, the invited 3.
    assert (found.invited, found.held_back, found.expected, found.per_person) == (5, 6, 2.0, 2.0)
    assert (found.total, found.relative) == (10.0, 1.0)
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < 2 < found.high
    assert (found.total_low, found.total_high) == (5 * found.low, 5 * found.high)
    assert found.is_told


def test_windows_of_different_lengths_are_compared_by_the_day() -> None:
    # Twice as long before: what came then counts by half.
    doubled = [Counts(2 * group.before, group.after) for group in (INVITED, HOLDOUT)]

    found = measured(*doubled, days_before=56)

    assert (found.expected, found.per_person, found.relative) == (2.0, 2.0, 1.0)


def test_the_seed_alone_decides_the_draws() -> None:
    # Of twice as many people, for five and six are drawn in 462 ways only, and each comes up.
    one, other = (Counts(np.tile(g.before, 2), np.tile(g.after, 2)) for g in (INVITED, HOLDOUT))
    assert measured(one, other) == measured(one, other)
    again = lift(one, other, days_before=28, days_after=28, seed=2)
    assert again != measured(one, other)
    assert again.low == pytest.approx(measured(one, other).low, abs=0.2)


@pytest.mark.parametrize(
    ("invited", "held_back", "days", "why"),
    [
        (40, 0, 28, "Nobody was held back: nothing says what would have come without the campaign."),
        (40, 4, 28, "Too few people: 4 held back, and fewer than 5 say nothing about others."),
        (4, 40, 28, "Too few people: 4 invited, and fewer than 5 say nothing about others."),
        (40, 5, 6, "Too early: 6 days can be compared, and fewer than 7 are no whole week."),
    ],
)
def test_why_nothing_can_be_said(invited: int, held_back: int, days: int, why: str) -> None:
    found = measured(counts(*[(1, 2)] * invited), Counts(np.ones(held_back), np.ones(held_back)), days_after=days)

    assert (found.low, found.high, found.is_told, found.why) == (None, None, False, why)


def test_what_nobody_mentioned_cant_be_told() -> None:
    found = measured(counts(*[(0, 0)] * 9), counts(*[(0, 0)] * 5))

    assert found.why == "Nobody mentioned it, neither before nor after, neither those invited nor those held back."
    assert (found.per_person, found.relative, found.low) == (0.0, None, None)


def test_a_few_mentions_tell_nothing() -> None:
    """Of nineteen one more or less decides; of twenty there is an interval, wide as it may be."""
    nineteen = measured(counts((0, 9), *[(0, 1)] * 5), counts(*[(0, 1)] * 5))
    twenty = measured(counts((0, 10), *[(0, 1)] * 5), counts(*[(0, 1)] * 5))

    assert nineteen.why.startswith("Too few mentions: 19 by all, before and after")
    assert (nineteen.low, nineteen.high, nineteen.is_told) == (None, None, False)
    assert twenty.low is not None


def test_what_may_be_chance_isnt_told() -> None:
    found = measured(counts((0, 1), (3, 0), (2, 4), (1, 1), (0, 2)), HOLDOUT)

    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high
    assert not found.is_told
    assert found.why.startswith("What was measured may be chance")


def test_equal_counts_arent_certain() -> None:
    # Three mentions each by chance of equals: no group is as steady as its own spread of nothing says.
    found = measured(counts(*[(3, 3)] * 20), counts(*[(3, 3)] * 5))

    assert found.low is not None
    assert found.low < -1


def test_a_larger_campaign_is_known_better() -> None:
    small, large = (
        measured(*(Counts(np.tile(g.before, n), np.tile(g.after, n)) for g in (INVITED, HOLDOUT))) for n in (1, 9)
    )

    assert small.low is not None
    assert large.low is not None
    assert small.high is not None
    assert large.high is not None
    assert large.high - large.low < (small.high - small.low) / 2


@settings(max_examples=30, deadline=None)
@given(people, people)
def test_what_an_interval_is(invited: list[tuple[int, int]], holdout: list[tuple[int, int]]) -> None:
    one, other = counts(*invited), counts(*holdout)
    found = measured(one, other)

    if found.low is None or found.high is None:
        assert np.concatenate([one.before, one.after, other.before, other.after]).sum() < LEAST_MENTIONS
        return
    assert found.low < found.high
    assert found.is_told == (found.low > 0 or found.high < 0)
    assert found.per_person == pytest.approx(one.after.mean() - found.expected)


@settings(max_examples=30, deadline=None)
@given(people, people, st.integers(1, 9))
def test_what_comes_to_everybody_isnt_the_campaigns(
    invited: list[tuple[int, int]], holdout: list[tuple[int, int]], more: int
) -> None:
    one, other = counts(*invited), counts(*holdout)

    raised = measured(*(replace(group, after=group.after + more) for group in (one, other)))

    assert raised.per_person == pytest.approx(measured(one, other).per_person, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(people, people)
def test_before_and_after_exchanged_is_the_opposite(
    invited: list[tuple[int, int]], holdout: list[tuple[int, int]]
) -> None:
    one, other = counts(*invited), counts(*holdout)

    there, back = measured(one, other), measured(*(Counts(group.after, group.before) for group in (one, other)))

    assert back.per_person == pytest.approx(-there.per_person, abs=1e-9)


def test_that_it_brings_more_to_those_with_more_is_no_error_of_it() -> None:
    """Doubled for each of forty: what they differ in before is no doubt of what they have more."""
    before = np.arange(100.0, 900.0, 20.0)
    holdout = Counts(before[::4], before[::4] + np.tile([1.0, -1.0], 5))
    doubled = measured(Counts(before, 2 * before), holdout)
    evenly = measured(Counts(before, before + before.mean()), holdout)

    assert doubled.per_person == pytest.approx(evenly.per_person)
    assert None not in (doubled.low, doubled.high, evenly.low, evenly.high)
    assert doubled.high - doubled.low < 1.3 * (evenly.high - evenly.low)  # type: ignore[operator]  # just asked


@pytest.mark.parametrize(
    ("invited", "days"),
    [
        (Counts(np.zeros(5), np.zeros(6)), 28.0),
        (Counts(np.zeros((5, 1)), np.zeros((5, 1))), 28.0),
        (Counts(np.full(5, -1.0), np.zeros(5)), 28.0),
        (INVITED, 0.0),
    ],
)
def test_what_cant_be_is_refused(invited: Counts, days: float) -> None:
    with pytest.raises(ValueError, match=r"window|person|nobody"):
        measured(invited, HOLDOUT, days_after=days)


def test_many_people_are_drawn_in_parts() -> None:
    generator = np.random.default_rng(1)
    rates = generator.gamma(1, 2, 5_500)
    before, after = generator.poisson(rates).astype(float), generator.poisson(rates * 1.5).astype(float)
    after[:5_000] += generator.poisson(1.0, 5_000)

    found = measured(Counts(before[:5_000], after[:5_000]), Counts(before[5_000:], after[5_000:]))

    assert found.is_told
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1.0 < found.high
