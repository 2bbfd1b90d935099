"""Bulk import of a file or folder into people and the activity log."""

import csv
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from django.conf import settings

from accounts.actions.daily import Drafts, sweep_log
from accounts.actions.first_people import has_people
from accounts.actions.import_days import drafted_meanwhile, save_days
from accounts.actions.import_names import Names
from accounts.actions.people import SavedAccounts, analyze_people, save_accounts, save_first_accounts
from accounts.actions.spool import Spool, new_spool
from accounts.actions.websites import join_websites
from accounts.intake import NotThisFormat, Reject, open_source

T = TypeVar("T")

# People made in one transaction: others who make people wait for less than a second or two.
_ACCOUNTS_AT_ONCE = 20_000
# The first people of a platform, made in one: whoever looks waits for a quarter of a minute at most.
_FIRST_ACCOUNTS = 1_000_000
_FIRST_BYTES = 128 << 20
# Reading goes on while half a million rows are numbered, hashed and written.
_BATCHES_AHEAD = 8


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is.

    `done` of `total` are bytes while reading, then accounts, websites, and days of the log.
    """

    stage: str
    done: int
    total: int
    rows: int


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import changed. Rows that were known already count in `rows_read` alone."""

    rows_read: int = 0
    people: int = 0
    identities: int = 0
    posts: int = 0
    interactions: int = 0
    days: int = 0
    rejected: int = 0
    rejects_file: Path | None = None


def import_activity(
    path: Path,
    *,
    format: str,
    now: datetime,
    progress: Callable[[Progress], None] | None = None,
    network: str | None = None,
) -> ImportReport:
    """Read a file or folder of activity into people, identities and the activity log.

    Nothing is written before the whole source was read, so `NotThisFormat` leaves everything as it was. Then people
    come first, a platform's first million at once, and after them the log, some days in one transaction; of files
    drafted meanwhile nothing counts before. Killed anywhere, the same import again completes it; of what is known
    already nothing is written twice, whoever else imports meanwhile. Memory is bounded by one and a half million rows
    while reading, by what DuckDB may take for the accounts, by those that are made at once, and by two days' new rows.
    Rows that can't be used are listed, without what stood in them beyond the reason, in a file below `rejects/` of
    the data folder.
    """
    tell = progress or (lambda _: None)
    try:
        source = open_source(path, format, network=network)
    except PermissionError as error:
        raise NotThisFormat(f"{path.name} can't be read: {error.strerror}") from error
    sweep_log(now=now)
    report = ImportReport()
    with new_spool(settings.SCRATCH) as spool, (spool.root / "rejects.csv").open("w", newline="") as file:
        rejects = _Rejects(file)
        tell(Progress("reading", 0, source.size_bytes, 0))
        for batch in _ahead(source.batches(), _BATCHES_AHEAD):
            spool.add(batch)
            rejects.add(batch.rejects)
            report = replace(report, rows_read=report.rows_read + batch.rows)
            tell(Progress("reading", batch.bytes_read, source.size_bytes, report.rows_read))
        spool.flush()
        names = Names(spool)
        with drafted_meanwhile(spool, names) as drafts:
            report = _save_people(spool, names, report, tell, now)
        names.settle()
        people, websites = join_websites(
            now=now, progress=lambda done, total: tell(Progress("websites", done, total, done))
        )
        report = replace(report, people=report.people + people, identities=report.identities + websites)
        report = _save_days(spool, names, drafts, report, tell, now)
        rejects.add(names.rejects(path.name))
        if rejects.count:
            file.flush()
            kept = _keep(spool.root / "rejects.csv", path, now)
            report = replace(report, rejected=rejects.count, rejects_file=kept)
    return report


