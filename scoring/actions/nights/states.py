"""Where sums and forecasts are kept: folders below `SCORING_STATE`, each named by a row."""

import hashlib
import json
import shutil
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from scoring.engine import Parameters
from scoring.engine.forecasts import Forecast
from scoring.engine.stored import write_forecast
from scoring.models import ScoreRun, ScoreState, StateDay
from scoring.queries.topics import Topics

# Sums that no run went on from for so long are forgotten.
_UNUSED: Final = timedelta(days=60)
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

    The caller holds the lock of runs, so that nobody is between a folder and its row.
    """
    if current is not None:
        # Of formulas that nobody runs any more.
        ScoreState.objects.filter(until__lt=current.as_of - _UNUSED).delete()
        oldest = current.as_of - timedelta(days=2 * float(current.formula.parameters["horizon_days"]))
        ScoreRun.objects.filter(as_of__lt=oldest).exclude(forecast="").update(forecast="")
    known = set(ScoreState.objects.values_list("folder", flat=True))
    known |= set(StateDay.objects.values_list("folder", flat=True))
    known |= set(ScoreRun.objects.exclude(forecast="").values_list("forecast", flat=True))
    swept = 0
    for folder in state_root().glob("*/*"):
        if folder.relative_to(state_root()).as_posix() not in known:
            shutil.rmtree(folder, ignore_errors=True)
            swept += 1
    return swept


def forget_states() -> int:
    """Forget all sums, so that the next run makes them anew; return how many there were."""
    with transaction.atomic():
        return ScoreState.objects.all().delete()[1].get("scoring.ScoreState", 0)


def fault_of(stored: ScoreState) -> str | None:
    """Say which file of the state isn't as long as it was written, or None."""
    for name, size in stored.files.items():
        try:
            found = (state_root() / name).stat().st_size
        except OSError as error:
            return f"{name}: {error.strerror}"
        if found != size:
            return f"{name} has {found:,} bytes, {size:,} were written"
    return None


def key_of(parameters: Parameters, topics: Topics) -> str:
    """Return what tells sums apart that were made differently."""
    said: dict[str, Any] = {name: getattr(parameters, name) for name in _SUMMED_BY}
    said |= {"layout": LAYOUT, "topics": topics.fingerprint}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def state_root() -> Path:
    """Return the folder below which everything is kept."""
    return Path(settings.SCORING_STATE)
