"""The forecast of any moment of the past against what then happened: a backtest by itself, without a run."""

from dataclasses import replace
from typing import Any

from scoring.engine.activity import DAY, activity
from scoring.engine.backtests import Backtest, bands_from
from scoring.engine.forecasts import Forecast, Hindsight, horizon_before, look_back
from scoring.engine.hindsight import forecast_at, judge
from scoring.engine.inputs import Inputs
from scoring.engine.pairs import pairs_of
from scoring.engine.parameters import Parameters
from scoring.engine.people import People
from scoring.engine.progress import Progress, quiet
from scoring.engine.snapshot import known
from scoring.engine.state import State
from scoring.engine.tables import Workspace


def backtest(
    inputs: Inputs,
    parameters: Parameters,
    cut: int,
    *,
    progress: Progress = quiet,
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
    progress : Progress
        Told each step as it begins.
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
    until = cut + round(parameters.horizon_days * DAY)
    with Workspace(connection) as workspace:
        progress("reading activity")
        seen = activity(workspace, replace(inputs, until=until))
        after = known(workspace, seen, until, parameters)
        people = People.of(workspace, after.state, inputs.owners)

        def foretold(moment: int) -> Forecast | None:
            return forecast_at(
                workspace, seen, people, moment, seeds=inputs.seeds, resting=inputs.rests, formula=parameters
            )

        def held(forecast: Forecast, state: State) -> Hindsight:
            made = pairs_of(workspace, state, people, parameters)
            return look_back(forecast, made.pairs, made.recent, people, parameters)

        progress("forecasting as of the cut")
        forecast = foretold(cut)
        if forecast is None:
            return None
        now = held(forecast, after.state)
        progress("learning the band a horizon before")
        earlier = None
        before = foretold(horizon_before(cut, parameters))
        if before is not None and before.seeded_from == now.seeded_from:
            then = held(before, known(workspace, seen, cut, parameters).state)
            earlier = bands_from(
                then.forecast[then.known],
                then.happened[then.known],
                now.forecast[now.judged],
                wanted=parameters.band_coverage,
                people=parameters.band_people,
            )
        progress("comparing")
        return judge(now, earlier, parameters)
