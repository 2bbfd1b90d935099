"""A source's rows on disk, parted by day, until the whole source was read and nothing more can refuse it."""

import fcntl
import shutil
import uuid
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.ipc
import pyarrow.parquet

from accounts.intake import ACCOUNTS, Batch
from accounts.keys import SEPARATOR, Ints, account_keys
from accounts.log import ACCOUNT_COLUMNS, LOG_TABLES

# The stubs of pyarrow lack functions on whole columns.
pc: Any = pyarrow.compute

SPOOL = ".spool"
_LOCK = "lock"
_DAY_TABLES = ("interactions", "posts")
_DAY = 86_400
_EPOCH = date(1970, 1, 1)
# Of a DuckDB that isn't a run's: there may be several at once, beside what else the machine does.
LIMITS: dict[str, Any] = {"memory_limit": "512MB", "threads": 2}
# Rows held in memory before they are written: files are then few, however many days a batch touches.
_HELD = 500_000
# Long texts fill memory, and the two GiB that a column of Arrow's can hold, sooner.
_HELD_BYTES = 256 << 20
# Files written at once: numbering and hashing takes longer than reading, and each that is written fills memory.
_WRITERS = 2

# Each account once, every fact as it came last, ids made from handles ("@handle") at the end.
_EACH_ACCOUNT = """
CREATE TEMPORARY TABLE named AS
SELECT account, {facts}, network
FROM ({{sources}}) GROUP BY network, account
ORDER BY starts_with(account, '@'), network, account
""".format(
    facts=", ".join(
        f"arg_max({name}, place) FILTER (WHERE {name} IS NOT NULL) AS {name}"
        for name in ACCOUNTS.names
        if name not in ("account", "network")
    )
)


class Part(NamedTuple):
    """Rows of one day, in the source's order: as in the log, but accounts are numbers of `Spool.names(file)`."""

    file: int
    rows: pa.RecordBatch


class _Written(NamedTuple):
    """What is in a file: days with how many rows each has, and whether it has ids made from handles."""

    days: list[tuple[date, int]]
    has_handles: bool


