"""Data sets from their files, without a database: scored to a file, or used to test the formula.

The same computation as a nightly run.
"""

import csv
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

import duckdb
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from accounts.intake import Reject, open_source
from scoring.actions.computing import compute_scores, engine_connection, until
from scoring.actions.errors import ScoringError
from scoring.actions.spool import People, Spool
from scoring.actions.topics import starter_topics
from scoring.engine import Backtest, Inputs, Parameters, Result, backtest
from scoring.engine.progress import Progress

pc: Any = pyarrow.compute

OUT_COLUMNS: Final = (
    *("account", "handle", "score", "reach", "forecast", "low", "high", "percentile"),
    *("taken_unvouched", "taken_exchange", "taken_indiscriminate", "taken_repetition", "taken_absence", "network"),
)
# Decimals of a .csv: a ten-thousandth of a person is finer than any forecast, and sums leave no dust behind them.
DECIMALS: Final = 4


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """What came of scoring a data set.

    `between` are the first and the last moment of which it has a row, None without any; `notes` are the engine's.
    """

    people: int
    interactions: int
    rejects: int
    between: tuple[datetime, datetime] | None
    notes: dict[str, Any]


def score_dataset(
    path: Path,
    *,
    format: str,
    network: str | None = None,
    as_of: datetime,
    parameters: Parameters,
    out: Path,
    progress: Progress,
) -> DatasetReport:
    """Score a data set as known at a moment and write one row per person to `out` (.csv or .parquet), highest first.

    Numbers are exact in .parquet, and have at most `DECIMALS` decimals in .csv.
    A person is an account, together with the website that its profile names, if no other profile names it or no other
    verified one. Verified accounts are where trust starts. Topics are the starter table's. Bad rows are left out and
    written to `<out>.rejects.csv`. Both files appear whole or not at all; in memory is one batch of rows at a time,
    then what the engine needs.

    Raises NotThisFormat if the files aren't what they are said to be, ScoringError for an `out` that can't be.
    """
    check_out(out)
    with _rejects_file(out) as rejects:
        found = scored(
            path,
            format=format,
            network=network,
            as_of=as_of,
            parameters=parameters,
            rejected=rejects.add,
            progress=progress,
        )
        progress("writing")
        table = _table(found)
        write_table(table, out)
    notes = found.result.notes
    return DatasetReport(table.num_rows, int(notes["interactions"]), rejects.count, found.between, notes)


@dataclass(frozen=True, slots=True)
class Scored:
    """A data set's scores.

    `names` are rows (key, network, account, handle); a person's key is that of one of their accounts. Topics are
    numbered as in `starter_topics`.
    """

    result: Result
    names: pa.Table
    between: tuple[datetime, datetime] | None


def scored(
    path: Path,
    *,
    format: str,
    network: str | None = None,
    as_of: datetime,
    parameters: Parameters,
    rejected: Callable[[list[Reject]], None],
    progress: Progress,
) -> Scored:
    """Compute everything that a run gives of a data set, as `score_dataset` does; bad rows go to `rejected`.

    Raises NotThisFormat if the files aren't what they are said to be.
    """
    with _read(path, format=format, network=network, rejected=rejected, progress=progress) as data:
        result = compute_scores(
            interactions=data.interactions,
            posts=data.posts,
            until=until(as_of),
            owners=data.people.owners,
            seeds=data.people.seeds,
            topics=starter_topics(),
            parameters=parameters,
            progress=progress,
        )
        return Scored(result, data.people.names, data.between)


@dataclass(frozen=True, slots=True)
class BacktestReport:
    """What came of testing a formula on a data set; `backtest` is None where too little was known at the cut.

    `between` are the first and the last moment of which the data set has a row, None without any.
    """

    backtest: Backtest | None
    rejects: tuple[Reject, ...]
    rejected: int
    between: tuple[datetime, datetime] | None


# Rejects that a report lists; the others are counted.
LISTED: Final = 20


