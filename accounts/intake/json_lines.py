"""JSON lines: one object a line."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json

from accounts.intake.columns import Column, shown, words
from accounts.intake.files import GZIP_FAULTS, SNIFF, Chunk, Counted, one_line, sniff_text
from accounts.intake.schema import BATCH_ROWS, NotThisFormat, Reject

# Bytes parsed at once; a longer line is parsed alone.
BLOCK = 4 << 20

# Columns that may hold a JSON number with a fraction, a truth value, a list; free text, which may be mended; ids, which
# may be numbers.
_TIMES = {"at", "created_at"}
_NUMBERS = _TIMES | {"followers", "following"}
_TRUTHS = {"verified"}
_LISTS = {"links", "topics"}
_FREE = {"text", "name", "bio", "location"}
_IDS = {"actor", "target", "author", "account", "post"}


def ndjson_chunks(path: Path, wanted: set[str], name: str) -> Iterator[Chunk]:
    """Read the wanted members of each line's object; `name` stands in the rejects.

    A block of lines is read by Arrow where every line has an object and every member one plain type; otherwise line by
    line in Python, which is some ten times slower and finds which line is wrong.
    """
    number = 1
    guess: pa.Schema | None = None
    with Counted(path) as source:
        try:
            for block in _blocks(source):
                height = block.count(b"\n")
                found, guess = _at_once(block, height, wanted, guess)
                if found is None:
                    yield _line_by_line(block, number, wanted, name, source.position)
                else:
                    lines = np.arange(number, number + height, dtype=np.int64)
                    for start in range(0, height, BATCH_ROWS):
                        part = found.slice(start, BATCH_ROWS)
                        columns = dict(zip(part.column_names, part.to_batches()[0].columns, strict=True))
                        yield Chunk(columns, lines[start : start + BATCH_ROWS], bytes_read=source.position)
                number += height
        except (*GZIP_FAULTS, OSError) as error:
            raise NotThisFormat(f"{name} is damaged after line {number - 1}: {one_line(error)}") from error


def _blocks(source: Counted) -> Iterator[bytes]:
    """Yield whole lines, some megabytes at a time; the last line gets its line end if it has none."""
    rest = b""
    while data := source.read(BLOCK):
        whole, newline, after = data.rpartition(b"\n")
        if newline:
            yield rest + whole + newline
            rest = after
        else:
            rest += data
    if rest:
        yield rest + b"\n"


def _guesses(wanted: set[str]) -> Iterator[pa.Schema]:
    """Yield what a block's types can be: times as text or numbers, ids as text or numbers."""
    for time in (pa.string(), pa.int64(), pa.float64()):
        for identifier in (pa.string(), pa.int64()):
            yield pa.schema({column: _guessed(column, time, identifier) for column in sorted(wanted)})


def _guessed(column: str, time: Any, identifier: Any) -> pa.DataType:
    if column in _LISTS:
        return pa.list_(pa.string())
    if column in _TIMES:
        return time  # type: ignore[no-any-return]  # the stubs tell each type of Arrow apart
    if column in _IDS:
        return identifier  # type: ignore[no-any-return]  # likewise
    return pa.bool_() if column in _TRUTHS else pa.int64() if column in _NUMBERS else pa.string()


def _at_once(
    block: bytes, height: int, wanted: set[str], guess: pa.Schema | None
) -> tuple[pa.Table | None, pa.Schema | None]:
    """Return a block as a table and the types that fitted it, which are tried first on the next block."""
    if b"\n\n" in block or not _is_utf8(block):
        return None, guess
    for schema in _guesses(wanted) if guess is None else (guess,):
        try:
            table = pyarrow.json.read_json(
                io.BytesIO(block),
                read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(block) + 1),
                parse_options=pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
            )
        except pa.ArrowInvalid:
            continue
        # As many objects as lines: none is spread over lines, none shares its line, none is missing.
        return (table.combine_chunks(), schema) if table.num_rows == height else (None, guess)
    return None, guess


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _line_by_line(block: bytes, number: int, wanted: set[str], name: str, position: int) -> Chunk:
    order = sorted(wanted)
    rows: list[list[Any]] = []
    lines: list[int] = []
    rejects: list[Reject] = []
    for line, text in enumerate(block.split(b"\n")[:-1], start=number):
        try:
            row = _ndjson_row(text, order)
        except ValueError as error:
            rejects.append(Reject(name, line, str(error)))
            continue
        if row is not None:
            rows.append(row)
            lines.append(line)
    kinds = {column: pa.list_(pa.string()) if column in _LISTS else pa.string() for column in order}
    columns: dict[str, Column] = {
        column: pa.array([row[place] for row in rows], kinds[column]) for place, column in enumerate(order)
    }
    return Chunk(columns, np.array(lines, dtype=np.int64), rejects, position)


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