class Spool:
    """Rows of one import in the scratch folder; made by `new_spool`.

    Rows lie in files of some hundred thousand, parted by day. They name an account by its number in a list beside them,
    so that what becomes of an account is found out once a file and not once a row.
    """

    def __init__(self, root: Path, writers: ThreadPoolExecutor) -> None:
        self.root = root
        # Whether an account is named by its handle alone, so that it may turn out to be another one.
        self.has_handles = False
        self._writers = writers
        self._writing: deque[tuple[str, int, Future[_Written]]] = deque()
        self._held: dict[str, list[pa.Table]] = {table: [] for table in _DAY_TABLES}
        self._rows = self._bytes = 0
        self._profiles = 0
        self._places: dict[str, dict[date, list[tuple[int, int]]]] = {table: {} for table in _DAY_TABLES}
        self._rows_of_day: Counter[date] = Counter()
        self._files = 0
        for folder in ("accounts", "keys", "names", "rows"):
            (root / folder).mkdir()

    def add(self, batch: Batch) -> None:
        """Keep a batch's rows, and every account that they name."""
        for table, rows in (("interactions", batch.interactions), ("posts", batch.posts)):
            if rows.num_rows:
                self._held[table].append(rows)
                self._rows += rows.num_rows
                self._bytes += rows.nbytes
        if batch.accounts.num_rows:
            places = np.arange(self._profiles, self._profiles + batch.accounts.num_rows)
            profiles = batch.accounts.append_column("place", pa.array(places))
            pyarrow.parquet.write_table(profiles, self.root / "accounts" / f"{self._profiles:012}.parquet")
            self._profiles += batch.accounts.num_rows
        if self._rows >= _HELD or self._bytes >= _HELD_BYTES:
            self._write_held()

    def flush(self) -> None:
        """Write what is held, and wait until all is written. Has to be called after the last batch."""
        self._write_held()
        while self._writing:
            self._note_written()

    def _write_held(self) -> None:
        for table, parts in self._held.items():
            if parts:
                if len(self._writing) == _WRITERS:
                    self._note_written()
                self._held[table] = []
                written = self._writers.submit(self._write, table, parts, self._files)
                self._writing.append((table, self._files, written))
                self._files += 1
        self._rows = self._bytes = 0

    def _note_written(self) -> None:
        """Wait for the file that was begun first, and note where its days are: a day's rows keep the source's order."""
        table, file, written = self._writing.popleft()
        days, has_handles = written.result()
        for number, (day, rows) in enumerate(days):
            self._places[table].setdefault(day, []).append((file, number))
            self._rows_of_day[day] += rows
        self.has_handles |= has_handles

    def _write(self, table: str, parts: list[pa.Table], file: int) -> _Written:
        """Write a file of rows, a batch for each day, and the accounts that they name; take the parts out of memory."""
        rows = pa.concat_tables(parts).combine_chunks()
        parts.clear()
        days = rows["at"].to_numpy() // _DAY
        if (days[1:] < days[:-1]).any():
            order = np.argsort(days, kind="stable")
            rows, days = rows.take(order).combine_chunks(), days[order]
        numbered, names, keys = _numbered(table, rows)
        # Each account is there once.
        pyarrow.parquet.write_table(names, self._names(file), compression="lz4", use_dictionary=False)
        self.save_keys(file, keys)
        found, starts = np.unique(days, return_index=True)
        ends = [*starts[1:].tolist(), rows.num_rows]
        options = pyarrow.ipc.IpcWriteOptions(compression="lz4")
        with pyarrow.ipc.new_file(str(self._file(file)), numbered.schema, options=options) as writer:
            for start, end in zip(starts.tolist(), ends, strict=True):
                (batch,) = numbered.slice(start, end - start).to_batches()
                writer.write_batch(batch)
        days_with_rows = [
            (_EPOCH + timedelta(days=day), end - start)
            for day, start, end in zip(found.tolist(), starts.tolist(), ends, strict=True)
        ]
        return _Written(days_with_rows, bool(pc.any(pc.starts_with(names["account"], "@")).as_py()))

    def _file(self, file: int) -> Path:
        return self.root / "rows" / f"{file:09}.arrow"

    def _names(self, file: int) -> Path:
        return self.root / "names" / f"{file:09}.parquet"

    def _keys(self, file: int) -> Path:
        return self.root / "keys" / f"{file:09}.npy"

    @property
    def files(self) -> range:
        """Return the numbers of the files of rows."""
        return range(self._files)

    def names(self, file: int) -> pa.Table:
        """Return the accounts that a file's rows name: network and account, in the order of their numbers."""
        return pyarrow.parquet.ParquetFile(self._names(file)).read()

    def keys(self, file: int) -> Ints:
        """Return the keys under which the log takes a file's accounts, in the order of their numbers."""
        found: Ints = np.load(self._keys(file))
        return found

    def save_keys(self, file: int, keys: Ints) -> None:
        """Say under which keys the log takes a file's accounts; each has its own until said otherwise."""
        np.save(self._keys(file), keys)

    def accounts(self, at_once: int) -> Iterator[tuple[pa.Table, int]]:
        """Yield the accounts that the source names, each once, some at a time, and how many there are in all."""
        profiles, names = ([str(path) for path in (self.root / kind).iterdir()] for kind in ("accounts", "names"))
        if not profiles and not names:
            return
        with duckdb.connect(config={"temp_directory": str(self.root / "duckdb"), **LIMITS}) as connection:
            connection.register("nobody", ACCOUNTS.empty_table().append_column("place", pa.array([], pa.int64())))
            sources = ["SELECT * FROM nobody"]
            sources += ["SELECT * FROM read_parquet($profiles)"] if profiles else []
            sources += ["SELECT DISTINCT network, account FROM read_parquet($names)"] if names else []
            given = {name: files for name, files in (("profiles", profiles), ("names", names)) if files}
            connection.execute(_EACH_ACCOUNT.format(sources=" UNION ALL BY NAME ".join(sources)), given)
            [(total,)] = connection.sql("SELECT count(*) FROM named").fetchall()
            reader = connection.sql("SELECT * FROM named").to_arrow_reader(at_once)
            for batch in reader:
                yield pa.Table.from_batches([batch]).select(ACCOUNTS.names).cast(ACCOUNTS), total

    def days(self) -> list[date]:
        """Return the days that have rows, ascending."""
        return sorted({day for places in self._places.values() for day in places})

    def rows_of(self, day: date) -> int:
        """Return how many rows a day has."""
        return self._rows_of_day[day]

    def day(self, table: str, day: date) -> Iterator[Part]:
        """Yield a day's rows in the source's order, a file at a time."""
        for file, number in self._places[table].get(day, []):
            with pyarrow.ipc.open_file(str(self._file(file))) as reader:
                yield Part(file, reader.get_batch(number))


