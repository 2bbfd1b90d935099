"""Included by the launcher's Celery worker: ties the processes of its pool to it.

Without this a task that runs when the worker is killed -9 goes on until it is done, beside the same task started anew.
"""

import os
import signal
from typing import Any

from celery.signals import worker_process_init

from config.launcher.tied import die_with

# This module is imported before the pool is forked.
_WORKER = os.getpid()


@worker_process_init.connect
def tie(**kwargs: Any) -> None:
    die_with(_WORKER, signal.SIGKILL)
