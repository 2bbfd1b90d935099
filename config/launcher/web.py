"""Gunicorn's configuration (`-c python:config.launcher.web`)."""

import os
import signal
import threading
from typing import Any

from config.launcher.tied import die_with

worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4
# On one's own machine the project is loaded at once and for all workers; nothing in it connects to anything on import.
# In production each loads it when the launcher has collected the static files, which are listed then.
preload_app = os.environ.get("SWAY_ENV") != "production"
# A worker that hangs for this long is replaced; the longest page is far below.
timeout = 60
graceful_timeout = 5
# Paths hold handles and invitation links, and addresses are personal data too; a proxy in front can keep its own.
accesslog = None
# Its socket would lie in the home folder, one for all.
control_socket_disable = True


def on_starting(server: Any) -> None:
    """Wait until the launcher closes its end of a pipe: the database is up to date then."""
    prepared = os.environ.get("SWAY_PREPARED_FD")
    if prepared is not None:
        os.read(int(prepared), 1)


def post_fork(server: Any, worker: Any) -> None:
    """Tie a worker to its master, which is tied to the launcher."""
    die_with(worker.ppid, signal.SIGKILL)


def post_worker_init(worker: Any) -> None:
    """Build the index of cities beside the first requests: the first filter by place would wait for it."""
    from accounts.places import prepare

    threading.Thread(target=prepare, name="cities", daemon=True).start()
