"""How far a run is, as whoever runs the site sees it, and that a run goes on from what it had finished."""

from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Identity, User
from scoring.actions import filling, publishing, score, score_night, steps
from scoring.actions.lock import run_lock
from scoring.actions.results import FOLDER
from scoring.models import Score, ScoreRun
from scoring.queries.progress import is_run_going_on, run_progress
from tests.scoring.conftest import APRIL_1, APRIL_2, NOW
from tests.scoring.test_nights import TABLES

TOOK = [
    {"step": "topics of posts", "seconds": 10, "rows": 1000},
    {"step": "scoring", "seconds": 20, "rows": 400},
    {"step": "publishing", "seconds": 30, "rows": 3000},
]


def at(step: str, rows: int = 0, done: int = 0) -> ScoreRun:
    """Return a run that is at a step since `NOW`, after one that took as long as `TOOK` says."""
    earlier = score(as_of=APRIL_1, now=NOW)
    ScoreRun.objects.filter(pk=earlier.pk).update(notes={"steps": TOOK})
    progress = {"since": NOW.isoformat(), "rows": rows, "done": done}
    return ScoreRun.objects.create(as_of=APRIL_2, formula=earlier.formula, started_at=NOW, step=step, progress=progress)


@pytest.mark.parametrize(
    ("step", "rows", "done", "seconds", "rate", "left"),
    [
        ("topics of posts", 1000, 0, 4, 100, 6 + 20 + 30),
        # Twice the rows take twice as long; of later steps the rows aren't known yet.
        ("topics of posts", 2000, 0, 4, 100, 16 + 20 + 30),
        # Longer than it should have taken: nothing is left of this step.
        ("scoring: 3 days", 0, 0, 50, None, 30),
        # What is done already says more than what was.
        ("publishing", 4000, 1000, 20, 50, 60),
        ("something new", 10, 0, 5, None, None),
    ],
)
def test_time_left_is_told_by_the_last_run_and_by_what_is_done(
    known: Path, step: str, rows: int, done: int, seconds: int, rate: float | None, left: float | None
) -> None:
    found = run_progress(at(step, rows, done), NOW + timedelta(seconds=seconds))
    assert found is not None
    assert (found.step, found.seconds, found.rows, found.done) == (step, seconds, rows, done)
    assert found.rate == (None if rate is None else pytest.approx(rate))
    assert found.seconds_left == (None if left is None else pytest.approx(left))


def test_a_run_tells_how_long_its_steps_took(known: Path) -> None:
    run = score(as_of=APRIL_1, now=NOW)
    run.refresh_from_db()
    took = {step["step"]: step for step in run.notes["steps"]}
    assert list(took) == [
        *("moving activity to the log", "people", "topics of posts", "reading the whole log"),
        *("forecasting as of a horizon ago", "scoring", "listing supporters"),
        *("checking the forecast of a horizon ago", "splitting by topic and kind", "publishing"),
    ]
    assert all(step["seconds"] >= 0 for step in took.values())
    published = sum(model.objects.filter(run=run).count() for model in TABLES)
    assert took["publishing"]["rows"] == published
    assert took["reading the whole log"]["rows"] > run.interactions
    assert (run.step, run.progress) == ("", {})
    assert run_progress(run, NOW) is None


