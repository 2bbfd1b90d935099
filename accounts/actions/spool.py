"""A source's rows on disk, parted by day, until the whole source was read and nothing more can refuse it."""

import fcntl
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet

from accounts.intake import ACCOUNTS, INTERACTIONS, POSTS, Batch
from accounts.log import split_days

SPOOL = ".spool"
_LOCK = "lock"
_DAY_TABLES = {"interactions": INTERACTIONS, "posts": POSTS}
# Rows held in memory before they are written: files are then few, however many days a batch touches.
_HELD = 500_000

# Each account once, every fact as it came last, ids made from handles ("@handle") at the end.
_EACH_ACCOUNT = """
CREATE TEMPORARY TABLE named AS
SELECT account, {facts}, network
FROM read_parquet($files) GROUP BY network, account
ORDER BY starts_with(account, '@'), network, account
""".format(
    facts=", ".join(
        f"arg_max({name}, place) FILTER (WHERE {name} IS NOT NULL) AS {name}"
        for name in ACCOUNTS.names
        if name not in ("account", "network")
    )
)


class Spool:
    """Rows of one import in the scratch folder; made by `new_spool`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._held: dict[tuple[str, date], list[pa.Table]] = {}
        self._rows = 0
        self._files = 0
        self._accounts = 0

    def add(self, batch: Batch) -> None:
        """Keep a batch's rows, and every account that they name."""
        for table, rows in (("interactions", batch.interactions), ("posts", batch.posts)):
            for day, part in split_days(rows).items():
                self._held.setdefault((table, day), []).append(part)
            self._rows += rows.num_rows
        accounts = _named(batch)
        places = np.arange(self._accounts, self._accounts + accounts.num_rows)
        self._accounts += accounts.num_rows
        if accounts.num_rows:
            self._write(accounts.append_column("place", pa.array(places)), self.root / "accounts")
        if self._rows >= _HELD:
            self.flush()

    def flush(self) -> None:
        """Write what is held. Has to be called after the last batch."""
        for (table, day), parts in self._held.items():
            self._write(pa.concat_tables(parts), self.root / table / day.isoformat())
        self._held.clear()
        self._rows = 0

    def _write(self, rows: pa.Table, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._files += 1
        pyarrow.parquet.write_table(rows, folder / f"{self._files:09}.parquet", compression="zstd")

    def accounts(self, at_once: int) -> Iterator[tuple[pa.Table, int]]:
        """Yield the accounts that the source names, each once, some at a time, and how many there are in all."""
        files = sorted(str(path) for path in (self.root / "accounts").glob("*.parquet"))
        if not files:
            return
        with duckdb.connect(config={"temp_directory": str(self.root / "duckdb"), "memory_limit": "1GB"}) as connection:
            connection.execute(_EACH_ACCOUNT, {"files": files})
            [(total,)] = connection.sql("SELECT count(*) FROM named").fetchall()
            reader = connection.sql("SELECT * FROM named").to_arrow_reader(at_once)
            for batch in reader:
                yield pa.Table.from_batches([batch]).select(ACCOUNTS.names).cast(ACCOUNTS), total

    def days(self) -> list[date]:
        """Return the days that have rows, ascending."""
        found = {folder.name for table in _DAY_TABLES for folder in (self.root / table).glob("*")}
        return sorted(date.fromisoformat(name) for name in found)

    def day(self, table: str, day: date) -> Iterator[pa.Table]:
        """Yield a day's rows in the source's order, a file at a time."""
        for path in sorted((self.root / table / day.isoformat()).glob("*.parquet")):
            yield pyarrow.parquet.ParquetFile(path).read().cast(_DAY_TABLES[table])


def _named(batch: Batch) -> pa.Table:
    """Return the accounts that a batch names, by a profile or in a row; those of rows once, without any fact."""
    doers = [
        (batch.posts["network"], batch.posts["author"]),
        (batch.interactions["network"], batch.interactions["actor"]),
        (_target_networks(batch.interactions), batch.interactions["target"]),
    ]
    bare = pa.concat_tables([pa.table({"network": network, "account": account}) for network, account in doers])
    once = bare.group_by(["network", "account"]).aggregate([])
    filled = {name: once[name] if name in once.column_names else pa.nulls(once.num_rows) for name in ACCOUNTS.names}
    return pa.concat_tables([pa.table(filled).cast(ACCOUNTS), batch.accounts])


def _target_networks(interactions: pa.Table) -> Any:
    own: Any = interactions["target_network"]
    return pa.compute.coalesce(own, interactions["network"])


@contextmanager
def new_spool(scratch: Path) -> Iterator[Spool]:
    """Make a spool for an import, and take it away at the end."""
    with scratch_folder(scratch) as folder:
        yield Spool(folder)


@contextmanager
def scratch_folder(scratch: Path) -> Iterator[Path]:
    """Make a folder of one's own in the scratch folder and take it away at the end, however that comes.

    A lock on a file in it lives as long as this process: `sweep_spools` knows by it whose owner was killed.
    """
    name = uuid.uuid4().hex
    hidden = scratch / SPOOL / f".{name}"
    hidden.mkdir(parents=True)
    with (hidden / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = hidden.rename(scratch / SPOOL / name)
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def sweep_spools(scratch: Path, *, older_than: datetime) -> int:
    """Delete the folders of imports and runs that were killed and return how many.

    One without its lock was killed while it was made, or is being made: it goes only if older than a moment.
    """
    swept = 0
    for folder in (scratch / SPOOL).glob("*"):
        try:
            if folder.name.startswith("."):
                stray = datetime.fromtimestamp(folder.stat().st_mtime, UTC) < older_than
            else:
                with (folder / _LOCK).open("r+") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                stray = True
        except BlockingIOError:
            stray = False  # its owner is at work
        except FileNotFoundError:
            stray = False  # its owner has just taken it away, or another sweeper has
        if stray:
            shutil.rmtree(folder, ignore_errors=True)
            swept += 1
    return swept
