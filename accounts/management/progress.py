"""What a command shows while it works, on stderr: for a person at a terminal, or for a log that is read later."""

import sys
import time
from collections.abc import Mapping
from typing import Any, Final, TextIO

from tqdm import tqdm

# Seconds between lines about one step, where nobody watches.
PAUSE: Final = 10.0


class Steps:
    """Writes each step as it begins, with the seconds since the start.

    Of steps that differ behind a colon only ("reading: 50,000 rows") one a second is written, to what is no terminal
    one in `PAUSE`.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._pause = 1.0 if self._stream.isatty() else PAUSE
        self._started = time.monotonic()
        self._last = ("", 0.0)

    def __call__(self, step: str, _rows: int = 0, /) -> None:
        name, seconds = step.partition(":")[0], self.seconds
        if name == self._last[0] and seconds - self._last[1] < self._pause:
            return
        self._last = (name, seconds)
        print(f"{seconds:7.1f} s  {step}", file=self._stream, flush=True)

    @property
    def seconds(self) -> float:
        """Return how long it has been going."""
        return time.monotonic() - self._started


class Bars:
    """Shows how far each stage of a job is: a bar that is redrawn in place on a terminal, lines elsewhere.

    A line comes when a stage ends that had anything to do, and every `PAUSE` seconds while it lasts. `units` names what
    each stage counts.
    """

    def __init__(self, units: Mapping[str, str], stream: TextIO | None = None) -> None:
        self._units = units
        self._stream = stream or sys.stderr
        self._drawn = self._stream.isatty()
        self._stage = ""
        self._bar: Any = None
        self._line = ""
        self._started = self._told = 0.0

    def show(self, stage: str, done: int, total: int, rows: int) -> None:
        """Say that `done` of `total` are done, which were `rows` rows; a total of 0 isn't known yet."""
        if stage != self._stage:
            self.close()
            self._stage, self._started = stage, time.monotonic()
            self._told = self._started
            self._bar = self._new_bar(total) if self._drawn else None
        seconds = time.monotonic() - self._started
        counted = f"{rows:,} rows, {rows / max(seconds, 0.001):,.0f}/s"
        if self._bar is not None:
            self._bar.total = total or None
            self._bar.update(done - self._bar.n)
            self._bar.set_postfix_str(counted, refresh=False)
            return
        share = f"{done / total:.0%} of {total:,} {self._units[stage]}, " if total else ""
        self._line = f"{stage}: {share}{counted}, {seconds:.1f} s" if total or rows else ""
        if time.monotonic() - self._told >= PAUSE:
            self._tell()

    def close(self) -> None:
        """End the stage, if one is shown."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._tell()

    def _tell(self) -> None:
        if self._line:
            print(self._line, file=self._stream, flush=True)
        self._line, self._told = "", time.monotonic()

    def _new_bar(self, total: int) -> Any:
        unit = self._units[self._stage]
        return tqdm(total=total, desc=self._stage, unit=f" {unit}", unit_scale=unit == "bytes", file=self._stream)
