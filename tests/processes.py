"""Running the project's code in another process on the test's own database and data folder."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[1]


def child_environment() -> dict[str, str]:
    """Return the environment of a child process that sees what the test sees."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    return os.environ | {
        "DATABASE_URL": url,
        "SWAY_DATA": str(settings.DATA_DIR),
        "ACTIVITY_LOG": str(settings.ACTIVITY_LOG),
        "SWAY_SCRATCH": str(settings.SCRATCH),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SWAY_ENV": "development",
        "PYTHONPATH": str(ROOT),
    }


def kill_when_there(code: str, *arguments: str) -> None:
    """Run code in a process of its own, and kill it with signal 9 when it prints "here"."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=child_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
