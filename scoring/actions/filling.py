"""Filling tables with a run's rows: those that readers read, or the run's own, which nobody knows yet.

Tables of a run's own are filled over several connections at once, and that of supporters, who are most of the rows, as
soon as these are made: the rest of the run is computed meanwhile.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from django.db import DatabaseError, connection, models, transaction
from psycopg import sql

from accounts.models import Person
from accounts.queries import numbers
from scoring.actions import partitions
from scoring.actions.copying import copied_bytes, copied_columns
from scoring.actions.rows import COLUMNS, KEYS, Tables, supporters_of_known
from scoring.models import ReachPart, Score, ScoreRun, Support, TopicReach, WrittenLanguage

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
# Tables of supporters that wait for the database; whoever makes them waits then, too.
_WAITING: Final = 1


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


class Ahead:
    """A run's supporters on their way into a table of its own, over a connection of their own, as they are made.

    Used as a context: what went wrong in between leaves nothing behind. A transaction that is open already keeps them,
    for what it has changed isn't for other connections to see, and so does a small run: they are then sent with all
    other rows.
    """

    def __init__(self, run: ScoreRun) -> None:
        self.names = partitions.names_aside(run)
        self._run = run
        self._tables: queue.Queue[pa.Table | None] = queue.Queue(_WAITING)
        self._worker = ThreadPoolExecutor(1)
        self._sent: Future[None] | None = None
        self._stopped = threading.Event()

    def __enter__(self) -> "Ahead":
        return self

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        self._worker.shutdown()
        if self.began:
            # Those that became partitions have another name by now.
            with suppress(DatabaseError):
                partitions.drop_aside()

    @property
    def began(self) -> bool:
        """Say whether any are sent ahead."""
        return self._sent is not None

    def send(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Pass supporters on, rows of `SUPPORTS`, and send them ahead; if that fails, `done` says so."""
        if not connection.in_atomic_block:
            (people,) = numbers(Person.objects.order_by(), "id")
            if people.size >= LARGE:
                self._sent = self._worker.submit(self._fill, people)
        for table in tables:
            self._put(table)
            yield table
        self._put(None)

    def done(self) -> None:
        """Wait until all that were sent are in their table, with its indexes and keys. Raises what went wrong."""
        if self._sent is not None:
            self._sent.result()

    def _put(self, table: pa.Table | None) -> None:
        waiting = True
        while waiting and self._sent is not None and not self._sent.done():
            with suppress(queue.Full):
                self._tables.put(table, timeout=_TOLD_EVERY)
                waiting = False

    def _fill(self, people: npt.NDArray[np.int64]) -> None:
        try:
            fill_own(self._run, {Support: supporters_of_known(self._made(), people)}, self.names)
        finally:
            connection.close()

    def _made(self) -> Iterator[pa.Table]:
        while True:
            try:
                table = self._tables.get(timeout=_TOLD_EVERY)
            except queue.Empty:
                if self._stopped.is_set():
                    raise InterruptedError("the run ended before all supporters were made") from None
                continue
            if table is None:
                return
            yield table


def fill_at_once(run: ScoreRun, tables: Tables, aside: dict[Any, str], sent: Sent) -> None:
    """Fill a run's tables on several connections of their own.

    They are then there for everybody, under names that nobody looks for.
    """

    def fill(some: Tables) -> None:
        try:
            fill_own(run, some, aside, sent.rows)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(_AT_ONCE)) as workers:
        parts = ({model: tables[model] for model in some if model in tables} for some in _AT_ONCE)
        waiting = {workers.submit(fill, part) for part in parts if part}
        while waiting:
            done, waiting = wait(waiting, timeout=_TOLD_EVERY, return_when=FIRST_COMPLETED)
            sent.tell()
            for each in done:
                each.result()


def fill_own(
    run: ScoreRun, tables: Tables, aside: dict[Any, str], sent: Callable[[int], None] = lambda rows: None
) -> None:
    """Make and fill tables of a run's own, and then give them their foreign keys, which keeps nobody waiting."""
    with transaction.atomic():
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
    """Append rows through COPY, to the model's table unless another is named; say how many at a time."""
    names = ["run", *KEYS[model], *COLUMNS[model]]
    columns = sql.SQL(", ").join(map(sql.Identifier, copied_columns(model, names)))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(into or model._meta.db_table), columns
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for chunk, rows in copied_bytes(model, names, (with_run(run, table) for table in tables)):
            copy.write(chunk)
            sent(rows)


def with_run(run: ScoreRun, table: pa.Table) -> pa.Table:
    """Return rows with the run that they are of."""
    return table.add_column(0, "run", pa.array(np.full(table.num_rows, run.pk, dtype=np.int64)))
