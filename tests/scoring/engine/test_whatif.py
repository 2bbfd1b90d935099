"""What-if and change: agreeing with a recomputed run, and adding up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.engine import Attention, Caps, Parameters, score, shares_of_change, what_if
from tests.scoring.engine.worlds import DAY, UNTIL, World, community

people = st.floats(0, 1e8)


def _world() -> World:
    # 500 to 520 are proved; nothing was seen of them yet, so that they are genuine as soon as they act.
    world = World(seeds=[*range(1, 30), *range(500, 520)])
    community(world, range(1, 60), days=80)
    return world


def _of(row: dict[str, float], *, exchanged: bool = False, **given: float) -> float:
    tail = "_exchanged" if exchanged else ""
    attention = Attention(*(np.array([row[name + tail]]) for name in ("vouched", "broad", "narrow")))
    found = what_if(
        attention,
        caps=Caps.of(Parameters()),
        credibility=np.array([row["credibility"]]),
        alive=np.array([row["alive"]]),
        **given,  # type: ignore[arg-type]
    )
    return float(found[0])


def test_nothing_changed_is_the_reach_itself() -> None:
    for row in _world().people().values():
        assert _of(row) == pytest.approx(row["reach"], abs=1e-9)


def test_more_supporters_are_what_a_recomputed_run_gives() -> None:
    world = _world()
    before = world.people()[1]
    for giver in range(500, 510):
        world.act("reply", giver, 1, 1)
    result = world.run(Parameters(supports_kept=10_000))
    after = next(row for row in result.scores.to_pylist() if row["person"] == 1)
    added = after["vouched"] - before["vouched"]

    # A recomputed run also moves trust a little, since the new ones answer 1.
    assert _of(before, supporters=10, each=added / 10) == pytest.approx(after["reach"], rel=2e-2)
    assert _of(before, supporters=10, each=added / 10) > before["reach"]


def test_a_rest_declared_over_the_silence_is_no_time_off() -> None:
    world = World(seeds=[2, 3, 4])
    for ago in range(20, 60):
        world.act("like", 2 + ago % 3, 1, ago, world.post(1, ago + 0.5, text=f"number {ago} of what {ago * 7}"))
    silent = world.people()[1]
    assert silent["alive"] < 0.5
    world.rests = [(1, UNTIL - 20 * DAY, UNTIL)]
    rested = world.people()[1]

    # Attention doesn't age in a declared rest either: that comes on top.
    assert silent["reach"] < _of(silent, rested=True) <= rested["reach"]


def test_without_exchange_is_what_the_formula_gives_without_it() -> None:
    world = World(seeds=[1, 2, 3])
    for ago in range(1, 30):
        mine, yours = world.post(1, ago + 0.5), world.post(2, ago + 0.5)
        world.act("like", 2, 1, ago, mine)
        world.act("like", 1, 2, ago, yours)
    row = world.people()[1]
    assert row["taken_exchange"] > 0
    assert row["vouched"] == 0

    assert row["reach"] < _of(row, exchanged=True) <= row["forecast"]


@settings(max_examples=100, deadline=None)
@given(before=people, parts=st.lists(st.floats(-1e3, 1e6), min_size=1, max_size=6))
def test_shares_of_a_change_add_up(before: float, parts: list[float]) -> None:
    after = before + sum(parts)
    if after < 0:
        parts.append(-after)
        after = 0.0

    shares = shares_of_change(before, after, parts)

    gap = float(score(after) - score(before))
    assert sum(shares) == pytest.approx(gap, abs=1e-9 + 1e-7 * abs(gap))


def test_parts_that_cancel_have_shares_that_cancel() -> None:
    slope = 99 / np.log1p(1e7) / 11
    assert shares_of_change(10, 10, [2, -2]).tolist() == pytest.approx([2 * slope, -2 * slope])
    assert shares_of_change(2e7, 2e7, [2, -2]).tolist() == [0, 0]
    gap = float(score(12) - score(10))
    assert shares_of_change(10, 12, [3, -1]).tolist() == pytest.approx([1.5 * gap, -0.5 * gap])
