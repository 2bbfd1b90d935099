"""Who has memory when: tables and arrays take turns, and what is free goes back to the machine between steps."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa


def give_back() -> None:
    """Return to the machine what Arrow and the C library keep for later, where they know how.

    Both hold on to what was freed, for it may be wanted again. A run's steps want it in other sizes, and what each has
    left then adds up to as much as the arrays that are in use.
    """
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@contextmanager
def room_for_arrays(connection: Any) -> Iterator[None]:
    """Let tables take half as much memory meanwhile; what is more goes to the disk.

    A night's tables come before its arrays, so that each can have the machine. Where both are there at once, and of
    arrays there is everything, tables make do with less.

    Parameters
    ----------
    connection : ibis backend
        Where the tables are. Spark's, which aren't in this process, are left alone.

    Yields
    ------
    None
        While the limit is lower.
    """
    if connection.name != "duckdb":
        yield
        return
    limit = connection.con.sql("SELECT current_setting('memory_limit')").fetchall()[0][0]
    number, unit = limit.split()
    connection.raw_sql(f"SET memory_limit = '{float(number) / 2} {unit}'")
    try:
        yield
    finally:
        connection.raw_sql(f"SET memory_limit = '{limit}'")
