"""JSON lines: one object a line."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from accounts.intake.columns import shown, words
from accounts.intake.files import GZIP_FAULTS, SNIFF, Chunk, Counted, one_line, sniff_text
from accounts.intake.schema import BATCH_ROWS, NotThisFormat, Reject

# Columns that may hold a JSON number with a fraction, a truth value, a list; and free text, which may be mended.
_NUMBERS = {"at", "created_at", "followers", "following"}
_TRUTHS = {"verified"}
_LISTS = {"links", "topics"}
_FREE = {"text", "name", "bio", "location"}


def ndjson_chunks(path: Path, wanted: set[str], name: str) -> Iterator[Chunk]:
    order = sorted(wanted)
    kinds = {column: pa.list_(pa.string()) if column in _LISTS else pa.string() for column in order}
    rows: list[list[Any]] = []
    lines: list[int] = []
    rejects: list[Reject] = []

    def chunk() -> Chunk:
        columns = {column: pa.array([row[i] for row in rows], kinds[column]) for i, column in enumerate(order)}
        return Chunk(columns, np.array(lines, dtype=np.int64), list(rejects), source.position)

    with Counted(path) as source:
        number = 0
        try:
            for number, line in enumerate(io.BufferedReader(source, SNIFF), start=1):
                try:
                    row = _ndjson_row(line, order)
                except ValueError as error:
                    rejects.append(Reject(name, number, str(error)))
                    continue
                if row is not None:
                    rows.append(row)
                    lines.append(number)
                if len(rows) + len(rejects) >= BATCH_ROWS:
                    yield chunk()
                    rows, lines, rejects = [], [], []
        except (*GZIP_FAULTS, OSError) as error:
            raise NotThisFormat(f"{name} is damaged after line {number}: {one_line(error)}") from error
        yield chunk()


def json_object(line: bytes) -> dict[str, Any] | None:
    """Return a line's JSON object, None for an empty line; raise ValueError with the reason for anything else."""
    try:
        text = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text (byte {error.start + 1} of the line)") from error
    if not text:
        return None
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {one_line(error)}") from error
    if not isinstance(row, dict):
        raise ValueError(f"a JSON object was expected, not {shown(text)}")
    return row


def _ndjson_row(line: bytes, order: list[str]) -> list[Any] | None:
    row = json_object(line)
    return None if row is None else [_cell(row.get(column), column) for column in order]


def _cell(value: Any, column: str) -> Any:
    if value is None:
        return None
    if column in _LISTS:
        if isinstance(value, str):
            value = words(value) or []
        if not isinstance(value, list):
            raise ValueError(f"{column} should be a list of texts, not {shown(value)}")
        return [_cell(element, "text") for element in value]
    if isinstance(value, str):
        return whole_characters(value, column)
    if isinstance(value, bool):
        if column in _TRUTHS:
            return "true" if value else "false"
    elif isinstance(value, int) or (isinstance(value, float) and column in _NUMBERS):
        return str(value)
    raise ValueError(f"{column} should be a text, not {shown(value)}")


def whole_characters(text: str, column: str) -> str:
    """Return text that UTF-8 can hold: of half a character, which JSON can name, free text gets U+FFFD.

    Elsewhere half a character raises ValueError with the reason.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError as error:
        if column not in _FREE:
            raise ValueError(f"{column} holds half a character") from error
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def first_keys(path: Path) -> list[str]:
    head = sniff_text(path)
    lines = head.split(b"\n")
    if len(head) == SNIFF and len(lines) > 1:
        lines.pop()  # cut off by the sniffing, not by the file
    keys: dict[str, None] = {}
    seen = 0
    for line in [line for line in lines if line.strip()][:100]:
        seen += 1
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            keys.update(dict.fromkeys(row))
    if seen and not keys:
        raise NotThisFormat(f"{path.name} should hold one JSON object a line, but none of its first lines is one")
    return list(keys)
