"""A run whose process is killed on the way: readers keep what they had, and the next run finishes it."""

import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scoring.actions import filling, score, score_night, score_unfinished
from scoring.models import Score, ScoreRun, Support, TopicReach
from scoring.queries.progress import is_run_going_on
from tests.factories.scoring import FormulaFactory
from tests.processes import ROOT, child_environment, kill_when_there
from tests.scoring.conftest import APRIL_3, NOW
from tests.scoring.test_nights import assert_same, numbers

APRIL_1 = datetime(2026, 4, 1, tzinfo=UTC)
APRIL_2 = datetime(2026, 4, 2, tzinfo=UTC)

# Runs to a place, says so, and waits there for what may come.
RUN_TO = """
import sys
import django
django.setup()
from datetime import datetime
from scoring.actions import filling, publishing, score, score_shadows

def wait():
    print("here", flush=True)
    sys.stdin.read()

def step(name):
    if name == sys.argv[1]:
        wait()

copy = filling.copy_rows
def copying(model, run, table, *others):
    copy(model, run, table, *others)
    if sys.argv[1] == "copied " + model.__name__:
        wait()
filling.copy_rows = copying
put_in_place = publishing.put_in_place
def putting(aside, run):
    put_in_place(aside, run)
    if sys.argv[1] == "put in place":
        wait()
publishing.put_in_place = putting
filling.LARGE = int(sys.argv[5])

as_of, now = map(datetime.fromisoformat, sys.argv[2:4])
if sys.argv[4] == "shadows":
    score_shadows(now=now)
else:
    score(as_of=as_of, now=now, progress=step)
"""


def kill_at(place: str, as_of: datetime, what: str = "a run", large: int = 50_000) -> None:
    """Start a run in a process of its own and kill it with signal 9 when it gets to a place."""
    kill_when_there(RUN_TO, place, as_of.isoformat(), NOW.isoformat(), what, str(large))
    until_nobody_runs()


def until_nobody_runs() -> None:
    """PostgreSQL hears of a kill a moment later, and only then lets go of the lock."""
    end = time.monotonic() + 20
    while is_run_going_on():
        assert time.monotonic() < end, "a run that was killed still holds the lock"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("place", "large"),
    [("scoring", 31), ("copied Score", 31), ("copied Support", 31), ("copied Support", 1), ("put in place", 1)],
)
def test_a_run_killed_with_signal_9_is_finished_by_the_next(
    known: Path, place: str, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "LARGE", large)
    old = score(as_of=APRIL_1, now=NOW)
    before = dict(Score.objects.filter(run=old).values_list("person", "score"))

    kill_at(place, APRIL_2, large=large)

    killed = ScoreRun.objects.get(as_of=APRIL_2)
    assert (killed.state, killed.is_current, killed.finished_at) == (ScoreRun.State.RUNNING, False, None)
    assert ScoreRun.objects.current() == old
    for model in (Score, TopicReach, Support):
        assert not model.objects.filter(run=killed).exists()
    assert dict(Score.objects.filter(run=old).values_list("person", "score")) == before

    assert score_unfinished(now=NOW) == "1 runs taken up, 0 failed again, 0 given up"
    killed.refresh_from_db()
    assert (killed.state, killed.is_current, killed.attempts) == (ScoreRun.State.DONE, True, 1)
    found = dict(Score.objects.filter(run=killed).values_list("person", "score"))
    undisturbed = score(as_of=APRIL_2, now=NOW)
    assert found == pytest.approx(dict(Score.objects.filter(run=undisturbed).values_list("person", "score")), abs=1e-9)
    assert len(found) == 30


# Says when it begins, and when the run is over.
RUN = """
import sys
import django
django.setup()
from datetime import datetime
from scoring.actions import filling, score
filling.LARGE = int(sys.argv[3])
print("begins", flush=True)
score(as_of=datetime.fromisoformat(sys.argv[1]), now=datetime.fromisoformat(sys.argv[2]))
print("ends", flush=True)
"""
MOMENTS = 5


def run_and_kill(as_of: datetime, seconds: float | None, large: int) -> float:
    """Run in a process of its own; kill it so long after its beginning, or let it end, and say after how long."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, as_of.isoformat(), NOW.isoformat(), str(large)],
        cwd=ROOT,
        env=child_environment(),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"begins\n"
        started = time.monotonic()
        if seconds is None:
            assert process.stdout.readline() == b"ends\n"
        else:
            time.sleep(seconds)
        return time.monotonic() - started
    finally:
        if seconds is not None:
            process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_nights_killed_at_random_moments_end_as_those_that_were_left_alone(
    known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score(as_of=APRIL_1, now=NOW)
    whole = run_and_kill(APRIL_2, None, 1)
    found = {}
    for place in range(MOMENTS):
        before = ScoreRun.objects.get(is_current=True)
        rows = numbers(before)
        as_of = APRIL_3 + timedelta(days=place)
        # By turns in tables of their own and in those of others.
        large = (1, 31)[place % 2]
        monkeypatch.setattr(filling, "LARGE", large)
        # One moment in each stretch of the night, so that none is left out.
        run_and_kill(as_of, (place + random.random()) / MOMENTS * whole, large)  # no secret
        until_nobody_runs()
        killed = ScoreRun.objects.filter(as_of=as_of).first()
        is_done = killed is not None and killed.state == ScoreRun.State.DONE
        assert ScoreRun.objects.current() == (killed if is_done else before)
        assert is_done or numbers(before) == rows
        assert killed is None or is_done or numbers(killed) == {}
        score_night(as_of=as_of, now=NOW)
        run = ScoreRun.objects.get(as_of=as_of)
        assert (run.state, run.is_current) == (ScoreRun.State.DONE, True)
        found[as_of] = numbers(run)
        assert Score.objects.filter(run=run).count() == 30
    for as_of, after_kill in list(found.items())[:-1]:
        # Of an earlier moment than the sums, so from the whole log.
        assert_same(after_kill, numbers(score(as_of=as_of, now=NOW)))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_line_killed_while_it_is_run_again_keeps_its_rows(known: Path) -> None:
    run = score(as_of=APRIL_1, now=NOW)
    before = dict(Score.objects.filter(run=run).values_list("person", "score"))
    kill_at("copied Support", APRIL_1)
    run.refresh_from_db()
    assert (run.state, run.is_current) == (ScoreRun.State.DONE, True)
    assert dict(Score.objects.filter(run=run).values_list("person", "score")) == before


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_shadow_killed_with_signal_9_is_finished_later_as_a_shadow(known: Path) -> None:
    night = score(as_of=APRIL_1, now=NOW)
    FormulaFactory.create(version="trial", is_shadow=True)
    kill_at("copied Score", APRIL_1, "shadows")
    killed = ScoreRun.objects.get(formula__version="trial")
    assert (killed.state, killed.is_shadow) == (ScoreRun.State.RUNNING, True)
    assert ScoreRun.objects.current() == night
    assert score_unfinished(now=NOW) == "1 runs taken up, 0 failed again, 0 given up"
    killed.refresh_from_db()
    assert (killed.state, killed.is_shadow, killed.is_current) == (ScoreRun.State.DONE, True, False)
    assert Score.objects.filter(run=killed).count() == 30
