"""Made-up worlds are what the laboratory says they are: reproducible, and true where it counts."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.score.attacks import CLASSES
from benchmarks.score.judge import judge
from benchmarks.score.settings import WORLDS, Attacks, Setting
from benchmarks.score.world import World, make_world, seed_of

SMALL = Setting("small", people=2000, days=60, reactions=20, attacks=Attacks(buyers=12, each=6, pod_size=6))


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(SMALL, 1)


def test_the_same_seed_makes_the_same_world(world: World) -> None:
    again, other = make_world(SMALL, 1), make_world(SMALL, 2)

    assert again.interactions.equals(world.interactions)
    assert again.inputs.posts == world.inputs.posts
    assert np.array_equal(again.outcome, world.outcome)
    assert not other.interactions.equals(world.interactions)


def test_seeds_of_judged_worlds_come_from_the_commit_and_the_name() -> None:
    assert len({seed_of(base, name) for base in ("one", "two") for name in ("usual", "quiet")}) == 4
    assert seed_of("one", "usual") == seed_of("one", "usual")


def test_the_engine_sees_nothing_of_the_future(world: World) -> None:
    assert world.interactions["at"].to_numpy().max() < world.cut
    assert world.future["at"].to_numpy().min() >= world.cut


def test_nobody_answers_a_lurker(world: World) -> None:
    authors = round(SMALL.people * (1 - SMALL.lurkers))
    received = world.interactions["target"].to_numpy() - 1

    lurkers = (received >= authors) & (received < SMALL.people)
    assert not lurkers.any()
    assert world.candidates[authors:].sum() == 0
    # And yet they do act.
    given = world.interactions["actor"].to_numpy() - 1
    assert ((given >= authors) & (given < SMALL.people)).mean() > 0.05


def test_bots_act_and_are_no_part_of_the_truth(world: World) -> None:
    bots = world.interactions["actor"].to_numpy() > SMALL.people

    assert bots.sum() > 1000
    assert world.future["actor"].to_numpy().max() <= SMALL.people
    bought = np.isin(world.interactions["target"].to_numpy()[bots] - 1, np.flatnonzero(world.kind_of == "bought"))
    assert bought.mean() > 0.5


def test_the_ceiling_foretells_better_than_anything_known_before(world: World) -> None:
    found = judge(world)

    assert found.ceiling.spearman > found.best_baseline
    assert found.ceiling.spearman > found.formula.spearman
    assert found.ceiling.gained == dict.fromkeys(CLASSES, 0.0)


def test_each_world_differs_from_the_others_in_more_than_its_name() -> None:
    bare = {replace(setting, name="") for setting in WORLDS}

    assert len(bare) == len(WORLDS) >= 20
    assert len({setting.name for setting in WORLDS}) == len(WORLDS)
