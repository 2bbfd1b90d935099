"""Whether bands hold what then happens in a made-up world, and how still scores stand from one day to the next."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.score.population import Bools, Floats, Ints
from benchmarks.score.world import World
from scoring.engine import Parameters
from scoring.engine.activity import DAY, activity
from scoring.engine.backtests import bands_from, held_against
from scoring.engine.forecasts import horizon_before, look_back
from scoring.engine.hindsight import forecast_at
from scoring.engine.pairs import pairs_of
from scoring.engine.people import People
from scoring.engine.scale import score
from scoring.engine.snapshot import known, snapshot
from scoring.engine.tables import Workspace

# Median, 90th and 99th percentile.
Change = tuple[float, float, float]


@dataclass(frozen=True)
class Foresight:
    """What forecasts were worth that were made at a world's cut.

    Attributes
    ----------
    held, held_large : float
        Share of outcomes within the bands that people saw, by randomised PIT: of everybody on whom anybody had acted,
        and of those of whom 20 or more were expected. An outcome is counted from the world's future by the rule of the
        forecast.
    large : int
        How many of 20 or more there are.
    silent, ordinary : tuple of float
        Median, 90th and 99th percentile of the absolute change of honest people's scores over one day on which nobody
        does anything, and over the first day of the world's future.
    """

    held: float
    held_large: float
    large: int
    silent: Change
    ordinary: Change


def foresight(world: World, formula: Parameters | None = None) -> Foresight:
    """Hold the forecasts made at a world's cut against its future, and its scores against those of a day later.

    Bands are learned in the horizon before the cut, as a run learns them. All who are paid to act stop at the cut.
    """
    formula = formula or Parameters()
    inputs = world.afterwards()
    with Workspace() as workspace:
        seen = activity(workspace, inputs)
        after = known(workspace, seen, world.cut + round(formula.horizon_days * DAY), formula)
        people = People.of(workspace, after.state, inputs.owners)
        told: dict[str, Any] = {"seeds": inputs.seeds, "resting": inputs.rests, "formula": formula}
        foretold = forecast_at(workspace, seen, people, world.cut, **told)
        earlier = forecast_at(workspace, seen, people, horizon_before(world.cut, formula), **told)
        assert foretold, "a world's history is longer than a horizon and a half"
        assert earlier, "and so it was a horizon before the cut"
        at_cut = known(workspace, seen, world.cut, formula)
        now, before = (
            look_back(forecast, made.pairs, made.recent, people, formula)
            for forecast, made in (
                (foretold, pairs_of(workspace, after.state, people, formula)),
                (earlier, pairs_of(workspace, at_cut.state, people, formula)),
            )
        )
        silence = replace(
            seen,
            **{
                name: table.filter(table["at"] < world.cut)
                for name, table in (("acts", seen.acts), ("events", seen.events), ("posts", seen.posts))
            },
        )
        next_day = [
            snapshot(workspace, known(workspace, acts, world.cut + DAY, formula), people, **told)[0].reach.reach
            for acts in (silence, seen)
        ]
    own = chosen(people.numbers, world.candidates)
    honest = chosen(people.numbers, world.candidates & np.isin(world.kind_of, ["honest", "friend"]))
    judged = now.judged & own
    tested = held_against(
        cut=world.cut,
        horizon_days=formula.horizon_days,
        forecast=now.forecast,
        happened=now.happened,
        acted=now.acted,
        baselines={},
        judged=judged,
        halves=None,
        earlier=bands_from(
            before.forecast[before.known],
            before.happened[before.known],
            now.forecast[judged],
            wanted=formula.band_coverage,
            people=formula.band_people,
        ),
        wanted=formula.band_coverage,
    )
    assert tested, "a world has people to judge"
    assert tested.coverage_before is not None, "a world has people enough for bands"
    stood = score(now.forecast[honest], formula.scale_top)
    silent, ordinary = (_moved(stood, score(reach[honest], formula.scale_top)) for reach in next_day)
    large = tested.coverage_before_large
    return Foresight(tested.coverage_before, np.nan if large is None else large, tested.large, silent, ordinary)


def chosen(people: Ints, of_world: Bools) -> Bools:
    """Return who of the engine's people is among some of the world's, who are given by position."""
    known = people <= of_world.size
    found = np.zeros(people.size, dtype=np.bool_)
    found[known] = of_world[people[known] - 1]
    return found


def _moved(before: Floats, after: Floats) -> Change:
    middle, most, nearly_all = np.quantile(np.abs(after - before), [0.5, 0.9, 0.99]).tolist()
    return middle, most, nearly_all
