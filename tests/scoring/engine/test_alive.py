"""The chance to be there, against the differential equations that it solves."""

import math

import numpy as np
import pytest
from scipy.linalg import expm

from scoring.engine.alive import Presence, alive

USUAL = Presence(
    break_every_days=100,
    break_length_days=10,
    break_value=0.8,
    quit_half_life_days=730,
    posting_prior_days=0.5,
    silent_prior_days=2,
)


def by_equations(days: float, span: float, gap: float, p: Presence) -> float:
    """Solve the three states for many chances to post, and average over what is known of the chance."""
    a, b = p.posting_prior_days + days - 1, p.silent_prior_days + span - (days - 1)
    # Beta(a, b) on the scale ln(p / (1 - p)), where it is smooth and a plain sum is exact enough.
    x = np.arange(-80, 40, 0.02)
    density = np.exp(-a * np.logaddexp(0, -x) - b * np.logaddexp(0, x))
    x, density = x[density > density.max() * 1e-14], density[density > density.max() * 1e-14]
    go, back, quit_ = 1 / p.break_every_days, 1 / p.break_length_days, math.log(2) / p.quit_half_life_days
    flow = np.tile([[-go - quit_, back, 0], [go, -back - quit_, 0], [quit_, quit_, 0]], (x.size, 1, 1))
    flow[:, 0, 0] -= np.logaddexp(0, x)  # the rate of posting, -ln(1 - p)
    states = density @ expm(flow * gap)[:, :, 0] / density.sum()
    there, away, gone = states
    return float((there + p.break_value * away) / (there + away + gone))


@pytest.mark.parametrize(("days", "span"), [(1, 0), (2, 60), (30, 90), (60, 60), (500, 600)])
@pytest.mark.parametrize("gap", [0, 1, 3, 14, 40, 120])
def test_closed_form_solves_the_equations(days: int, span: int, gap: int) -> None:
    assert float(alive([days], [span], [gap], USUAL)[0]) == pytest.approx(
        by_equations(days, span, gap, USUAL), abs=1e-7
    )


def test_who_never_posted_is_not_absent() -> None:
    assert alive([0, 0], [0, 0], [0, 900], USUAL).tolist() == [1.0, 1.0]
    assert alive([], [], [], USUAL).size == 0


def test_who_posted_today_is_there() -> None:
    assert alive([1, 9, 60], [0, 90, 60], [0, 0, 0], USUAL).tolist() == pytest.approx([1.0, 1.0, 1.0], abs=1e-12)


def test_silence_means_more_the_more_often_somebody_posts() -> None:
    daily, weekly, rarely = alive([60, 9, 2], [60, 60, 60], [10, 10, 10], USUAL)

    assert daily < weekly < rarely


def test_longer_silence_never_raises_the_chance() -> None:
    gaps = np.arange(400)
    for days, span in ((60, 60), (9, 60), (1, 0)):
        chances = alive(np.full(400, days), np.full(400, span), gaps, USUAL)
        assert (np.diff(chances) <= 1e-12).all()
        assert ((chances >= 0) & (chances <= 1)).all()
