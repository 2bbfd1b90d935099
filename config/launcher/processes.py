"""The web server, the worker and beat as children of the launcher."""
# ruff: noqa: S603 (commands are lists of this package's own making; no shell reads them)

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.launcher.console import Refusal, say
from config.launcher.folders import last_lines, log_file
from config.launcher.service import BASE_DIR
from config.launcher.tied import tied

# A child that ends sooner than this after its start has a cause that starting it again doesn't mend.
_SOON = 10.0
_STARTS_IN_VAIN = 3


@dataclass
class Child:
    """One long-running process: `end` stops it, `orphaned` is what the kernel sends it when the launcher dies."""

    name: str
    command: Sequence[str]
    end: signal.Signals
    orphaned: signal.Signals
    grace: float
    fds: Sequence[int] = ()
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    in_vain: int = 0
    log: Path = field(default_factory=Path)

    def start(self, data_dir: Path, environment: Mapping[str, str], fds: Sequence[int]) -> None:
        self.log = log_file(data_dir, self.name)
        self.started = time.monotonic()
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                tied(list(self.command), ending=self.orphaned),
                cwd=BASE_DIR,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(*fds, *self.fds),
                # ctrl-C reaches the launcher alone, which stops its children in order.
                start_new_session=True,
            )

    def stop(self, hurry: Callable[[], bool]) -> None:
        """End it in order, and by force after its grace or in a hurry. Its own children end with it."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(self.end)
        for number, seconds in ((self.orphaned, self.grace), (signal.SIGKILL, 5.0)):
            end = time.monotonic() + seconds
            while self.process.poll() is None and time.monotonic() < end and not hurry():
                time.sleep(0.05)
            if self.process.poll() is not None:
                return
            self.process.send_signal(signal.SIGKILL if hurry() else number)
        self.process.wait()


class Children:
    """The launcher's children. They are stopped one after the other: first what brings work, the worker last."""

    def __init__(self, data_dir: Path, environment: Mapping[str, str], fds: Sequence[int]) -> None:
        self._data_dir = data_dir
        self._environment = environment
        self._fds = fds
        self._children: list[Child] = []

    def start(self, child: Child) -> None:
        """Start a child that gets the leases' descriptors: services stay until the last child has ended."""
        child.start(self._data_dir, self._environment, self._fds)
        self._children.append(child)

    def check(self) -> None:
        """Start what has died again; raise `Refusal` if that was in vain several times."""
        for child in self._children:
            if child.process is None or child.process.poll() is None:
                continue
            code = child.process.returncode
            child.in_vain = child.in_vain + 1 if time.monotonic() - child.started < _SOON else 1
            for line in last_lines(child.log):
                say(f"  {child.name}: {line}")
            if child.in_vain >= _STARTS_IN_VAIN:
                raise Refusal(f"{child.name} does not stay up (exit code {code}): see {child.log}", code=1)
            say(f"  {child.name} ended (exit code {code}); starting it again")
            child.start(self._data_dir, self._environment, self._fds)

    def stop(self, hurry: Callable[[], bool]) -> None:
        for child in sorted(self._children, key=lambda child: child.name == "worker"):
            child.stop(hurry)


def web(listening: int, prepared: int) -> Child:
    """Gunicorn on a socket that the launcher has bound: a new one takes over where a killed one was.

    It listens when the other end of the pipe `prepared` is closed.
    """
    command = [sys.executable, "-m", "gunicorn", "config.wsgi:application", "-c", "python:config.launcher.web"]
    return Child(
        name="web",
        command=[*command, "--bind", f"fd://{listening}", "--env", f"SWAY_PREPARED_FD={prepared}"],
        end=signal.SIGTERM,
        orphaned=signal.SIGQUIT,
        grace=8,
        fds=(listening, prepared),
    )


def worker() -> Child:
    """The Celery worker of both queues. SIGTERM lets a task finish, SIGQUIT gives it back to the broker."""
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "-I", "config.launcher.pool"]
    options = ["-Q", "default,scoring", "-c", "2", "-l", "INFO", "-n", f"launcher-{os.getpid()}@%h"]
    return Child(
        name="worker",
        command=[*command, *options, "--without-gossip", "--without-mingle"],
        end=signal.SIGTERM,
        orphaned=signal.SIGQUIT,
        grace=10,
    )


def beat(turn: int) -> Child:
    """Celery's clock; it holds the lock `turn` until it has ended."""
    command = [sys.executable, "-m", "celery", "-A", "config", "beat", "-l", "INFO"]
    return Child(name="beat", command=command, end=signal.SIGTERM, orphaned=signal.SIGTERM, grace=5, fds=(turn,))
