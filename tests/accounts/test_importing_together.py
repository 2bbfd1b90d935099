"""Imports that run at once, and imports that are killed."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from django.conf import settings
from django.db import connection

from accounts.actions import ImportReport, Progress, sweep_log
from accounts.actions.spool import new_spool
from accounts.log import LogFolder, WrittenFile
from accounts.models import Identity, LogFile, Person
from tests.accounts.activity_data import DAY_1, answers_of_first_people, dataset, files_below, imported, log_events
from tests.processes import ROOT, child_environment

pytestmark = pytest.mark.django_db(transaction=True)

DAYS = 4
# Imports to a place, says so, and waits there for what may come.
RUN_TO = """
import sys
from pathlib import Path
import django
django.setup()
from accounts.actions import import_days, importing, people
from accounts.log import LogFolder
from tests.accounts.activity_data import imported

importing._ACCOUNTS_AT_ONCE, importing._FIRST_ACCOUNTS = 5, 10
# Killed between two days of one transaction, or between two transactions.
import_days._DAYS_AT_ONCE = 1 if sys.argv[2].startswith("log") else 8

def wait():
    print("here", flush=True)
    sys.stdin.read()

def progress(told):
    if f"{told.stage} {told.done}" == sys.argv[2]:
        wait()

insert = people._insert
def inserting(*arguments, alone, **more):
    inserted = insert(*arguments, alone=alone, **more)
    if sys.argv[2] == "without indexes" and alone:
        wait()
    return inserted
people._insert = inserting

write_day = LogFolder.write_day
def writing(*arguments):
    written = write_day(*arguments)
    if sys.argv[2] == "file":
        wait()
    return written
LogFolder.write_day = writing

imported(Path(sys.argv[1]), progress=progress)
"""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Twelve people over four days, with a website and places."""
    people = [f"a{n}" for n in range(12)]
    return dataset(
        tmp_path / "world",
        accounts=[
            {"account": who, "handle": f"h{who}", "location": "Toronto", "website": f"https://{who}.example"}
            for who in people
        ],
        posts=[
            {"post": f"p{day}", "at": DAY_1 + 86400 * day, "author": "a0", "links": ["https://a5.example/x"]}
            for day in range(DAYS)
        ],
        interactions=[
            (DAY_1 + 86400 * day + n, "like", who, people[(n + 1) % 12])
            for day in range(DAYS)
            for n, who in enumerate(people)
        ],
    )


def _everything() -> tuple[list[tuple[int, str, str, str]], list[tuple[str, str]], int]:
    identities = sorted(Identity.objects.values_list("external_id", "person__handle"))
    return log_events(), identities, Person.objects.count()


