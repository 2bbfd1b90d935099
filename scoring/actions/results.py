"""What a run has computed, kept until it is published: a run that is killed in between goes on from there."""

import logging
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

from django.conf import settings
from pyarrow import ArrowException

from scoring.engine import Result
from scoring.engine.stored import read_result, write_result

log = logging.getLogger(__name__)

# Below the folder of the states, whose sweeping after each run takes what lies here too: no row names it.
FOLDER: Final = "results"


def computed_once(key: str, compute: Callable[[], Result]) -> Result:
    """Return what was computed under a key, or compute it and keep it.

    `key` says everything that the result depends on. A folder is there whole or not at all: it is written under another
    name. The caller holds the lock of runs.
    """
    folder = Path(settings.SCORING_STATE) / FOLDER / key
    if folder.is_dir():
        try:
            return read_result(folder)
        except (OSError, ValueError, LookupError, TypeError, ArrowException) as error:
            # Computed anew, whatever became of it.
            log.error("what a run had computed can't be read: %s", type(error).__name__)
            shutil.rmtree(folder, ignore_errors=True)
    result = compute()
    aside = folder.with_name(uuid.uuid4().hex)
    write_result(result, aside)
    aside.rename(folder)
    return result
