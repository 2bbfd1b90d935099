"""Tables of a large run's own: filled where nobody looks, and made partitions of what readers read in one moment."""

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import psycopg
from django.db import OperationalError, connection, models, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from scoring.models import ReachPart, Score, ScoreRun, Support, TopicReach, WrittenLanguage

log = logging.getLogger(__name__)

# The tables that are parted by run.
PARTED: Final[tuple[type[models.Model], ...]] = (Score, TopicReach, Support, ReachPart, WrittenLanguage)
# A try to have the tables for oneself waits so long for each of them, and in all for less than the second after which
# PostgreSQL ends one of two who wait for each other, a reader perhaps; between tries whoever waits gets through.
LOCK_SECONDS: Final = 0.1
LOCK_PAUSE: Final = 0.2
LOCK_TRIES: Final = 20
# An import may be writing people for minutes, and the run has time: ten minutes of tries.
WRITER_TRIES: Final = 200
# A try where readers aren't in the way: it waits for writers, and for the autovacuum, which gives way after a second.
_TURN_SECONDS: Final = 3.0


def _own(model: type[models.Model], run_id: int) -> str:
    """Return the name of the partition that holds a large run's rows and nothing else."""
    return f"{model._meta.db_table}_run_{run_id}"


def names_aside(run: ScoreRun) -> dict[type[models.Model], str]:
    """Return names for a run's tables that no table has."""
    token = uuid.uuid4().hex[:8]
    return {model: f"{_own(model, run.pk)}_new_{token}" for model in PARTED}


def make_aside(model: type[models.Model], run: ScoreRun, name: str) -> None:
    """Make a table for a run's rows: with the checks of the model's table, without its indexes and foreign keys.

    It is checked row by row, as they come, that they are of this run: the table becomes a partition without a look at
    all of them, for which readers would have to wait.
    """
    # The autovacuum would be at it by the time that it is put in place, and readers wait until it gives way.
    statement = sql.SQL(
        "CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS, CHECK (run_id = {}))"
        " WITH (autovacuum_enabled = off)"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            statement.format(sql.Identifier(name), sql.Identifier(model._meta.db_table), sql.Literal(run.pk))
        )


def index(model: type[models.Model], name: str) -> None:
    """Give a run's table the indexes that a partition of the model's has to have, and statistics.

    Of all rows at once an index is made within a second for a million of them; row by row during COPY it takes ten.
    """
    table, parent = sql.Identifier(name), model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES, [parent])
        for (definition,) in cursor.fetchall():
            how = definition.partition(" USING ")[2]
            cursor.execute(sql.SQL("CREATE INDEX ON {} USING {}").format(table, sql.SQL(how)))
        _constrain(name, parent, "pu")
        # Rows that were just copied have no statistics, and the first pages that read them would be planned blindly.
        cursor.execute(sql.SQL("ANALYZE {}").format(table))


def refer(tables: list[tuple[type[models.Model], str]]) -> None:
    """Give tables of a run the foreign keys of their models', for rows to come and whoever is deleted from now on.

    Writers of what they refer to wait until the transaction ends. Where one is at it for minutes, an import, others
    get through between two tries. `check_references` looks at the rows that are there. Raises OperationalError if
    writers left no moment.
    """
    writers = _lock_out_writers([model for model, _ in tables])
    _locking(lambda cursor: cursor.execute(writers), seconds=_TURN_SECONDS, tries=WRITER_TRIES)
    for model, name in tables:
        _constrain(name, model._meta.db_table, "f", unchecked=True)


def check_references(name: str) -> None:
    """Check the foreign keys of a run's table, each by one join, while others write what they refer to.

    Raises IntegrityError if a row refers to what isn't there.
    """
    with connection.cursor() as cursor:
        cursor.execute(_UNCHECKED, [name])
        for (constraint,) in cursor.fetchall():
            cursor.execute(
                sql.SQL("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(
                    sql.Identifier(name), sql.Identifier(constraint)
                )
            )


def _constrain(name: str, parent: str, kinds: str, *, unchecked: bool = False) -> None:
    statement = sql.SQL("ALTER TABLE {} ADD {} NOT VALID" if unchecked else "ALTER TABLE {} ADD {}")
    with connection.cursor() as cursor:
        cursor.execute(_CONSTRAINTS, [parent, list(kinds)])
        for (definition,) in cursor.fetchall():
            cursor.execute(statement.format(sql.Identifier(name), sql.SQL(definition)))


_UNCHECKED: Final = "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND NOT convalidated ORDER BY oid"
_INDEXES: Final = """
SELECT pg_get_indexdef(i.indexrelid)
FROM pg_index i
WHERE i.indrelid = %s::regclass AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
ORDER BY i.indexrelid
"""
_CONSTRAINTS: Final = """
SELECT pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = %s::regclass AND contype::text = ANY(%s) AND conparentid = 0
ORDER BY oid
"""


