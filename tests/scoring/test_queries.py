"""What pages and the API read: one run, whole; nobody named whom the viewer may not see; a fixed number of queries."""

from datetime import timedelta

import pytest

from accounts.models import Person, User
from scoring import queries
from scoring.engine import score as engine_score
from scoring.models import ScoreRun
from scoring.queries import HistoryPoint, SupportLine, TopicLine
from tests.asked import tables_asked
from tests.factories.scoring import (
    FormulaFactory,
    ScoreFactory,
    ScoreRunFactory,
    SupportFactory,
    TopicFactory,
    TopicReachFactory,
    current_run,
)
from tests.scoring.people import NOW, brand_user, claimed, unclaimed

pytestmark = pytest.mark.django_db


def test_a_score_of_one_number_is_the_engines() -> None:
    for reach in (0.0, 0.3, 1.0, 420.5, 9_999_999.0, 10_000_000.0, 3e9):
        assert queries.score_of(reach, 1e7) == pytest.approx(float(engine_score(reach, 1e7)), rel=1e-12)


@pytest.mark.parametrize(
    ("percentile", "shown"), [(99.36, 99.3), (99.99, 99.9), (100.0, 99.9), (99.0, 99.0), (50.55, 50.5), (0.04, 0.0)]
)
def test_a_percentile_is_rounded_down_and_never_to_all(percentile: float, shown: float) -> None:
    assert queries.shown_percentile(percentile) == shown


def test_before_the_first_run_there_is_no_card_and_no_history() -> None:
    person = claimed("ann")
    ScoreFactory.create(person=person, run=ScoreRunFactory.create())
    assert queries.current_run() is None
    assert queries.profile(person) is None
    assert queries.history(person) == []


def test_somebody_without_a_row_in_the_run_has_no_card() -> None:
    person, run = claimed("ann"), current_run()
    assert queries.profile(person, run) is None


def test_the_card_is_of_the_current_run_with_its_band_as_scores_too() -> None:
    person, run = claimed("ann"), current_run()
    ScoreFactory.create(person=person, run=ScoreRunFactory.create(), score=90.0)
    ScoreFactory.create(
        person=person,
        run=run,
        score=43.4,
        reach=1000.0,
        forecast=1300.0,
        low=100.0,
        high=10_000.0,
        percentile=91.5,
        taken_unvouched=200.0,
        taken_exchange=60.0,
        taken_absence=40.0,
        alive=0.9,
        credibility=0.8,
        supporters=7,
        original_share=None,
    )
    card = queries.profile(person)
    assert card is not None
    assert (card.person, card.run, card.as_of, card.formula) == (person, run, run.as_of, run.formula.version)
    assert (card.score, card.reach, card.forecast, card.low, card.high) == (43.4, 1000.0, 1300.0, 100.0, 10_000.0)
    assert (round(card.low_score, 1), round(card.high_score, 1), card.percentile) == (29.3, 57.6, 91.5)
    assert [(part.reason, part.people) for part in card.taken_off] == [
        ("unvouched", 200.0),
        ("exchange", 60.0),
        ("indiscriminate", 0.0),
        ("repetition", 0.0),
        ("absence", 40.0),
    ]
    assert (card.alive, card.credibility, card.original_share) == (0.9, 0.8, None)


@pytest.mark.parametrize(("supporters", "enough"), [(0, False), (2, False), (3, True)])
def test_two_supporters_are_not_enough_seen(supporters: int, enough: bool) -> None:
    person, run = claimed("ann"), current_run()
    ScoreFactory.create(person=person, run=run, supporters=supporters)
    card = queries.profile(person)
    assert card is not None
    assert card.enough_seen is enough


def test_own_topics_come_first_then_others_by_reach_of_the_same_run() -> None:
    person, run = claimed("ann"), current_run()
    ScoreFactory.create(person=person, run=run)
    for slug, reach, below, lift, rank in (
        ("rail", 20.0, 20.0, 3.0, 2),
        ("food", 0.0, 70.0, 1.1, None),
        ("tea", 4.0, 5.0, 9.0, 1),
        ("news", 3.0, 90.0, None, None),
    ):
        topic = TopicFactory.create(slug=slug, name=slug)
        TopicReachFactory.create(
            person=person, run=run, topic=topic, reach=reach, reach_with_below=below, lift=lift, rank=rank
        )
    TopicReachFactory.create(person=person, run=ScoreRunFactory.create(), reach=900.0)
    card = queries.profile(person)
    assert card is not None
    assert card.topics == (
        TopicLine("tea", "tea", 5.0, 36.0, 9.0, 1),
        TopicLine("rail", "rail", 20.0, 36.0, 3.0, 2),
        TopicLine("news", "news", 90.0, 36.0, None, None),
        TopicLine("food", "food", 70.0, 36.0, 1.1, None),
    )


def _supported_world() -> tuple[Person, Person, Person, Person]:
    person, run = claimed("ann"), current_run()
    ScoreFactory.create(person=person, run=run, supporters=50)
    seen, closed, hidden = claimed("seen"), unclaimed("closed"), claimed("hidden", is_hidden=True)
    for reach, other in ((0.3, seen), (0.9, closed), (0.6, hidden)):
        SupportFactory.create(run=run, supporter=other, supported=person, reach=reach, actions=4)
        SupportFactory.create(run=run, supporter=person, supported=other, reach=reach / 2, actions=2)
    return person, seen, closed, hidden


