"""A launcher's hold on an embedded service: the service runs while anybody has one."""

# ruff: noqa: S603 (commands are lists of this package's own making; no shell reads them)

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from config.launcher.console import Refusal, say
from config.launcher.folders import log_file
from config.launcher.locks import lock, wait_until
from config.launcher.service import BASE_DIR, send
from config.launcher.supervisor import SERVICES

TITLES = {"postgres": "PostgreSQL", "valkey": "Valkey"}


class Lease:
    """Use of one service in one data folder, from `acquire` to `release`."""

    def __init__(self, name: str, data_dir: Path) -> None:
        self._name = name
        self._data_dir = data_dir
        self._service = SERVICES[name](data_dir)
        self._users = lock(data_dir, f"{name}.users")
        self._supervisor = lock(data_dir, f"{name}.supervisor")
        self._starting = lock(data_dir, f"{name}.start")

    @property
    def fd(self) -> int:
        """Return the lock's descriptor: a child that is given it keeps the service running until it has ended."""
        return self._users.fd

    def acquire(self) -> None:
        """Count as a user, and start the service unless it runs. A service that is being stopped is waited for."""
        wait_until(
            self._users.try_shared,
            seconds=90,
            refusal=f"{TITLES[self._name]} of the last launcher has not stopped: see {self._data_dir / 'logs'}",
            waiting=lambda: say(f"  waiting until {TITLES[self._name]} of the last launcher has stopped"),
        )
        self.ensure()

    def ensure(self) -> None:
        """Return when the service answers, having started a supervisor if there is none."""
        wait_until(
            self._starting.try_exclusive,
            seconds=400,
            refusal=f"another launcher has been starting {TITLES[self._name]} for too long",
        )
        try:
            end = time.monotonic() + 400
            while not self._usable():
                if self._users.is_gone():
                    raise Refusal(f"{self._data_dir} was deleted while it was used", code=1)
                if time.monotonic() > end:
                    raise Refusal(f"{TITLES[self._name]} does not answer: see {self._data_dir / 'logs'}")
                if self._supervisor.is_held():
                    time.sleep(0.05)
                else:
                    self._start_supervisor()
        finally:
            self._starting.release()

    def is_supervised(self) -> bool:
        return self._supervisor.is_held()

    def release(self) -> None:
        """Stop counting as a user; the last one stops the service and waits until it has ended."""
        # Exclusive only if nobody else uses it, and nobody can come to use it until it is given back.
        if self._users.try_exclusive() and self._supervisor.is_held():
            pid = self._supervisor.read().split(" ", 1)[0]
            if pid.isdigit():
                send(int(pid), signal.SIGTERM)
            wait_until(
                lambda: not self._supervisor.is_held(),
                seconds=60,
                refusal=f"{TITLES[self._name]} does not stop: see {self._data_dir / 'logs'}",
            )
        for held in (self._users, self._supervisor, self._starting):
            held.close()

    def _usable(self) -> bool:
        return (
            self._supervisor.is_held()
            and self._supervisor.read().strip().endswith(" ready")
            and self._service.answers()
        )

    def _start_supervisor(self) -> None:
        with log_file(self._data_dir, self._name).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "config.launcher.supervisor", self._name, str(self._data_dir)],
                cwd=BASE_DIR,
                env=_clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert process.stdout is not None
        with process.stdout:
            answer = process.stdout.readline().strip()
        if answer.startswith("refused "):
            raise Refusal(answer.removeprefix("refused "))
        if answer != "ready" and process.wait() != 0:
            raise Refusal(f"{TITLES[self._name]} did not start: see {self._data_dir / 'logs' / self._name}.log")


def _clean_environment() -> dict[str, str]:
    """Return what a service needs of our environment: PGPORT, PGOPTIONS or LC_ALL would change what it does."""
    kept = ("PATH", "HOME", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH", "PG_BINDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}
