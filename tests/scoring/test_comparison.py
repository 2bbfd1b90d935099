"""Two runs held against each other."""

from datetime import UTC, datetime

import numpy as np
import pytest
from django.contrib.auth.models import AnonymousUser
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from scoring.comparison import Difference, Pair, change_between, change_of, compared, differences, movers, newest_pair
from tests.asked import tables_asked
from tests.factories.accounts import PersonFactory, UserFactory
from tests.factories.scoring import FormulaFactory, ScoreFactory, ScoreRunFactory, current_run

APRIL_1 = datetime(2026, 4, 1, tzinfo=UTC)
SCORES = st.lists(st.tuples(*[st.sampled_from([1.0, 9.5, 10.0, 43.25, 99.0, 100.0])] * 2), min_size=2, max_size=40)


def pair_of(*scores: tuple[float, float]) -> Pair:
    """Return two runs with a person for each two scores."""
    before = current_run(as_of=APRIL_1)
    after = ScoreRunFactory.create(as_of=APRIL_1, formula=FormulaFactory.create(), is_shadow=True)
    for was, score in scores:
        person = PersonFactory.create()
        ScoreFactory.create(run=before, person=person, score=was)
        ScoreFactory.create(run=after, person=person, score=score)
    return Pair(before, after)


def test_a_change_by_hand() -> None:
    change = change_of(np.array([1.0, 5.0, 20.0, 25.0, 100.0]), np.array([1.0, 5.04, 24.0, 19.0, 98.0]))
    assert (change.people, change.unmoved, change.rise, change.fall) == (5, 2, 1, 2)
    assert change.mean_absolute == pytest.approx((0.04 + 4 + 6 + 2) / 5)
    assert change.rank_correlation == pytest.approx(0.9)  # 1 - 6 * (1 + 1) / (5 * 24)
    assert change.shown_rank_correlation == 0.9
    assert change.deciles[4] == pytest.approx(0.0)
    assert [(b.low, b.people, b.rise, b.fall) for b in change.buckets] == [(0, 2, 0, 0), (20, 2, 1, 1), (90, 1, 0, 1)]
    assert [b.median for b in change.buckets] == pytest.approx([0.02, -1.0, -2.0])
    # Nearly 6 points at most: bars of one point, from -10 to 10.
    assert len(change.bars) == 21
    assert {(bar.low, bar.high): bar.people for bar in change.bars if bar.people} == {
        (-6.5, -5.5): 1,
        (-2.5, -1.5): 1,
        (3.5, 4.5): 1,
    }


def test_nobody_and_nobody_who_moves() -> None:
    nobody = change_of(np.array([]), np.array([]))
    assert (nobody.people, nobody.deciles, nobody.bars, nobody.buckets) == (0, (), (), ())
    same = change_of(np.array([3.0, 3.0]), np.array([3.0, 3.0]))
    assert (same.rank_correlation, same.bars, same.unmoved) == (None, (), 2)


@given(SCORES)
def test_everybody_is_counted_once_and_ranks_are_as_scipy_has_them(scores: list[tuple[float, float]]) -> None:
    before, after = np.array(scores).T
    change = change_of(before, after)
    assert change.rise + change.fall + change.unmoved == change.people == len(scores)
    assert sum(bar.people for bar in change.bars) == change.rise + change.fall
    assert sum(bucket.people for bucket in change.buckets) == len(scores)
    if change.rank_correlation is None:
        assert min(np.ptp(before), np.ptp(after)) == 0
    else:
        assert change.rank_correlation == pytest.approx(spearmanr(before, after).statistic)


def test_only_people_of_both_runs_are_compared_in_one_query(db: None) -> None:
    pair = pair_of((10.0, 12.0), (50.0, 50.0))
    ScoreFactory.create(run=pair.before)
    ScoreFactory.create(run=pair.after)
    ScoreFactory.create(run=ScoreRunFactory.create(), person=PersonFactory.create())
    with tables_asked() as asked:
        change = change_between(pair)
    assert asked == ["scoring_score"]
    assert (change.people, change.rise, change.fall) == (2, 1, 0)
    assert sorted(compared(pair).values_list("before", "score", "change")) == [(10.0, 12.0, 2.0), (50.0, 50.0, 0.0)]


def test_the_biggest_movers_are_those_whom_the_viewer_may_see(db: None) -> None:
    pair = pair_of((10.0, 30.0), (10.0, 25.0), (40.0, 20.0), (40.0, 39.0), (50.0, 50.01))
    hidden = compared(pair).order_by("-change")[0].person
    type(hidden).objects.filter(pk=hidden.pk).update(is_hidden=True)
    operator, manager = UserFactory.create(is_superuser=True), UserFactory.create()
    rising, falling = movers(pair, operator)
    assert [row.change for row in rising] == [20.0, 15.0]
    assert [row.change for row in falling] == [-20.0, -1.0]
    assert movers(pair, manager) == movers(pair, AnonymousUser()) == ([], [])
    person = falling[0].person
    person.user, person.claimed_at, person.claimed_via = manager, APRIL_1, "operator"
    person.save()
    assert [row.person for row in movers(pair, AnonymousUser())[1]] == [person]


def test_the_newest_moment_that_both_have_is_compared(db: None) -> None:
    pair = pair_of((10.0, 12.0))
    trial = pair.after.formula
    assert newest_pair(trial) == pair
    other = ScoreRunFactory.create(formula=trial, as_of=datetime(2026, 4, 5, tzinfo=UTC), is_shadow=True)
    ScoreFactory.create(run=other)
    assert newest_pair(trial) == pair, "nothing that counted stands beside it"
    beside = ScoreRunFactory.create(formula=FormulaFactory.create(), as_of=other.as_of, is_shadow=True)
    assert newest_pair(trial) == pair, "another shadow doesn't count"
    type(beside).objects.filter(pk=beside.pk).update(is_shadow=False)
    assert newest_pair(trial) == Pair(beside, other)


def test_parameters_that_differ(db: None) -> None:
    old = FormulaFactory.create(parameters={"version": "a", "kappa": 0.3, "gone": 1}, fingerprint="x")
    new = FormulaFactory.create(parameters={"version": "b", "kappa": 0.1, "added": 2}, fingerprint="x")
    assert differences(old, new) == [
        Difference("added", None, 2),
        Difference("gone", 1, None),
        Difference("kappa", 0.3, 0.1),
    ]
    assert differences(old, old) == []
