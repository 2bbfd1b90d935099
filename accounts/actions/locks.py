"""Advisory locks of PostgreSQL: who waits for whom, whatever the process or the machine.

Each is held to the end of the surrounding transaction, and is given up by the server when a process dies. They are
taken in the order in which they stand here, and those of days by their dates, so two transactions can't wait for each
other.
"""

from datetime import date

from django.db import connection

# Any number that no other program in this database uses as its first lock key.
_SWAY = 0x53574100
_PEOPLE = _SWAY
_LOG = _SWAY + 1
_DAYS = {"interactions": _SWAY + 2, "posts": _SWAY + 3}


def lock_people() -> None:
    """Wait until nobody else makes people: handles and identities are then given out by one at a time."""
    _take("SELECT pg_advisory_xact_lock(%s, 0)", _PEOPLE)


def share_log() -> None:
    """Keep sweepers of the activity log out until the files written now are in the manifest."""
    _take("SELECT pg_advisory_xact_lock_shared(%s, 0)", _LOG)


def lock_log() -> None:
    """Wait until nobody writes to the activity log, and keep writers out."""
    _take("SELECT pg_advisory_xact_lock(%s, 0)", _LOG)


def lock_days(day: date) -> None:
    """Wait until nobody else adds to this day of the log: what is new to the day then stays new until the commit."""
    for key in _DAYS.values():
        _take("SELECT pg_advisory_xact_lock(%s, %s)", key, day.toordinal())


def _take(query: str, *keys: int) -> None:
    if not connection.in_atomic_block:
        raise RuntimeError("a lock outside a transaction would be given up at once")
    with connection.cursor() as cursor:
        cursor.execute(query, keys)
