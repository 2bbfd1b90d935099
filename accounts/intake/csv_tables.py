"""CSV tables, read by Arrow, with the line at which each row starts."""

import csv
import io
import itertools
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv

from accounts.intake.columns import Column, bytes_of, lengths, pc
from accounts.intake.files import GZIP_FAULTS, SNIFF, Chunk, Counted, one_line, sniff_text
from accounts.intake.schema import BATCH_ROWS, NotThisFormat, Reject

# Bytes parsed at once; no row may be longer.
BLOCK = 4 << 20
_LINE_END = ord("\n")


def csv_chunks(path: Path, wanted: set[str], name: str) -> Iterator[Chunk]:
    """Read a CSV file's wanted columns as bytes; `name` stands in the rejects."""
    header = read_header(path)
    if header.alone:
        return
    places = _Places(name, first_line=2 + sum(column.count("\n") for column in header.names))
    with Counted(path) as source:
        try:
            reader = pyarrow.csv.open_csv(
                cast(IO[bytes], source),
                read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=BLOCK),
                parse_options=pyarrow.csv.ParseOptions(
                    newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=places.note
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(header.names, pa.binary()), strings_can_be_null=False
                ),
            )
            for batch, last in _slices(reader):
                lines, kept, rejects = places.of(batch)
                if last and _unclosed(batch, source.tail):
                    kept[-1] = False
                    rejects.append(Reject(name, int(lines[-1]), f"{_UNCLOSED}: the rest of the file was left out"))
                yield _chunk(header, batch.columns, wanted, lines, kept, rejects, source.position)
            rejects = places.rest()
            if rejects:
                yield Chunk({}, np.empty(0, dtype=np.int64), rejects, source.position)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise NotThisFormat(f"{name} can't be read after line {places.line - 1}: {one_line(error)}") from error
            # A row doesn't end within a block. Arrow has dropped the rows before it in the same block as well.
            yield from _row_by_row(path, header, wanted, name, places.line)
        except (*GZIP_FAULTS, OSError) as error:
            raise NotThisFormat(f"{name} is damaged after line {places.line - 1}: {one_line(error)}") from error


_UNCLOSED = "a quote opened in this row is never closed"


def _chunk(
    header: "Header",
    columns: list[Column],
    wanted: set[str],
    lines: np.ndarray[Any, np.dtype[np.int64]],
    kept: np.ndarray[Any, np.dtype[np.bool_]],
    rejects: list[Reject],
    position: int,
) -> Chunk:
    named = dict(zip(header.columns, columns, strict=True))
    if kept.all():
        return Chunk({key: named[key] for key in named if key in wanted}, lines, rejects, position)
    mask = pa.array(kept)
    return Chunk({key: named[key].filter(mask) for key in named if key in wanted}, lines[kept], rejects, position)


class _Places:
    """Where rows stand in their file.

    Arrow numbers the rows that don't fit the header, the header being row 1, and leaves them out of its batches. Lines
    follow from the numbers and from the line ends inside cells.
    """

    def __init__(self, name: str, first_line: int) -> None:
        self.name = name
        self.line = first_line
        self.row = 2
        self._misfits: deque[Any] = deque()

    def note(self, row: Any) -> Literal["skip"]:
        self._misfits.append(row)
        return "skip"

    def of(
        self, batch: pa.RecordBatch
    ) -> tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.bool_]], list[Reject]]:
        """Return each row's line, whether it is a row (an empty line is none), and the misfits before its rows."""
        heights = np.ones(batch.num_rows, dtype=np.int64)
        filled = np.zeros(batch.num_rows, dtype=np.bool_)
        columns: list[Column] = batch.columns
        for column in columns:
            # One look at all bytes costs less than one at each cell.
            if (bytes_of(column) == _LINE_END).any():
                heights += pc.count_substring(column, "\n").to_numpy()
            if not filled.all():
                filled |= lengths(column) > 0
        lines = np.empty(batch.num_rows, dtype=np.int64)
        rejects: list[Reject] = []
        done = 0
        while done < batch.num_rows:
            while self._misfits and self._misfits[0].number == self.row:
                rejects.append(self._next_misfit())
            run = batch.num_rows - done
            if self._misfits:
                run = min(run, self._misfits[0].number - self.row)
            part = heights[done : done + run]
            lines[done : done + run] = self.line + np.cumsum(part) - part
            self.line += int(part.sum())
            self.row += run
            done += run
        return lines, filled, rejects

    def rest(self) -> list[Reject]:
        """Return the misfits after the last row."""
        return [self._next_misfit() for _ in range(len(self._misfits))]

    def _next_misfit(self) -> Reject:
        misfit = self._misfits.popleft()
        breaks = misfit.text.count("\n")
        reject = Reject(self.name, self.line, _misfit(misfit.actual_columns, misfit.expected_columns, breaks))
        self.line += 1 + breaks
        self.row += 1
        return reject


def _misfit(found: int, expected: int, breaks: int) -> str:
    reason = f"{found} cells where the header has {expected}"
    return f"{reason}; the row runs over {breaks + 1} lines, a quote that is never closed?" if breaks else reason


def _row_by_row(path: Path, header: "Header", wanted: set[str], name: str, line: int) -> Iterator[Chunk]:
    """Read slowly from a line on, up to the row that has no end. Python's reader gives up at cells of 128 KB."""
    rows: list[list[bytes]] = []
    lines: list[int] = []
    rejects: list[Reject] = []
    with Counted(path) as source:
        texts = (text.decode("utf-8", "surrogateescape") for text in io.BufferedReader(source, SNIFF))
        reader = csv.reader(itertools.islice(texts, line - 1, None))
        start = line
        try:
            for cells in reader:
                breaks = reader.line_num + line - 1 - start
                if len(cells) == len(header.names):
                    rows.append([cell.encode("utf-8", "surrogateescape") for cell in cells])
                    lines.append(start)
                elif cells:
                    rejects.append(Reject(name, start, _misfit(len(cells), len(header.names), breaks)))
                start += 1 + breaks
        except csv.Error:
            rejects.append(Reject(name, start, f"{_UNCLOSED}, or is very long: the rest of the file was left out"))
        columns: list[Column] = [pa.array(column, pa.binary()) for column in zip(*rows, strict=True)]
        if not rows:
            columns = [pa.array([], pa.binary()) for _ in header.names]
        kept = np.array([any(row) for row in rows], dtype=np.bool_)
        yield _chunk(header, columns, wanted, np.array(lines, dtype=np.int64), kept, rejects, source.position)


class Header(NamedTuple):
    """The first row."""

    names: list[str]  # as they stand in the file
    columns: list[str]  # without space around them
    alone: bool  # nothing follows


def read_header(path: Path) -> Header:
    """Return the first row of a CSV file; raise NotThisFormat if it isn't text or empty."""
    head = sniff_text(path)
    text = head.decode("utf-8-sig", errors="replace")
    if not text.strip():
        raise NotThisFormat(f"{path.name} is empty: a line of column names was expected")
    rows = csv.reader(io.StringIO(text, newline=""))
    names = next(rows)
    return Header(names, [name.strip() for name in names], alone=len(head) < SNIFF and next(rows, None) is None)


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
