"""What becomes of runs that failed, were killed or could not begin, and of the night."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from scoring.actions import (
    ensure_formula,
    runs,
    score,
    score_night,
    score_unfinished,
)
from scoring.actions.computing import compute_night
from scoring.actions.lock import RunLock, run_lock
from scoring.engine import Result
from scoring.models import Score, ScoreRun
from tests.scoring.conftest import APRIL_1, APRIL_2, APRIL_3, NOW
from tests.scoring.test_runs import scores_of


class EngineBroke(Exception):
    pass


def breaking(**given: Any) -> Result:
    raise EngineBroke("Jane Doe's post is too long")


def test_a_failed_run_leaves_the_old_one_current(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = score(as_of=APRIL_1, now=NOW)
    before = scores_of(good)
    monkeypatch.setattr(runs, "compute_night", breaking)
    with pytest.raises(EngineBroke):
        score(as_of=APRIL_2, now=NOW)
    failed = ScoreRun.objects.get(as_of=APRIL_2)
    assert (failed.state, failed.is_current, failed.step) == (ScoreRun.State.FAILED, False, "people")
    assert failed.finished_at is not None
    assert failed.error.startswith("EngineBroke in scoring.actions.runs, line ")
    assert "Jane" not in failed.error
    assert ScoreRun.objects.current() == good
    assert scores_of(good) == before
    assert not Score.objects.filter(run=failed).exists()

    monkeypatch.undo()
    mended = score(as_of=APRIL_2, now=NOW)
    assert (mended.pk, mended.state, mended.error, mended.is_current) == (failed.pk, ScoreRun.State.DONE, "", True)


def test_a_failed_rerun_leaves_the_published_rows(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = score(as_of=APRIL_1, now=NOW)
    before = scores_of(good)

    def failing(lock: RunLock) -> None:
        raise OSError(28, "No space left on device", "/secret/place")

    monkeypatch.setattr(RunLock, "check", failing)
    with pytest.raises(OSError, match="No space left"):
        score(as_of=APRIL_1, now=NOW + timedelta(hours=1))
    good.refresh_from_db()
    assert (good.state, good.is_current, good.started_at) == (ScoreRun.State.DONE, True, NOW)
    assert good.error == "OSError: No space left on device"
    assert scores_of(good) == before


def test_a_stopped_run_is_noted_too(known: Path) -> None:
    def stop(step: str) -> None:
        if step == "publishing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(as_of=APRIL_1, now=NOW, progress=stop)
    run = ScoreRun.objects.get()
    assert (run.state, run.step) == (ScoreRun.State.FAILED, "publishing")
    assert run.error.startswith("KeyboardInterrupt")
    assert not Score.objects.exists()


def test_a_killed_run_is_taken_up_by_the_next(known: Path) -> None:
    killed = ScoreRun.objects.create(as_of=APRIL_2, formula=ensure_formula(NOW), started_at=NOW, step="scoring")
    run = score(as_of=APRIL_2, now=NOW + timedelta(minutes=5))
    assert (run.pk, run.state, run.is_current, run.attempts) == (killed.pk, ScoreRun.State.DONE, True, 1)
    assert run.started_at == NOW + timedelta(minutes=5)


def test_unfinished_runs_are_taken_up_oldest_first(known: Path) -> None:
    for as_of in (APRIL_2, APRIL_1):
        ScoreRun.objects.create(as_of=as_of, formula=ensure_formula(NOW), started_at=NOW)
    assert score_unfinished(now=NOW) == "2 runs taken up, 0 failed again, 0 given up"
    runs_done = ScoreRun.objects.done().order_by("as_of")
    assert [(run.as_of, run.is_current) for run in runs_done] == [(APRIL_1, False), (APRIL_2, True)]
    assert score_unfinished(now=NOW) == "0 runs taken up, 0 failed again, 0 given up"


def test_a_run_that_was_killed_again_and_again_is_given_up(known: Path) -> None:
    run = ScoreRun.objects.create(
        as_of=APRIL_2, formula=ensure_formula(NOW), started_at=NOW, step="scoring", attempts=runs.ATTEMPTS
    )
    assert score_unfinished(now=NOW) == "0 runs taken up, 0 failed again, 1 given up"
    run.refresh_from_db()
    assert (run.state, run.error) == (ScoreRun.State.FAILED, "given up after 4 starts, killed at: scoring")
    assert (run.finished_at, run.retry_at) == (NOW, None)
    assert score(as_of=APRIL_2, now=NOW).attempts == 1


def test_the_night_gives_up_what_kills_the_worker_each_time(known: Path) -> None:
    run = ScoreRun.objects.create(
        as_of=APRIL_2, formula=ensure_formula(NOW), started_at=NOW, step="scoring", attempts=runs.ATTEMPTS
    )
    assert score_night(as_of=APRIL_2, now=NOW) == "2026-04-02 00:00 UTC was given up"
    run.refresh_from_db()
    assert (run.state, run.error) == (ScoreRun.State.FAILED, "given up after 4 starts, killed at: scoring")


def test_a_failed_night_is_tried_again_with_growing_pauses_and_then_left(
    known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "compute_night", breaking)
    with pytest.raises(EngineBroke):
        score_night(as_of=APRIL_2, now=NOW)
    told, pauses = [], []
    for start in range(1, runs.ATTEMPTS):
        run = ScoreRun.objects.get()
        assert (run.state, run.attempts) == (ScoreRun.State.FAILED, start)
        assert run.finished_at is not None
        assert run.retry_at is not None
        pauses.append(run.retry_at - run.finished_at)
        # A moment earlier nothing happens.
        assert score_unfinished(now=run.retry_at - timedelta(seconds=1)).startswith("0 runs taken up, 0 failed")
        told.append(score_unfinished(now=run.retry_at))
    assert told == ["0 runs taken up, 1 failed again, 0 given up"] * 3
    assert pauses == [timedelta(minutes=10), timedelta(hours=1), timedelta(hours=4)]
    run = ScoreRun.objects.get()
    assert (run.state, run.attempts, run.retry_at) == (ScoreRun.State.FAILED, 4, None)
    assert run.error.startswith("EngineBroke in scoring.actions.runs, line ")
    monkeypatch.undo()
    assert score_unfinished(now=NOW + timedelta(days=9)) == "0 runs taken up, 0 failed again, 0 given up"


def test_a_failed_night_that_succeeds_later_is_published(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "compute_night", breaking)
    with pytest.raises(EngineBroke):
        score_night(as_of=APRIL_2, now=NOW)
    monkeypatch.undo()
    assert score_unfinished(now=NOW + timedelta(hours=1)) == "1 runs taken up, 0 failed again, 0 given up"
    run = ScoreRun.objects.get()
    assert (run.state, run.is_current, run.attempts, run.retry_at, run.error) == (
        ScoreRun.State.DONE,
        True,
        1,
        None,
        "",
    )


def test_what_fails_again_keeps_nothing_else_waiting(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for as_of in (APRIL_1, APRIL_2):
        ScoreRun.objects.create(as_of=as_of, formula=ensure_formula(NOW), started_at=NOW)

    def breaking_once(**given: Any) -> Result:
        monkeypatch.undo()
        return breaking(**given)

    monkeypatch.setattr(runs, "compute_night", breaking_once)
    assert score_unfinished(now=NOW) == "1 runs taken up, 1 failed again, 0 given up"
    states = dict(ScoreRun.objects.values_list("as_of", "state"))
    assert states == {APRIL_1: ScoreRun.State.FAILED, APRIL_2: ScoreRun.State.DONE}


def test_a_run_that_somebody_asked_for_is_not_tried_again(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "compute_night", breaking)
    for _ in range(2):
        with pytest.raises(EngineBroke):
            score(as_of=APRIL_2, now=NOW)
        assert ScoreRun.objects.values_list("attempts", "retry_at").get() == (1, None)


def test_a_night_that_found_another_run_going_on_is_scored_afterwards(known: Path) -> None:
    with run_lock():
        assert score_night(as_of=APRIL_3, now=NOW) == "another run is going on"
    line = ScoreRun.objects.get()
    assert (line.state, line.attempts, line.error) == (ScoreRun.State.FAILED, 0, "another run is going on")
    assert score_unfinished(now=NOW + timedelta(minutes=9)) == "0 runs taken up, 0 failed again, 0 given up"
    assert score_unfinished(now=NOW + timedelta(minutes=10)) == "1 runs taken up, 0 failed again, 0 given up"
    line.refresh_from_db()
    assert (line.state, line.is_current) == (ScoreRun.State.DONE, True)


def test_starts_of_a_killed_run_are_counted(known: Path) -> None:
    run = ScoreRun.objects.create(as_of=APRIL_2, formula=ensure_formula(NOW), started_at=NOW)
    counted: list[int] = []
    score(
        as_of=APRIL_2,
        now=NOW,
        progress=lambda step: counted.append(ScoreRun.objects.values_list("attempts", flat=True).get(pk=run.pk)),
    )
    assert set(counted) == {2}


def test_unfinished_runs_are_left_alone_while_one_is_going_on(known: Path) -> None:
    ScoreRun.objects.create(as_of=APRIL_2, formula=ensure_formula(NOW), started_at=NOW)
    with run_lock():
        assert "is going on since" in score_unfinished(now=NOW)
    assert ScoreRun.objects.get().state == ScoreRun.State.RUNNING


def test_the_night_is_scored_once(known: Path) -> None:
    assert score_night(as_of=APRIL_2, now=NOW) == "30 people scored as of 2026-04-02 00:00 UTC"
    first = ScoreRun.objects.get()
    assert score_night(as_of=APRIL_2, now=NOW + timedelta(hours=1)) == "2026-04-02 00:00 UTC was scored before"
    assert ScoreRun.objects.get().started_at == first.started_at
    with run_lock():
        assert score_night(as_of=APRIL_3, now=NOW) == "another run is going on"


def test_the_nights_own_run_is_tried_again_whoever_began_it(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)

    def fail(*args: Any, **options: Any) -> Result:
        raise OSError("no space left")

    monkeypatch.setattr(runs, "compute_night", fail)
    for as_of in (midnight, APRIL_2):
        with pytest.raises(OSError, match="no space left"):
            score(as_of=as_of, now=NOW)

    waiting = ScoreRun.objects.filter(retry_at__isnull=False)
    assert [run.as_of for run in waiting] == [midnight]
    monkeypatch.setattr(runs, "compute_night", compute_night)
    assert score_unfinished(now=NOW + timedelta(days=1)).startswith("1 runs taken up")


def test_the_lock_is_given_back_whatever_happens(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "compute_night", breaking)
    with pytest.raises(EngineBroke):
        score(as_of=APRIL_2, now=NOW)
    with run_lock():
        pass
