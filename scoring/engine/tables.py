"""Where tables are computed: Ibis expressions on DuckDB in process, or on the backend that is passed in.

The expressions are the same everywhere. What engines do differently stands behind `Workspace` in one class for each:
here DuckDB's, in `spark.py` Spark's.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import uuid4

import ibis
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset
from ibis.expr.operations import Cast

from scoring.engine.errors import InputError
from scoring.engine.inputs import Source
from scoring.engine.memory import give_back

Table = Any  # an ibis table expression; ibis publishes no types

# Merging nested SELECTs into one is work that databases do again: without it, Ibis writes its SQL in a tenth less time.
ibis.options.sql.fuse_selects = False


class _Engine(Protocol):
    """What a workspace asks of an engine."""

    def scan(self, files: Sequence[Any], columns: Sequence[str]) -> list[Table]:
        """Return Parquet files, at least one, as tables: one for each sort of file that can't be read together."""

    def keep(self, expression: Table) -> Table:
        """Compute an expression and store it."""

    def batches(self, expression: Table, rows: int) -> Iterator[pa.RecordBatch]:
        """Compute an expression and give it batch by batch."""

    def write(self, expression: Table, path: Path, by: str | None) -> None:
        """Compute an expression into Parquet."""

    def drop(self) -> None:
        """Forget all that was kept."""


