"""Bands are held against the future that happened, by the rule of the forecast; scores against those of a day later."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.score.bound import Bound
from benchmarks.score.foresight import chosen, foresight
from benchmarks.score.settings import Attacks, Setting
from benchmarks.score.world import HORIZON, World, make_world
from scoring.engine.activity import DAY
from scoring.engine.parameters import Parameters
from scoring.engine.past import backtest

SMALL = Setting("small", people=2000, days=100, reactions=40, attacks=Attacks(buyers=12, each=6, pod_size=6))


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(SMALL, 1)


def test_posts_of_the_future_are_no_posts_of_the_past(world: World) -> None:
    then, before = (table["post"].to_numpy() for table in (world.future_posts, world.posts))

    assert then.size > 1000
    assert np.intersect1d(then, before).size == 0
    assert np.isin(world.future["post"].to_numpy(), then).all()
    assert world.future_posts["at"].to_numpy().min() >= world.cut
    assert world.afterwards().until == world.cut + HORIZON * DAY


def test_bands_are_those_that_a_backtest_finds_for_the_same_rows(world: World) -> None:
    # Where no bot is acted on, everybody whom a backtest judges is of the world.
    found = foresight(world)
    tested = backtest(world.afterwards(), Parameters(), world.cut)

    assert tested is not None
    assert (found.held, found.held_large, found.large) == (
        tested.coverage_before,
        tested.coverage_before_large,
        tested.large,
    )
    assert 0.7 < found.held < 0.9


def test_bands_fail_where_the_future_is_another(world: World) -> None:
    elsewhere = world.future.filter(pa.array(np.arange(world.future.num_rows) % 5 == 0))

    found = foresight(replace(world, future=elsewhere, future_talk=world.future_talk.slice(0, 0)))

    assert found.held_large < 0.4


def test_a_silent_day_moves_scores_by_fading_alone(world: World) -> None:
    found = foresight(world)

    # By what a day takes from an attention of a half-life of thirty, at least where nobody has gone.
    fading = 99 * np.log(2) / 30 / np.log(1e7)
    assert 0 < found.silent[0] < 2 * fading
    assert found.silent[0] <= found.silent[1] <= found.silent[2]
    assert found.ordinary != found.silent


def test_people_are_found_by_their_numbers() -> None:
    assert chosen(np.array([1, 3, 4, 9]), np.array([True, False, False, True])).tolist() == [True, False, True, False]


def test_a_bound_of_two_ends_names_both() -> None:
    assert Bound("x", 0.8, 0.75, 0.87).line().endswith("0.75 to 0.87")
    assert not Bound("x", 0.9, 0.75, 0.87).holds
    assert not Bound("x", float("nan"), 0.75, 0.87).holds
