"""Table work on Spark: what a workspace does differently there, and nothing of the formula.

All that passes between this process and Spark's, and all that is kept, passes through Parquet files in one folder, that
the driver and all workers have under the same path. So nothing has to fit in the driver's memory, workers need no
Python, plans don't grow from step to step, and Spark knows how large a table is when it chooses how to join it.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import ibis
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import sqlglot
from ibis.backends.pyspark import Backend
from ibis.backends.pyspark.datatypes import PySparkSchema
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.expr.datatypes import int32

from scoring.engine.tables import Table, parquet_files

# Of the session: where its files lie.
FOLDER: Final = "spark.sway.folder"
# What the numbers depend on, whatever a cluster's own defaults are.
SETTINGS: Final[Mapping[str, str]] = {
    # A sum that overflows is an error, as on DuckDB, and no wrong number.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "true",
    "spark.sql.parquet.compression.codec": "zstd",
    # Empty files that say that a folder is whole: the manifest and the database say so here.
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}

# Looked up by this name, ibis learns the options that its SQL for Spark asks for.
ibis.pyspark  # noqa: B018


class _Compiler(PySparkCompiler):  # type: ignore[misc]  # ibis publishes no types
    """Numbers in Spark's SQL as ibis means them.

    Bare, 0.5 is a decimal there, whose quotients are cut off after a few digits, and 1 is of 32 bits, which a shift by
    40 leaves.
    """

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:
        if dtype.is_integer() or dtype.is_floating():
            return self.cast(sqlglot.exp.convert(value), dtype)
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_BitwiseLeftShift(self, op: Any, *, left: Any, right: Any) -> Any:
        return self.f.shiftleft(left, self.cast(right, int32))


class SparkBackend(Backend):  # type: ignore[misc]  # ibis publishes no types
    """Ibis's PySpark backend, with tables handed over as Parquet.

    Its own way goes through pandas, where a column of int64 with nulls becomes one of float64: account keys lose their
    last bits.
    """

    compiler = _Compiler()

    @property
    def session(self) -> Any:
        """Return Spark's session.

        Returns
        -------
        pyspark.sql.SparkSession
            As it was passed in.
        """
        return self._session

    def place(self) -> Path:
        """Return a name in the shared folder where nothing is yet.

        Returns
        -------
        Path
            Of a folder or file to be.
        """
        return Path(self._session.conf.get(FOLDER)) / uuid4().hex

    def frame(self, expression: Any) -> Any:
        """Return an expression as Spark's own table, not yet computed.

        Parameters
        ----------
        expression : ibis table
            What to compute.

        Returns
        -------
        pyspark.sql.DataFrame
            The plan.
        """
        self._run_pre_execute_hooks(expression)
        frame = self._session.sql(self.compile(expression))
        types = PySparkSchema.from_ibis(expression.schema())
        if [field.dataType for field in frame.schema] == [field.dataType for field in types]:
            return frame
        return frame.select(*(frame[field.name].cast(field.dataType) for field in types))

    def view(self, files: Sequence[Path], schema: pa.Schema) -> Table:
        """Return Parquet files of one schema as a table.

        Parameters
        ----------
        files : sequence of Path
            At least one.
        schema : pyarrow.Schema
            What the files hold, or part of it: Spark then opens none of them to learn it.

        Returns
        -------
        ibis table
            A temporary view.
        """
        name = f"sway_{uuid4().hex}"
        types = PySparkSchema.from_ibis(ibis.Schema.from_pyarrow(schema))
        self._session.read.schema(types).parquet(*map(str, files)).createOrReplaceTempView(name)
        return self.table(name)

    def to_pyarrow(
        self, expr: Any, /, *, params: Mapping[Any, Any] | None = None, limit: int | str | None = None, **kwargs: Any
    ) -> Any:
        """Compute an expression; rows of an ordered table come in its order.

        Parameters
        ----------
        expr : ibis expression
            A table, column or scalar.
        params, limit, **kwargs
            Not taken.

        Returns
        -------
        pyarrow.Table, Array or Scalar
            The values, of the types that ibis says.
        """
        table = expr.as_table()
        place = self.place()
        try:
            self.frame(table).write.parquet(str(place))
            # Spark numbers the files by its partitions, which ascend where it sorts.
            found = pyarrow.parquet.read_table(parquet_files(place))
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return expr.__pyarrow_result__(found.cast(table.schema().to_pyarrow()))

    def _register_in_memory_table(self, op: Any) -> None:
        place = self.place()
        rows = op.data.to_pyarrow(op.schema)
        pyarrow.parquet.write_table(rows, place, compression="zstd")
        types = PySparkSchema.from_ibis(op.schema)
        self._session.read.schema(types).parquet(str(place)).createOrReplaceTempView(op.name)


class SparkTables:
    """What a workspace keeps on Spark.

    Parameters
    ----------
    connection : SparkBackend
        An open session with the setting `FOLDER`.
    """

    def __init__(self, connection: SparkBackend) -> None:
        self.connection = connection
        self._views: list[str] = []
        self._folders: list[Path] = []

    def scan(self, files: Sequence[Path], columns: Sequence[str]) -> list[Table]:
        """Return files as tables, one for each schema that some of them have.

        Parameters
        ----------
        files : sequence of Path
            Parquet files, at least one.
        columns : sequence of str
            Which columns are wanted. One that a file lacks isn't in its table.

        Returns
        -------
        list of ibis table
            With the files' own types.
        """
        alike: dict[pa.Schema, list[Path]] = {}
        for file in files:
            found = pyarrow.parquet.read_schema(file)
            kept = pa.schema([(name, _plain(found.field(name).type)) for name in columns if name in found.names])
            alike.setdefault(kept, []).append(file)
        return [self._view(some, schema) for schema, some in alike.items()]

    def keep(self, expression: Table) -> Table:
        """Compute an expression and store it.

        Parameters
        ----------
        expression : ibis table
            What to compute.

        Returns
        -------
        ibis table
            The stored rows.
        """
        place = self.connection.place()
        self._folders.append(place)
        self.connection.frame(expression).write.parquet(str(place))
        return self._view([place], expression.schema().to_pyarrow())

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
        place = self.connection.place()
        self._folders.append(place)
        self.connection.frame(expression).write.parquet(str(place))
        yield from pyarrow.dataset.dataset(parquet_files(place)).to_batches(batch_size=rows)

    def write(self, expression: Table, path: Path, by: str | None) -> None:
        """Compute an expression into a folder of Parquet files.

        Parameters
        ----------
        expression : ibis table
            What to compute.
        path : Path
            The folder; with `by`, it gets a folder `by`=value for each value of that column.
        by : str or None
            Name of a column; it stands in the files too.
        """
        frame = self.connection.frame(expression)
        if by is None:
            frame.write.parquet(str(path))
        else:
            # Spark leaves the column that names the folders out of the files.
            again = f"again_{by}"
            written = frame.withColumn(again, frame[by]).repartition(by).write.mode("append").partitionBy(again)
            written.parquet(str(path))
            for folder in path.glob(f"{again}=*"):
                folder.rename(path / folder.name.removeprefix("again_"))
        for checksum in path.rglob(".*.crc"):
            checksum.unlink()

    def drop(self) -> None:
        """Forget and delete all that was kept."""
        for view in self._views:
            self.connection.session.catalog.dropTempView(view)
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
        self._views.clear()
        self._folders.clear()

    def _view(self, files: Sequence[Path], schema: pa.Schema) -> Table:
        table = self.connection.view(files, schema)
        self._views.append(table.get_name())
        return table


def _plain(type_: pa.DataType) -> pa.DataType:
    """Return the type without what Arrow alone knows of it: Parquet has neither dictionaries nor two sorts of text."""
    if pa.types.is_dictionary(type_):
        return _plain(type_.value_type)
    if pa.types.is_large_string(type_):
        return pa.string()
    return type_