def drop_aside(names: Iterable[str] | None = None) -> int:
    """Drop tables that no reader knows, and return how many: of one run, or all that are there.

    For all the caller holds the lock of runs, and has just got it: they are then of runs that were killed. With a table
    go the triggers that its foreign keys have on what it refers to, which readers are in the way of, and whoever waits
    for them is in the way of the next ones: where they leave no moment for it, tables are left to the next run.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ %s", [_ASIDE.pattern])
        left = [name for (name,) in cursor.fetchall()]
    wanted = left if names is None else sorted({*left}.intersection(names))
    for place, name in enumerate(wanted):
        try:
            _locking(partial(_drop, sql.Identifier(name)), seconds=_TURN_SECONDS)
        except OperationalError as error:
            if not _is_busy(error):
                raise
            # The others refer to the same.
            log.warning(
                "%d tables of a run that failed are in use, or people are read all the time: left to the next run",
                len(wanted) - place,
            )
            return place
    return len(wanted)


def _drop(table: sql.Identifier, cursor: CursorWrapper) -> None:
    # What a killed run was at may go on for a moment, and nobody else waits for the table itself.
    cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
    cursor.execute("SELECT set_config('lock_timeout', %s, TRUE)", [f"{LOCK_SECONDS}s"])
    cursor.execute(sql.SQL("DROP TABLE {}").format(table))


_ASIDE: Final = re.compile(f"^({'|'.join(model._meta.db_table for model in PARTED)})_run_[0-9]+_new_[0-9a-f]{{8}}$")


def put_in_place(aside: dict[type[models.Model], str], run: ScoreRun) -> None:
    """Make a run's tables partitions, in place of the rows that it has."""
    _lock_out_readers([*aside])
    with connection.cursor() as cursor:
        for model, name in aside.items():
            own, parent = sql.Identifier(_own(model, run.pk)), sql.Identifier(model._meta.db_table)
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(own))
            model._base_manager.filter(run=run).delete()
            cursor.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(sql.Identifier(name), own))
            cursor.execute(sql.SQL("ALTER TABLE {} RESET (autovacuum_enabled)").format(own))
            cursor.execute(
                sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES IN ({})").format(
                    parent, own, sql.Literal(run.pk)
                )
            )


def _lock_out_readers(tables: list[type[models.Model]]) -> None:
    """Wait until nobody reads some tables, and let nobody begin to, until the transaction ends, in a few milliseconds.

    A statement that began before would go on without the new partition and yet see the ledger as it is after the
    commit: the new run, and none of its rows. What the tables refer to is locked too, for PostgreSQL changes triggers
    there when a partition comes or goes. Raises OperationalError if there was no moment without readers.
    """
    everything = _tables([*tables, *_referred(tables)])

    def lock(cursor: CursorWrapper) -> None:
        cursor.execute(_lock_out_writers(tables))
        cursor.execute("SELECT set_config('lock_timeout', %s, TRUE)", [f"{LOCK_SECONDS}s"])
        # Whoever reads a partition has locked the table first, so partitions can be left alone.
        cursor.execute(sql.SQL("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE").format(everything))

    # Readers aren't in the way of the first lock, nor it in theirs.
    _locking(lock, seconds=_TURN_SECONDS)


def _locking(act: Callable[[CursorWrapper], None], *, seconds: float, tries: int | None = None) -> None:
    """Do what takes locks, which the transaction then has, and wait for each only so long, over and over.

    Whoever comes while somebody waits for a lock waits behind, and gets through between two tries. Raises
    OperationalError if there was no moment for it.
    """
    tries = tries or LOCK_TRIES
    for attempt in range(1, tries + 1):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, TRUE)", [f"{seconds}s"])
                act(cursor)
                cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
        except OperationalError as error:
            if attempt == tries or not _is_busy(error):
                raise
            time.sleep(LOCK_PAUSE)
        else:
            return


def _is_busy(error: OperationalError) -> bool:
    return isinstance(error.__cause__, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected)


def _lock_out_writers(tables: list[type[models.Model]]) -> sql.Composed:
    """Return what locks against writers all that some tables refer to: in one order, so that two can't be crossed."""
    return sql.SQL("LOCK TABLE ONLY {} IN SHARE ROW EXCLUSIVE MODE").format(_tables(_referred(tables)))


def _referred(tables: list[type[models.Model]]) -> list[Any]:
    found = {field.related_model for model in tables for field in model._meta.fields if field.related_model}
    return sorted(found, key=lambda model: model._meta.db_table)


def _tables(some: list[Any]) -> sql.Composed:
    return sql.SQL(", ONLY ").join(sql.Identifier(model._meta.db_table) for model in some)


def drop_tables(unwanted: dict[Any, Callable[[int], bool]]) -> int:
    """Drop the partitions of large runs that aren't wanted and return how many rows they had.

    Where readers leave no moment for it, the rows are deleted one by one instead.
    """
    rows = 0
    for model, is_unwanted in unwanted.items():
        for run_id in filter(is_unwanted, _runs_with_own_table(model)):
            own = sql.Identifier(_own(model, run_id))
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    _lock_out_readers([model])
                    cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(own))
                    (found,) = cursor.fetchall()
                    cursor.execute(sql.SQL("DROP TABLE {}").format(own))
            except OperationalError as error:
                if not _is_busy(error):
                    raise
                log.warning("%s is being read all the time: its rows are deleted, not dropped", model._meta.db_table)
            else:
                rows += found[0]
    return rows


def _runs_with_own_table(model: type[models.Model]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass ORDER BY c.oid",
            [model._meta.db_table],
        )
        names = [name for (name,) in cursor.fetchall()]
    prefix = _own(model, 0).removesuffix("0")
    return [int(name.removeprefix(prefix)) for name in names if name.startswith(prefix)]