def backtest_dataset(
    path: Path,
    *,
    format: str,
    network: str | None = None,
    cut: datetime,
    parameters: Parameters,
    progress: Progress,
) -> BacktestReport:
    """Make the forecast of a moment from a data set, and hold it and plain baselines against what then happened.

    Who is who is taken from the whole data set, what they did from before the moment alone. Nothing is written; bad
    rows are left out, counted, and the first of them listed. In memory is one batch of rows at a time, then what the
    engine needs.

    Raises NotThisFormat if the files aren't what they are said to be.
    """
    rejects: list[Reject] = []
    rejected = 0

    def reject(rows: list[Reject]) -> None:
        nonlocal rejected
        rejected += len(rows)
        rejects.extend(rows[: LISTED - len(rejects)])

    with (
        _read(path, format=format, network=network, rejected=reject, progress=progress) as data,
        engine_connection() as connection,
    ):
        inputs = Inputs(data.interactions, data.posts, until(cut), owners=data.people.owners, seeds=data.people.seeds)
        found = backtest(inputs, parameters, until(cut), progress=progress, connection=connection)
    return BacktestReport(found, tuple(rejects), rejected, data.between)


@dataclass(frozen=True, slots=True)
class _Data:
    connection: duckdb.DuckDBPyConnection
    people: People
    interactions: list[Path]
    posts: list[Path]
    between: tuple[datetime, datetime] | None


@contextmanager
def _read(
    path: Path,
    *,
    format: str,
    network: str | None,
    rejected: Callable[[list[Reject]], None],
    progress: Progress,
) -> Iterator[_Data]:
    """Read a data set into files as the log has them, which are there as long as the context is."""
    source = open_source(path, format, network=network)
    with tempfile.TemporaryDirectory(prefix="sway-") as folder, duckdb.connect() as connection:
        spool = Spool(Path(folder), connection)
        rows = 0
        for batch in source.batches():
            spool.add(batch)
            rejected(batch.rejects)
            rows += batch.rows
            progress(f"reading: {rows:,} rows")
        spool.close()
        progress("accounts")
        people = spool.people()
        between = spool.between and (_moment(spool.between[0]), _moment(spool.between[1]))
        yield _Data(connection, people, spool.interactions(), spool.posts(), between)


def _moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _table(found: Scored) -> pa.Table:
    with duckdb.connect() as connection:
        connection.register("scores", found.result.scores)
        connection.register("names", found.names)
        table: pa.Table = connection.sql(
            f"""
            SELECT {", ".join(OUT_COLUMNS)} FROM scores JOIN names ON names.key = scores.person
            ORDER BY score DESC, network, account
            """  # noqa: S608  # our own column names
        ).to_arrow_table()
    return table


def check_out(out: Path) -> None:
    """Raise ScoringError where a table can't be written to a file of this name."""
    if out.suffix not in (".csv", ".parquet"):
        raise ScoringError(f"{out.name} ends neither in .csv nor in .parquet")
    if not out.parent.is_dir():
        raise ScoringError(f"there is no folder {out.parent} to write to")


def write_table(table: pa.Table, out: Path) -> None:
    """Write a table whole or not at all: exact to .parquet, with at most `DECIMALS` decimals to .csv."""
    with _whole(out) as temporary:
        if out.suffix == ".parquet":
            pyarrow.parquet.write_table(table, temporary)
        else:
            pyarrow.csv.write_csv(_rounded(table), temporary)


def _rounded(table: pa.Table) -> pa.Table:
    for index, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            # Adding zero makes 0 of -0, which a sum's dust may be rounded to.
            table = table.set_column(index, field.name, pc.add(pc.round(table[index], ndigits=DECIMALS), 0.0))
    return table


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a name to write to, beside a file that takes its place when all is written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class _Rejects:
    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file)
        self._writer.writerow(["file", "line", "reason"])
        self.count = 0

    def add(self, rejects: list[Reject]) -> None:
        self._writer.writerows((reject.source, reject.line or "", reject.reason) for reject in rejects)
        self.count += len(rejects)


@contextmanager
def _rejects_file(out: Path) -> Iterator[_Rejects]:
    """Write rejects beside `out`; without any there is no file afterwards, not even one of an earlier try."""
    path = out.with_name(f"{out.name}.rejects.csv")
    with _whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        rejects = _Rejects(file)
        yield rejects
    if not rejects.count:
        path.unlink()
