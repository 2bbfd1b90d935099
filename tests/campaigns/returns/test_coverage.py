"""Simulated campaigns whose lift is known: how often the interval holds it."""

from statistics import NormalDist

import numpy as np
import pytest

from campaigns.returns import intervals
from campaigns.returns.bootstrap import Floats
from tests.campaigns.returns.worlds import World

# Of 2,000 campaigns the coverage is known to 0.7 points.
WORLDS = 2_000
DRAWS = 1_000

CAMPAIGNS = {
    "Poisson, no lift": World(40, 5, mean=2, unequal=0.5),
    "Poisson, as many again": World(40, 5, mean=2, unequal=0.5, lift=1, evenly=True),
    "a small campaign": World(10, 5, mean=2, unequal=1, lift=1, evenly=True),
    "a small campaign that everybody grew in": World(10, 5, mean=2, unequal=1, growth=2),
    "hardly any mentions": World(40, 10, mean=0.3, unequal=1),
    "hardly any mentions, a lift by each one's own rate": World(40, 10, mean=0.3, unequal=1, lift=1),
    "everything doubled, no lift": World(40, 5, mean=2, unequal=1, growth=2),
    "everything doubled, a lift too": World(40, 10, mean=2, unequal=1, growth=2, lift=1, evenly=True),
    "overdispersed, no lift": World(40, 10, mean=3, unequal=1.5, bursts=1),
    "overdispersed, a lift": World(40, 10, mean=3, unequal=1.5, bursts=1, lift=1, evenly=True),
    "overdispersed, everything doubled": World(40, 10, mean=20, unequal=1.5, bursts=2, growth=2),
    "as many held back as invited": World(20, 20, mean=3, unequal=1, bursts=1, growth=1.5, lift=0.5),
    "a middling campaign": World(80, 20, mean=3, unequal=1.5, bursts=1, growth=1.3, lift=0.5, evenly=True),
    "a large campaign": World(200, 40, mean=2, unequal=1, growth=1.5, lift=0.5, evenly=True),
    "a large campaign, overdispersed, no lift": World(200, 40, mean=20, unequal=1.5, bursts=2, growth=1.5),
    "half as long after": World(40, 10, mean=3, unequal=1, growth=1.5, lift=1, evenly=True, ratio=0.5),
}


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_the_interval_holds_the_truth_as_often_as_it_says(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    campaign = CAMPAIGNS[name]
    invited, holdout, truth = campaign.draw(WORLDS, seed=7)

    found, low, high = intervals(invited, holdout, ratio=campaign.ratio, level=0.9, draws=DRAWS, seed=1)

    held = float(((low <= truth) & (truth <= high)).mean())
    with capsys.disabled():
        print(f"\n{held:.1%} {name}: {campaign.invited} invited, {campaign.held_back} held back", end="")
    assert 0.85 <= held <= 0.95
    # The estimate itself leans to neither side.
    assert abs(float((found - truth).mean())) < 4 * float((found - truth).std()) / np.sqrt(WORLDS)


def test_where_a_few_have_nearly_all_five_held_back_give_too_wide_an_interval_not_too_narrow_a_one() -> None:
    campaign = World(40, 5, mean=20, unequal=1.5, bursts=2, growth=2)
    invited, holdout, truth = campaign.draw(WORLDS, seed=7)

    _, low, high = intervals(invited, holdout, ratio=1, level=0.9, draws=DRAWS, seed=1)

    assert 0.9 <= float(((low <= truth) & (truth <= high)).mean()) <= 0.97


@pytest.mark.parametrize(("name", "corrected"), [("percentiles", False), ("BCa", True)])
def test_plain_bootstraps_hold_it_too_rarely(name: str, corrected: bool) -> None:
    campaign = World(40, 5, mean=20, unequal=1.5, bursts=2, growth=2)
    invited, holdout, truth = campaign.draw(500, seed=7)

    low, high = _plain(invited[1] - invited[0], holdout[1] - holdout[0], corrected=corrected)

    assert float(((low <= truth) & (truth <= high)).mean()) < 0.8


def _plain(one: Floats, other: Floats, *, corrected: bool) -> tuple[Floats, Floats]:
    """Return percentiles of a bootstrap that draws each group from itself, bias-corrected and accelerated or not.

    Efron, "Better bootstrap confidence intervals", 1987; of two groups the acceleration takes each one's own jackknife.
    """
    generator = np.random.default_rng(1)
    drawn = []
    for group in (one, other):
        size = group.shape[1]
        drawn.append(group @ generator.multinomial(size, np.full(size, 1 / size), size=DRAWS).T / size)
    differences = np.sort(drawn[0] - drawn[1], axis=1)
    ends = np.array([[0.05, 0.95]] * len(one))
    if corrected:
        found = one.mean(axis=1) - other.mean(axis=1)
        parts = [
            sign * (group - group.mean(axis=1, keepdims=True)) / group.shape[1]
            for sign, group in ((1, one), (-1, other))
        ]
        cubes, squares = (sum((part**power).sum(axis=1) for part in parts) for power in (3, 2))
        acceleration = cubes / (6 * squares**1.5)
        below = np.clip((differences < found[:, None]).mean(axis=1), 1 / DRAWS, 1 - 1 / DRAWS)
        normal = NormalDist()
        bias = np.array([normal.inv_cdf(part) for part in below])
        for place, end in enumerate((0.05, 0.95)):
            moved = bias + normal.inv_cdf(end)
            ends[:, place] = [normal.cdf(z) for z in bias + moved / (1 - acceleration * moved)]
    places = np.clip((ends * DRAWS).astype(np.int64), 0, DRAWS - 1)
    found_ends = np.take_along_axis(differences, places, axis=1)
    return found_ends[:, 0], found_ends[:, 1]
