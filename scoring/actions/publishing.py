"""Putting a run's result before the readers: all of it at once, or none.

A large run's rows go into tables of their own, which nobody knows yet: COPY then meets no index and no foreign key, and
both are made at once at the end. From then on whoever is erased takes their rows there along. In one short moment these
tables become partitions of those that readers read. A small run's rows go into the partition that takes what has no
other.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from psycopg import sql

from accounts.models import Person
from accounts.queries import numbers
from scoring import engine
from scoring.actions import partitions
from scoring.actions.copying import copied_bytes, copied_columns
from scoring.actions.figures import figures_of
from scoring.actions.languages import languages_until
from scoring.actions.partitions import put_in_place
from scoring.actions.rows import COLUMNS, KEYS, Rows, Tables, rows_of
from scoring.engine import Result
from scoring.models import Backtest, RunFigures, ScoreRun, Support, Topic

# A person erased while the rows are copied fails the copy; each try begins with who is there now.
TRIES: Final = 3
# A run of as many scores gets tables of its own. Making these takes a tenth of a second, and every query that names no
# run looks into each of them.
LARGE: Final = 50_000
# Seconds between two words of how far other connections are.
_TOLD_EVERY: Final = 0.5


def publish(
    run: ScoreRun,
    result: Result,
    *,
    now: datetime,
    finished: Callable[[], datetime],
    make_current: bool,
    check: Callable[[], None],
    copied: Callable[[int, int], None] = lambda rows, of: None,
) -> None:
    """Store a run's rows in place of those that it has, and say that it is done, in one transaction.

    Readers see the run's old rows, or none where it had none, until the commit; rows are never locked for longer than
    the last statements take. `check` is called last and may raise; `copied` is told
    how many rows are in the database, of how many. The run becomes the current one if it has the
    highest moment among the finished runs of the current formula, and no earlier moment than the run that is current
    now; with `make_current` in any case.
    """
    # What somebody else's transaction has changed or locked isn't for other connections to see.
    at_once = not connection.in_atomic_block
    languages = languages_until(run.as_of)
    for attempt in range(1, TRIES + 1):
        try:
            (people,), (topics,) = (numbers(model.objects.order_by(), "id") for model in (Person, Topic))
            rows = rows_of(result, people=people, topics=topics, languages=languages)
            aside = partitions.names_aside(run) if rows.scores.num_rows >= LARGE else {}
            figures = figures_of(run, rows.scores, rows.topics, rows.languages)
            others = (rows.scores, rows.topics, rows.parts, rows.languages)
            sent = _Sent(copied, rows.supported + sum(table.num_rows for table in others))
            if aside and at_once:
                # Before the transaction begins, which would keep its locks while it waits for other connections.
                _fill_at_once(run, rows.by_model(), aside, sent)
            with transaction.atomic():
                if aside and not at_once:
                    _fill(run, rows.by_model(), aside, sent.rows)
                    _refer([*aside.items()])
                _publish(run, result, rows, figures, aside, sent, now, finished, make_current, check)
        except BaseException as error:
            if at_once:
                # Nobody reads these tables, and whoever is erased from now on would stay in them.
                with suppress(DatabaseError):
                    partitions.drop_aside()
            gone = isinstance(error, IntegrityError) and isinstance(error.__cause__, psycopg.errors.ForeignKeyViolation)
            if not gone or attempt == TRIES:
                raise
        else:
            return


def _publish(
    run: ScoreRun,
    result: Result,
    rows: Rows,
    figures: RunFigures,
    aside: dict[Any, str],
    sent: "_Sent",
    now: datetime,
    finished: Callable[[], datetime],
    make_current: bool,
    check: Callable[[], None],
) -> None:
    if not aside:
        for model, of_model in rows.by_model().items():
            model.objects.filter(run=run).delete()
            _copy(model, run, of_model, sent.rows)
    _store_backtest(run, result.backtest)
    RunFigures.objects.filter(run=run).delete()
    figures.save(force_insert=True)
    with connection.cursor() as cursor:
        # Foreign keys are checked here instead of at the commit, before the ledger's rows are locked.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    check()
    if aside:
        put_in_place(aside, run)
    run.state = ScoreRun.State.DONE
    run.started_at, run.finished_at = now, finished()
    run.people = rows.scores.num_rows
    run.interactions = int(result.notes["interactions"])
    run.notes = {**result.notes, "left_out": rows.left_out}
    run.step, run.progress, run.error, run.attempts = "", {}, "", 1
    run.save(
        update_fields=[
            *("is_shadow", "state", "started_at", "finished_at", "people", "interactions", "notes", "forecast"),
            *("step", "progress", "error", "attempts"),
        ]
    )
    _choose_current(run, make_current)


def _store_backtest(run: ScoreRun, found: engine.Backtest | None) -> None:
    """Store how the forecast of a horizon ago did, in place of what stands there."""
    if found is None:
        Backtest.objects.filter(run=run).delete()
        return
    Backtest.objects.update_or_create(
        run=run,
        defaults={
            "cut": datetime.fromtimestamp(found.cut, UTC),
            "horizon_days": found.horizon_days,
            "people": found.people,
            **asdict(found.score),
            "best_baseline": found.best_baseline[1].spearman,
            "coverage": found.coverage,
            "coverage_large": found.coverage_large,
            "large": found.large,
            "baselines": [{"name": name, **asdict(ranking)} for name, ranking in found.baselines.items()],
            "bins": [asdict(part) for part in found.bins],
        },
    )


class _Sent:
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


def _fill_at_once(run: ScoreRun, tables: Tables, aside: dict[Any, str], sent: _Sent) -> None:
    """Fill a run's tables on two connections of their own: supporters take as long as all else.

    They are then there for everybody, under names that nobody looks for.
    """

    def fill(models: set[Any]) -> None:
        try:
            with transaction.atomic():
                _fill(run, {model: tables[model] for model in tables if model in models}, aside, sent.rows)
            _refer([(model, name) for model, name in aside.items() if model in models])
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as workers:
        waiting = {workers.submit(fill, some) for some in ({Support}, {*tables} - {Support})}
        while waiting:
            done, waiting = wait(waiting, timeout=_TOLD_EVERY, return_when=FIRST_COMPLETED)
            sent.tell()
            for each in done:
                each.result()


def _fill(run: ScoreRun, tables: Tables, aside: dict[Any, str], sent: Callable[[int], None]) -> None:
    for model, of_model in tables.items():
        partitions.make_aside(model, run, aside[model])
        _copy(model, run, of_model, sent, aside[model])
        partitions.index(model, aside[model])


def _refer(tables: list[tuple[Any, str]]) -> None:
    """Give filled tables their foreign keys, in a moment, and check these, which keeps nobody waiting."""
    with transaction.atomic():
        partitions.refer(tables)
    with transaction.atomic():
        for _, name in tables:
            partitions.check_references(name)


def _copy(
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


def _choose_current(run: ScoreRun, make_current: bool) -> None:
    before = ScoreRun.objects.filter(is_current=True).first()
    if not make_current:
        newest = ScoreRun.objects.done().filter(formula__is_current=True).order_by("-as_of").first()
        make_current = newest == run and (before is None or run.as_of >= before.as_of)
    if make_current and run != before:
        ScoreRun.objects.filter(is_current=True).update(is_current=False)
        ScoreRun.objects.filter(pk=run.pk).update(is_current=True, is_shadow=False)
        run.is_shadow = False
    run.is_current = make_current or run == before
