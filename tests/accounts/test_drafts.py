"""Files of the log that are written while people are made, before it is known whether all their rows are kept."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.conf import settings

from accounts.actions import Progress, erase_person, import_days
from accounts.log import LogFolder, WrittenFile
from accounts.models import LogFile
from tests.accounts.activity_data import DAY_1, NOW, dataset, files_below, identity, imported, log_events, log_rows
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

Hook = Callable[[Progress], object]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three days of two tables each."""
    days = range(DAY_1, DAY_1 + 3 * 86_400, 86_400)
    return dataset(
        tmp_path / "data",
        interactions=[(day + n, "like", "ann" if n % 2 else "bob", "cy") for day in days for n in range(4)],
        posts=[{"post": f"p{day}", "at": day, "author": "ann", "text": "hello"} for day in days],
    )


class Drafting:
    """Lets drafts be made for few rows, and waits for all of them before people are made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written: Counter[str] = Counter()  # files, by who wrote them
        self.after: Hook = lambda told: None  # what happens once people are made
        self._drafts: list[Future[Any]] = []  # of the import that is under way
        write_day, counting, drafts = LogFolder.write_day, threading.Lock(), self._drafts

        class Drafter(ThreadPoolExecutor):
            def submit(self, *given: Any, **more: Any) -> Future[Any]:
                drafts[:] = [super().submit(*given, **more)]
                return drafts[0]

        def writing(folder: LogFolder, table: str, day: date, rows: pa.Table) -> WrittenFile:
            with counting:
                self.written["draft" if _drafts() else "log"] += 1
            return write_day(folder, table, day, rows)

        monkeypatch.setattr(import_days, "_WORTH_DRAFTS", 1)
        monkeypatch.setattr(import_days, "ThreadPoolExecutor", Drafter)
        monkeypatch.setattr(LogFolder, "write_day", writing)

    def __call__(self, told: Progress) -> None:
        if (told.stage, told.done, told.total) == ("people", 0, 0):
            wait(self._drafts, 60)
        if (told.stage, told.done) == ("log", 0):
            self.after(told)


def _drafts() -> bool:
    return threading.current_thread().name.startswith(import_days.DRAFTING)


@pytest.fixture
def drafting(monkeypatch: pytest.MonkeyPatch) -> Drafting:
    return Drafting(monkeypatch)


def _manifest() -> list[str]:
    return sorted(LogFile.objects.values_list("path", flat=True))


def test_drafts_are_the_files_that_would_be_written(data: Path, drafting: Drafting) -> None:
    report = imported(data, progress=drafting)
    assert (report.interactions, report.posts, report.days) == (12, 3, 3)
    assert drafting.written == {"draft": 6}
    drafted = _manifest()
    assert files_below(settings.ACTIVITY_LOG) == drafted

    LogFile.objects.all().delete()
    imported(data)  # people are known, and no draft is waited for
    assert _manifest() == drafted


def test_days_that_the_log_has_are_not_drafted(data: Path, drafting: Drafting, tmp_path: Path) -> None:
    imported(dataset(tmp_path / "before", interactions=[(DAY_1, "like", "bob", "cy")]))
    drafting.written.clear()
    assert imported(data, progress=drafting).interactions == 11
    assert drafting.written == {"draft": 5, "log": 1}


def test_a_day_that_somebody_else_brought_meanwhile_is_added_to(data: Path, drafting: Drafting) -> None:
    drafting.after = lambda told: imported(data)
    report = imported(data, progress=drafting)
    assert (report.interactions, report.posts, report.days) == (0, 0, 0)
    assert len(log_events()) == len(set(log_events())) == 12


def test_who_was_erased_meanwhile_is_in_no_draft_that_counts(data: Path, drafting: Drafting) -> None:
    drafting.after = lambda told: erase_person(identity("ann").person, by=UserFactory.create(), now=NOW)
    assert imported(data, progress=drafting).interactions == 6
    assert drafting.written == {"draft": 6, "log": 3}
    assert {row["actor"] for row in log_rows("interactions")} == {identity("bob").key}
    assert log_rows("posts") == []
    # Whoever was erased before isn't guessed to be kept.
    LogFile.objects.all().delete()
    drafting.written.clear()
    drafting.after = lambda told: None
    assert imported(data, progress=drafting).rejected == 1
    assert drafting.written == {"log": 3}


def test_who_is_refused_is_in_no_draft_that_counts(
    data: Path, drafting: Drafting, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(data)
    known = identity("ann")
    LogFile.objects.all().delete()
    type(known).objects.filter(pk=known.pk).update(external_id="somebody else")
    drafting.written.clear()
    report = imported(data, progress=drafting)
    assert (report.interactions, report.posts, report.rejected) == (6, 0, 1)
    assert drafting.written == {"draft": 6, "log": 3}


def test_a_draft_that_is_gone_is_written_again(data: Path, drafting: Drafting) -> None:
    def lose(told: Progress) -> None:
        for path in sorted(settings.ACTIVITY_LOG.glob("*/*/*.parquet"))[:2]:
            path.unlink()

    drafting.after = lose
    assert imported(data, progress=drafting).interactions == 12
    assert drafting.written == {"draft": 6, "log": 2}
    assert files_below(settings.ACTIVITY_LOG) == _manifest()


def test_a_draft_that_fails_is_written_later(data: Path, drafting: Drafting, monkeypatch: pytest.MonkeyPatch) -> None:
    write_day = LogFolder.write_day

    def full(folder: LogFolder, table: str, day: date, rows: pa.Table) -> WrittenFile:
        if _drafts() and day.day > 1:
            raise OSError(28, "No space left on device")
        return write_day(folder, table, day, rows)

    monkeypatch.setattr(LogFolder, "write_day", full)
    assert imported(data, progress=drafting).interactions == 12
    assert drafting.written == {"draft": 2, "log": 4}


def test_a_fault_of_drafting_is_not_hidden(data: Path, drafting: Drafting, monkeypatch: pytest.MonkeyPatch) -> None:
    new_rows = LogFolder.new_rows

    def faulty(folder: LogFolder, *given: Any) -> pa.Table:
        if _drafts():
            raise ZeroDivisionError
        return new_rows(folder, *given)

    monkeypatch.setattr(LogFolder, "new_rows", faulty)
    with pytest.raises(ZeroDivisionError):
        imported(data, progress=drafting)
    monkeypatch.undo()
    assert imported(data).interactions == 12


def test_accounts_named_by_their_handle_are_not_guessed_at(drafting: Drafting, tmp_path: Path) -> None:
    path = dataset(
        tmp_path / "handles",
        accounts=[{"account": "1", "handle": "Ann"}],
        interactions=[(DAY_1, "like", "@ann", "2"), (DAY_1, "like", "2", "1")],
    )
    assert imported(path, progress=drafting).interactions == 2
    assert drafting.written == {"log": 1}
    assert log_events() == [(DAY_1, "like", "1@test", "2@test"), (DAY_1, "like", "2@test", "1@test")]


def test_links_are_waited_for(drafting: Drafting, tmp_path: Path) -> None:
    path = dataset(
        tmp_path / "links",
        accounts=[{"account": "ann", "website": "https://ann.example"}],
        interactions=[(DAY_1, "like", "ann", "bob")],
        posts=[{"post": "1", "at": DAY_1, "author": "bob", "links": ["https://ann.example/x"]}],
    )
    assert imported(path, progress=drafting).interactions == 2
    assert drafting.written == {"draft": 1, "log": 1}
