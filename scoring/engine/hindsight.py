"""The forecast of an earlier moment made once more, and forecasts measured by what then happened."""

import pyarrow as pa

from scoring.engine.activity import DAY, Activity
from scoring.engine.arrays import Ints
from scoring.engine.backtests import Backtest, Foretold, bands_of_halves, held_against
from scoring.engine.forecasts import Forecast, Hindsight
from scoring.engine.memory import room_for_arrays
from scoring.engine.parameters import Parameters
from scoring.engine.people import People
from scoring.engine.snapshot import known, snapshot
from scoring.engine.tables import Workspace


def forecast_at(
    workspace: Workspace,
    seen: Activity,
    people: People,
    cut: int,
    *,
    seeds: Ints,
    resting: pa.Table,
    formula: Parameters,
) -> Forecast | None:
    """Make the forecast of an earlier moment once more.

    Parameters
    ----------
    workspace : Workspace
        Where to do the table work; nothing of it is left there.
    seen : Activity
        The activity, at least up to the moment.
    people : People
        Everybody who was known then, and more.
    cut : int
        The moment, in epoch seconds.
    seeds : ndarray of int64
        Persons whose identity is proved by now.
    resting : pyarrow.Table
        Rows of `RESTS`.
    formula : Parameters
        The formula.

    Returns
    -------
    Forecast or None
        None where less than half a horizon was known then.

    Raises
    ------
    ConvergenceError
        The walk didn't come to rest.
    """
    with Workspace(workspace.connection) as inner:
        began = inner.number(seen.acts["at"].min())
        if began is None or began > cut - round(formula.horizon_days * DAY) // 2:
            return None
        then = known(inner, seen, cut, formula)
        # Unlike those that a night kept, these sums are where tables are computed, beside what is made of them.
        with room_for_arrays(inner.connection):
            now, _ = snapshot(inner, then, people, seeds=seeds, resting=resting, formula=formula)
    return Forecast.of(now, people, cut)


def judge(found: Hindsight, earlier: Foretold | None, formula: Parameters) -> Backtest | None:
    """Measure a forecast, and what others would rank by, against what happened.

    Parameters
    ----------
    found : Hindsight
        The forecast, and what happened.
    earlier : Foretold or None
        The bands of the judged that came with the forecast, where they are known.
    formula : Parameters
        The formula.

    Returns
    -------
    Backtest or None
        None where fewer than two people had received anything.
    """
    return held_against(
        cut=found.cut,
        horizon_days=formula.horizon_days,
        forecast=found.forecast,
        happened=found.happened,
        acted=found.acted,
        baselines=found.baselines,
        judged=found.judged,
        halves=bands_of_halves(
            found.forecast,
            found.happened,
            found.known,
            found.judged,
            wanted=formula.band_coverage,
            people=formula.band_people,
        ),
        earlier=earlier,
        wanted=formula.band_coverage,
    )
