"""What a command shows while it works."""

import sys
import time
from typing import TextIO


class Steps:
    """Writes each step to stderr as it begins, with the seconds since the start.

    Of steps that differ behind a colon only ("reading: 50,000 rows") one a second is written.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._started = time.monotonic()
        self._last = ("", 0.0)

    def __call__(self, step: str) -> None:
        name, seconds = step.partition(":")[0], self.seconds
        if name == self._last[0] and seconds - self._last[1] < 1:
            return
        self._last = (name, seconds)
        print(f"{seconds:7.1f} s  {step}", file=self._stream, flush=True)

    @property
    def seconds(self) -> float:
        """Return how long it has been going."""
        return time.monotonic() - self._started
