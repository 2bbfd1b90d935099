"""Reach on topics and on those above them: each reaction once."""

import math

import pyarrow as pa
import pytest

from scoring.engine import TOPIC_PARENTS
from scoring.engine.topic_sets import ancestors
from tests.scoring.engine.worlds import World, rows

# 1 is above 2 and 3, and 4 above 1.
LINES = ((2, 1), (3, 1), (1, 4))


def found(world: World) -> dict[tuple[int, int | None], tuple[float, float]]:
    return {
        (row["person"], row["topic"]): (row["reach"], row["reach_with_below"]) for row in world.run().topics.to_pylist()
    }


@pytest.fixture
def world() -> World:
    """Return a world where 9 likes four posts of 1, one each on topics 2 and 3, 2, 1, and none."""
    world = World(seeds=[9], parents=LINES)
    for topics in ((2, 3), (2,), (1,), ()):
        post = world.post(1, 1.0)
        world.act("like", 9, 1, 1.0, post)
        world.topics += [(post, topic) for topic in topics]
    return world


def test_each_reaction_counts_once_for_a_topic_and_each_above(world: World) -> None:
    reach = {row["person"]: row["reach"] for row in world.run().scores.to_pylist()}[1]
    quarter = reach / 4
    assert found(world) == {
        (1, 1): pytest.approx((quarter, 3 * quarter)),
        (1, 2): pytest.approx((1.5 * quarter, 2 * quarter)),
        (1, 3): pytest.approx((0.5 * quarter, quarter)),
        # Named by no post, and yet all of it that has a topic.
        (1, 4): pytest.approx((0, 3 * quarter)),
        (1, None): pytest.approx((quarter, quarter)),
    }


def test_own_parts_and_the_rest_add_up_whatever_lies_above(world: World) -> None:
    named = {key: own for key, (own, _) in found(world).items() if own}
    world.parents = ()
    assert named == pytest.approx({key: own for key, (own, _) in found(world).items()})


def test_two_parents_and_a_circle_count_nothing_twice(world: World) -> None:
    world.parents = (*LINES, (2, 4), (4, 2))
    (own, whole), (_, above) = found(world)[1, 2], found(world)[1, 4]
    # 2 lies above 1, 3 and 4 now: everything with a topic is below it.
    assert whole == pytest.approx(above)
    assert own < whole
    assert math.isclose(sum(own for own, _ in found(world).values()), 4 / 3 * whole)


def test_ancestors_of_a_line_a_fork_and_a_circle() -> None:
    def pairs(*lines: tuple[int, int]) -> list[tuple[int, int]]:
        below, above = ancestors(rows(TOPIC_PARENTS, lines))
        return list(zip(below.tolist(), above.tolist(), strict=True))

    assert pairs() == []
    assert pairs((3, 2), (2, 1)) == [(2, 1), (3, 1), (3, 2)]
    assert pairs((3, 2), (3, 1), (2, 0), (1, 0)) == [(1, 0), (2, 0), (3, 0), (3, 1), (3, 2)]
    assert pairs((1, 2), (2, 1), (1, 1)) == [(1, 2), (2, 1)]
    assert ancestors(pa.table({"topic": pa.array([1, None]), "parent": pa.array([None, 2])}))[0].size == 0
