"""Memory that is free and still held: what goes back to the machine between the steps of a run."""

import ctypes
from contextlib import suppress

import pyarrow as pa


def give_back() -> None:
    """Return to the machine what Arrow and the C library keep for later, where they know how.

    Both hold on to what was freed, for it may be wanted again. A run's steps want it in other sizes, and what each has
    left then adds up to as much as the arrays that are in use.
    """
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL("libc.so.6").malloc_trim(0)
