"""Tables of a large run's own: filled where nobody looks, and made partitions of what readers read in one moment."""

import logging
import re
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

import psycopg
from django.db import OperationalError, connection, models, transaction
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
    statement = sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS, CHECK (run_id = {}))")
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

    Writers of what they refer to wait until the transaction ends, and it for them; `check_references` looks at the rows
    that are there.
    """
    with connection.cursor() as cursor:
        cursor.execute(_lock_out_writers([model for model, _ in tables]))
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


def drop_aside() -> int:
    """Drop tables that a publishing which was killed or failed has left, and return how many.

    The caller holds the lock of runs, so that none of them is in use. With a table go the triggers that its foreign
    keys have on what it refers to, which readers are in the way of, and whoever waits for them is in the way of the
    next ones: where they leave no moment for it, a table is left to the next run.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ %s", [_ASIDE.pattern])
        left = [name for (name,) in cursor.fetchall()]
    return sum(map(_drop_unless_read, left))


def _drop_unless_read(name: str) -> bool:
    for attempt in range(LOCK_TRIES):
        if attempt:
            time.sleep(LOCK_PAUSE)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, TRUE)", [f"{LOCK_SECONDS}s"])
                cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name)))
                return True
        except OperationalError as error:
            if not isinstance(error.__cause__, _BUSY):
                raise
    log.warning("what %s refers to is being read all the time: the table is left to the next run", name)
    return False


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
    for attempt in range(1, LOCK_TRIES + 1):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                # Readers aren't in the way of this, nor it in theirs: it waits for writers, and for a second for the
                # autovacuum, which then gives way.
                cursor.execute("SET LOCAL lock_timeout = '3s'")
                cursor.execute(_lock_out_writers(tables))
                cursor.execute("SELECT set_config('lock_timeout', %s, TRUE)", [f"{LOCK_SECONDS}s"])
                # Whoever reads a partition has locked the table first, so partitions can be left alone.
                cursor.execute(sql.SQL("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE").format(everything))
                cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
        except OperationalError as error:
            if attempt == LOCK_TRIES or not isinstance(error.__cause__, _BUSY):
                raise
            time.sleep(LOCK_PAUSE)
        else:
            return


def _lock_out_writers(tables: list[type[models.Model]]) -> sql.Composed:
    """Return what locks against writers all that some tables refer to: in one order, so that two can't be crossed."""
    return sql.SQL("LOCK TABLE ONLY {} IN SHARE ROW EXCLUSIVE MODE").format(_tables(_referred(tables)))


def _referred(tables: list[type[models.Model]]) -> list[Any]:
    found = {field.related_model for model in tables for field in model._meta.fields if field.related_model}
    return sorted(found, key=lambda model: model._meta.db_table)


def _tables(some: list[Any]) -> sql.Composed:
    return sql.SQL(", ONLY ").join(sql.Identifier(model._meta.db_table) for model in some)


_BUSY: Final = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


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
                if not isinstance(error.__cause__, _BUSY):
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
