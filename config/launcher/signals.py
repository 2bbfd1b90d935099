"""What the launcher does when it is asked to end."""

import signal
import subprocess
from types import FrameType, TracebackType

from config.launcher.console import Stop, say


class Signals:
    """Turn the first SIGINT, SIGTERM or SIGHUP into `Stop`, and later ones into haste, between `with` and its end."""

    def __init__(self) -> None:
        self.stopping = False
        self._hurried = False
        self._command: subprocess.Popen[bytes] | None = None
        self.last: signal.Signals | None = None

    def __enter__(self) -> "Signals":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup's wish is respected. An ignored SIGINT isn't: shells ignore it for whatever they start with &.
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    def hurried(self) -> bool:
        """Say whether somebody asked again while things were being stopped."""
        return self._hurried

    def hand_to(self, command: "subprocess.Popen[bytes]") -> None:
        """From now on leave it to a command in the foreground how to end; a terminal sends it ctrl-C by itself."""
        self._command = command

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.last = signal.Signals(number)
        if self._command is not None:
            if number != signal.SIGINT and self._command.poll() is None:
                self._command.send_signal(number)
        elif self.stopping:
            self._hurried = True
            say("  at once, then")
        else:
            self.stopping = True
            raise Stop