def _numbered(table: str, rows: pa.Table) -> tuple[pa.Table, pa.Table, Ints]:
    """Return rows with numbers for accounts and keys for posts; accounts, and their keys, by their numbers."""
    network = _one(rows["network"])
    columns = ACCOUNT_COLUMNS[table]
    elsewhere = "target_network" in rows.column_names and rows["target_network"].null_count < rows.num_rows
    ids = [_one(rows[column]) for column in columns]
    if not elsewhere and pc.all(pc.equal(network, network[0])).as_py():
        once = pa.concat_arrays(ids).dictionary_encode()
        networks, accounts = pa.repeat(network[0], len(once.dictionary)), once.dictionary
    else:
        theirs = [network] * len(columns)
        if elsewhere:
            theirs[-1] = pc.coalesce(_one(rows["target_network"]), network)
        texts = [pc.binary_join_element_wise(*pair, SEPARATOR) for pair in zip(theirs, ids, strict=True)]
        once = pa.concat_arrays(texts).dictionary_encode()
        pairs = pc.split_pattern(once.dictionary, SEPARATOR, max_splits=1)
        networks, accounts = (pc.list_element(pairs, place) for place in (0, 1))
    names = pa.table({"network": networks, "account": accounts})
    keys = account_keys(networks, accounts).to_numpy()
    numbered: dict[str, Any] = {field.name: rows[field.name] for field in LOG_TABLES[table]}
    for place, column in enumerate(columns):
        numbered[column] = once.indices.slice(place * rows.num_rows, rows.num_rows)
    numbered["post"] = account_keys(network, _one(rows["post"]))
    return pa.table(numbered).combine_chunks(), names, keys


def _one(column: Any) -> Any:
    """Return a column of a table in one piece."""
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


@contextmanager
def new_spool(scratch: Path) -> Iterator[Spool]:
    """Make a spool for an import, and take it away at the end."""
    with scratch_folder(scratch) as folder, ThreadPoolExecutor(_WRITERS) as writers:
        yield Spool(folder, writers)


@contextmanager
def scratch_folder(scratch: Path) -> Iterator[Path]:
    """Make a folder of one's own in the scratch folder and take it away at the end, however that comes.

    A lock on a file in it lives as long as this process: `sweep_spools` knows by it whose owner was killed. That file
    goes last, so that a kill on the way leaves it, or a folder with nothing in it.
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
            empty_but(folder, _LOCK)
            # NFS keeps a file that is open in its folder. From here on a sweeper may be at it too.
            lock.close()
            shutil.rmtree(folder, ignore_errors=True)


def empty_but(folder: Path, name: str) -> None:
    """Delete all in a folder but what has a name."""
    for path in folder.iterdir():
        if path.name == name:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def sweep_spools(scratch: Path, *, older_than: datetime) -> int:
    """Delete the folders of imports and runs that were killed and return how many.

    One without its lock was killed while it was made or taken away, or is just at that: it goes only if older than a
    moment. Any number of sweepers may be at work.
    """
    swept = 0
    for folder in (scratch / SPOOL).glob("*"):
        if _is_stray(folder, older_than):
            shutil.rmtree(folder, ignore_errors=True)
            swept += 1
    return swept


def _is_stray(folder: Path, older_than: datetime) -> bool:
    try:
        if not folder.name.startswith("."):
            with (folder / _LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except BlockingIOError:
        return False  # its owner is at work
    except FileNotFoundError:
        pass  # it has no lock, or is gone
    try:
        return datetime.fromtimestamp(folder.stat().st_mtime, UTC) < older_than
    except FileNotFoundError:
        return False  # its owner has just taken it away, or another sweeper has