@pytest.mark.parametrize("at_once", [20_000, 5])
def test_two_imports_of_one_file_add_everything_once(
    world: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("accounts.actions.importing._ACCOUNTS_AT_ONCE", at_once)
    alone = answers_of_first_people(monkeypatch)
    together = threading.Barrier(2, timeout=60)
    reports: list[ImportReport] = []
    failures: list[BaseException] = []

    def meet(told: Progress) -> None:
        # Both have read, and make people at once; both have people, and write the log at once.
        if told.stage in {"people", "log"} and told.done == 0:
            together.wait()

    def run() -> None:
        try:
            reports.append(imported(world, progress=meet))
        except BaseException as error:  # whatever it is, the test has to tell it
            failures.append(error)
            together.abort()
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    # With 5 at once one of the two makes a platform's first people.
    assert alone.count(True) == (at_once == 5)
    assert sum(report.interactions for report in reports) == DAYS * (12 + 1)
    assert sum(report.posts for report in reports) == DAYS
    assert (sum(report.people for report in reports), sum(report.identities for report in reports)) == (12, 24)
    events, identities, people = _everything()
    assert (len(events), len(set(events))) == (DAYS * 13, DAYS * 13)
    assert (len(identities), people) == (24, 12)
    assert files_below(settings.ACTIVITY_LOG) == sorted(LogFile.objects.values_list("path", flat=True))


@pytest.fixture
def killed_at(world: Path) -> Callable[[str], None]:
    """Return a function that imports the world in another process and kills that at a place."""

    def run(place: str) -> None:
        script = settings.DATA_DIR / "run_to.py"
        script.write_text(RUN_TO)
        process = subprocess.Popen(
            [sys.executable, str(script), str(world), place],
            cwd=ROOT,
            env=child_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"here\n"
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()

    return run


@pytest.mark.parametrize(("place", "days"), [("without indexes", 0), ("people 10", 0), ("file", 0), ("log 2", 2)])
def test_the_next_import_completes_a_killed_one(
    world: Path, killed_at: Callable[[str], None], place: str, days: int
) -> None:
    killed_at(place)
    # Each day is there with both its tables or not at all.
    assert sorted(LogFile.objects.values_list("table", flat=True)) == ["interactions"] * days + ["posts"] * days
    assert len(log_events()) == days * 13
    assert len(list((settings.ACTIVITY_LOG / ".spool").iterdir())) == 1

    report = imported(world)
    assert (report.interactions, report.posts, report.days) == ((DAYS - days) * 13, DAYS - days, DAYS - days)
    after = _everything()
    assert (len(after[0]), len(after[1]), after[2]) == (DAYS * 13, 24, 12)
    # What was being written beside the file goes with the next day's sweep.
    sweep_log(now=datetime.now(UTC) + timedelta(days=2))
    assert files_below(settings.ACTIVITY_LOG) == sorted(LogFile.objects.values_list("path", flat=True))
    assert imported(world) == ImportReport(rows_read=report.rows_read)
    assert _everything() == after


def test_a_sweep_takes_what_nobody_needs_and_leaves_the_rest(world: Path) -> None:
    imported(world)
    now = datetime.now(UTC)
    folder = settings.ACTIVITY_LOG / "interactions" / "day=2026-01-01"
    spools = settings.ACTIVITY_LOG / ".spool"
    for name, age in (("old.parquet", 25), ("young.parquet", 23), (".old.tmp", 25)):
        (folder / name).write_bytes(b"left by a killed import")
        os.utime(folder / name, ((now - timedelta(hours=age)).timestamp(),) * 2)
    with new_spool(settings.ACTIVITY_LOG) as running:
        for name, age in ((".old", 25), (".young", 23), ("dead", 0)):
            (spools / name).mkdir()
            if name == "dead":
                (spools / name / "lock").touch()
            os.utime(spools / name, ((now - timedelta(hours=age)).timestamp(),) * 2)
        assert sweep_log(now=now) == 4
        assert sorted(path.name for path in spools.iterdir()) == [".young", running.root.name]
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(("old", ".old", "young"))) == [
        "young.parquet"
    ]
    assert len(log_events()) == DAYS * 13


def test_a_sweep_waits_for_who_writes_to_the_log(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written, swept = threading.Event(), threading.Event()
    write_day = LogFolder.write_day

    def slowly(folder: LogFolder, table: str, day: date, rows: pa.Table) -> WrittenFile:
        file = write_day(folder, table, day, rows)
        if not written.is_set():
            written.set()
            # The file isn't in the manifest yet, and looks old to the sweeper.
            assert not swept.wait(1)
        return file

    def sweep() -> None:
        written.wait(60)
        sweep_log(now=datetime.now(UTC) + timedelta(days=2))
        swept.set()
        connection.close()

    monkeypatch.setattr(LogFolder, "write_day", slowly)
    thread = threading.Thread(target=sweep)
    thread.start()
    imported(world)
    thread.join(60)
    assert swept.is_set()
    assert files_below(settings.ACTIVITY_LOG) == sorted(LogFile.objects.values_list("path", flat=True))
    assert len(log_events()) == DAYS * 13
