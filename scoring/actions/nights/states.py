"""Where sums and forecasts are kept: folders below `SCORING_STATE`, each named by a row."""

import errno
import hashlib
import json
import logging
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.actions.spool import empty_but
from accounts.storage import open_parquet
from scoring.engine import Parameters
from scoring.engine.forecasts import Forecast
from scoring.engine.stored import day_files, write_forecast
from scoring.engine.tables import parquet_files
from scoring.models import Formula, ScoreRun, ScoreRunQuerySet, ScoreState, StateDay
from scoring.queries.topics import Topics

log = logging.getLogger(__name__)

# Sums that no run went on from for so long are forgotten: what they hold of the erased has to go within 30 days.
_UNUSED: Final = timedelta(days=28)
# A forecast is checked a horizon later, by a night that may itself be late.
_NIGHTS_LATE: Final = timedelta(days=2)
# In a folder of sums, what days come to; days are kept longer than the sums that they went into.
DAYS: Final = "days"
_EPOCH: Final = date(1970, 1, 1)
# Of the layout of what is kept: raised where the engine's tables change.
LAYOUT: Final = 2
# What of a formula goes into the sums, or into how long days are kept.
_SUMMED_BY: Final = (
    *("half_life_days", "burst_share", "burst_half_life_days", "return_hours", "horizon_days"),
    "credibility_days",
)


def keep_forecast(forecast: Forecast) -> str:
    """Write what a run foretold, and return the folder's name for `ScoreRun.forecast`."""
    name = f"forecasts/{uuid.uuid4().hex}"
    write_forecast(forecast, state_root() / name)
    return name


def sweep_states(current: ScoreRun | None) -> int:
    """Delete folders that nothing names, after forgetting forecasts that can't be checked any more; return how many.

    Where only days of a folder are named still, its sums are deleted: those of the newest night have what they said.
    The caller holds the lock of runs, so that nobody is between a folder and its row.
    """
    if current is not None:
        # Of formulas that nobody runs any more.
        ScoreState.objects.filter(until__lt=current.as_of - _UNUSED).delete()
        for formula in Formula.objects.filter(Exists(_foretelling().filter(formula=OuterRef("pk")))):
            horizon = timedelta(days=float(formula.parameters["horizon_days"]))
            oldest = current.as_of - horizon - _NIGHTS_LATE
            _foretelling().filter(formula=formula, as_of__lt=oldest).update(forecast="")
    whole = set(ScoreState.objects.values_list("folder", flat=True))
    whole |= set(_foretelling().values_list("forecast", flat=True))
    days = set(StateDay.objects.values_list("folder", flat=True))
    swept = 0
    for folder in state_root().glob("*/*"):
        name = folder.relative_to(state_root()).as_posix()
        if name not in whole | days:
            shutil.rmtree(folder, ignore_errors=True)
            swept += 1
        elif name not in whole:
            with suppress(OSError):
                empty_but(folder, DAYS)
    return swept


def _foretelling() -> ScoreRunQuerySet:
    return ScoreRun.objects.exclude(forecast="")


def forget_states() -> int:
    """Forget all sums, so that the next run makes them anew; return how many there were."""
    with transaction.atomic():
        return ScoreState.objects.all().delete()[1].get("scoring.ScoreState", 0)


def sizes(paths: Iterable[Path]) -> dict[str, int]:
    """Return how long files are by their names, as a row keeps it; of a folder that stands for one, those in it."""
    return {path.relative_to(state_root()).as_posix(): path.stat().st_size for path in parquet_files(*paths)}


def fault_of(stored: ScoreState) -> str | None:
    """Say which file of the sums, or of one of their days, isn't as long as it was written, or None."""
    for name, size in _files_of(stored):
        try:
            found = (state_root() / name).stat().st_size
        except OSError as error:
            return f"{name}: {error.strerror}"
        if found != size:
            return f"{name} has {found:,} bytes, {size:,} were written"
    return None


def forget_unreadable() -> list[str]:
    """Forget sums of which a file can't be read to its end, and return these files' names.

    For where a run failed and nobody knows why: a file may be spoilt and as long as it was. Raises OSError where the
    reason isn't the file: it may be sound.
    """
    spoilt = []
    for stored in ScoreState.objects.all():
        names = [name for name, _ in _files_of(stored) if not _is_readable(state_root() / name)]
        if names:
            log.error("what is kept of %s is damaged: %s can't be read", stored, names[0])
            stored.delete()
        spoilt += names
    return spoilt


def _files_of(stored: ScoreState) -> Iterator[tuple[str, int]]:
    """Yield names and lengths; of days that were written before lengths were kept, the files that are there."""
    yield from stored.files.items()
    for day in stored.days.order_by("day"):
        found = day.files or sizes(day_files(state_root() / day.folder / DAYS, day_number(day.day)))
        yield from found.items()


def _is_readable(path: Path) -> bool:
    try:
        with open_parquet(path) as parquet:
            for _ in parquet.iter_batches():
                pass
    except pa.ArrowException:
        return False
    except OSError as error:
        # Arrow says so without a number.
        if error.errno not in (None, errno.ENOENT, errno.EIO):
            raise
        return False
    return True


def key_of(parameters: Parameters, topics: Topics) -> str:
    """Return what tells sums apart that were made differently."""
    said: dict[str, Any] = {name: getattr(parameters, name) for name in _SUMMED_BY}
    said |= {"layout": LAYOUT, "topics": topics.fingerprint}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def day_number(day: date) -> int:
    """Return a day in days since 1970, as the engine counts them."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """Return the day of a number."""
    return _EPOCH + timedelta(days=number)


def state_root() -> Path:
    """Return the folder below which everything is kept."""
    return Path(settings.SCORING_STATE)
