"""Reading one table file in chunks, whatever its format: raw columns, and the line at which each row starts."""

import csv
import gzip
import io
import json
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from accounts.intake.columns import Column, pc, shown, words
from accounts.intake.schema import BATCH_ROWS, NotThisFormat, Reject

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".ndjson")

# Bytes parsed at once; no row may be longer.
BLOCK = 4 << 20
# Bytes of a text file that are looked at before it is believed.
SNIFF = 64 << 10

GZIP_FAULTS = (EOFError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive rows of a file: columns by name, the line of each row, and rows that couldn't even be parted."""

    columns: dict[str, Column]
    lines: np.ndarray[Any, np.dtype[np.int64]]
    rejects: list[Reject] = field(default_factory=list)
    bytes_read: int = 0


class Counted(io.RawIOBase):
    """A file that is read once and remembers how far it is, and how it ends."""

    def __init__(self, path: Path) -> None:
        self._disk = path.open("rb")
        zipped = path.suffix == ".gz"
        self._plain = cast(IO[bytes], gzip.GzipFile(fileobj=self._disk) if zipped else self._disk)
        self.tail = b""  # the last few bytes, unpacked
        self.position = 0  # bytes read from the disk

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._plain.read(len(buffer))
        buffer[: len(data)] = data
        self.position = self._disk.tell()
        if data:
            self.tail = (self.tail + data)[-4:]
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._plain.close()
            self._disk.close()
        super().close()


def sniff_text(path: Path) -> bytes:
    """Return the beginning of a text file; raise NotThisFormat if it is binary or isn't the gzip that it claims."""
    with path.open("rb") as disk:
        zipped = disk.read(2) == b"\x1f\x8b"
    if zipped != (path.suffix == ".gz"):
        found = "is compressed with gzip but isn't called .gz" if zipped else "is called .gz but isn't gzip"
        raise NotThisFormat(f"{path.name} {found}")
    try:
        with Counted(path) as source:
            head = io.BufferedReader(source, SNIFF).read(SNIFF)
    except (*GZIP_FAULTS, OSError) as error:
        raise NotThisFormat(f"{path.name} can't be read: {error}") from error
    if b"\0" in head:
        raise NotThisFormat(f"{path.name} should be UTF-8 text but holds bytes of value 0: a binary file or UTF-16")
    return head


def column_names(path: Path) -> dict[str, pa.DataType | None]:
    """Return a table's columns with their types (None for text formats); raise NotThisFormat if there is no table.

    For NDJSON they are the keys of the first hundred objects.
    """
    if path.is_dir():
        raise NotThisFormat(f"{path.name} should be a file but is a folder")
    if path.suffix == ".parquet":
        try:
            schema = pyarrow.parquet.read_schema(path)
        except (pa.ArrowInvalid, OSError) as error:
            raise NotThisFormat(f"{path.name} isn't a Parquet file: {_one_line(error)}") from error
        names = list(schema.names)
        types: dict[str, pa.DataType | None] = dict(zip(names, schema.types, strict=True))
    elif path.suffix == ".ndjson":
        return dict.fromkeys(_first_keys(path))
    else:
        names = _header(path).columns
        types = dict.fromkeys(names)
    twice = sorted({name for name in names if names.count(name) > 1 and name})
    if twice:
        raise NotThisFormat(f"{path.name} has the column {twice[0]} twice")
    return types


def _first_keys(path: Path) -> list[str]:
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


def chunks(path: Path, wanted: set[str], name: str) -> Iterator[Chunk]:
    """Read the wanted columns of a table file, about `BATCH_ROWS` rows at a time; `name` stands in the rejects."""
    if path.suffix == ".parquet":
        return _parquet_chunks(path, wanted, name)
    if path.suffix == ".ndjson":
        return _ndjson_chunks(path, wanted, name)
    return _csv_chunks(path, wanted, name)


def _parquet_chunks(path: Path, wanted: set[str], name: str) -> Iterator[Chunk]:
    size = path.stat().st_size
    row = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            total = max(file.metadata.num_rows, 1)
            kept = [column for column in file.schema_arrow.names if column in wanted]
            for batch in file.iter_batches(BATCH_ROWS, columns=kept):
                lines = np.arange(row + 1, row + 1 + batch.num_rows, dtype=np.int64)
                row += batch.num_rows
                columns = dict(zip(batch.schema.names, batch.columns, strict=True))
                yield Chunk(columns, lines, bytes_read=size * row // total)
    except (pa.ArrowInvalid, OSError) as error:
        raise NotThisFormat(f"{name} is damaged after row {row}: {_one_line(error)}") from error


def _csv_chunks(path: Path, wanted: set[str], name: str) -> Iterator[Chunk]:
    """Read CSV with Arrow, which knows rows but not lines: the lines follow from the line ends inside the cells."""
    header = _header(path)
    if header.alone:
        return
    misfits: deque[Any] = deque()

    def note(row: Any) -> Literal["skip"]:
        misfits.append(row)
        return "skip"

    with Counted(path) as source:
        line = 2 + sum(column.count("\n") for column in header.names)
        row = 2  # Arrow counts the header as row 1
        try:
            reader = pyarrow.csv.open_csv(
                cast(IO[bytes], source),
                read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=BLOCK),
                parse_options=pyarrow.csv.ParseOptions(
                    newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=note
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(header.names, pa.binary()), strings_can_be_null=False
                ),
            )
            for batch, last in _slices(reader):
                columns: dict[str, Column] = {
                    key.strip(): column for key, column in zip(header.names, batch.columns, strict=True)
                }
                steps = np.ones(batch.num_rows, dtype=np.int64)
                kept = np.zeros(batch.num_rows, dtype=np.bool_)  # an empty line is no row
                for column in columns.values():
                    steps += pc.count_substring(column, "\n").to_numpy()
                    kept |= pc.binary_length(column).to_numpy() > 0
                lines = np.empty(batch.num_rows, dtype=np.int64)
                rejects: list[Reject] = []
                done = 0
                while done < batch.num_rows:
                    while misfits and misfits[0].number == row:
                        rejects.append(_misfit(misfits[0], name, line))
                        line += 1 + misfits.popleft().text.count("\n")
                        row += 1
                    run = batch.num_rows - done
                    if misfits:
                        run = min(run, misfits[0].number - row)
                    part = steps[done : done + run]
                    lines[done : done + run] = line + np.cumsum(part) - part
                    line += int(part.sum())
                    row += run
                    done += run
                if last and _unclosed(batch, source.tail):
                    kept[-1] = False
                    reason = "a quote opened in this row is never closed: the rest of the file was left out"
                    rejects.append(Reject(name, int(lines[-1]), reason))
                mask = pa.array(kept)
                yield Chunk(
                    {key: column.filter(mask) for key, column in columns.items() if key in wanted},
                    lines[kept],
                    rejects,
                    source.position,
                )
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise NotThisFormat(f"{name} can't be read from line {line} on: {_one_line(error)}") from error
            reason = f"no end of the row within {BLOCK >> 20} MB, a quote that is never closed? The rest was left out"
            yield Chunk({}, np.empty(0, dtype=np.int64), [Reject(name, line, reason)], source.position)
        except (*GZIP_FAULTS, OSError) as error:
            raise NotThisFormat(f"{name} is damaged after line {line - 1}: {_one_line(error)}") from error
        rejects = []
        while misfits:
            rejects.append(_misfit(misfits[0], name, line))
            line += 1 + misfits.popleft().text.count("\n")
        if rejects:
            yield Chunk({}, np.empty(0, dtype=np.int64), rejects, source.position)


class _Header(NamedTuple):
    names: list[str]  # as they stand in the file
    columns: list[str]  # without space around them
    alone: bool  # nothing follows


def _header(path: Path) -> _Header:
    head = sniff_text(path)
    text = head.decode("utf-8-sig", errors="replace")
    if not text.strip():
        raise NotThisFormat(f"{path.name} is empty: a line of column names was expected")
    rows = csv.reader(io.StringIO(text, newline=""))
    names = next(rows)
    return _Header(names, [name.strip() for name in names], alone=len(head) < SNIFF and next(rows, None) is None)


def _slices(reader: Any) -> Iterator[tuple[pa.RecordBatch, bool]]:
    """Cut a reader's blocks into batches of at most `BATCH_ROWS`, and say of each whether it is the last."""
    before: pa.RecordBatch | None = None
    for block in reader:
        for start in range(0, block.num_rows, BATCH_ROWS):
            if before is not None:
                yield before, False
            before = block.slice(start, BATCH_ROWS)
    if before is not None:
        yield before, True


def _unclosed(batch: pa.RecordBatch, tail: bytes) -> bool:
    """Return whether the file ended inside quotes: a cell with a line end must have been quoted, so a quote ends it."""
    cell = batch.columns[-1][-1].as_py()
    return b"\n" in cell and not tail.rstrip(b"\r\n").endswith(b'"')


def _misfit(row: Any, name: str, line: int) -> Reject:
    reason = f"{row.actual_columns} cells where the header has {row.expected_columns}"
    breaks = row.text.count("\n")
    if breaks:
        reason += f"; the row runs over {breaks + 1} lines, a quote that is never closed?"
    return Reject(name, line, reason)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


# Columns that may hold a JSON number with a fraction, a truth value, a list; and free text, which may be mended.
_NUMBERS = {"at", "created_at", "followers", "following"}
_TRUTHS = {"verified"}
_LISTS = {"links", "topics"}
_FREE = {"text", "name", "bio", "location"}


def _ndjson_chunks(path: Path, wanted: set[str], name: str) -> Iterator[Chunk]:
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
            raise NotThisFormat(f"{name} is damaged after line {number}: {_one_line(error)}") from error
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
        raise ValueError(f"not JSON: {_one_line(error)}") from error
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
