"""A run whose process is killed on the way: readers keep what they had, and the next run finishes it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from scoring.actions import publishing, score, score_unfinished
from scoring.models import Score, ScoreRun, Support, TopicReach
from tests.factories.scoring import FormulaFactory
from tests.processes import kill_when_there
from tests.scoring.conftest import NOW

APRIL_1 = datetime(2026, 4, 1, tzinfo=UTC)
APRIL_2 = datetime(2026, 4, 2, tzinfo=UTC)

# Runs to a place, says so, and waits there for what may come.
RUN_TO = """
import sys
import django
django.setup()
from datetime import datetime
from scoring.actions import publishing, score, score_shadows

def wait():
    print("here", flush=True)
    sys.stdin.read()

def step(name):
    if name == sys.argv[1]:
        wait()

copy = publishing._copy
def copying(model, run, table):
    copy(model, run, table)
    if sys.argv[1] == "copied " + model.__name__:
        wait()
publishing._copy = copying
put_in_place = publishing._put_in_place
def putting(tables, run):
    put_in_place(tables, run)
    if sys.argv[1] == "put in place":
        wait()
publishing._put_in_place = putting
publishing.LARGE = int(sys.argv[5])

as_of, now = map(datetime.fromisoformat, sys.argv[2:4])
if sys.argv[4] == "shadows":
    score_shadows(now=now)
else:
    score(as_of=as_of, now=now, progress=step)
"""


def kill_at(place: str, as_of: datetime, what: str = "a run", large: int = 50_000) -> None:
    """Start a run in a process of its own and kill it with signal 9 when it gets to a place."""
    kill_when_there(RUN_TO, place, as_of.isoformat(), NOW.isoformat(), what, str(large))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("place", "large"),
    [("scoring", 31), ("copied Score", 31), ("copied Support", 31), ("copied Support", 1), ("put in place", 1)],
)
def test_a_run_killed_with_signal_9_is_finished_by_the_next(
    known: Path, place: str, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "LARGE", large)
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
