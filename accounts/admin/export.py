"""CSV files, written row by row as they are read."""

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.http import StreamingHttpResponse

Cell = str | float | None
Row = TypeVar("Row")
# What a spreadsheet takes for the beginning of a formula; the last four as people's full-width keyboards write them.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def csv_response(filename: str, header: list[str], rows: Iterable[list[Cell]]) -> StreamingHttpResponse:
    """Answer with a CSV file in UTF-8, with the mark by which spreadsheets recognise it."""

    def lines() -> Iterator[str]:
        writer = csv.writer(_Echo())
        yield "\ufeff"
        yield writer.writerow(header)
        for row in rows:
            yield writer.writerow([harmless(cell) for cell in row])

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def harmless(cell: Cell) -> Cell:
    """Return a text as no spreadsheet will run it: names are chosen by strangers, and `=cmd|…` is a formula.

    Numbers stay numbers, so a negative one isn't taken for a formula.
    """
    if isinstance(cell, str) and cell.lstrip(" ").startswith(_FORMULA):
        return "'" + cell
    return cell


def in_batches(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Yield the rows in lists of `size`."""
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch
