"""Keep one embedded service running while a launcher uses it: `python -m config.launcher.supervisor NAME DATA`.

One supervisor runs per service and data folder. It outlives the launcher that started it, because others may have
come to share the service; it waits for the lock `NAME.users`, which every launcher holds shared and the kernel frees
when it dies, and then stops the service. The service is tied to it: a killed supervisor leaves no server behind, and
the launchers that still run start another one.

It answers its starter with one line on stdout, `ready` or `refused SENTENCE`.
"""

# ruff: noqa: S603 (commands are lists of this package's own making; no shell reads them)

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from config.launcher.console import Refusal
from config.launcher.folders import last_lines, log_file
from config.launcher.locks import FileLock, lock
from config.launcher.postgres import Postgres
from config.launcher.service import Service, end_leftovers
from config.launcher.valkey import Valkey

SERVICES: dict[str, Callable[[Path], Service]] = {"postgres": Postgres, "valkey": Valkey}

# Starting after a crash replays the log of writes, which on a slow disk takes minutes.
_PATIENCE = 300.0
# A service that dies more often than this within a minute has a cause that restarting doesn't mend.
_RESTARTS_A_MINUTE = 3


class Supervisor:
    def __init__(self, service: Service, data_dir: Path) -> None:
        self._service = service
        self._data_dir = data_dir
        self._own = lock(data_dir, f"{service.name}.supervisor")
        self._users = lock(data_dir, f"{service.name}.users")
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Start the service, wait until nobody uses it, stop it; return the exit code."""
        if not _taken(self._own):
            return 0  # another supervisor was quicker; its launcher waits for that one
        signal.signal(signal.SIGTERM, lambda *_: self._stop.set())
        try:
            self._note("starting")
            self._start()
            self._note("ready")
            _answer("ready")
            threading.Thread(target=self._wait_for_users, daemon=True).start()
            self._watch()
        except Refusal as refusal:
            _answer(f"refused {refusal}")
            print(f"supervisor: {refusal}", file=sys.stderr, flush=True)
            return 2
        finally:
            self._note("stopping")
            self._end()
            # In this order: whoever gets at the users' lock next must find no supervisor.
            self._own.close()
            self._users.close()
        return 0

    def _note(self, state: str) -> None:
        self._own.write(f"{os.getpid()} {state}\n")

    def _start(self) -> None:
        end_leftovers(self._service)
        self._service.prepare()
        log = log_file(self._data_dir, self._service.name)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self._service.command(),
                cwd=self._service.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A signal to the supervisor's group must reach the server through the supervisor only.
                start_new_session=True,
            )
        end = time.monotonic() + _PATIENCE
        while not self._service.answers():
            if self._process.poll() is not None or time.monotonic() > end or self._stop.is_set():
                raise Refusal(f"{self._service.name} did not start: {' | '.join(last_lines(log, 3))} ({log})")
            time.sleep(0.05)
        self._service.complete()

    def _wait_for_users(self) -> None:
        self._users.wait_exclusive()
        self._stop.set()

    def _watch(self) -> None:
        """Return when nobody uses the service; start it again if it dies before."""
        deaths: list[float] = []
        while not self._stop.wait(0.5):
            if self._own.is_gone():
                return  # the data folder was deleted
            if self._process is not None and self._process.poll() is not None:
                now = time.monotonic()
                deaths = [death for death in deaths if now - death < 60] + [now]
                if len(deaths) > _RESTARTS_A_MINUTE:
                    raise Refusal(f"{self._service.name} died {len(deaths)} times within a minute")
                self._note("starting")
                self._start()
                self._note("ready")

    def _end(self) -> None:
        if self._process is None:
            return
        for number, seconds in self._service.endings:
            if self._process.poll() is not None:
                return
            self._process.send_signal(number)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue


def _taken(own: FileLock) -> bool:
    """Take the supervisor's lock; somebody who only looks whether it is held has it for a moment."""
    end = time.monotonic() + 2
    while not own.try_exclusive():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _answer(line: str) -> None:
    """Tell the starter, which may have been killed meanwhile, and let go of the pipe."""
    try:
        print(" ".join(line.split()), flush=True)
    except BrokenPipeError:
        return
    finally:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)


def main() -> int:
    name, data = sys.argv[1:]
    data_dir = Path(data)
    return Supervisor(SERVICES[name](data_dir), data_dir).run()


if __name__ == "__main__":
    sys.exit(main())
