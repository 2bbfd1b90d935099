"""What a run computes from: the sums of yesterday and what is new in the log since, or the whole log."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from scoring.actions.nights.keeping import Keeping, Sources, keeping_of
from scoring.actions.nights.planning import plan_of
from scoring.actions.nights.states import (
    LAYOUT,
    forget_states,
    forget_unreadable,
    keep_forecast,
    state_root,
    sweep_states,
)
from scoring.engine import POST_TOPICS, Parameters
from scoring.engine.activity import DAY, activity
from scoring.engine.forecasts import Forecast, horizon_before
from scoring.engine.hindsight import forecast_at
from scoring.engine.people import People
from scoring.engine.progress import Progress
from scoring.engine.run import Around
from scoring.engine.snapshot import Known
from scoring.engine.stored import check_forecast, read_forecast
from scoring.engine.tables import Workspace
from scoring.models import Formula, ScoreRun, ScoreState

__all__ = [
    "Sources",
    "Sums",
    "bring_up_to",
    "can_roll",
    "forget_states",
    "forget_unreadable",
    "keep_forecast",
    "make_anew",
    "people_and_forecast",
    "sweep_states",
]

log = logging.getLogger(__name__)


def can_roll(as_of: datetime, parameters: Parameters) -> bool:
    """Say whether sums can be kept for a moment: days are taken in whole, and leave the horizon whole."""
    return not as_of.timestamp() % DAY and not parameters.horizon_days % 1


@dataclass(frozen=True, slots=True)
class Sums:
    """All that is known by account at a midnight; `how` says in a line what was read, `kept` whether it is kept."""

    known: Known
    around: Around
    how: str
    kept: bool
    keeping: Keeping

    def fingerprint(self, run: ScoreRun) -> str:
        """Return what tells apart all that a run may be computed from."""
        sources = self.keeping.sources
        said = hashlib.sha256()
        before = ScoreRun.objects.filter(as_of__lt=run.as_of, formula=run.formula).exclude(forecast="")
        state = ScoreState.objects.get(key=self.keeping.key)
        names = [run.pk, run.as_of.isoformat(), state.folder, self.keeping.parameters.fingerprint(), LAYOUT]
        said.update(json.dumps([*names, *before.order_by("pk").values_list("forecast", flat=True)]).encode())
        for table in (sources.owners, sources.topics.parents, sources.rests):
            for column in table.columns:
                said.update(column.to_numpy().tobytes())
        for array in (sources.seeds, sources.erased):
            said.update(array.tobytes())
        return said.hexdigest()[:32]


def bring_up_to(
    workspace: Workspace,
    *,
    as_of: datetime,
    now: datetime,
    parameters: Parameters,
    sources: Sources,
    progress: Progress,
) -> Sums:
    """Bring the sums of all days to a midnight, keep them for the next night, and return them.

    Yesterday's sums age, and take in what the log has got since: new days, and days for which something came late, up
    to `LATE_DAYS`. Where there are none, where they can't be read, or where something came later than that, they are
    made from the whole log. A run of an earlier moment than that of the sums reads the whole log too
    and keeps nothing. The caller holds the lock of runs.
    """
    keeping = keeping_of(workspace, as_of, now, parameters, sources, progress)
    stored = ScoreState.objects.filter(key=keeping.key).first()
    plan = plan_of(stored, keeping.until, keeping.log_of, now)
    if plan.stored is not None:
        found, around = keeping.roll(plan.stored, plan)
    else:
        found, around = keeping.rebuild(plan.how, keep=not plan.earlier)
    return Sums(found, around, plan.how, not plan.earlier, keeping)


def people_and_forecast(
    workspace: Workspace, sums: Sums, formula: Formula, *, progress: Progress
) -> tuple[People, Callable[[], Forecast | None]]:
    """Return everybody, and how to get what was foretold of them a horizon before the sums (`score_known`)."""
    keeping = sums.keeping
    people = People.of(workspace, sums.known.state, keeping.sources.owners)
    return people, _forecast_before(workspace, keeping, people, formula, keeping.parameters, progress)


def make_anew(
    workspace: Workspace,
    *,
    as_of: datetime,
    now: datetime,
    parameters: Parameters,
    sources: Sources,
    progress: Progress,
) -> ScoreState:
    """Make the sums of all days before a midnight from the whole log, in the place of those kept; return their row.

    The caller holds the lock of runs.
    """
    keeping = keeping_of(workspace, as_of, now, parameters, sources, progress)
    keeping.rebuild("asked for", keep=True)
    return ScoreState.objects.get(key=keeping.key)


def _forecast_before(
    workspace: Workspace,
    keeping: Keeping,
    people: People,
    formula: Formula,
    parameters: Parameters,
    progress: Progress,
) -> Callable[[], Forecast | None]:
    """Give what was foretold a horizon ago; where no run did, what it would have been, from the whole log."""
    cut = horizon_before(keeping.until, parameters)
    moment = datetime.fromtimestamp(cut, UTC)
    run = ScoreRun.objects.done().filter(as_of=moment, formula=formula).exclude(forecast="").first()
    if run is not None:
        try:
            folder = state_root() / run.forecast
            check_forecast(folder)
        except (OSError, KeyError, ValueError) as error:  # made anew, whatever became of it
            log.error("the forecast of %s can't be read: %s", run, type(error).__name__)
        else:
            return partial(read_forecast, folder)
    days = [day for day in keeping.log_of if day * DAY < cut]
    progress("forecasting as of a horizon ago", keeping.rows(days))
    with Workspace(workspace.connection) as inner:
        seen = activity(inner, keeping.inputs(days, days, POST_TOPICS.empty_table()))
        made = [
            forecast_at(
                inner,
                seen,
                people,
                cut,
                seeds=keeping.sources.seeds,
                resting=keeping.sources.rests,
                formula=parameters,
            )
        ]
    return made.pop
