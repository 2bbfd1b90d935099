"""Adding to one day of the activity log: the file first, then its row in the manifest, in the caller's transaction."""

from datetime import date, datetime, timedelta

import pyarrow as pa
from django.conf import settings
from django.db import transaction

from accounts.actions.locks import lock_days, lock_log, share_log
from accounts.actions.spool import sweep_spools
from accounts.log import LogFolder, WrittenFile
from accounts.models import LogFile

# An orphan younger than this may belong to a writer on another machine whose clock is wrong.
_ORPHANS_KEPT = timedelta(days=1)


def open_day(day: date) -> None:
    """Take the locks under which a day may be added to."""
    share_log()
    lock_days(day)


def add_to_day(table: str, day: date, rows: pa.Table, *, now: datetime) -> LogFile | None:
    """Write the rows that the day doesn't have yet and enter the file in the manifest; return None if there are none.

    The caller has called `open_day` in the same transaction. A crash before its commit leaves a file that belongs to
    nothing; `sweep_log` deletes it.
    """
    log = LogFolder(settings.ACTIVITY_LOG)
    known = LogFile.objects.filter(table=table, day=day).order_by("pk").values_list("path", flat=True)
    new = log.new_rows(table, rows, list(known))
    if new.num_rows == 0:
        return None
    written: WrittenFile = log.write_day(table, day, new)
    return LogFile.objects.create(
        table=table,
        day=day,
        path=written.path,
        rows=written.rows,
        size=written.bytes,
        sha256=written.sha256,
        created_at=now,
    )


def sweep_log(*, now: datetime) -> int:
    """Delete what killed imports left below the log's folder and return how many files and folders that were."""
    log = LogFolder(settings.ACTIVITY_LOG)
    older_than = now - _ORPHANS_KEPT
    swept = sweep_spools(log.root, older_than=older_than)
    with transaction.atomic():
        # Writers are between file and manifest only while they hold this lock too.
        lock_log()
        known = set(LogFile.objects.values_list("path", flat=True))
        return swept + len(log.sweep(known, older_than))
