"""Locks between the processes of one data folder.

flock is used because the kernel frees it with the last copy of the descriptor, kill -9 included. A child that was given
the descriptor keeps the lock until it has ended too.
"""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from config.launcher.console import Refusal
from config.launcher.folders import private_folder


class FileLock:
    """One flock; shared by those who use a thing, exclusive for the one who starts or stops it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def try_shared(self) -> bool:
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Take the lock if nobody else has it; a shared hold of one's own is given up even where this fails."""
        return self._try(fcntl.LOCK_EX)

    def wait_exclusive(self) -> None:
        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def release(self) -> None:
        fcntl.flock(self.fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the descriptor; the lock ends when the children that were given it have ended as well."""
        os.close(self.fd)

    def write(self, text: str) -> None:
        """Leave a note for those who find the lock taken."""
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, text.encode(), 0)

    def read(self) -> str:
        return os.pread(self.fd, 200, 0).decode(errors="replace")

    def is_held(self) -> bool:
        """Say whether somebody holds the lock exclusively. The caller must not hold it."""
        if self.try_shared():
            self.release()
            return False
        return True

    def is_gone(self) -> bool:
        """Say whether the file was removed from its folder, so that nobody can find this lock any more."""
        try:
            return os.stat(self.path).st_ino != os.fstat(self.fd).st_ino
        except FileNotFoundError:
            return True

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self.fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def lock(data_dir: Path, name: str) -> FileLock:
    """Open the named lock of a data folder."""
    folder = data_dir / "locks"
    private_folder(data_dir)
    private_folder(folder)
    return FileLock(folder / name)


def wait_until(
    condition: Callable[[], bool], *, seconds: float, refusal: str, waiting: Callable[[], None] | None = None
) -> None:
    """Ask every 50 ms until `condition` holds, calling `waiting` once if it doesn't within half a second.

    Raises `Refusal` with the sentence `refusal` after `seconds`.
    """
    start = time.monotonic()
    while not condition():
        passed = time.monotonic() - start
        if passed > seconds:
            raise Refusal(refusal)
        if waiting is not None and passed > 0.5:
            waiting()
            waiting = None
        time.sleep(0.05)