def _save_people(
    spool: Spool, names: Names, report: ImportReport, tell: Callable[[Progress], None], now: datetime
) -> ImportReport:
    done = 0
    tell(Progress("people", 0, 0, 0))
    for accounts, total in _first_together(_ahead(spool.accounts(_ACCOUNTS_AT_ONCE))):
        for rows, saved in _saved(accounts, now):
            names.add(saved)
            done += rows
            report = replace(
                report, people=report.people + saved.people, identities=report.identities + saved.identities
            )
            tell(Progress("people", done, total, done))
    if report.identities:
        analyze_people()
    return report


def _saved(accounts: pa.Table, now: datetime) -> Iterator[tuple[int, SavedAccounts]]:
    """Save accounts, some in a transaction, or all at once where nobody is known; yield how many, and what became."""
    if accounts.num_rows > _ACCOUNTS_AT_ONCE:
        first = save_first_accounts(accounts, now=now)
        if first is not None:
            yield accounts.num_rows, first
            return
    for start in range(0, accounts.num_rows, _ACCOUNTS_AT_ONCE):
        some = accounts.slice(start, _ACCOUNTS_AT_ONCE)
        yield some.num_rows, save_accounts(some, now=now)


def _first_together(parts: Iterable[tuple[pa.Table, int]]) -> Iterator[tuple[pa.Table, int]]:
    """Yield accounts as they come, but a platform's first ones together."""
    first: list[pa.Table] = []
    total = rows = size = 0
    gathering = not has_people()
    for accounts, total in parts:
        if not gathering:
            yield accounts, total
            continue
        first.append(accounts)
        rows, size = rows + accounts.num_rows, size + accounts.nbytes
        if rows >= _FIRST_ACCOUNTS or size >= _FIRST_BYTES:
            yield pa.concat_tables(first), total
            gathering = False
            first.clear()
    if first:
        yield pa.concat_tables(first), total


def _save_days(
    spool: Spool, names: Names, drafts: Drafts, report: ImportReport, tell: Callable[[Progress], None], now: datetime
) -> ImportReport:
    total = len(spool.days())
    done = rows = 0
    tell(Progress("log", 0, total, 0))
    for some, files in save_days(spool, names, drafts, now=now):
        new = Counter[str]()
        for file in files:
            new[file.table] += file.rows
        report = replace(
            report,
            posts=report.posts + new["posts"],
            interactions=report.interactions + new["interactions"],
            days=report.days + len({file.day for file in files}),
        )
        done += len(some)
        rows += sum(map(spool.rows_of, some))
        tell(Progress("log", done, total, rows))
    return report


def _ahead(items: Iterator[T], most: int = 1) -> Iterator[T]:
    """Yield items of which up to `most` are made while one before is being used, so that two cores have work.

    They are made in another thread, where the database mustn't be asked.
    """
    maker = ThreadPoolExecutor(1)
    try:
        coming = deque(maker.submit(next, items, None) for _ in range(most))
        while (item := coming.popleft().result()) is not None:
            coming.append(maker.submit(next, items, None))
            yield item
    finally:
        maker.shutdown(cancel_futures=True)


class _Rejects:
    """The list of rows that were left out, written as it grows."""

    def __init__(self, file: Any) -> None:
        self.count = 0
        self._writer = csv.writer(file)
        self._writer.writerow(["file", "line", "reason"])

    def add(self, rejects: Iterable[Reject]) -> None:
        for reject in rejects:
            self._writer.writerow([reject.source, reject.line or "", reject.reason])
            self.count += 1


def _keep(file: Path, path: Path, now: datetime) -> Path:
    """Move the list of rejects to where it can be read, under a name that no other import has."""
    folder: Path = settings.DATA_DIR / "rejects"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{path.resolve().name}-{now:%Y%m%dT%H%M%SZ}"
    number = 1
    while True:
        kept = folder / (f"{name}.csv" if number == 1 else f"{name}-{number}.csv")
        try:
            kept.touch(exist_ok=False)
        except FileExistsError:
            number += 1
            continue
        shutil.move(file, kept)
        return kept
