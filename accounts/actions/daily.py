"""Adding to days of the activity log: files first, then their rows in the manifest, in the caller's transaction."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

import pyarrow as pa
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, Max, OuterRef

from accounts.actions.locks import lock_days, lock_log, share_log
from accounts.actions.spool import sweep_spools
from accounts.log import LogFolder, WrittenFile, without_accounts
from accounts.models import LogFile
from accounts.queries import LogDay, erased_accounts, log_days

# An orphan younger than this may belong to a writer on another machine whose clock is wrong.
_ORPHANS_KEPT: Final = timedelta(days=1)
# A run that began before a file was replaced may still be reading it.
REPLACED_KEPT: Final = timedelta(days=2)
# Files made at once: sorting and encoding keep a core each at work.
_WRITERS: Final = 2


class DayRows(NamedTuple):
    """Rows of one day for one of the log's tables, as `LOG_TABLES` has it; they are read when they are needed."""

    table: str
    day: date
    read: Callable[[], pa.Table]


@dataclass(frozen=True, slots=True)
class Drafts:
    """Files written before it was known whether all their rows may be kept, by table and day.

    No row is of an account that was `erased` then. They are good as long as nobody else was erased and the log has
    nothing of the day.
    """

    erased: frozenset[int] = frozenset()
    files: dict[tuple[str, date], WrittenFile] = field(default_factory=dict)


def open_day(day: date) -> None:
    """Take the locks under which a day may be added to."""
    open_days([day])


def open_days(days: Iterable[date]) -> None:
    """Take the locks under which some days may be added to."""
    share_log()
    for day in sorted(days):
        lock_days(day)


def days_at_rest(until: datetime) -> tuple[dict[date, LogDay], int]:
    """Return the days of the log that begin before a moment, and the highest `LogFile.added` of the whole log.

    Nobody is between a file and its entry meanwhile, so what is entered later has a higher number. Two queries.
    """
    with transaction.atomic():
        lock_log()
        return log_days(until), LogFile.objects.aggregate(last=Max("added"))["last"] or 0


def add_to_day(table: str, day: date, rows: pa.Table, *, now: datetime) -> LogFile | None:
    """Write the rows that the day doesn't have yet and enter the file in the manifest; return None if there are none.

    The caller has called `open_day` in the same transaction; all else is as `add_to_days` says.
    """
    (file,) = add_to_days([DayRows(table, day, lambda: rows)], now=now)
    return file


def add_to_days(parts: Sequence[DayRows], *, now: datetime, drafts: Drafts | None = None) -> list[LogFile | None]:
    """Write what days don't have yet, a file for each part, and return the files' entries; None where nothing was new.

    What erased accounts did, received or wrote is left out. Each table of a day is there once; its rows are read on one
    of a few threads, and not at all where its draft is good. The caller has called `open_days` in the same transaction.
    A crash before its commit leaves files that belong to nothing; `sweep_log` deletes them.
    """
    log = LogFolder(settings.ACTIVITY_LOG)
    erased = pa.array(erased_accounts())
    good = drafts.files if drafts and drafts.erased == frozenset(erased.to_pylist()) else {}
    known: dict[tuple[str, date], list[str]] = defaultdict(list)
    days = {part.day for part in parts}
    for table, day, path in (
        LogFile.objects.live().filter(day__in=days).order_by("pk").values_list("table", "day", "path")
    ):
        known[table, day].append(path)

    def written(part: DayRows) -> WrittenFile | None:
        draft, there = good.get((part.table, part.day)), known[part.table, part.day]
        if draft and not there and next(log.faults([draft], deep=False)) is None:
            return draft
        rows = without_accounts(part.table, part.read(), erased)
        new = log.new_rows(part.table, rows, there)
        return log.write_day(part.table, part.day, new) if new.num_rows else None

    with ThreadPoolExecutor(_WRITERS) as writers:
        files = list(writers.map(written, parts))
    return [
        enter(part.table, part.day, file, now=now) if file else None for part, file in zip(parts, files, strict=True)
    ]


def enter(table: str, day: date, written: WrittenFile, *, now: datetime, added: int | None = None) -> LogFile:
    """Enter a file in the manifest. One of the same bytes that had been replaced counts again.

    Its rows are new to the log, unless `added` says when the last of them came.
    """
    if added is None:
        added = next_number()
    again = LogFile.objects.filter(path=written.path).first()
    if again is not None:
        again.created_at, again.replaced_at, again.added = now, None, added
        again.save(update_fields=["created_at", "replaced_at", "added"])
        return again
    return LogFile.objects.create(
        table=table,
        day=day,
        path=written.path,
        rows=written.rows,
        size=written.bytes,
        sha256=written.sha256,
        texts=list(written.texts),
        created_at=now,
        added=added,
    )


def next_number() -> int:
    """Return a number for `LogFile.added`, higher than all before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('accounts_logfile_added')")
        (number,) = cursor.fetchone()
    return int(number)


def sweep_log(*, now: datetime) -> int:
    """Delete what killed imports, and drafts that didn't count, left behind, and files replaced a while ago.

    Returns how many files and folders those were.
    """
    log = LogFolder(settings.ACTIVITY_LOG)
    older_than = now - _ORPHANS_KEPT
    swept = sweep_spools(settings.SCRATCH, older_than=older_than)
    with transaction.atomic():
        # Writers are between file and manifest only while they hold this lock too.
        lock_log()
        replaced = LogFile.objects.filter(replaced_at__lt=now - REPLACED_KEPT)
        # Of a file that was given up no other has the rows: by its number runs learn that its day isn't what it was.
        later = LogFile.objects.live().filter(
            table=OuterRef("table"), day=OuterRef("day"), added__gte=OuterRef("added")
        )
        replaced.filter(Exists(later)).delete()
        known = set(LogFile.objects.exclude(pk__in=replaced).values_list("path", flat=True))
        return swept + len(log.sweep(known, older_than))
