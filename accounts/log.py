"""The activity log: Parquet files, one folder a day, on this machine or in an object store; a file never changes.

    interactions/day=2018-02-03/9f86d081884c7d65.parquet
    posts/day=2018-02-03/60303ae22b998861.parquet

What belongs to the log is said by its manifest (a table in PostgreSQL, not known here): a file that isn't in it doesn't
count. So a write is: file first, then its row in the manifest. A crash between them leaves an orphan, and so does an
import's draft that didn't count; `LogFolder.sweep` takes them away.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from accounts.keys import account_keys
from accounts.storage import Encoding, Readable, Storage

# The stubs of pyarrow lack functions on whole columns.
pc: Any = pyarrow.compute

_TEXTS: pa.DataType = pa.list_(pa.string())
_INTERACTION_COLUMNS: dict[str, pa.DataType] = {
    "at": pa.int64(),
    "kind": pa.string(),
    "actor": pa.int64(),
    "target": pa.int64(),
    "post": pa.int64(),
    "network": pa.string(),
}
_POST_COLUMNS: dict[str, pa.DataType] = {
    "post": pa.int64(),
    "at": pa.int64(),
    "author": pa.int64(),
    "kind": pa.string(),
    "text": pa.string(),
    "links": _TEXTS,
    "topics": _TEXTS,
    "lang": pa.string(),
    "network": pa.string(),
}
LOG_INTERACTIONS = pa.schema(_INTERACTION_COLUMNS)
LOG_POSTS = pa.schema(_POST_COLUMNS)
LOG_TABLES = {"interactions": LOG_INTERACTIONS, "posts": LOG_POSTS}
# Where accounts stand in them.
ACCOUNT_COLUMNS = {"interactions": ("actor", "target"), "posts": ("author",)}

# A file's rows in one order, so that the same rows give the same bytes; the engine groups by pairs of accounts.
_SORTING = {
    "interactions": ("actor", "target", "at", "kind", "post", "network"),
    "posts": ("author", "at", "post"),
}
# Keys hardly repeat within a day: a dictionary of them would be begun and given up.
_ENCODING = {
    "interactions": Encoding(repeating=("kind", "network"), close=("at",)),
    "posts": Encoding(repeating=("kind", "topics.list.element", "lang", "network"), close=("at",)),
}
# Numbers that nearly always tell rows apart by themselves.
_TOLD_APART = {"interactions": ("actor", "target", "at"), "posts": ("post",)}
_ODD = np.uint64(0x9E3779B97F4A7C15)
_DAY = 86_400


def interactions_to_log(rows: pa.Table) -> pa.Table:
    """Return a reader's interactions as they lie in the log: with keys for ids."""
    network: Any = rows["network"].combine_chunks()
    target_network: Any = rows["target_network"].combine_chunks()
    return pa.table(
        {
            "at": rows["at"],
            "kind": rows["kind"],
            "actor": _keys(network, rows["actor"]),
            "target": _keys(_filled(target_network, network), rows["target"]),
            "post": _keys(network, rows["post"]),
            "network": rows["network"],
        },
        schema=LOG_INTERACTIONS,
    )


def posts_to_log(rows: pa.Table) -> pa.Table:
    """Return a reader's posts as they lie in the log: with keys for ids."""
    network: Any = rows["network"].combine_chunks()
    columns = {name: rows[name] for name in LOG_POSTS.names}
    columns |= {"post": _keys(network, rows["post"]), "author": _keys(network, rows["author"])}
    return pa.table(columns, schema=LOG_POSTS)


def _keys(network: Any, ids: Any) -> Any:
    return account_keys(network, ids.combine_chunks())


def _filled(values: Any, instead: Any) -> Any:
    return instead if values.null_count == len(values) else pc.coalesce(values, instead)


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file of the log as its manifest records it; `path` is relative to the log's root.

    `texts` are the networks of which it holds texts of posts, by the alphabet.
    """

    path: str
    rows: int
    bytes: int
    sha256: str
    texts: tuple[str, ...] = ()


class DamagedFile(Exception):
    """Say which file of the log isn't what was written, and what is wrong with it."""


class LogFolder:
    """The activity log under a root: a folder, which needn't exist yet, or `s3://bucket/prefix`.

    All that reads or writes raises LogUnreachable where an object store can't be asked.
    """

    def __init__(self, root: Path | str) -> None:
        self.storage = Storage(root)

    def write_day(self, table: str, day: date, rows: pa.Table) -> WrittenFile:
        """Write rows of one day as one file and return what the manifest needs.

        The file appears whole or not at all: it is written beside its place, forced to the disk and renamed, or
        uploaded as one object. Its name comes from its bytes, and the rows are sorted first, so writing the same rows
        again gives the same file. Raises ValueError for no rows or rows of another day.
        """
        schema = LOG_TABLES[table]
        rows = rows.select(schema.names).cast(schema)
        if rows.num_rows == 0:
            raise ValueError(f"no rows for {table} of {day}")
        at = rows["at"].to_numpy()
        start = _epoch(day)
        if at.min() < start or at.max() >= start + _DAY:
            raise ValueError(f"rows of another day among {table} of {day}")
        folder = f"{table}/day={day.isoformat()}"
        saved = self.storage.save(folder, _sorted(table, rows).combine_chunks(), _ENCODING[table])
        return WrittenFile(saved.path, rows.num_rows, saved.bytes, saved.sha256, _texts_of(rows))

    def readable(self, files: Iterable[str]) -> list[Readable]:
        """Return files of the manifest as readers take them; raise ValueError for a path that leads out of the log."""
        return [self.storage.readable(file) for file in files]

    def read(self, table: str, files: Sequence[str], columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows of some files as one table, with all columns unless some are named."""
        names = list(columns or LOG_TABLES[table].names)
        parts = [self.storage.rows(file, names) for file in files]
        return pa.concat_tables([LOG_TABLES[table].empty_table().select(names), *parts])

    def new_rows(self, table: str, rows: pa.Table, existing: Sequence[str]) -> pa.Table:
        """Return the rows that are not in existing files yet, each once, in their order.

        An interaction is known by all its columns, a missing post being equal to a missing post; a post is known by
        its key, and the first one wins. A day's new rows need only that day's files, since the time belongs to the
        event; of these the columns that tell rows apart are in memory.
        """
        schema = LOG_TABLES[table]
        incoming = rows.select(schema.names).cast(schema)
        told_by = ["post"] if table == "posts" else schema.names
        known = self.read(table, existing, told_by)
        told = pa.concat_tables([known, incoming.select(told_by)])
        if _surely_differ(told.select([name for name in _TOLD_APART[table] if name in told_by])):
            return incoming
        # Known rows stand before the first place: what has its first place among the incoming is new.
        places: Any = pa.array(np.concatenate([np.full(known.num_rows, -1), np.arange(incoming.num_rows)]))
        both = told.append_column("place", places)
        first = both.group_by(told_by).aggregate([("place", "min")])["place_min"].to_numpy()
        return incoming.take(np.sort(first[first >= 0]))

    def faults(self, files: Sequence[WrittenFile], *, deep: bool = True) -> Iterator[str | None]:
        """Say of each file what is wrong with it, or None if it is as it was written.

        Reads the whole files, or only looks whether they are there and how long they are, unless `deep`.
        """
        sizes = self.storage.sizes([file.path for file in files])
        for file, size in zip(files, sizes, strict=True):
            yield _fault_of_size(file, size) or (self._fault_inside(file) if deep else None)

    def _fault_inside(self, file: WrittenFile) -> str | None:
        try:
            if self.storage.sha256(file.path) != file.sha256:
                return "edited: its bytes aren't those that were written"
            with self.storage.parquet(file.path) as parquet:
                rows = parquet.metadata.num_rows
        except FileNotFoundError:
            return "missing"
        except OSError as error:
            return _unreadable(error)
        except pa.ArrowInvalid:
            return "edited: it is no Parquet file, though its checksum is the manifest's"
        return None if rows == file.rows else f"edited: it has {rows:,} rows, the manifest says {file.rows:,}"

    def sweep(self, known: Collection[str], older_than: datetime) -> list[str]:
        """Delete orphans last written before a moment and return their paths.

        A younger one may be a file whose writer hasn't told the manifest yet.
        """
        known = frozenset(known)
        swept = []
        for table in LOG_TABLES:
            for path, written in self.storage.written(table):
                if written < older_than and path not in known and _is_ours(path):
                    self.storage.delete(path)
                    swept.append(path)
        return sorted(swept)


def _is_ours(path: str) -> bool:
    """Say whether a file is where the log has its files, and is called like one or like one on its way."""
    _, *folders, name = path.split("/")
    is_of_a_day = len(folders) == 1 and folders[0].startswith("day=")
    return is_of_a_day and PurePosixPath(name).suffix in (".parquet", ".tmp")


def _fault_of_size(file: WrittenFile, size: int | OSError | None) -> str | None:
    if size is None:
        return "missing"
    if isinstance(size, OSError):
        return _unreadable(size)
    if size < file.bytes:
        return f"truncated: {size:,} of {file.bytes:,} bytes are left"
    if size > file.bytes:
        return f"edited: it has {size:,} bytes, {file.bytes:,} were written"
    return None


def _unreadable(error: OSError) -> str:
    # Of pyarrow's own words the path is the most.
    return f"unreadable: {os.strerror(error.errno) if error.errno else error}"


def _sorted(table: str, rows: pa.Table) -> pa.Table:
    """Return rows in the order of `_SORTING`."""
    first = [rows[name].to_numpy() for name in _SORTING[table][:3]]
    order = np.lexsort(first[::-1])
    ordered = [column[order] for column in first]
    if np.logical_and.reduce([column[1:] == column[:-1] for column in ordered]).any():
        # Some are told apart by kind or post only.
        return rows.sort_by([(name, "ascending") for name in _SORTING[table]])
    return rows.take(order)


def _surely_differ(rows: pa.Table) -> bool:
    """Return whether rows of numbers are all different; False may also mean that nobody can say at this price."""
    mixed = np.zeros(rows.num_rows, dtype=np.uint64)
    for name in rows.column_names:
        # Multiplying by an odd number and adding keeps different numbers apart in all but one of 2^64 cases.
        mixed = (mixed ^ (mixed >> np.uint64(29))) * _ODD + rows[name].to_numpy().view(np.uint64)
    mixed.sort()
    return not (mixed[1:] == mixed[:-1]).any()


def without_accounts(table: str, rows: pa.Table, keys: Any) -> pa.Table:
    """Return the rows that none of these accounts did, received or wrote."""
    if not len(keys):
        return rows
    for column in ACCOUNT_COLUMNS[table]:
        rows = rows.filter(pc.invert(pc.is_in(rows[column], value_set=keys)))
    return rows


def holds_accounts(rows: pa.Table, keys: Any) -> bool:
    """Say whether any of these accounts stands in any of the columns."""
    return any(bool(pc.any(pc.is_in(rows[column], value_set=keys)).as_py()) for column in rows.column_names)


def without_texts(rows: pa.Table, networks: Collection[str]) -> pa.Table:
    """Return posts of which those of some networks have no text; all else of them stays."""
    kept = pc.if_else(pc.is_in(rows["network"], value_set=pa.array(sorted(networks))), None, rows["text"])
    return rows.set_column(rows.schema.get_field_index("text"), rows.schema.field("text"), kept)


def _texts_of(rows: pa.Table) -> tuple[str, ...]:
    if "text" not in rows.column_names:
        return ()
    found: list[Any] = rows.filter(rows["text"].is_valid())["network"].unique().to_pylist()
    return tuple(sorted(found))


def _epoch(day: date) -> int:
    return (day - date(1970, 1, 1)).days * _DAY
