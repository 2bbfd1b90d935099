"""`manage.py score`, the nightly tasks, and what arguments mean."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from scoring.actions import ensure_formula, runs
from scoring.actions.lock import run_lock
from scoring.engine import ConvergenceError, Parameters
from scoring.management.arguments import duration, moment
from scoring.models import Formula, ScoreRun
from scoring.tasks import score_night, score_unfinished
from tests.factories.scoring import FormulaFactory
from tests.scoring.conftest import NOW


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("score", *arguments, stdout=out)
    return out.getvalue()


def test_a_moment_is_scored_in_the_foreground(known: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = command("--as-of", "2026-04-02")
    run = ScoreRun.objects.get()
    assert run.as_of == datetime(2026, 4, 2, tzinfo=UTC)
    assert told.startswith(f"30 people, {run.interactions:,} interactions, ")
    assert told.endswith(f"s: run as of 2026-04-02 00:00 UTC, formula {Parameters().version}, current\n")
    steps = capsys.readouterr().err.splitlines()
    assert steps[0].endswith("moving activity to the log")
    assert steps[-1].endswith("publishing")


def test_a_run_that_is_not_current_says_why_and_where_it_is(known: Path, admin_client: Client) -> None:
    command("--as-of", "2026-04-02")
    told, why = command("--as-of", "2026-04-01T12:30:00+02:00").splitlines()
    earlier = ScoreRun.objects.get(as_of__lt=datetime(2026, 4, 2, tzinfo=UTC))
    assert told.endswith(f"run as of 2026-04-01 10:30 UTC, formula {Parameters().version}, not current")
    address = f"/admin/scoring/score/?run={earlier.pk}"
    assert why == (
        "Readers go on seeing what they saw: there is a run of a later moment, 2026-04-02 00:00 UTC. "
        f"To look at this one: in the admin under Runs, {address}. "
        "To show it to readers until the next night: the same command with --make-current."
    )
    page = admin_client.get(address)
    assert {row.run for row in page.context["cl"].result_list} == {earlier}
    runs_page = admin_client.get(reverse("admin:scoring_scorerun_changelist")).content.decode()
    assert f'href="/admin/scoring/score/?run={earlier.pk}"' in runs_page

    told = command("--as-of", "2026-04-01T12:30:00+02:00", "--make-current")
    assert told.endswith(f"formula {Parameters().version}, current\n")
    assert ScoreRun.objects.current() == earlier
    # The later one is done, even while readers see the earlier.
    assert "a run of a later moment, 2026-04-02 00:00 UTC. " in command("--as-of", "2026-04-01T11:00")


def test_without_a_moment_it_is_today(known: Path) -> None:
    command()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert today - ScoreRun.objects.get().as_of <= timedelta(days=1)
    assert ScoreRun.objects.get().as_of.time() == today.time()


def test_a_stored_formula_can_be_asked_for(known: Path) -> None:
    parameters = Parameters(version="trial", kappa=0.0)
    Formula.objects.create(version="trial", parameters=parameters.to_dict(), fingerprint=parameters.fingerprint())
    told = command("--as-of", "2026-04-02", "--formula", "trial")
    assert "formula trial, not current\nReaders see runs of the current formula, and trial isn't that." in told


def test_the_shadows_can_be_computed_by_hand(known: Path) -> None:
    assert command("--shadow") == "there is no run to stand beside yet\n"
    command("--as-of", "2026-04-02")
    FormulaFactory.create(version="trial", is_shadow=True)
    assert command("--shadow") == "1 shadows scored, 0 failed\n"
    assert ScoreRun.objects.get(is_shadow=True).formula.version == "trial"
    with pytest.raises(CommandError, match="--shadow stands alone") as caught:
        command("--shadow", "--formula", "trial")
    assert caught.value.returncode == 2


def test_what_is_refused_exits_with_2(known: Path) -> None:
    ensure_formula(NOW)
    with pytest.raises(CommandError, match=f"there is no formula 'x'; known are: {Parameters().version}") as caught:
        command("--formula", "x")
    assert caught.value.returncode == 2
    with pytest.raises(CommandError, match="yet to come") as caught:
        command("--as-of", "2200-01-01")
    assert caught.value.returncode == 2
    with run_lock(), pytest.raises(CommandError, match="another run is going on") as caught:
        command("--as-of", "2026-04-02")
    assert caught.value.returncode == 2
    assert not ScoreRun.objects.exists()


def test_what_failed_exits_with_1(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(**given: object) -> None:
        raise ConvergenceError("the walk didn't come to rest")

    monkeypatch.setattr(runs, "compute_night", failing)
    with pytest.raises(CommandError, match="didn't come to rest") as caught:
        command("--as-of", "2026-04-02")
    assert caught.value.returncode == 1
    assert ScoreRun.objects.get().error == "the walk didn't come to rest"


def test_the_nightly_task_scores_the_beginning_of_today(known: Path) -> None:
    told = score_night()
    run = ScoreRun.objects.get()
    assert told == f"30 people scored as of {run.as_of:%Y-%m-%d} 00:00 UTC"
    assert timedelta(0) <= datetime.now(UTC) - run.as_of <= timedelta(days=1, minutes=5)
    assert run.as_of.time() == datetime(2026, 1, 1).time()  # noqa: DTZ001  # a time of day has no zone
    assert score_night(run.as_of.isoformat()) == f"{run.as_of:%Y-%m-%d} 00:00 UTC was scored before"


def test_the_task_that_takes_up_killed_runs(known: Path) -> None:
    ScoreRun.objects.create(as_of=datetime(2026, 4, 2, tzinfo=UTC), formula=ensure_formula(NOW), started_at=NOW)
    assert score_unfinished() == "1 runs taken up, 0 failed again, 0 given up"
    assert ScoreRun.objects.get().state == ScoreRun.State.DONE


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2018-02-08", datetime(2018, 2, 8, tzinfo=UTC)),
        ("2018-02-08T10:00", datetime(2018, 2, 8, 10, tzinfo=UTC)),
        ("2018-02-08T10:00Z", datetime(2018, 2, 8, 10, tzinfo=UTC)),
        ("2018-02-08 10:00:30-05:00", datetime(2018, 2, 8, 15, 0, 30, tzinfo=UTC)),
    ],
)
def test_moments(text: str, meant: datetime) -> None:
    assert moment(text) == meant
    assert moment(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("28d", timedelta(days=28)),
        ("36h", timedelta(hours=36)),
        ("1.5D", timedelta(hours=36)),
        ("90m", timedelta(minutes=90)),
        ("30s", timedelta(seconds=30)),
        (" 2 w ", timedelta(days=14)),
    ],
)
def test_durations(text: str, meant: timedelta) -> None:
    assert duration(text) == meant


@pytest.mark.parametrize("text", ["", "28", "d", "0d", "-1d", "1y", "1d2h", "1e3d", "99999999999d", "NaNd"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        duration(text)


@pytest.mark.parametrize("text", ["", "yesterday", "2018-02-30", "20"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        moment(text)
