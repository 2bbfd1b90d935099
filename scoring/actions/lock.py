"""One run at a time, across all processes and machines that share the database."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from scoring.actions.errors import RunInProgress
from scoring.models import ScoreRun
from scoring.queries.progress import RUN_LOCK

# A note isn't worth waiting for: it is the only statement of the lock's session that could.
_PATIENCE: Final = "100ms"


class RunLock:
    """The lock while it is held: a session of its own in PostgreSQL, which frees it when the process dies."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection

    def check(self) -> None:
        """Raise OperationalError if the session is gone, and the lock with it."""
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    def note(self, run: ScoreRun, progress: dict[str, Any]) -> None:
        """Note how far a run is where others see it at once, whatever transaction the run is in.

        Where the line can't be had at once, nothing is noted. Raises OperationalError if the session is gone.
        """
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE scoring_scorerun SET progress = %s WHERE id = %s", [json.dumps(progress), run.pk]
                )
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise


@contextmanager
def run_lock() -> Iterator[RunLock]:
    """Hold the lock of all runs, or raise RunInProgress at once.

    A session's lock, on a connection of its own: it outlives the run's transactions, needs no clock and no heartbeat,
    and goes with the process however that dies. (A pooler between here and PostgreSQL has to pool sessions, not
    transactions.)
    """
    connection = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, FALSE)", [_PATIENCE])
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [RUN_LOCK])
            (held,) = cursor.fetchone()
        if not held:
            raise RunInProgress(_who())
        try:
            yield RunLock(connection)
        finally:
            _release(connection)
    finally:
        connection.close()


def _release(connection: BaseDatabaseWrapper) -> None:
    # Closing alone frees it too, but a little later than the next run may ask.
    if connection.is_usable():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [RUN_LOCK])


def _who() -> str:
    run = ScoreRun.objects.filter(state=ScoreRun.State.RUNNING).order_by("-started_at").first()
    if run is None:
        return "another run is going on"
    return f"the run as of {run.as_of:%Y-%m-%d %H:%M} UTC is going on since {run.started_at:%Y-%m-%d %H:%M} UTC"
