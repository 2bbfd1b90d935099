"""Versions of the formula: in shadow, planned, current from a date on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Person, User
from scoring import comparison, queries
from scoring.actions import (
    FormulaRefused,
    activate_formula,
    ensure_formula,
    runs,
    score,
    score_night,
    score_shadows,
    score_unfinished,
    set_shadow,
    withdraw_activation,
)
from scoring.actions.computing import compute_night
from scoring.actions.lock import run_lock
from scoring.engine import Result
from scoring.models import Activation, Formula, Score, ScoreRun, Support, TopicReach
from tests.factories.accounts import PersonFactory, UserFactory
from tests.factories.scoring import ActivationFactory, FormulaFactory, ScoreFactory, ScoreRunFactory
from tests.factories.scoring import current_run as make_current_run
from tests.scoring.conftest import NOW

DAYS = [datetime(2026, 4, day, tzinfo=UTC) for day in range(1, 8)]


@pytest.fixture
def operator(db: None) -> User:
    return UserFactory.create(is_superuser=True, is_staff=True)


def seen_in_shadow(formula: Formula, as_of: datetime = DAYS[0]) -> tuple[ScoreRun, ScoreRun]:
    """Return a run that readers see and the formula's as of the same moment, with one person's score each."""
    counted, shadow = (
        make_current_run(as_of=as_of),
        ScoreRunFactory.create(as_of=as_of, formula=formula, is_shadow=True),
    )
    person = PersonFactory.create()
    for run in (counted, shadow):
        ScoreFactory.create(run=run, person=person)
    return counted, shadow


def activate(formula: Formula, by: User, **given: Any) -> Activation:
    return activate_formula(
        **{"formula": formula, "current_from": DAYS[2], "note": "Less noise.", "by": by, "now": NOW, **given}
    )


def test_a_shadow_is_scored_beside_the_night_and_shown_to_nobody(known: Path, operator: User) -> None:
    night = score(as_of=DAYS[0], now=NOW)
    trial = FormulaFactory.create(version="trial")
    assert score_shadows(now=NOW) == "0 shadows scored, 0 failed"
    set_shadow(formula=trial, on=True, by=operator)
    assert score_shadows(now=NOW) == "1 shadows scored, 0 failed"

    shadow = ScoreRun.objects.get(formula=trial)
    assert (shadow.as_of, shadow.state, shadow.is_shadow, shadow.is_current) == (DAYS[0], "done", True, False)
    assert shadow.interactions == night.interactions
    assert ScoreRun.objects.current() == night
    assert Score.objects.filter(run=shadow).count() == 30
    assert not TopicReach.objects.filter(run=shadow).exists()
    assert not Support.objects.filter(run=shadow).exists()
    assert TopicReach.objects.filter(run=night).exists()
    person = Score.objects.filter(run=shadow).order_by("-score")[0].person
    assert [point.formula for point in queries.history(person)] == [night.formula.version]
    assert comparison.newest_pair(trial) == comparison.Pair(night, shadow)
    # The same night once more, and then none.
    assert score_shadows(now=NOW) == "0 shadows scored, 0 failed"
    set_shadow(formula=trial, on=False, by=operator)
    score(as_of=DAYS[1], now=NOW)
    assert score_shadows(now=NOW) == "0 shadows scored, 0 failed"


def test_the_next_shadow_begins_after_the_one_before_ended(known: Path, operator: User) -> None:
    score(as_of=DAYS[0], now=NOW)
    for version in ("one", "two"):
        set_shadow(formula=FormulaFactory.create(version=version), on=True, by=operator)

    assert score_shadows(now=NOW) == "2 shadows scored, 0 failed"

    one, two = ScoreRun.objects.filter(is_shadow=True).order_by("started_at")
    assert one.finished_at is not None
    assert NOW <= one.started_at < one.finished_at <= two.started_at


def test_a_shadow_that_fails_disturbs_no_night_and_is_tried_again(
    known: Path, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = score(as_of=DAYS[0], now=NOW)
    for version in ("broken", "sound"):
        set_shadow(formula=FormulaFactory.create(version=version), on=True, by=operator)

    def failing(**given: Any) -> Result:
        if given["run"].formula.version == "broken":
            raise MemoryError
        return compute_night(**given)

    monkeypatch.setattr(runs, "compute_night", failing)
    assert score_shadows(now=NOW) == "1 shadows scored, 1 failed"
    line = ScoreRun.objects.get(formula__version="broken")
    assert (line.state, line.is_shadow, line.attempts) == ("failed", True, 1)
    assert line.retry_at is not None
    assert score_shadows(now=NOW) == "0 shadows scored, 0 failed"
    assert ScoreRun.objects.current() == night
    # The next night isn't kept waiting by it: it is scored first, whichever is older.
    waiting = ScoreRun.objects.create(as_of=DAYS[1], formula=night.formula, started_at=NOW)
    order: list[str] = []

    def noting(**given: Any) -> Result:
        order.append(given["run"].formula.version)
        return compute_night(**given)

    monkeypatch.setattr(runs, "compute_night", noting)
    assert score_unfinished(now=NOW + timedelta(hours=1)) == "2 runs taken up, 0 failed again, 0 given up"
    assert order == [night.formula.version, "broken"]
    waiting.refresh_from_db()
    assert waiting.is_current
    line.refresh_from_db()
    assert (line.state, line.is_shadow) == ("done", True)


def test_shadows_wait_while_a_run_is_going_on(operator: User) -> None:
    assert score_shadows(now=NOW) == "there is no run to stand beside yet"
    make_current_run(as_of=DAYS[0])
    set_shadow(formula=FormulaFactory.create(), on=True, by=operator)
    with run_lock():
        assert score_shadows(now=NOW) == "another run is going on"
    assert not ScoreRun.objects.filter(is_shadow=True).exists()


def test_only_the_newest_shadows_keep_their_scores(known: Path, operator: User) -> None:
    trial = FormulaFactory.create(version="trial")
    person = Person.objects.get(handle="handle0")
    old = [ScoreRunFactory.create(formula=trial, as_of=day, is_shadow=True) for day in DAYS[:3]]
    history = ScoreRunFactory.create(formula=FormulaFactory.create(), as_of=DAYS[0])
    for run in (*old, history):
        ScoreFactory.create(run=run, person=person)
    score(as_of=DAYS[3], now=NOW, formula=trial)
    kept = {run.as_of for run in ScoreRun.objects.filter(formula=trial, scores__isnull=False)}
    assert kept == set(DAYS[1:4])
    assert Score.objects.filter(run=history).exists()
    # The ledger forgets nothing.
    assert ScoreRun.objects.filter(formula=trial).count() == 4


def test_a_planned_formula_begins_with_the_first_run_of_its_date_and_history_stays(known: Path, operator: User) -> None:
    first = score(as_of=DAYS[0], now=NOW)
    before = dict(Score.objects.filter(run=first).values_list("person", "score"))
    old = first.formula
    trial = FormulaFactory.create(version="trial", is_shadow=True)
    score_shadows(now=NOW)
    made = activate(trial, operator)
    assert (made.begun_at, made.made_by, made.unseen) == (None, operator, False)
    assert ensure_formula(NOW, as_of=DAYS[1]) == old

    second = score(as_of=DAYS[1], now=NOW)
    assert second.formula == old
    # A shadow of the very moment at which it begins, made by hand: the night still has to publish it.
    assert score(as_of=DAYS[2], now=NOW, formula=trial).is_shadow
    assert score_night(as_of=DAYS[2], now=NOW) == "30 people scored as of 2026-04-03 00:00 UTC"
    third = ScoreRun.objects.get(as_of=DAYS[2])
    assert (third.formula, third.is_current, third.is_shadow) == (trial, True, False)
    trial.refresh_from_db()
    assert (trial.is_current, trial.is_shadow) == (True, False)
    made.refresh_from_db()
    assert made.begun_at == NOW
    assert dict(Score.objects.filter(run=first).values_list("person", "score")) == before

    person = Score.objects.filter(run=third).order_by("-score")[0].person
    assert [(point.as_of, point.formula) for point in queries.history(person)] == [
        (DAYS[0], old.version),
        (DAYS[1], old.version),
        (DAYS[2], "trial"),
    ]
    # A moment of before is still the old one's, also when it is scored again.
    assert ensure_formula(NOW, as_of=DAYS[1]) == old
    again = score(as_of=DAYS[1], now=NOW)
    assert (again.pk, again.is_shadow, again.is_current) == (second.pk, False, False)


def test_a_formula_can_come_back(operator: User) -> None:
    old = FormulaFactory.create(is_current=True)
    new = FormulaFactory.create(version="new")
    ActivationFactory.create(formula=old, current_from=DAYS[0], begun_at=DAYS[0])
    activate(new, operator, unseen=True, current_from=DAYS[1])
    assert ensure_formula(NOW, as_of=DAYS[1]) == new
    activate(old, operator, unseen=True, current_from=DAYS[2])
    assert [ensure_formula(NOW, as_of=day) for day in DAYS[:4]] == [old, new, old, old]
    assert Formula.objects.get(is_current=True) == old


def test_what_an_engine_no_longer_knows_does_not_begin_and_does_not_count(operator: User) -> None:
    current = FormulaFactory.create(is_current=True)
    retired = FormulaFactory.create(parameters={"version": "test", "gone": 1}, fingerprint="x")
    ActivationFactory.create(formula=retired, current_from=DAYS[0], begun_at=DAYS[0])
    ActivationFactory.create(formula=current, current_from=DAYS[2], begun_at=DAYS[2])
    planned = ActivationFactory.create(formula=retired, current_from=DAYS[3])
    assert [ensure_formula(NOW, as_of=day) for day in DAYS[:5]] == [current] * 5
    planned.refresh_from_db()
    assert planned.begun_at is None
    # As when an upgrade takes the current one away: the engine's own begins then.
    Formula.objects.update(is_current=False)
    own = ensure_formula(NOW, as_of=DAYS[4])
    assert own.is_current
    assert Activation.objects.get(formula=own).current_from == NOW
    assert ensure_formula(NOW, as_of=DAYS[0]) == own


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"note": " "}, "Say what changes"),
        ({"current_from": DAYS[0]}, "published and stay: choose a later date"),
        ({"formula": "current"}, "is the current formula already"),
        ({"formula": "unknown"}, "doesn't know all parameters"),
        ({"formula": "unseen"}, "No run in shadow shows yet"),
        ({"by": "nobody"}, "You may not"),
    ],
)
def test_what_cannot_become_current(operator: User, given: dict[str, Any], message: str) -> None:
    trial = FormulaFactory.create()
    counted, _ = seen_in_shadow(trial)
    others: dict[str, Any] = {
        "current": counted.formula,
        "unknown": FormulaFactory.create(parameters={"gone": 1}, fingerprint="x"),
        "unseen": FormulaFactory.create(),
        "nobody": UserFactory.create(),
    }
    asked = {
        name: others[value] if isinstance(value, str) and value in others else value for name, value in given.items()
    }
    with pytest.raises(FormulaRefused, match=message):
        activate(asked.pop("formula", trial), asked.pop("by", operator), **asked)
    assert not Activation.objects.exists()


def test_one_formula_at_a_time_waits_for_its_date_and_can_be_withdrawn(operator: User) -> None:
    trial, other = FormulaFactory.create(version="trial"), FormulaFactory.create()
    seen_in_shadow(trial)
    activate(trial, operator)
    with pytest.raises(FormulaRefused, match="trial is to begin on 3 April 2026: withdraw that first"):
        activate(other, operator, unseen=True, current_from=DAYS[4])
    with pytest.raises(FormulaRefused, match="You may not"):
        withdraw_activation(formula=trial, by=UserFactory.create())
    assert withdraw_activation(formula=trial, by=operator)
    assert not withdraw_activation(formula=trial, by=operator)
    assert activate(other, operator, unseen=True).unseen


def test_the_database_keeps_the_ledger_of_formulas(operator: User) -> None:
    formula = FormulaFactory.create()
    begun = ActivationFactory.create(formula=formula, current_from=DAYS[0], begun_at=DAYS[0], made_by=operator)
    for change in (
        {"note": "other"},
        {"current_from": DAYS[1]},
        {"begun_at": None},
        {"formula": FormulaFactory.create()},
    ):
        with pytest.raises(IntegrityError, match="has begun"), transaction.atomic():
            Activation.objects.filter(pk=begun.pk).update(**change)
    with pytest.raises(IntegrityError, match="has begun"), transaction.atomic():
        begun.delete()
    ActivationFactory.create(current_from=DAYS[3])
    with pytest.raises(IntegrityError, match="activation_one_planned"), transaction.atomic():
        ActivationFactory.create(current_from=DAYS[4])
    with pytest.raises(IntegrityError, match="current_from"), transaction.atomic():
        ActivationFactory.create(current_from=DAYS[0], begun_at=DAYS[0])
    with pytest.raises(IntegrityError, match="formula_current_is_no_shadow"), transaction.atomic():
        FormulaFactory.create(is_current=True, is_shadow=True)
    with pytest.raises(IntegrityError, match="run_current_is_no_shadow"), transaction.atomic():
        make_current_run(is_shadow=True)
    # Who said so may leave.
    operator.delete()
    begun.refresh_from_db()
    assert begun.made_by is None


def test_who_may_run_in_shadow_and_how_many(operator: User) -> None:
    current = FormulaFactory.create(is_current=True)
    some = [FormulaFactory.create() for _ in range(4)]
    for formula in some[:3]:
        set_shadow(formula=formula, on=True, by=operator)
    set_shadow(formula=some[0], on=True, by=operator)
    for formula, message in (
        (some[3], "3 formulas run in shadow already"),
        (current, "it is computed each night anyway"),
        (FormulaFactory.create(parameters={"gone": 1}, fingerprint="x"), "doesn't know all parameters"),
    ):
        with pytest.raises(FormulaRefused, match=message):
            set_shadow(formula=formula, on=True, by=operator)
    with pytest.raises(FormulaRefused, match="may not"):
        set_shadow(formula=some[0], on=False, by=UserFactory.create())
    assert list(Formula.objects.shadows().order_by("pk")) == some[:3]


def test_finding_the_pair_takes_two_queries(operator: User) -> None:
    trial = FormulaFactory.create()
    assert comparison.newest_pair(trial) is None
    seen_in_shadow(trial)
    ScoreRunFactory.create(as_of=DAYS[3], formula=trial, is_shadow=True)  # its scores were dropped
    with CaptureQueriesContext(connection) as asked:
        pair = comparison.newest_pair(trial)
    assert len(asked) == 2
    assert pair is not None
    assert (pair.before.as_of, pair.after.formula) == (DAYS[0], trial)