@pytest.mark.django_db(transaction=True)
def test_the_admin_shows_where_a_run_is_while_its_rows_are_written(
    known: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    score(as_of=APRIL_1, now=NOW)
    monkeypatch.setattr(steps, "PAUSE", 0)
    client.force_login(User.objects.create_superuser("operator"))
    list_ = reverse("admin:scoring_scorerun_changelist")
    assert "Refresh" not in client.get(list_).headers
    seen: dict[str, Any] = {}

    def look() -> None:
        page = client.get(list_)
        seen.setdefault("text", page.content.decode())
        seen.setdefault("refresh", page.headers.get("Refresh"))
        run = ScoreRun.objects.get(as_of=APRIL_2)
        change = client.get(reverse("admin:scoring_scorerun_change", args=[run.pk]))
        seen.setdefault("change", change.content.decode())
        connection.close()

    copy = filling.copy_rows

    def copying(model: Any, *given: Any) -> None:
        copy(model, *given)
        if model is Score:
            other = Thread(target=look)
            other.start()
            other.join()

    monkeypatch.setattr(filling, "copy_rows", copying)
    run = score(as_of=APRIL_2, now=NOW)
    rows = next(step["rows"] for step in run.notes["steps"] if step["step"] == "publishing")
    assert f"publishing, 30 of {rows} rows" in seen["text"]
    assert " a second, " in seen["text"]
    assert " left" in seen["text"]
    assert f"publishing, 30 of {rows} rows" in seen["change"]
    assert seen["refresh"] == "5"
    assert "Refresh" not in client.get(list_).headers


@pytest.mark.django_db(transaction=True)
def test_whoever_holds_the_lock_is_seen(db: None) -> None:
    assert not is_run_going_on()
    with run_lock():
        assert is_run_going_on()
    assert not is_run_going_on()


@pytest.mark.django_db(transaction=True)
def test_noting_waits_for_nobody(known: Path) -> None:
    run = at("publishing", 400)
    with run_lock() as lock, transaction.atomic():
        ScoreRun.objects.filter(pk=run.pk).update(step="held")
        lock.note(run, {"done": 1})
    run.refresh_from_db()
    assert run.progress["done"] == 0
    with run_lock() as lock:
        lock.note(run, {"done": 1})
    run.refresh_from_db()
    assert run.progress == {"done": 1}


def test_a_killed_run_says_where_it_stopped(known: Path, client: Client) -> None:
    client.force_login(User.objects.create_superuser("operator"))
    at("scoring", 400)
    page = client.get(reverse("admin:scoring_scorerun_changelist"))
    assert "scoring: stopped here" in page.content.decode()


def stop_before_publishing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run end after everything was computed and before anything is published."""
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "publish", lambda *given, **options: pytest.fail("stopped"))
        with pytest.raises(pytest.fail.Exception):
            score(as_of=APRIL_2, now=NOW)


def names(run: ScoreRun) -> list[str]:
    run.refresh_from_db()
    return [step["step"] for step in run.notes["steps"]]


def scores_of(run: ScoreRun) -> dict[str, float]:
    return dict(Score.objects.filter(run=run).values_list("person__handle", "score"))


def test_what_was_computed_is_published_without_being_computed_again(
    known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_before_publishing(monkeypatch)
    assert list((settings.SCORING_STATE / FOLDER).iterdir())
    run = score(as_of=APRIL_2, now=NOW)
    assert names(run) == ["moving activity to the log", "people", "publishing"]
    assert not list((settings.SCORING_STATE / FOLDER).iterdir())
    again = score(as_of=APRIL_2, now=NOW)
    assert "scoring" in names(again)
    assert scores_of(run) == scores_of(again)
    assert len(scores_of(again)) == 30


def test_what_was_computed_of_other_people_is_computed_again(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_before_publishing(monkeypatch)
    one, other = Identity.objects.filter(person__handle__in=["handle5", "handle6"])
    Identity.objects.filter(pk=one.pk).update(person=other.person)
    run = score(as_of=APRIL_2, now=NOW)
    assert "scoring" in names(run)


@pytest.mark.parametrize("spoil", ["truncated", "missing"])
def test_what_was_computed_and_is_damaged_is_computed_again(
    known: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    stop_before_publishing(monkeypatch)
    (folder,) = (settings.SCORING_STATE / FOLDER).iterdir()
    file = folder / "supports.parquet"
    if spoil == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-20])
    run = score(as_of=APRIL_2, now=NOW)
    assert "scoring" in names(run)
    assert len(scores_of(run)) == 30


def test_a_clock_that_was_set_back_stops_no_night(known: Path) -> None:
    first = score(as_of=APRIL_1, now=NOW)
    earlier = NOW - timedelta(days=2)
    second = score(as_of=APRIL_2, now=earlier)
    second.refresh_from_db()
    assert (second.state, second.is_current) == (ScoreRun.State.DONE, True)
    assert "taking in days" in names(second)
    # The night that the clock says it is was done before, and stays as it is.
    before = scores_of(first)
    assert score_night(as_of=APRIL_1, now=earlier) == "2026-04-01 00:00 UTC was scored before"
    assert scores_of(first) == before
    assert ScoreRun.objects.current() == second
