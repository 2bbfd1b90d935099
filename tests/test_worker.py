"""The nightly run as it happens: a real beat, a real broker, real workers, one of them killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts.actions import import_activity
from accounts.sample import make_world, write_dataset
from config.launcher.tied import tied
from scoring.actions import ensure_topics, score
from scoring.models import Score, ScoreRun

ROOT = Path(__file__).resolve().parents[1]
NOW = datetime.now(UTC)
TODAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Point child processes at the test's database and data folder, and at a broker database that no demo reads."""
    if not os.environ.get("REDIS_URL"):
        pytest.skip("no broker: REDIS_URL is unset (make test starts one)")
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    broker = settings.CELERY_BROKER_URL
    if broker.startswith("redis+socket://"):
        broker = f"{broker.split('?')[0]}?virtual_host=9"
    else:
        broker = f"{urlsplit(broker).scheme}://{urlsplit(broker).netloc}/9"
    return os.environ | {"DATABASE_URL": url, "CELERY_BROKER_URL": broker, "SWAY_DATA": str(tmp_path)}


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a Celery process in a group of its own; whatever is left at the end is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        with (tmp_path / f"celery-{len(started)}.log").open("wb") as log:
            process = subprocess.Popen(
                tied([sys.executable, "-m", "celery", "-A", "config", *arguments], ending=signal.SIGKILL),
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=20)


@pytest.fixture
def world(tmp_path: Path) -> None:
    ensure_topics()
    write_dataset(make_world(people=1500, days=60, until=TODAY), tmp_path / "world")
    import_activity(tmp_path / "world", format="dataset", now=NOW)


def _wait(condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
        time.sleep(0.02)


def _nightly_every_second() -> None:
    every, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(name="test night", task="scoring.tasks.score_night", interval=every, queue="scoring")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_leaves_the_old_scores_until_the_next_run_publishes(
    world: None, start: Callable[..., subprocess.Popen[bytes]], environment: dict[str, str]
) -> None:
    yesterday = score(as_of=TODAY - timedelta(days=1), now=NOW)
    assert yesterday.is_current
    seen = set(Score.objects.filter(run=yesterday).values_list("person_id", "score"))
    _nightly_every_second()

    start("beat", "--loglevel", "info", "--max-interval", "1", "--schedule", str(environment["SWAY_DATA"]))
    first = start("worker", "--loglevel", "info", "--pool", "prefork", "-c", "1", "-Q", "default,scoring")
    # Of this day, or of the next where midnight comes in between.
    tonight = ScoreRun.objects.filter(as_of__gt=yesterday.as_of)
    _wait(lambda: tonight.filter(state=ScoreRun.State.RUNNING).exists(), "the worker takes up the run")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait(timeout=20)

    assert not tonight.filter(state=ScoreRun.State.DONE).exists(), "killed too late to show anything"
    current = ScoreRun.objects.current()
    assert current == yesterday
    assert set(Score.objects.filter(run=current).values_list("person_id", "score")) == seen

    start("worker", "--loglevel", "info", "--pool", "prefork", "-c", "1", "-Q", "default,scoring")
    _wait(lambda: tonight.filter(is_current=True).exists(), "the next run publishes")
    run = tonight.get()
    assert run.state == ScoreRun.State.DONE
    assert Score.objects.filter(run=run).count() == run.people > 0
    assert set(Score.objects.filter(run=yesterday).values_list("person_id", "score")) == seen
