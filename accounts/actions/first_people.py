"""Filling the tables of people where nobody is there yet: their indexes and foreign keys are made behind the rows.

Row by row, indexes and foreign keys are most of what a new account costs PostgreSQL. Of all rows at once an index is
one sort, and a foreign key one join. Whoever reads the tables waits meanwhile, which is why this is for a platform
without people alone: there is nothing to see.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, LiteralString

import psycopg
from django.db import OperationalError, connection, transaction
from psycopg import sql

from accounts.models import Identity, Person

# With what they refer to, on which a foreign key has a part too. Not the users: every page asks who is there.
_TABLES: Final = ("accounts_network", "accounts_place", "accounts_person", "accounts_identity")
_OWN: Final = """
SELECT bool_and(pg_has_role(relowner, 'USAGE') AND has_schema_privilege(relnamespace, 'CREATE'))
FROM pg_class WHERE oid = ANY(%s::regclass[])
"""
# Whoever doesn't wait can't be one of two who wait for each other.
_LOCK: Final = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE NOWAIT").format(
    sql.SQL(", ").join(map(sql.Identifier, _TABLES))
)
_TRIES: Final = 5
_PAUSE: Final = 0.1
# All rows are put in order at once, in memory.
_SORTING: Final = """
SELECT set_config('work_mem', '128MB', TRUE) WHERE pg_size_bytes(current_setting('work_mem')) < pg_size_bytes('128MB')
"""

# Primary keys stay: others refer to them.
_CONSTRAINTS: Final = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint
WHERE conrelid IN ('accounts_person'::regclass, 'accounts_identity'::regclass)
    AND (contype = 'u' OR contype = 'f' AND confrelid <> 'accounts_user'::regclass)
ORDER BY oid
"""
_INDEXES: Final = """
SELECT c.relname, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid IN ('accounts_person'::regclass, 'accounts_identity'::regclass)
    AND NOT i.indisprimary AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
ORDER BY i.indexrelid
"""


@contextmanager
def tables_to_oneself() -> Iterator[bool]:
    """Have the empty tables of people to oneself, without most indexes and keys, and say whether that could be had.

    Not where somebody is known, somebody looks all the time, or the role may not make indexes: all is then as it was.
    To be entered in a transaction, to whose end nobody else reads or writes the tables. Indexes and keys are made again
    as the block ends; raises IntegrityError there for rows that break one.
    """
    if has_people() or not _own() or not _locked():
        yield False
        return
    with connection.cursor() as cursor:
        cursor.execute(_SORTING)
        # A table of which a check is still due can't be changed.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(_CONSTRAINTS)
        constraints = cursor.fetchall()
        cursor.execute(_INDEXES)
        indexes = cursor.fetchall()
        for table, name, _ in constraints:
            _execute(cursor, "ALTER TABLE {} DROP CONSTRAINT {}", table, name)
        for name, _ in indexes:
            _execute(cursor, "DROP INDEX {}", name)
        yield True
        for _, definition in indexes:
            cursor.execute(definition)
        for table, name, definition in constraints:
            _execute(cursor, "ALTER TABLE {} ADD CONSTRAINT {} {}", table, name, sql.SQL(definition))
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("SET LOCAL work_mem TO DEFAULT")


def _execute(cursor: Any, statement: LiteralString, *parts: str | sql.SQL) -> None:
    named = [part if isinstance(part, sql.SQL) else sql.Identifier(part) for part in parts]
    cursor.execute(sql.SQL(statement).format(*named))


def has_people() -> bool:
    """Say whether anybody is known yet."""
    return Person.objects.exists() or Identity.objects.exists()


def _own() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_OWN, [list(_TABLES)])
        (own,) = cursor.fetchone()
    return bool(own)


def _locked() -> bool:
    """Lock the tables, if nobody is at them for a moment and nobody became known meanwhile."""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_LOCK)
                alone = not has_people()
                if not alone:
                    # With the savepoint go the locks.
                    transaction.set_rollback(True)
            return alone
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise
    return False
