"""`serve`: web server, worker and beat, which live and die with their launcher."""

import http.client
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.config.conftest import BASE_DIR, Folder, eventually

# To the ports of this machine, by name look-ups that the other tests do without.
pytestmark = pytest.mark.usefixtures("socket_enabled")

PARTS = ("gunicorn", "worker", "beat")


def address(launcher: "subprocess.Popen[str]") -> tuple[str, int]:
    """Wait until the launcher says where the site is."""
    assert launcher.stdout is not None
    for line in launcher.stdout:
        found = re.fullmatch(r"Sway is at http://(.+):(\d+)\n", line)
        if found is not None:
            return found[1], int(found[2])
    pytest.fail("the launcher ended before the site answered")


def status(host: str, port: int) -> int:
    """Return what /healthz answers, 0 for nothing."""
    connection = http.client.HTTPConnection(host, port, timeout=20)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def runs(folder: Folder, part: str) -> bool:
    return folder.processes("-m", part) != []


@pytest.mark.slow
def test_a_site_from_its_start_over_kills_to_its_end(folder: Folder) -> None:
    launcher = folder.start("serve", PORT="0")
    host, port = address(launcher)
    assert (host, status(host, port)) == ("127.0.0.1", 200)
    assert eventually(lambda: all(runs(folder, part) for part in PARTS))
    assert eventually(lambda: "ready." in (folder.path / "logs" / "worker.log").read_text())

    # A second one in the same folder shares the services and has a worker, but leaves beat to the first.
    second = folder.start("serve", PORT="0")
    second_host, second_port = address(second)
    assert status(second_host, second_port) == 200
    (first_beat,) = folder.processes("-m", "celery", "beat")

    # A part that is killed comes back, with its own children new as well.
    (master,) = [pid for pid in folder.processes("-m", "gunicorn", "fd://") if parent(pid) == launcher.pid]
    os.kill(master, signal.SIGKILL)
    assert eventually(lambda: master not in folder.processes())
    # A child of the old one may still take a request, and go before it has answered.
    assert eventually(lambda: status(host, port) == 200, 60)

    # The first launcher is killed: all its processes go, and the second takes beat over.
    assert eventually(lambda: len(family(folder, launcher)) == 1 + 2 + 1 + 2 + 1), family(folder, launcher)
    own = family(folder, launcher)
    launcher.kill()
    assert eventually(lambda: own.isdisjoint(folder.processes()), 20)
    assert status(host, port) == 0
    assert status(second_host, second_port) == 200
    assert eventually(lambda: folder.processes("-m", "celery", "beat") not in ([], [first_beat]))

    second.send_signal(signal.SIGINT)
    assert second.wait(60) == 0
    assert folder.is_quiet()


def family(folder: Folder, launcher: "subprocess.Popen[str]") -> set[int]:
    """Return the web server, worker and beat of a launcher, with their own children."""
    supervisors = set(folder.processes("config.launcher.supervisor"))
    children = {pid for pid in folder.processes("-m") if parent(pid) == launcher.pid} - supervisors
    return children | {pid for pid in folder.processes("-m") if parent(pid) in children}


def parent(pid: int) -> int:
    """Return the parent of a process, 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except FileNotFoundError:
        return 0


def test_a_launcher_of_make_ends_with_make(folder: Folder) -> None:
    shell = subprocess.Popen(
        ["sh", "-c", f"{sys.executable} -m config.launcher --tied-to $$ services; true"],
        cwd=BASE_DIR,
        env=folder.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert shell.stdout is not None
    assert shell.stdout.readline().startswith("export DATABASE_URL='postgres://sway@/sway?host=")
    shell.kill()
    shell.communicate()
    assert eventually(folder.is_quiet, 20), folder.processes()
