"""Included by the launcher's Celery worker: its processes end when the launcher does.

The kernel sends the worker SIGQUIT then, upon which it gives its messages back to the broker. The processes of its pool
are tied to it: a task that runs when the worker is killed -9 would go on until it is done, beside the same task anew.
"""

import os
import signal
import threading
import time
from typing import Any

from celery.signals import worker_process_init

from config.launcher.tied import die_with

# This module is imported by the worker, before the pool is forked.
_WORKER = os.getpid()
_LAUNCHER = os.getppid()
_GRACE = 10


@worker_process_init.connect
def tie(**kwargs: Any) -> None:
    die_with(_WORKER, signal.SIGKILL)


def _end_for_certain() -> None:
    """End this worker when its orderly end takes too long, because it waits for a broker that has gone, say."""
    while os.getppid() == _LAUNCHER:
        time.sleep(1)
    time.sleep(_GRACE)
    os.kill(_WORKER, signal.SIGKILL)


threading.Thread(target=_end_for_certain, daemon=True, name="launcher").start()