class DuckTables:
    """What a workspace keeps in DuckDB.

    Parameters
    ----------
    connection : ibis backend
        An open DuckDB.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._kept: list[tuple[str, str]] = []

    def scan(self, files: Sequence[Any], columns: Sequence[str]) -> list[Table]:
        """Return files as one table, with the types of the first.

        Files that come with the file system that opens them are read through Arrow, which takes columns and simple
        filters over from DuckDB. DuckDB has a door for file systems of Python too, but its threads share a file there,
        and one reads where another has just moved to.

        Parameters
        ----------
        files : sequence of Path or ParquetFileFragment
            Parquet files, at least one, all of one sort.
        columns : sequence of str
            Not needed: DuckDB reads no others than an expression names.

        Returns
        -------
        list of ibis table
            One.
        """
        first = files[0]
        if isinstance(first, pyarrow.dataset.ParquetFileFragment):
            found = pyarrow.dataset.FileSystemDataset([*files], first.physical_schema, first.format, first.filesystem)
            return [ibis.memtable(found)]
        name = _name()
        self._kept.append(("VIEW", name))
        return [self.connection.read_parquet([str(path) for path in files], table_name=name)]

    def keep(self, expression: Table) -> Table:
        """Compute an expression into a temporary table.

        Parameters
        ----------
        expression : ibis table
            What to compute.

        Returns
        -------
        ibis table
            The stored rows.
        """
        name = _name()
        table = self.connection.create_table(name, expression, temp=True)
        self._kept.append(("TABLE", name))
        return table

    def batches(self, expression: Table, rows: int) -> Iterator[pa.RecordBatch]:
        """Compute an expression and give it batch by batch.

        Parameters
        ----------
        expression : ibis table
            What to compute.
        rows : int
            Most rows per batch.

        Yields
        ------
        pyarrow.RecordBatch
            The rows.
        """
        kept = self.keep(expression)
        # ibis 12 streams by a method that DuckDB 2 no longer has.
        yield from self.connection.con.sql(self.connection.compile(kept)).to_arrow_reader(rows)

    def write(self, expression: Table, path: Path, by: str | None) -> None:
        """Compute an expression into a Parquet file, or with `by` into a folder of them.

        Parameters
        ----------
        expression : ibis table
            What to compute.
        path : Path
            The file or folder.
        by : str or None
            Name of a column; it stands in the files too.
        """
        options: dict[str, Any] = {"compression": "zstd"}
        if by is not None:
            options |= {"partition_by": by, "write_partition_columns": True}
        # DuckDB's sum of int64 is of 128 bits, which a Parquet file gets as a double. ibis takes it for int64, so that
        # its own `cast` would leave it as it is.
        whole = {name: Cast(expression[name], to=type_).to_expr() for name, type_ in expression.schema().items()}
        self.connection.to_parquet(expression.select(**whole), path, **options)

    def drop(self) -> None:
        """Drop all that was kept."""
        for what, name in self._kept:
            # ibis 12 writes its own DROP without the name under sqlglot 30.
            self.connection.raw_sql(f"DROP {what} IF EXISTS {name}")
        self._kept.clear()


@contextmanager
def duckdb_in(folder: Path, **limits: Any) -> Iterator[Any]:
    """Open a DuckDB within limits, which spills into a folder.

    Parameters
    ----------
    folder : Path
        Where to.
    **limits : str or int
        `memory_limit` and `threads`, as DuckDB reads them.

    Yields
    ------
    ibis backend
        Closed at the end.
    """
    connection = ibis.duckdb.connect(temp_directory=str(folder), **limits)
    try:
        # Whoever wants to see progress gets the run's own.
        connection.raw_sql("SET enable_progress_bar = false")
        yield connection
    finally:
        connection.disconnect()


def _name() -> str:
    return f"sway_{uuid4().hex}"


def _engine(connection: Any) -> _Engine:
    if connection.name == "pyspark":
        # PySpark is an extra.
        from scoring.engine.spark import SparkTables

        return SparkTables(connection)
    return DuckTables(connection)


class Workspace:
    """A backend and the temporary tables that a run keeps in it; a context manager that drops them.

    Parameters
    ----------
    connection : ibis backend, optional
        Where the tables are computed: DuckDB, or a `spark.SparkBackend`. Without one, a DuckDB in memory is opened and
        closed.
    """

    def __init__(self, connection: Any = None) -> None:
        self.connection = connection if connection is not None else ibis.duckdb.connect()
        self._owned = connection is None
        if self._owned:
            # Whoever wants to see progress gets the run's own.
            self.connection.raw_sql("SET enable_progress_bar = false")
        self._engine = _engine(self.connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.drop()
        if self._owned:
            self.connection.disconnect()

    def read(self, source: Source, schema: pa.Schema, name: str) -> Table:
        """Return a source as a table expression with exactly the columns and types of `schema`.

        Parameters
        ----------
        source : pyarrow.Table or sequence of paths
            Where the rows are. An empty sequence gives an empty table.
        schema : pyarrow.Schema
            What is wanted.
        name : str
            What to call the table in an error.

        Returns
        -------
        ibis table
            The expression; nothing is read yet.

        Raises
        ------
        InputError
            A column is missing or can't be of its type.
        """
        if isinstance(source, pa.Table):
            return ibis.memtable(conform(source, schema, name))
        if not source:
            return ibis.memtable(schema.empty_table())
        wanted = ibis.Schema.from_pyarrow(schema)
        parts = []
        for table in self._engine.scan(parquet_files(*source), schema.names):
            missing = [column for column in schema.names if column not in table.columns]
            if missing:
                raise InputError(f"{name}: no column {', '.join(missing)}; there are {', '.join(table.columns)}")
            parts.append(table.select(**{column: table[column].cast(wanted[column]) for column in schema.names}))
        return parts[0] if len(parts) == 1 else ibis.union(*parts)

    def keep(self, expression: Table) -> Table:
        """Compute an expression into a temporary table, which lives as long as the workspace.

        Parameters
        ----------
        expression : ibis table
            What to compute.

        Returns
        -------
        ibis table
            The stored rows.
        """
        return self._engine.keep(expression)

    def arrays(self, expression: Table) -> dict[str, npt.NDArray[Any]]:
        """Compute an expression into one NumPy array per column. There must be no nulls.

        Parameters
        ----------
        expression : ibis table
            What to compute.

        Returns
        -------
        dict
            Arrays by column name, all of one length.
        """
        table = self.connection.to_pyarrow(expression)
        found = {}
        for name in table.column_names:
            found[name] = table.column(name).to_numpy()
            # A column lies in memory twice only as long as it is being turned.
            table = table.drop_columns([name])
        give_back()
        return found

    def number(self, expression: Any) -> Any:
        """Compute an expression of one value.

        Parameters
        ----------
        expression : ibis scalar
            What to compute.

        Returns
        -------
        int, float or None
            The value; None for the minimum of nothing.
        """
        return self.connection.to_pyarrow(expression).as_py()

    def batches(self, expression: Table, rows: int) -> Iterator[pa.RecordBatch]:
        """Compute an expression and give it batch by batch, so that a wide column never lies in memory whole.

        Parameters
        ----------
        expression : ibis table
            What to compute. It is stored first, where the backend can move it to disk.
        rows : int
            Most rows per batch.

        Yields
        ------
        pyarrow.RecordBatch
            The rows, in no order.
        """
        yield from self._engine.batches(expression, rows)

    def write(self, expression: Table, path: Path, *, by: str | None = None) -> None:
        """Compute an expression into Parquet, and force it to the disk.

        Parameters
        ----------
        expression : ibis table
            What to compute.
        path : Path
            The file, of which Spark makes a folder of files; with `by`, a folder that gets a folder `by`=value for each
            value of that column.
        by : str, optional
            Name of a column.
        """
        if by is not None:
            path.mkdir(parents=True, exist_ok=True)
        self._engine.write(expression, path, by)
        to_disk(path)


def parquet_files(*paths: Any) -> list[Any]:
    """Return files, and those of folders that stand for one.

    Parameters
    ----------
    *paths : str, Path or ParquetFileFragment
        Files, or folders that Spark wrote in the place of one.

    Returns
    -------
    list of Path or ParquetFileFragment
        Those of a folder by name.
    """
    found: list[Any] = []
    for path in paths:
        if isinstance(path, pyarrow.dataset.ParquetFileFragment):
            found.append(path)
        else:
            found += sorted(Path(path).glob("*.parquet")) if Path(path).is_dir() else [Path(path)]
    return found


def to_disk(path: Path) -> None:
    """Force a file, or all in a folder, to the disk.

    Parameters
    ----------
    path : Path
        What was written; nothing happens where it isn't.
    """
    if not path.exists():
        return
    for one in (path, *path.rglob("*"), path.parent):
        descriptor = os.open(one, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def conform(table: pa.Table, schema: pa.Schema, name: str) -> pa.Table:
    """Return the columns of `schema` from a table, cast to its types.

    Parameters
    ----------
    table : pyarrow.Table
        Columns in any order, others ignored.
    schema : pyarrow.Schema
        What is wanted.
    name : str
        What to call the table in an error.

    Returns
    -------
    pyarrow.Table
        The table in the schema.

    Raises
    ------
    InputError
        A column is missing or can't be of its type.
    """
    missing = [column for column in schema.names if column not in table.column_names]
    if missing:
        raise InputError(f"{name}: no column {', '.join(missing)}; there are {', '.join(table.column_names)}")
    try:
        return table.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{name}: {error}; the columns must be {schema.to_string()}") from error
