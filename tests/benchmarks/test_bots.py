"""What bots buy is computed by the engine, of acts that are what the table says they are."""

import numpy as np
import pytest

from benchmarks.score.bots import ACTS, TRUE_REACH, bot_acts, buyers_of, standing
from benchmarks.score.settings import Attacks, Setting
from benchmarks.score.world import World, make_world
from scoring.engine import Parameters, compute

SMALL = Setting("small", people=2000, days=100, reactions=40, attacks=Attacks(buyers=12, each=6, pod_size=6))


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(SMALL, 1)


def test_buyers_are_honest_people_of_growing_true_reach(world: World) -> None:
    buyers = buyers_of(world)

    assert buyers.size == len(TRUE_REACH)
    assert (world.kind_of[buyers] == "honest").all()
    assert (np.diff(world.ceiling[buyers]) > 0).all()


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_bots_give_to_others_what_the_table_says(world: World, share: float) -> None:
    buyers = buyers_of(world)

    acts = bot_acts(world, buyers, 2000, share, np.random.default_rng(1))

    target, actor = acts["target"].to_numpy(), acts["actor"].to_numpy()
    own = buyers[(actor - actor.min()) // 2000] + 1
    assert np.unique(actor).size == 6000
    assert abs((target == own).sum() / 6000 - ACTS) < 0.1
    # One in so many of the copied acts is on the buyer after all.
    assert abs((target != own).mean() - share) < 0.02
    assert acts["at"].to_numpy().max() < world.cut
    assert not np.isin(target, np.unique(actor)).any()


def test_those_who_stand_are_scored_as_in_a_run(world: World) -> None:
    buyers, formula = buyers_of(world), Parameters()

    found = standing(world, buyers, None, formula)

    scores = compute(world.inputs, formula).scores
    at = np.searchsorted(scores["person"].to_numpy(), buyers + 1)
    assert np.allclose(found.reach, scores["reach"].to_numpy()[at], rtol=1e-12)
    assert np.allclose(found.score, scores["score"].to_numpy()[at], rtol=1e-12)


@pytest.mark.parametrize("kappa", [0.3, 10.0])
def test_any_number_of_bots_made_for_one_raise_reach_by_kappa_at_most(world: World, kappa: float) -> None:
    buyers, formula = buyers_of(world), Parameters(kappa=kappa)
    before = standing(world, buyers, None, formula)

    some, many = (
        standing(world, buyers, bot_acts(world, buyers, count, 0.0, np.random.default_rng(1)), formula)
        for count in (20, 20_000)
    )

    assert (before.reach <= some.reach + 1e-9).all()
    assert (some.reach <= many.reach + 1e-9).all()
    assert (many.reach <= before.reach * (1 + formula.kappa) + 1e-9).all()
    # It is the cap that holds them, and nothing else: a higher one is worth more.
    assert ((many.reach / before.reach).max() > 2) == (kappa > 1)
