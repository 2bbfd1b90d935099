"""What keeps the activity log in order: days written anew, of fewer files or without what may not stay."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
from django.conf import settings
from django.db import transaction

from accounts.actions.daily import enter, next_number, open_day
from accounts.actions.locks import lock_log
from accounts.log import ACCOUNT_COLUMNS, DamagedFile, LogFolder, holds_accounts, without_accounts, without_texts
from accounts.models import Activity, ErasedAccount, LogFile, Network
from accounts.queries import erased_accounts

logger = logging.getLogger(__name__)

# So many files of about one size are merged, so each row is written anew once per power of it.
_ALIKE: Final = 8
# Files of more rows stay as they are: what is merged is in memory, and of these a day has few.
_LARGE: Final = 5_000_000
# A day that got nothing for so long becomes one file.
_AT_REST: Final = timedelta(days=1)
# Erasures wait for others for so long: one pass over the log serves them all. Well within the 30 days that people are
# promised, so that a pass may fail a few times.
ERASURES_WAIT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Tidied:
    """Files that were merged, those written for them, those rid of old texts, and those rid of erased accounts.

    `left` are those that another tidier wrote anew meanwhile.
    """

    merged: int = 0
    written: int = 0
    emptied: int = 0
    erased: int = 0
    left: int = 0

    def __str__(self) -> str:
        return (
            f"{self.merged:,} files merged into {self.written:,}; {self.emptied:,} rid of old texts, "
            f"{self.erased:,} of erased accounts"
        )


def tidy_log(
    *, now: datetime, progress: Callable[[int, int, int], None] = lambda days, of, rows: None, at_once: bool = False
) -> Tidied:
    """Merge small files, drop texts that are kept no longer, and take out erased accounts.

    Erasures that wait are done when the first of them has waited `ERASURES_WAIT`, or `at_once`. Each day is written
    anew in a transaction of its own, so what is killed has done some days and the next call does the others. `progress`
    is told days done, days in all, and rows of the days done. A day with a damaged file stays as it is.
    """
    with transaction.atomic():
        # Whoever is writing now may not know yet of the last to be erased: their files are among these, and those of
        # later writers hold nothing of them.
        lock_log()
        erased = ErasedAccount.objects.filter(rewritten_at__isnull=True, erased_at__lte=now)
        waiting = dict(erased.values_list("pk", "erased_at"))
        if waiting and not at_once and min(waiting.values()) > now - ERASURES_WAIT:
            waiting = {}
        rules = _Rules(now, _texts_kept(), pa.array(erased_accounts()), pa.array(sorted(waiting), pa.int64()))
        days: dict[tuple[date, str], list[LogFile]] = {}
        for file in LogFile.objects.live().order_by("day", "table", "pk"):
            days.setdefault((file.day, file.table), []).append(file)
    tidied = Tidied()
    rows = 0
    for done, files in enumerate(days.values(), start=1):
        try:
            tidied = _tidy_day(files, tidied, rules)
        except DamagedFile as error:
            # The other days may be sound, and the erased wait for this one.
            logger.error("%s of %s can't be tidied: %s", files[0].table, files[0].day, error)
            waiting = {}
        rows += sum(file.rows for file in files)
        progress(done, len(days), rows)
    if tidied.left:
        # The other may have begun before somebody was erased.
        waiting = {}
    ErasedAccount.objects.filter(pk__in=list(waiting)).update(rewritten_at=now)
    if waiting:
        logger.info("%d erased accounts are out of the log", len(waiting))
    return tidied


def discard_file(path: str, *, now: datetime) -> int | None:
    """Take a file that can't be restored out of the log, and return its rows; None for what is no file of it.

    Those of them that are still Activity rows go into the log again with the next move.
    """
    known = LogFile.objects.live().filter(path=path).first()
    if known is None:
        return None
    with transaction.atomic():
        open_day(known.day)
        if not LogFile.objects.live().filter(pk=known.pk).update(replaced_at=now, added=next_number()):
            return None
        Activity.objects.filter(log_file=known).update(log_file=None)
    logger.warning("%s with %d rows was given up", known.path, known.rows)
    return known.rows


@dataclass(frozen=True, slots=True)
class _Rules:
    """What may stay in the log: texts for so many days, by network; nothing of the erased; `due` is to go now."""

    now: datetime
    texts_kept: Mapping[str, int]
    erased: Any
    due: Any

    def old_texts(self, file: LogFile) -> set[str]:
        """Return the networks whose texts in this file are kept no longer."""
        if file.table != LogFile.Table.POSTS:
            return set()
        age = (self.now.astimezone(UTC).date() - file.day).days
        over = {slug for slug, days in self.texts_kept.items() if age > days}
        return over if file.texts is None else over & set(file.texts)


def _texts_kept() -> dict[str, int]:
    kept = Network.objects.filter(texts_kept_days__isnull=False)
    return {slug: days for slug, days in kept.values_list("slug", "texts_kept_days") if days is not None}


def _tidy_day(files: Sequence[LogFile], tidied: Tidied, rules: _Rules) -> Tidied:
    erased = {file.pk for file in files if _holds_erased(file, rules)}
    old = {file.pk for file in files if rules.old_texts(file)}
    merging = _to_merge(files, rules.now)
    # A file that changes anyway is written once: with the others if those are merged.
    alone = [file for file in files if file.pk in erased | old and file not in merging]
    for group in [*([merging] if merging else []), *([file] for file in alone)]:
        if not _replace(group, rules):
            tidied = replace(tidied, left=tidied.left + len(group))
            continue
        ids = {file.pk for file in group}
        tidied = replace(
            tidied,
            merged=tidied.merged + (len(group) if len(group) > 1 else 0),
            written=tidied.written + (len(group) > 1),
            emptied=tidied.emptied + len(ids & old),
            erased=tidied.erased + len(ids & erased),
        )
    return tidied


def _holds_erased(file: LogFile, rules: _Rules) -> bool:
    if not len(rules.due):
        return False
    return holds_accounts(_read([file], ACCOUNT_COLUMNS[file.table]), rules.due)


def _read(files: Sequence[LogFile], columns: Sequence[str] | None = None) -> pa.Table:
    """Read files that are as they were written; written anew, a damaged one would look sound for ever."""
    log = LogFolder(settings.ACTIVITY_LOG)
    for file, fault in zip(files, log.faults([file.as_written() for file in files]), strict=True):
        if fault is not None:
            raise DamagedFile(f"{file.path} is {fault}")
    return log.read(files[0].table, [file.path for file in files], columns)


def _to_merge(files: Sequence[LogFile], now: datetime) -> list[LogFile]:
    """Return which files of a day to make one of: all of a day at rest, else those of one size that are many."""
    files = [file for file in files if file.rows <= _LARGE]
    if len(files) < 2:
        return []
    if max(file.created_at for file in files) <= now - _AT_REST:
        return list(files)
    sizes: dict[int, list[LogFile]] = {}
    for file in files:
        size = 0
        while _ALIKE ** (size + 1) <= file.rows:
            size += 1
        sizes.setdefault(size, []).append(file)
    return next((alike for _, alike in sorted(sizes.items()) if len(alike) >= _ALIKE), [])


def _replace(files: Sequence[LogFile], rules: _Rules) -> bool:
    """Write the rows of files of one day and table that may stay as one file, in their place; say whether it did.

    Activity rows that went into the old files are then known to be in the new one.
    """
    log = LogFolder(settings.ACTIVITY_LOG)
    table, day = files[0].table, files[0].day
    with transaction.atomic():
        open_day(day)
        ids = [file.pk for file in files]
        old = LogFile.objects.live().filter(pk__in=ids)
        if old.count() < len(ids):
            return False
        rows = without_accounts(table, _read(files), rules.erased)
        over = set().union(*map(rules.old_texts, files))
        if over:
            rows = without_texts(rows, over)
        new = None
        if rows.num_rows:
            # What is left may be what one of them held alone: that file then stays, and tells what texts it holds.
            written = log.write_day(table, day, rows)
            new = enter(table, day, written, now=rules.now, added=max(file.added for file in files))
            LogFile.objects.filter(pk=new.pk).update(texts=list(written.texts))
        gone = [pk for pk in ids if new is None or pk != new.pk]
        LogFile.objects.filter(pk__in=gone).update(replaced_at=rules.now)
        if new is not None:
            Activity.objects.filter(log_file__in=gone).update(log_file=new)
    return True
