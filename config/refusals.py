"""What the operator has to mend, as one line: for `manage.py`, whatever command was given."""

import os

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, OperationalError, connection

from accounts.storage import LogUnreachable

# SQLSTATEs of a table and of a column that aren't there.
_UNKNOWN_TO_DATABASE = ("42P01", "42703")


def refusal_of(error: Exception) -> str | None:
    """Return the line that says what to do about an error, or None for a fault of the code.

    A database that doesn't answer, or goes away, and one that lacks migrations are the operator's to mend, as are a
    wrong setting and an object store that can't be asked. What a database that answers refuses is a fault of the code.
    The line holds no password.
    """
    if isinstance(error, ImproperlyConfigured | LogUnreachable):
        return _one_line(str(error))
    state = getattr(error.__cause__, "sqlstate", None)
    if isinstance(error, OperationalError) and state is None:
        named = bool(os.environ.get("DATABASE_URL"))
        what = "the database that DATABASE_URL names" if named else "the database"
        do = "start it, or name another one" if named else "run `make services` beside this, or set DATABASE_URL"
        return f"{what} does not answer: {do} ({_first_line(error)})"
    if state in _UNKNOWN_TO_DATABASE and _lacks_migrations():
        return "the database is not up to date: run `manage.py migrate`, which `make serve` and `make demo` do first"
    return None


def _lacks_migrations() -> bool:
    from django.db.migrations.executor import MigrationExecutor

    try:
        connection.close()  # a transaction that failed answers nothing more
        executor = MigrationExecutor(connection)
        return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:
        return False


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return _one_line(lines[0]).rstrip(":")
