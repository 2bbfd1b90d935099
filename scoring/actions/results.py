"""What a run has computed, kept until it is published: a run that is killed in between goes on from there."""

import logging
import shutil
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import pyarrow as pa
from django.conf import settings
from pyarrow import ArrowException

from scoring.engine import Result
from scoring.engine.results import Supports
from scoring.engine.stored import read_result, write_result, write_supports

log = logging.getLogger(__name__)

# Below the folder of the states, whose sweeping after each run takes what lies here too: no row names it.
FOLDER: Final = "results"

Gather = Callable[[Iterable[pa.Table]], Supports]
Made = Callable[[Supports], None]


def computed_once(key: str, compute: Callable[[Gather], Result], supporters_made: Made) -> Result:
    """Return what was computed under a key, or compute it and keep it.

    `key` says everything that the result depends on; `compute` is given where its supporters go, and
    `supporters_made` is told as soon as they are there. A folder is there whole or not at all: it is written under
    another name. The caller holds the lock of runs.
    """
    folder = Path(settings.SCORING_STATE) / FOLDER / key
    if folder.is_dir():
        try:
            return read_result(folder)
        except (OSError, ValueError, LookupError, TypeError, ArrowException) as error:
            # Computed anew, whatever became of it.
            log.error("what a run had computed can't be read: %s", type(error).__name__)
            shutil.rmtree(folder, ignore_errors=True)
    aside = folder.with_name(uuid.uuid4().hex)

    def gather(tables: Iterable[pa.Table]) -> Supports:
        supports = write_supports(tables, aside)
        supporters_made(supports)
        return supports

    write_result(compute(gather), aside)
    aside.rename(folder)
    return read_result(folder)
