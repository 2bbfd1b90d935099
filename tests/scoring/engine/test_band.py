"""The band: what it learns from the past, and that it holds what it should."""

import numpy as np
import pytest

from scoring.engine.band import band, calibrate


def test_band_covers_what_comes_from_the_same_source() -> None:
    rng = np.random.default_rng(5)
    forecast = rng.lognormal(1, 2, 40_000)
    outcome = rng.poisson(forecast * rng.gamma(4, 0.25, forecast.size)).astype(np.float64)
    past, future = slice(0, 20_000), slice(20_000, None)

    learned = calibrate(forecast[past], outcome[past], coverage=0.8, people=100)
    low, high = band(forecast[future], learned, coverage=0.8)

    inside = (outcome[future] >= low) & (outcome[future] <= high)
    # Counts are whole, so those below a few people can't be cut at 80 %; above, they must be.
    large = forecast[future] >= 20
    assert inside[large].mean() == pytest.approx(0.8, abs=0.03)
    assert 0.78 <= inside.mean() <= 0.95


def test_band_is_the_quantiles_of_past_ratios() -> None:
    # 999 people of one forecast; (999 + 1) x 10 % is the 100th smallest, x 90 % the 900th.
    outcome = np.arange(999.0)

    learned = calibrate(np.full(999, 500.0), outcome, coverage=0.8, people=100)
    low, high = band(np.array([500.0]), learned, coverage=0.8)

    assert (low.tolist(), high.tolist()) == (pytest.approx([99.0]), pytest.approx([899.0]))


def test_band_always_holds_the_reach() -> None:
    reach = np.array([0.0, 0.01, 1.0, 30.0, 1e6])
    only_more = calibrate(np.full(200, 10.0), np.full(200, 90.0), coverage=0.8, people=100)
    only_less = calibrate(np.full(200, 10.0), np.zeros(200), coverage=0.8, people=100)

    for learned in (only_more, only_less, None):
        low, high = band(reach, learned, coverage=0.8)
        assert ((low >= 0) & (low <= reach) & (reach <= high)).all()


def test_too_few_people_teach_nothing_and_the_band_is_wide() -> None:
    assert calibrate(np.full(99, 5.0), np.full(99, 5.0), coverage=0.8, people=100) is None

    low, high = band(np.array([0.0, 1.0, 100.0]), None, coverage=0.8)

    assert low[0] == 0
    assert high[0] >= 1
    assert low[2] < 50
    assert high[2] > 150


def test_people_of_whom_nothing_was_expected_have_a_band_of_their_own() -> None:
    forecast = np.concatenate([np.zeros(1000), np.full(1000, 10.0)])
    outcome = np.concatenate([np.zeros(1000), np.full(1000, 20.0)])

    learned = calibrate(forecast, outcome, coverage=0.8, people=100)

    assert band(np.array([0.0]), learned, coverage=0.8)[1].tolist() == pytest.approx([0.0])
    assert band(np.array([10.0]), learned, coverage=0.8)[1].tolist() == pytest.approx([20.0])
