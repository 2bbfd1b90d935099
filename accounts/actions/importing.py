"""Bulk import of a file or folder into people and the activity log."""

import csv
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from django.conf import settings
from django.db import transaction

from accounts.actions.daily import DayRows, add_to_days, open_day, sweep_log
from accounts.actions.first_people import has_people
from accounts.actions.people import Account, analyze_people, save_accounts
from accounts.actions.spool import Part, Spool, new_spool
from accounts.actions.websites import join_websites, known_websites
from accounts.intake import NotThisFormat, Reject, open_source
from accounts.intake.websites import link_interactions
from accounts.keys import account_key, account_keys
from accounts.log import ACCOUNT_COLUMNS, LOG_INTERACTIONS, LOG_POSTS, LOG_TABLES

T = TypeVar("T")
_Day = tuple[date, pa.Table, pa.Table]  # with its posts and interactions

# People made in one transaction: others who make people wait for less than a second or two.
_ACCOUNTS_AT_ONCE = 20_000
# Where there is nobody yet, nobody waits either.
_FIRST_ACCOUNTS = 1_000_000
_FIRST_BYTES = 256 << 20
# Rows, and days, of the log written in one transaction: others who add to one of these days wait meanwhile.
_ROWS_AT_ONCE = 500_000
_DAYS_AT_ONCE = 8
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
    come first, and after them the log, some days in one transaction. Killed anywhere, the same import again completes
    it; of what is known already nothing is written twice, whoever else imports meanwhile. Memory is bounded by a
    million rows while reading, by what DuckDB may take for the accounts, and by two days' new rows while writing.
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
        report, names = _save_people(spool, report, tell, now)
        people, websites = join_websites(
            now=now, progress=lambda done, total: tell(Progress("websites", done, total, done))
        )
        report = replace(report, people=report.people + people, identities=report.identities + websites)
        report = _save_days(spool, names, report, tell, now)
        rejects.add(names.rejects(path.name))
        if rejects.count:
            file.flush()
            kept = _keep(spool.root / "rejects.csv", path, now)
            report = replace(report, rejected=rejects.count, rejects_file=kept)
    return report


def _save_people(
    spool: Spool, report: ImportReport, tell: Callable[[Progress], None], now: datetime
) -> tuple[ImportReport, "_Names"]:
    names = _Names(spool)
    done = 0
    tell(Progress("people", 0, 0, 0))
    for accounts, total in _first_together(_ahead(spool.accounts(_ACCOUNTS_AT_ONCE))):
        saved = save_accounts(accounts, now=now)
        names.refused |= saved.refused
        names.erased |= saved.erased
        names.aliases |= saved.aliases
        done += accounts.num_rows
        report = replace(report, people=report.people + saved.people, identities=report.identities + saved.identities)
        tell(Progress("people", done, total, done))
    if report.identities:
        analyze_people()
    names.settle()
    return report, names


def _first_together(parts: Iterable[tuple[pa.Table, int]]) -> Iterator[tuple[pa.Table, int]]:
    """Yield accounts as they come, but a platform's first ones at once, which `save_accounts` then makes quicker."""
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
    spool: Spool, names: "_Names", report: ImportReport, tell: Callable[[Progress], None], now: datetime
) -> ImportReport:
    websites = known_websites()
    days = spool.days()
    done = rows = 0
    tell(Progress("log", 0, len(days), 0))
    for some in _together(_ahead((day, *_log_rows(spool, day, names, websites)) for day in days)):
        parts = [
            DayRows(table, day, of_table)
            for day, posts, interactions in some
            for table, of_table in (("posts", posts), ("interactions", interactions))
        ]
        with transaction.atomic():
            for day, _, _ in some:
                open_day(day)
            files = [file for file in add_to_days(parts, now=now) if file]
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
        rows += sum(part.rows.num_rows for part in parts)
        tell(Progress("log", done, len(days), rows))
    return report


def _together(days: Iterable[_Day]) -> Iterator[list[_Day]]:
    """Yield consecutive days in lists, each of some days or of one with many rows."""
    some: list[_Day] = []
    rows = 0
    for day in days:
        some.append(day)
        rows += day[1].num_rows + day[2].num_rows
        if len(some) == _DAYS_AT_ONCE or rows >= _ROWS_AT_ONCE:
            yield some
            some, rows = [], 0
    if some:
        yield some


