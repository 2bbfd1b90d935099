"""Folders that hold data, sockets and logs: private to the user they belong to."""

import os
import stat
from pathlib import Path

from config.launcher.addresses import run_folder
from config.launcher.console import Refusal

# A log is kept until it has this many bytes, and one older part of it.
_LONGEST_LOG = 10_000_000


def private_folder(path: Path, *, owner: int | None = None) -> Path:
    """Make a folder that only its owner may enter; one that is there keeps its mode.

    `owner` is the user that it shall belong to, where root makes it for another.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.stat()
    if os.geteuid() not in {0, found.st_uid}:
        raise Refusal(f"{path} belongs to another user: set SWAY_DATA to a folder of your own")
    if os.geteuid() == 0 and owner is not None and found.st_uid != owner:
        os.chown(path, owner, -1)
    return path


def socket_folder(data_dir: Path, name: str, *, owner: int | None = None) -> Path:
    """Make the folder of one service's socket.

    Where the data lie too deep for a socket it is below /tmp, where anybody could have made it first: there a folder
    that is a link, belongs to somebody else or lets others in is refused.
    """
    run = run_folder(data_dir)
    if run.parent == data_dir:
        private_folder(run)
    else:
        run.mkdir(mode=0o700, exist_ok=True)
        found = run.lstat()
        mine = found.st_uid in {os.geteuid(), data_dir.stat().st_uid}
        if not (stat.S_ISDIR(found.st_mode) and mine and stat.S_IMODE(found.st_mode) == 0o700):
            raise Refusal(f"{run} is not a private folder of this user: remove it, or set SWAY_DATA to a shorter path")
    return private_folder(run / name, owner=owner)


def log_file(data_dir: Path, name: str) -> Path:
    """Return where a process's output goes, having set aside what has grown too long."""
    path = private_folder(data_dir / "logs") / f"{name}.log"
    if path.exists() and path.stat().st_size > _LONGEST_LOG:
        path.replace(path.with_suffix(".old.log"))
    return path


def last_lines(path: Path, count: int = 5) -> list[str]:
    """Return the last lines of a log, read from its end."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 8_000))
        return file.read().decode(errors="replace").splitlines()[-count:]
