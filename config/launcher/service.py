"""What the supervisor has to know of a service, and the processes that a killed one left."""

import os
import signal
import time
from pathlib import Path
from typing import Protocol

BASE_DIR = Path(__file__).resolve().parents[2]


class Service(Protocol):
    """A server with its data in one folder, which is also the working folder of all its processes."""

    @property
    def name(self) -> str: ...

    @property
    def program(self) -> str:
        """Return what the kernel calls its processes."""

    @property
    def endings(self) -> tuple[tuple[signal.Signals, float], ...]:
        """Return the signals that end it, the gentlest first, each with the seconds that it is given."""

    @property
    def folder(self) -> Path: ...

    def prepare(self) -> None:
        """Make the data folder and whatever else is missing; raise `Refusal` where that can't be done."""

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground, tied to this process; `prepare` came before."""

    def answers(self) -> bool:
        """Say whether it takes requests now."""

    def complete(self) -> None:
        """Do what can only be done while it answers."""


def processes_in(folder: Path, program: str) -> list[int]:
    """Return the processes of a program whose working folder is `folder`, as far as we may look at them."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(entry / "cwd") == str(folder) and (entry / "comm").read_text().strip() == program:
                found.append(int(entry.name))
        except OSError:  # it has ended since, or belongs to somebody else
            continue
    return found


def end_leftovers(service: Service) -> None:
    """End what a killed supervisor or postmaster left behind in the service's folder, and wait until it is gone.

    They are on their way out already: servers are tied to their supervisor, PostgreSQL's backends to their postmaster.
    """
    for number, seconds in ((None, 3.0), *service.endings):
        for pid in processes_in(service.folder, service.program):
            if number is not None:
                send(pid, number)
        end = time.monotonic() + seconds
        while processes_in(service.folder, service.program):
            if time.monotonic() > end:
                break
            time.sleep(0.05)
        else:
            return


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended in the meantime."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
