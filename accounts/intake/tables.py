"""Reading one table file in chunks, whatever its format."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from accounts.intake.csv_tables import csv_chunks, read_header
from accounts.intake.files import Chunk, one_line
from accounts.intake.json_lines import first_keys, ndjson_chunks
from accounts.intake.schema import BATCH_ROWS, NotThisFormat

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".ndjson")


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
            raise NotThisFormat(f"{path.name} isn't a Parquet file: {one_line(error)}") from error
        names = list(schema.names)
        types: dict[str, pa.DataType | None] = dict(zip(names, schema.types, strict=True))
    elif path.suffix == ".ndjson":
        return dict.fromkeys(first_keys(path))
    else:
        names = read_header(path).columns
        types = dict.fromkeys(names)
    twice = sorted({name for name in names if names.count(name) > 1 and name})
    if twice:
        raise NotThisFormat(f"{path.name} has the column {twice[0]} twice")
    return types


def chunks(path: Path, wanted: set[str], name: str) -> Iterator[Chunk]:
    """Read the wanted columns of a table file, about `BATCH_ROWS` rows at a time; `name` stands in the rejects."""
    if path.suffix == ".parquet":
        return _parquet_chunks(path, wanted, name)
    if path.suffix == ".ndjson":
        return ndjson_chunks(path, wanted, name)
    return csv_chunks(path, wanted, name)


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
        raise NotThisFormat(f"{name} is damaged after row {row}: {one_line(error)}") from error
