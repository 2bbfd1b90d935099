"""A data set: a folder with the tables interactions, posts and accounts, each .parquet, .csv, .csv.gz or .ndjson."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from accounts.intake import columns as to
from accounts.intake import tables
from accounts.intake.files import Chunk
from accounts.intake.schema import (
    DEFAULT_NETWORK,
    INTERACTION_KINDS,
    POST_KINDS,
    TABLES,
    Batch,
    NotThisFormat,
    Reject,
)

REQUIRED = {
    "interactions": ("at", "kind", "actor", "target"),
    "posts": ("post", "at", "author"),
    "accounts": ("account",),
}


def converters(network: str) -> dict[str, dict[str, to.Converter]]:
    """Return how each column of each table is read; `network` is that of rows that name none."""
    return {
        "interactions": {
            "at": to.times,
            "kind": to.one_of(INTERACTION_KINDS),
            "actor": to.ids,
            "target": to.ids,
            "post": to.ids,
            "network": to.networks(network),
            "target_network": to.networks(None),
        },
        "posts": {
            "post": to.ids,
            "at": to.times,
            "author": to.ids,
            "kind": to.one_of(POST_KINDS, "original"),
            "text": to.texts,
            "links": to.lists,
            "topics": to.topics,
            "lang": to.trimmed,
            "network": to.networks(network),
        },
        "accounts": {
            "account": to.ids,
            "handle": to.handles,
            "name": to.profile,
            "followers": to.whole_numbers,
            "following": to.whole_numbers,
            "verified": to.booleans,
            "created_at": to.times,
            "bio": to.profile,
            "location": to.profile,
            "website": to.websites,
            "network": to.networks(network),
        },
    }


class _File(NamedTuple):
    table: str
    path: Path


@dataclass(frozen=True)
class DatasetSource:
    """A data set's folder, read table by table: accounts, then posts, then interactions."""

    files: tuple[_File, ...]
    network: str

    @property
    def size_bytes(self) -> int:
        return sum(file.path.stat().st_size for file in self.files)

    def batches(self) -> Iterator[Batch]:
        how = converters(self.network)
        before = 0
        for file in self.files:
            reached = 0
            for chunk in tables.chunks(file.path, set(how[file.table]), file.path.name):
                reached = max(reached, chunk.bytes_read)
                rows, rejects = typed(file.table, chunk, how[file.table], file.path.name)
                yield Batch(
                    **{file.table: rows},
                    rejects=rejects,
                    rows=len(chunk.lines) + len(chunk.rejects),
                    bytes_read=before + reached,
                )
            before += file.path.stat().st_size


def open_dataset(path: Path, network: str | None, handles: Mapping[str, str] | None) -> DatasetSource:
    """Find a data set's tables and check that each has its columns."""
    if not path.is_dir():
        raise NotThisFormat(f"{path.name} should be a folder with tables interactions, posts, accounts, but is a file")
    files = []
    for table in TABLES:
        found = [path / (table + suffix) for suffix in tables.SUFFIXES if (path / (table + suffix)).exists()]
        if len(found) > 1:
            raise NotThisFormat(f"{path.name} has {found[0].name} and {found[1].name}: one of them, please")
        files += [_File(table, file) for file in found]
    if not {"interactions", "posts"} & {file.table for file in files}:
        expected = ", ".join(tables.SUFFIXES)
        raise NotThisFormat(f"{path.name} holds neither a table interactions nor a table posts ({expected})")
    for file in files:
        _check_columns(file)
    return DatasetSource(tuple(files), network or DEFAULT_NETWORK)


def _check_columns(file: _File) -> None:
    types = tables.column_names(file.path)
    empty_ndjson = file.path.suffix == ".ndjson" and not types
    missing = [column for column in REQUIRED[file.table] if column not in types]
    if missing and not empty_ndjson:
        found = ", ".join(list(types)[:12]) or "none"
        raise NotThisFormat(f"{file.path.name} lacks {', '.join(missing)}; its columns are: {to.shown(found)}")
    for column, converter in converters(DEFAULT_NETWORK)[file.table].items():
        kind = types.get(column)
        if kind is not None and not _readable(kind, converter):
            raise NotThisFormat(f"{file.path.name}: column {column} can't be of type {kind}")


def _readable(kind: Any, converter: to.Converter) -> bool:
    """Return whether a Parquet column of this type can mean what the converter reads."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    text = (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_null(kind)
    )
    whole = pa.types.is_integer(kind) and kind != pa.uint64()
    number = whole or pa.types.is_float32(kind) or pa.types.is_float64(kind)
    if converter is to.times:
        return bool(text or number or pa.types.is_timestamp(kind) or pa.types.is_date(kind))
    if converter is to.whole_numbers:
        return bool(text or number)
    if converter is to.booleans:
        return bool(text or whole or pa.types.is_boolean(kind))
    if converter in (to.lists, to.topics):
        return bool(text or (to.is_list(kind) and _readable(kind.value_type, to.texts)))
    return bool(text or whole)


def typed(table: str, chunk: Chunk, how: Mapping[str, to.Converter], name: str) -> tuple[pa.Table, list[Reject]]:
    """Convert a chunk to its table's schema; a row with a bad or missing value becomes a reject, the rest stays."""
    rows = len(chunk.lines)
    reasons: dict[int, str] = {}
    result = {}
    for column, converter in how.items():
        raw = chunk.columns.get(column)
        values, bad = converter(pa.nulls(rows, pa.string()) if raw is None else to.plain(raw), column)
        for index, reason in bad.items():
            reasons.setdefault(index, reason)
        if column in REQUIRED[table] and values.null_count:
            for index in to.where(values.is_null()):
                reasons.setdefault(index, f"{column} is missing")
        result[column] = values
    schema = TABLES[table]
    if reasons:
        kept = np.ones(rows, dtype=np.bool_)
        kept[list(reasons)] = False
        mask = pa.array(kept)
        result = {column: values.filter(mask) for column, values in result.items()}
    rejects = [Reject(name, int(chunk.lines[index]), reason) for index, reason in reasons.items()]
    rejects = sorted(rejects + chunk.rejects, key=lambda reject: reject.line)
    return pa.Table.from_arrays([result[field.name] for field in schema], schema=schema), rejects
