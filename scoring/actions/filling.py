"""Filling tables with a run's rows: those that readers read, or the run's own, which nobody knows yet.

Tables of a run's own are filled over several connections at once, and that of supporters, who are most of the rows, as
soon as these are made: the rest of the run is computed meanwhile.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import Any, Final, Self

import numpy as np
import psycopg
import pyarrow as pa
from django.db import DatabaseError, connection, models, transaction
from psycopg import sql

from accounts.models import Person
from accounts.queries import numbers
from scoring.actions import partitions
from scoring.actions.copying import copied_bytes, copied_columns
from scoring.actions.rows import COLUMNS, KEYS, Tables, supporters_of_known
from scoring.engine.results import Supports
from scoring.models import ReachPart, Score, ScoreRun, Support, TopicReach, WrittenLanguage

log = logging.getLogger(__name__)

# A run of as many people gets tables of its own. Making these takes a tenth of a second, and every query that names no
# run looks into each of them.
LARGE: Final = 50_000
# Seconds between two words of how far other connections are.
_TOLD_EVERY: Final = 0.5
# What goes over one connection: these take about as long as each other.
_AT_ONCE: Final[tuple[tuple[type[models.Model], ...], ...]] = (
    (Support,),
    (Score, WrittenLanguage),
    (TopicReach, ReachPart),
)
# Seconds between two words to the database that what it is at is in vain.
_CANCEL_EVERY: Final = 0.5


class Sent:
    """How many rows are in the database: counted by several threads, told by the one that waits for them."""

    def __init__(self, tell: Callable[[int, int], None], of: int) -> None:
        self._tell, self._of = tell, of
        self._lock = threading.Lock()
        self._thread = threading.get_ident()
        self._rows = 0

    def rows(self, more: int) -> None:
        with self._lock:
            self._rows += more
        if threading.get_ident() == self._thread:
            self.tell()

    def tell(self) -> None:
        self._tell(self._rows, self._of)


class OwnTables:
    """A large run's own tables, which nobody knows until they are put in place.

    Supporters can be sent ahead, over a connection of their own, as soon as they are made. Used as a context, which
    leaves no table behind that didn't become a partition.
    """

    def __init__(self, run: ScoreRun) -> None:
        self.names = partitions.names_aside(run)
        self._run = run
        self._worker = ThreadPoolExecutor(1)
        self._sessions: set[psycopg.Connection] = set()
        self._stopped = False
        self._ahead: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.drop()

    @property
    def has_supporters(self) -> bool:
        """Say whether supporters are sent ahead."""
        return self._ahead is not None

    def send_ahead(self, supports: Supports) -> None:
        """Begin to send supporters, rows of `SUPPORTS`; if that fails, `filling` raises it.

        Nothing is sent ahead of a small run, nor in a transaction that is open already, for what it has changed isn't
        for other connections to see.
        """
        if connection.in_atomic_block:
            return
        (people,) = numbers(Person.objects.order_by(), "id")
        if people.size >= LARGE:
            rows = supporters_of_known(supports, people)
            self._ahead = self._worker.submit(self._fill_ahead, rows)

    @contextmanager
    def filling(self, tables: Tables, sent: Sent) -> Iterator[None]:
        """Fill the others, and wait for what was sent ahead; do what stands in the context meanwhile.

        Over several connections of their own, and the tables are then there for everybody, under names that nobody
        looks for; in a transaction that is open already, over its own.
        """
        if connection.in_atomic_block:
            fill_own(self._run, tables, self.names, sent.rows)
            yield
            return
        if self._ahead is not None and self._ahead.done():
            # If that failed, all else would be in vain.
            self._ahead.result()
        parts = ({model: tables[model] for model in some if model in tables} for some in _AT_ONCE)
        with ThreadPoolExecutor(len(_AT_ONCE)) as workers:
            begun = {workers.submit(self._fill, part, sent.rows) for part in parts if part}
            try:
                yield
                waiting = begun if self._ahead is None else begun | {self._ahead}
                while waiting:
                    done, waiting = wait(waiting, timeout=_TOLD_EVERY, return_when=FIRST_COMPLETED)
                    sent.tell()
                    for each in done:
                        each.result()
            except BaseException:
                self._end(begun)
                raise

    def drop(self) -> None:
        """End what isn't done yet, whatever the database is at, and drop what didn't become a partition."""
        self._end(set() if self._ahead is None else {self._ahead})
        self._worker.shutdown()
        with suppress(DatabaseError):
            partitions.drop_aside(self.names.values())

    def _end(self, going: set[Future[None]]) -> None:
        self._stopped = True
        while going:
            # A statement that begins behind this is met by the next.
            for session in [*self._sessions]:
                with suppress(psycopg.Error):
                    session.cancel_safe()
            going = wait(going, timeout=_CANCEL_EVERY).not_done

    def _fill(self, tables: Tables, sent: Callable[[int], None]) -> None:
        connection.ensure_connection()
        session = connection.connection
        self._sessions.add(session)
        try:
            stopping: Tables = {model: self._until_stopped(of_model) for model, of_model in tables.items()}
            fill_own(self._run, stopping, self.names, sent)
        finally:
            self._sessions.discard(session)
            connection.close()

    def _fill_ahead(self, rows: Iterator[pa.Table]) -> None:
        try:
            self._fill({Support: rows}, lambda rows: None)
        except Exception as error:
            if not self._stopped:
                # A run that fails for something else first would never tell.
                log.warning("sending supporters ahead failed: %s", type(error).__name__)
            raise

    def _until_stopped(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        for table in tables:
            if self._stopped:
                raise CancelledError("the run ended before all rows were sent")
            yield table


def fill_own(run: ScoreRun, tables: Tables, aside: dict[Any, str], sent: Callable[[int], None]) -> None:
    """Make and fill tables of a run's own, and then give them their foreign keys, which keeps nobody waiting."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            # An index that one process makes takes less of the processors, and others are at other tables meanwhile.
            cursor.execute("SET LOCAL max_parallel_maintenance_workers = 0")
        for model, of_model in tables.items():
            partitions.make_aside(model, run, aside[model])
            copy_rows(model, run, of_model, sent, aside[model])
            partitions.index(model, aside[model])
    with transaction.atomic():
        partitions.refer([(model, aside[model]) for model in tables])
    with transaction.atomic():
        for model in tables:
            partitions.check_references(aside[model])


def copy_rows(
    model: type[models.Model],
    run: ScoreRun,
    tables: Iterable[pa.Table],
    sent: Callable[[int], None] = lambda rows: None,
    into: str = "",
) -> None:
    """Append rows through COPY, to the model's table unless another is named; say how many at a time.

    Another table must have been made in this transaction, with no savepoint begun since. Its rows are then written as
    those that everybody sees, once: the first who reads others writes a mark on each, and a vacuum has to follow.
    """
    names = ["run", *KEYS[model], *COLUMNS[model]]
    columns = sql.SQL(", ").join(map(sql.Identifier, copied_columns(model, names)))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary, FREEZE {})").format(
        sql.Identifier(into or model._meta.db_table), columns, sql.Literal(bool(into))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for chunk, rows in copied_bytes(model, names, (with_run(run, table) for table in tables)):
            copy.write(chunk)
            sent(rows)


def with_run(run: ScoreRun, table: pa.Table) -> pa.Table:
    """Return rows with the run that they are of."""
    return table.add_column(0, "run", pa.array(np.full(table.num_rows, run.pk, dtype=np.int64)))