def test_supporters_whom_nobody_may_see_are_counted_and_not_named() -> None:
    person, seen, _closed, _hidden = _supported_world()
    card = queries.profile(person)
    assert card is not None
    assert card.supporters == (SupportLine(seen, 0.3, 4),)
    assert (card.supporters_count, card.supporters_others) == (50, 49)
    assert card.supported == (SupportLine(seen, 0.15, 2),)
    assert (card.supported_others, card.supported_complete) == (2, True)


def test_a_brand_sees_unclaimed_supporters_and_an_operator_all_of_them() -> None:
    person, seen, closed, hidden = _supported_world()
    by_brand = queries.profile(person, viewer=brand_user())
    by_operator = queries.profile(person, viewer=User.objects.create_superuser("root"))
    assert by_brand is not None
    assert by_operator is not None
    assert [line.person for line in by_brand.supporters] == [closed, seen]
    assert [line.person for line in by_operator.supporters] == [closed, hidden, seen]


def test_the_supported_are_a_lower_bound_once_as_many_lines_as_are_kept_exist() -> None:
    person = claimed("ann")
    run = current_run()
    run.formula.parameters["supports_kept"] = 3
    ScoreFactory.create(person=person, run=run)
    for n in range(3):
        SupportFactory.create(run=run, supporter=person, supported=unclaimed(f"far{n}"))
    card = queries.profile(person, run)
    assert card is not None
    assert (card.supported, card.supported_others, card.supported_complete) == ((), 3, False)


def test_a_card_takes_four_queries_whatever_it_holds() -> None:
    person, run = claimed("ann"), current_run()
    ScoreFactory.create(person=person, run=run)
    four = [
        "scoring_score",  # the row
        "scoring_support",  # supporters, with who they are
        "scoring_support",  # supported, likewise
        "scoring_topicreach",  # with the topics
    ]
    for _twice in range(2):
        for n in range(6):
            TopicReachFactory.create(person=person, run=run)
            SupportFactory.create(run=run, supporter=claimed(f"in{_twice}{n}"), supported=person)
            SupportFactory.create(run=run, supporter=person, supported=claimed(f"out{_twice}{n}"))
        with tables_asked() as asked:
            queries.profile(person, run)
        assert asked == four
    with tables_asked() as asked:
        queries.profile(person)
    assert asked == ["scoring_scorerun", *four]


def _point(person: Person, run: ScoreRun, score: float) -> HistoryPoint:
    ScoreFactory.create(person=person, run=run, score=score)
    return HistoryPoint(run.as_of, score, 900.0, run.formula.version)


def test_history_ascends_ends_with_the_current_run_and_keeps_the_newest_at_a_limit() -> None:
    person, formula = claimed("ann"), FormulaFactory.create(is_current=True, created_at=NOW)
    runs = [ScoreRunFactory.create(formula=formula, as_of=NOW + timedelta(days=d)) for d in (3, 1, 2)]
    points = {run.as_of: _point(person, run, 10.0 + n) for n, run in enumerate(runs)}
    now = _point(person, current_run(formula=formula, as_of=NOW + timedelta(days=4)), 20.0)
    # Computed ahead of what readers see.
    _point(person, ScoreRunFactory.create(formula=formula, as_of=NOW + timedelta(days=5)), 30.0)
    expected = [points[NOW + timedelta(days=d)] for d in (1, 2, 3)] + [now]
    assert queries.history(person) == expected
    assert queries.history(person, limit=2) == expected[-2:]
    assert queries.history(claimed("bob")) == []


def test_history_shows_what_readers_saw_then_and_no_shadows() -> None:
    person = claimed("ann")
    old, new, shadow = (FormulaFactory.create(created_at=NOW + timedelta(days=d)) for d in (0, 5, 9))
    day = {d: NOW + timedelta(days=d) for d in range(20, 24)}
    first = _point(person, ScoreRunFactory.create(formula=old, as_of=day[20]), 10.0)
    _point(person, ScoreRunFactory.create(formula=new, as_of=day[20], is_shadow=True), 15.0)
    _point(person, ScoreRunFactory.create(formula=shadow, as_of=day[21], is_shadow=True), 16.0)
    _point(person, ScoreRunFactory.create(formula=old, as_of=day[22]), 11.0)  # before the formula changed that day
    last = _point(person, current_run(formula=new, as_of=day[22]), 17.0)
    assert queries.history(person) == [first, last]


def test_history_leaves_out_runs_that_did_not_finish() -> None:
    person, formula = claimed("ann"), FormulaFactory.create(is_current=True, created_at=NOW)
    for state, days in (("running", 1), ("failed", 2)):
        _point(person, ScoreRunFactory.create(formula=formula, as_of=NOW + timedelta(days=days), state=state), 5.0)
    now = _point(person, current_run(formula=formula, as_of=NOW + timedelta(days=3)), 20.0)
    assert queries.history(person) == [now]


def test_history_takes_one_query_whatever_its_length() -> None:
    person, formula = claimed("ann"), FormulaFactory.create(created_at=NOW)
    run = current_run(formula=formula, as_of=NOW + timedelta(days=50))
    for n in range(6):
        _point(person, ScoreRunFactory.create(formula=formula, as_of=NOW + timedelta(days=n)), 5.0)
        with tables_asked() as asked:
            queries.history(person, run=run)
        assert asked == ["scoring_score"]