def _log_rows(spool: Spool, day: date, names: "_Names", websites: frozenset[str]) -> tuple[pa.Table, pa.Table]:
    """Return a day's posts and interactions as the log takes them, links to known websites among the latter."""
    posts, interactions = [LOG_POSTS.empty_table()], [LOG_INTERACTIONS.empty_table()]
    for part in spool.day("posts", day):
        known = names.keyed("posts", part)
        posts.append(known)
        if websites and known["links"].null_count < known.num_rows:
            interactions.append(_links(known, websites))
    interactions += [names.keyed("interactions", part) for part in spool.day("interactions", day)]
    return pa.concat_tables(posts), pa.concat_tables(interactions)


def _links(posts: pa.Table, websites: frozenset[str]) -> pa.Table:
    """Return the log's interactions that come of links in the log's posts to known websites."""
    spelt = posts.filter(posts["links"].is_valid())
    for name in ("author", "post"):
        # Keys stand for ids, which nobody asks for here.
        spelt = spelt.set_column(spelt.column_names.index(name), name, spelt[name].cast(pa.string()))
    found = link_interactions(spelt, websites)
    columns: dict[str, Any] = {name: found[name] for name in ("at", "kind", "network")}
    columns |= {name: found[name].cast(pa.int64()) for name in ("actor", "post")}
    columns["target"] = account_keys(
        found["target_network"].combine_chunks(),  # type: ignore[arg-type]
        found["target"].combine_chunks(),  # type: ignore[arg-type]
    )
    return pa.table(columns).select(LOG_INTERACTIONS.names).cast(LOG_INTERACTIONS)


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


class _Names:
    """Which of a source's accounts go by another name, and which can't be kept."""

    def __init__(self, spool: Spool) -> None:
        self.aliases: dict[Account, str] = {}
        self.refused: frozenset[Account] = frozenset()
        self.erased: frozenset[Account] = frozenset()
        self._spool = spool
        self._unwanted: dict[int, dict[int, Account]] = {}
        self._left_out: Counter[Account] = Counter()

    def settle(self) -> None:
        """Note the key of each account in the spool's files, and which are left out; to be called once all is known."""
        unwanted = self.refused | self.erased
        for file in self._spool.files:
            names = self._spool.names(file)
            keys = names["key"].to_numpy(zero_copy_only=False).copy()
            if unwanted or self.aliases:
                accounts = list(zip(names["network"].to_pylist(), names["account"].to_pylist(), strict=True))
                for number, account in enumerate(accounts):
                    if account in self.aliases:
                        account = (account[0], self.aliases[account])
                        keys[number] = account_key(*account)
                    if account in unwanted:
                        self._unwanted.setdefault(file, {})[number] = account
            np.save(self._keys(file), keys)

    def keyed(self, table: str, part: Part) -> pa.Table:
        """Return a part's rows as the log takes them, those of aliases under the known account, without the refused."""
        keys = np.load(self._keys(part.file))
        rows = pa.Table.from_batches([part.rows])
        numbers = [rows[column].to_numpy() for column in ACCOUNT_COLUMNS[table]]
        columns = {name: rows[name] for name in rows.column_names}
        columns |= dict(zip(ACCOUNT_COLUMNS[table], (pa.array(keys[each]) for each in numbers), strict=True))
        keyed = pa.table(columns, schema=LOG_TABLES[table])
        unwanted = self._unwanted.get(part.file)
        if not unwanted:
            return keyed
        kept = np.ones(rows.num_rows, dtype=np.bool_)
        for each in numbers:
            left_out = kept & np.isin(each, list(unwanted))
            self._left_out.update(unwanted[number] for number in each[left_out].tolist())
            kept &= ~left_out
        return keyed.filter(pa.array(kept))

    def _keys(self, file: int) -> Path:
        return self._spool.root / "names" / f"{file:09}.npy"

    def rejects(self, source: str) -> list[Reject]:
        """Return a reject for each refused account, and one for the erased; which lines theirs were isn't known."""
        found = [
            Reject(
                source,
                0,
                f"the key {account_key(*account)} of an account on {account[0]} belongs to another account: "
                f"its profile and {self._left_out[account]} rows were left out",
            )
            for account in sorted(self.refused)
        ]
        if self.erased:
            rows = sum(self._left_out[account] for account in self.erased)
            found.append(Reject(source, 0, f"{len(self.erased)} accounts were erased: {rows} rows were left out"))
        return found


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
