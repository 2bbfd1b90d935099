"""The forecast of any moment of the past against what then happened: a backtest by itself, without a run."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from scoring.engine.activity import DAY, activity
from scoring.engine.backtests import Backtest, bands_from
from scoring.engine.hindsight import hindsight, judge
from scoring.engine.inputs import Inputs
from scoring.engine.parameters import Parameters
from scoring.engine.rests import rests
from scoring.engine.run import quiet
from scoring.engine.tables import Workspace


def backtest(
    inputs: Inputs,
    parameters: Parameters,
    cut: int,
    *,
    progress: Callable[[str], None] = quiet,
    connection: Any = None,
) -> Backtest | None:
    """Hold the forecast of a moment, with the band that it came with, against what then happened.

    What a run has no time for: the band is also taken as it was learned before the moment, in the horizon before.

    Parameters
    ----------
    inputs : Inputs
        What to read, up to a horizon after the moment; `until` itself isn't looked at.
    parameters : Parameters
        The formula.
    cut : int
        The moment, in epoch seconds.
    progress : callable
        Called with the name of each step as it begins.
    connection : ibis backend, optional
        Where to do the table work; without one, a DuckDB in memory.

    Returns
    -------
    Backtest or None
        None where less than half a horizon was known at the moment, or fewer than two people had received anything.

    Raises
    ------
    InputError
        An input table isn't what it must be.
    ConvergenceError
        The walk didn't come to rest.
    """
    horizon = round(parameters.horizon_days * DAY)
    inputs = replace(inputs, until=cut + horizon)
    with Workspace(connection) as workspace:
        progress("reading activity")
        seen = activity(workspace, inputs)
        resting = rests(inputs.rests, seen.people, inputs.until)
        progress("forecasting as of the cut")
        now = hindsight(workspace, seen, inputs, resting, cut, parameters)
        if now is None:
            return None
        progress("learning the band a horizon before")
        before = hindsight(workspace, seen, inputs, resting, cut - horizon, parameters)
        earlier = None
        if before is not None and before.snapshot.seeded_from == now.snapshot.seeded_from:
            earlier = bands_from(
                before.forecast[before.known],
                before.happened[before.known],
                now.forecast[now.judged],
                wanted=parameters.band_coverage,
                people=parameters.band_people,
            )
        progress("comparing")
        return judge(workspace, seen, now, earlier, parameters)
