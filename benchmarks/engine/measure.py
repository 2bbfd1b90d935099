"""What a command costs: seconds and the largest memory of it and its children, each in processes of their own."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeVar

ROOT: Final = Path(__file__).resolve().parents[2]
# What names services, or says what they are for: a round's own are used, whatever the operator's shell says.
_SERVICES: Final = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "SWAY_ENV", "ACTIVITY_LOG")
_LOOK_EVERY: Final = 0.02

T = TypeVar("T")


@dataclass(frozen=True)
class Cost:
    """What a process took. `bytes` is the largest sum of what it and its children had in memory at once.

    `told` is what it said of itself: the last line that it printed, as JSON, or nothing.
    """

    seconds: float
    bytes: int
    told: Mapping[str, Any] = field(default_factory=dict)


class CommandFailed(Exception):
    """Say which command ended with which code, and the end of what it said."""


def cost(command: Sequence[str], *, environment: Mapping[str, str] | None = None, telling: bool = True) -> Cost:
    """Run a command to its end and return what it took; raise CommandFailed where its exit code isn't 0.

    Where it tells of itself (`telling`), its own `seconds` count, if it names any, and its own `bytes`: an interpreter
    takes a second to start, and what it prepares isn't measured.
    """
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        started = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603  # commands of this package
            list(command), stdout=said, stderr=complained, cwd=ROOT, env=environment
        )
        ended = threading.Event()
        largest = [0]
        watch = threading.Thread(target=_watch, args=(process.pid, ended, largest))
        watch.start()
        process.wait()
        seconds = time.perf_counter() - started
        ended.set()
        watch.join()
        said.seek(0)
        complained.seek(0)
        if process.returncode:
            tail = (said.read() + complained.read()).decode(errors="replace")[-2000:]
            raise CommandFailed(f"{' '.join(command)} ended with {process.returncode}: {tail}")
        lines = said.read().decode().strip().splitlines()
    told = json.loads(lines[-1]) if telling and lines else {}
    return Cost(float(told.get("seconds", seconds)), int(told.get("bytes", largest[0])), told)


def part(name: str, *arguments: str) -> list[str]:
    """Return the command of a module of this package."""
    return [sys.executable, "-m", f"benchmarks.engine.{name}", *arguments]


@contextmanager
def platform(folder: Path, **settings: str) -> Iterator[Callable[[Sequence[str]], Cost]]:
    """Give a way to run commands with services of their own, whose data lies in a folder that is new each time."""
    with tempfile.TemporaryDirectory(dir=folder) as data:
        environment = {name: value for name, value in os.environ.items() if name not in _SERVICES}
        environment |= {"SWAY_DATA": data, **settings}
        yield lambda command: cost(
            [sys.executable, "-m", "config.launcher", "run", "--", *command], environment=environment
        )


def by_turns(contenders: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Let contenders take turns, so that what else the machine does meets all alike."""
    found: dict[str, list[T]] = {name: [] for name in contenders}
    for _round in range(rounds):
        for name, run in contenders.items():
            found[name].append(run())
    return found


def busy() -> float:
    """Return the seconds that all processors together have been at work since the machine started, for whomever."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    idle, waiting = ticks[3:5]
    return (sum(ticks) - idle - waiting) / os.sysconf("SC_CLK_TCK")


def middle(costs: Sequence[Cost]) -> float:
    """Return the median of the seconds."""
    return median(each.seconds for each in costs)


def noise(costs: Sequence[Cost]) -> float:
    """Return how far rounds lie apart, as a share of their median: a tenth at least, and a quarter at most.

    What lies further apart was measured on a machine that did something else, and excuses nothing.
    """
    seconds = [each.seconds for each in costs]
    return min(max(0.1, (max(seconds) - min(seconds)) / median(seconds)), 0.25)


def mebibytes(costs: Sequence[Cost]) -> float:
    """Return the largest memory of some rounds, in MiB."""
    return max(each.bytes for each in costs) / 2**20


def _watch(pid: int, ended: threading.Event, largest: list[int]) -> None:
    """Look again and again. What wait4 says of a process counts the memory of whoever started it, before its exec."""
    while not ended.wait(_LOOK_EVERY):
        largest[0] = max(largest[0], _high_water(pid), sum(_resident(each) for each in _family(pid)))


def _family(pid: int) -> Iterator[int]:
    """Yield a process and all its children, their children among them."""
    yield pid
    try:
        told = [(task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:  # it, or one of its threads, has just ended
        return
    for child in " ".join(told).split():
        yield from _family(int(child))


def _high_water(pid: int) -> int:
    """Return the most that a process ever had: what one look misses the next one sees."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):  # it has just ended
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
