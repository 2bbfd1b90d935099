"""Forecasts held against what then happened."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from scoring.engine import Parameters, arrays, backtest, compute
from scoring.engine.backtests import Backtest, bands_from, bands_of_halves, held_against
from scoring.engine.baselines import DECAYED, DISTINCT, REACTIONS, RECENT
from tests.scoring.engine.worlds import DAY, UNTIL, World, community

MONTH = Parameters(horizon_days=10, band_people=10)


@pytest.fixture
def world() -> World:
    world = World(seeds=[1, 2, 3])
    community(world, range(1, 41))
    return world


def crowd(people: int, seed: int = 5) -> tuple[Any, Any, Any]:
    """Return forecasts, counts that come of them, and that everybody was known."""
    rng = np.random.default_rng(seed)
    forecast = np.exp(rng.normal(1.0, 1.5, people))
    return forecast, rng.poisson(forecast).astype(np.float64), np.ones(people, dtype=bool)


def test_a_run_tells_how_the_forecast_of_a_horizon_ago_did(world: World) -> None:
    # 1, 2 and 3 act on 50 long before, and 4 on 51 in the last horizon before the cut; then 5 and 6 act on 51.
    for giver in (1, 2, 3):
        world.act("like", giver, 50, days_ago=30)
        world.act("like", giver, 50, days_ago=29)
    world.act("like", 4, 51, days_ago=12)
    world.act("like", 5, 51, days_ago=3)
    world.act("like", 6, 51, days_ago=3)
    world.act("like", 6, 51, days_ago=2)
    found = world.run(MONTH).backtest

    assert found is not None
    assert (found.cut, found.horizon_days) == (UNTIL - 10 * DAY, 10)
    # Everybody of the community, and the two; 0 of the two foretold what happened.
    assert found.people == 42
    assert set(found.baselines) == {REACTIONS, DISTINCT, RECENT, DECAYED}
    assert found.baselines[RECENT].spearman > found.baselines[DISTINCT].spearman
    assert found.coverage is not None
    assert 0 < found.coverage <= 1
    assert sum(part.people for part in found.bins) == 42
    assert found.coverage_before is None


def test_the_night_and_the_past_agree_on_the_ranking(world: World) -> None:
    night = world.run(MONTH).backtest
    past = backtest(world.inputs(), MONTH, UNTIL - 10 * DAY)

    assert past is not None
    assert night is not None
    assert past.coverage_before is not None
    assert replace(past, coverage_before=None, coverage_before_large=None) == night


def test_what_happened_after_the_horizon_is_not_looked_at(world: World) -> None:
    cut = UNTIL - 20 * DAY
    whole = backtest(world.inputs(), MONTH, cut)
    acts = world.inputs().interactions
    assert isinstance(acts, pa.Table)
    known = replace(world.inputs(), interactions=acts.filter(pa.array(acts["at"].to_numpy() < cut + 10 * DAY)))

    assert whole is not None
    assert backtest(known, MONTH, cut) == whole


def test_relabelling_people_changes_nothing(world: World) -> None:
    other = World(
        acts=[(at, kind, 999 - a, 999 - b, post, network) for at, kind, a, b, post, network in world.acts],
        posted=[(post, at, 999 - author, kind, text) for post, at, author, kind, text in world.posted],
        seeds=[999 - seed for seed in world.seeds],
    )
    mine, theirs = world.run(MONTH).backtest, other.run(MONTH).backtest

    assert mine is not None
    assert theirs is not None
    assert theirs.score.spearman == pytest.approx(mine.score.spearman)
    assert theirs.coverage == pytest.approx(mine.coverage)


def test_without_a_past_there_is_none(world: World) -> None:
    assert world.run(replace(MONTH, horizon_days=28)).backtest is None
    assert backtest(world.inputs(), MONTH, UNTIL - 39 * DAY) is None
    assert compute(World().inputs()).backtest is None


def test_bands_are_judged_by_outcomes_that_did_not_make_them() -> None:
    # Each outcome is by chance alone. A band of ten people a bin learned from the judged would look too good.
    forecast, happened, known = crowd(4000)

    halves = bands_of_halves(forecast, happened, known, known, wanted=0.8, people=100)
    assert halves is not None
    rng = np.random.default_rng(1)
    fresh = bands_from(forecast, rng.poisson(forecast).astype(np.float64), forecast, wanted=0.8, people=100)
    assert fresh is not None
    shares = [held(forecast, happened, known, foretold).coverage for foretold in (halves, fresh)]
    assert shares == pytest.approx([0.8, 0.8], abs=0.025)


def held(forecast: Any, happened: Any, known: Any, halves: Any) -> Backtest:
    found = held_against(
        cut=0,
        horizon_days=28,
        forecast=forecast,
        happened=happened,
        acted=happened,
        baselines={},
        judged=known,
        halves=halves,
        wanted=0.8,
    )
    assert found is not None
    return found


def test_a_band_of_other_times_is_found_too_narrow() -> None:
    forecast, happened, known = crowd(4000)
    calm = bands_from(forecast, np.round(forecast), forecast, wanted=0.8, people=100)

    found = held(forecast, happened, known, calm)
    assert found.coverage is not None
    assert found.coverage_large is not None
    assert found.coverage < 0.6
    assert found.coverage_large < 0.3


def test_bands_are_judged_alike_however_many_people_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    forecast, happened, known = crowd(500)
    halves = bands_of_halves(forecast, happened, known, known, wanted=0.8, people=50)
    expected = held(forecast, happened, known, halves)
    monkeypatch.setattr(arrays, "_AT_ONCE", 7)

    found = held(forecast, happened, known, halves)

    assert found.coverage == pytest.approx(expected.coverage, abs=1e-12)
    assert found.coverage_large == pytest.approx(expected.coverage_large, abs=1e-12)


def test_bins_hold_ten_people_or_more_and_everybody_once() -> None:
    forecast, happened, known = crowd(500)
    found = held(forecast, happened, known, bands_of_halves(forecast, happened, known, known, wanted=0.8, people=50))

    assert sum(part.people for part in found.bins) == 500
    assert min(part.people for part in found.bins) >= 10
    means = [part.forecast for part in found.bins]
    assert means == sorted(means)
    for part in found.bins:
        assert part.low <= part.outcome <= part.high
    assert sum(part.people * part.outcome for part in found.bins) == pytest.approx(happened.sum())


def test_too_few_make_no_band_and_still_a_ranking() -> None:
    forecast, happened, known = crowd(30)
    found = held(forecast, happened, known, bands_of_halves(forecast, happened, known, known, wanted=0.8, people=100))

    assert (found.coverage, found.bins) == (None, ())
    assert found.score.spearman > 0.5
    one = held_against(
        cut=0,
        horizon_days=28,
        forecast=forecast[:1],
        happened=happened[:1],
        acted=happened[:1],
        baselines={},
        judged=known[:1],
        halves=None,
        wanted=0.8,
    )
    assert one is None
