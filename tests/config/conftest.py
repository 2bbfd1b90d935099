"""Real launchers with a data folder of their own, as processes."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BASE_DIR = Path(__file__).resolve().parents[2]
# What an outer launcher or the person at the terminal may have set, and these tests are about.
_LAUNCHERS_OWN = (
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "PORT",
    "SWAY_HOST",
    "PG_BINDIR",
    "SWAY_ENV",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "DEBUG",
    "ACTIVITY_LOG",
    "SWAY_SCRATCH",
)


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Ask until it holds, for at most `seconds`; return whether it did."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Folder:
    """A data folder, the launchers started in it, and every process that belongs to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.started: list[subprocess.Popen[str]] = []

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in _LAUNCHERS_OWN}
        return kept | {"SWAY_DATA": str(self.path)} | more

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "config.launcher", *arguments]

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        """Start a launcher and come back at once."""
        process = subprocess.Popen(
            self.command(*arguments),
            cwd=BASE_DIR,
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.started.append(process)
        return process

    def hold(self, **environment: str) -> "subprocess.Popen[str]":
        """Start a launcher that does nothing but hold the services, and wait until they answer."""
        process = self.start("run", "--", "sh", "-c", "echo held; exec sleep 300", **environment)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a launcher to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=BASE_DIR,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def ask(self, question: str, **environment: str) -> str:
        """Return what PostgreSQL answers to a question, asked by a launcher of its own."""
        script = (
            "import os, psycopg; c = psycopg.connect(os.environ['DATABASE_URL'], autocommit=True).execute("
            f"{question!r}); print(c.fetchone()[0] if c.description else 'done')"
        )
        answer = self.run("run", "--", sys.executable, "-c", script, **environment)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.strip()

    def processes(self, *words: str) -> list[int]:
        """Return the living processes that belong to the folder, with all these words in their command line."""
        own = str(self.path).encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                command = (entry / "cmdline").read_bytes()
                mine = own in command or own in (entry / "environ").read_bytes()
                if (mine or own in os.fsencode(os.readlink(entry / "cwd"))) and all(
                    word.encode() in command for word in words
                ):
                    found.append(int(entry.name))
            except OSError:  # ended since, a zombie, or somebody else's
                continue
        return found

    def kill(self, *words: str) -> list[int]:
        """End with -9 what `processes` finds."""
        found = self.processes(*words)
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return found

    def is_quiet(self) -> bool:
        """Say whether nothing of it runs any more. Who was killed with its parent takes a moment on a busy machine."""
        return eventually(lambda: self.processes() == [], 10)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with a database in it: making one writes 1,000 files and waits for the disk."""
    made = Folder(tmp_path_factory.mktemp("launcher") / "data")
    assert made.run("run", "--", "true").returncode == 0
    return made.path


@pytest.fixture
def new_folder(tmp_path: Path) -> Iterator[Folder]:
    """A data folder that isn't there yet; whatever a failed test left running in it is ended."""
    made = Folder(tmp_path / "data")
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.communicate()
    if not made.is_quiet():
        left = [Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ") for pid in made.kill()]
        pytest.fail(f"processes were left in the data folder: {left}")


@pytest.fixture
def folder(new_folder: Folder, made_once: Path) -> Folder:
    """A data folder with an empty database in it."""
    shutil.copytree(made_once / "postgres", new_folder.path / "postgres")
    new_folder.path.chmod(0o700)
    return new_folder
