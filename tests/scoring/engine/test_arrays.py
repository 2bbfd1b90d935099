"""Array work that is done some at a time, and by several threads at once."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from scoring.engine import arrays
from scoring.engine.arrays import blocks, in_groups, side_by_side, sum_by
from tests.scoring.engine.worlds import World, assert_equal, community


@pytest.fixture
def some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "_AT_ONCE", 7)


def test_what_comes_of_parts_stands_in_their_order() -> None:
    def work(part: int) -> int:
        # The earlier a part, the longer it takes.
        time.sleep((10 - part) / 200)
        return part * part

    assert list(side_by_side(work, range(10))) == [part * part for part in range(10)]
    assert list(side_by_side(work, [])) == []


def test_parts_are_worked_on_at_once_and_few_are_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: range(64))
    both = threading.Barrier(2)
    begun: list[int] = []

    def parts() -> Iterator[int]:
        for part in range(40):
            begun.append(part)
            yield part

    def work(part: int) -> None:
        if part < 2:
            both.wait(30)

    for done, _ in enumerate(side_by_side(work, parts())):
        assert len(begun) <= done + arrays._SIDE_BY_SIDE + 1
    assert len(begun) == 40


def test_what_a_part_raises_comes_in_its_place_and_ends_the_others() -> None:
    worked: list[int] = []

    def work(part: int) -> int:
        worked.append(part)
        if part == 2:
            raise ValueError("two")
        return part

    found = side_by_side(work, range(1000))
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(found)
    assert len(worked) < 20


def test_whoever_wants_no_more_leaves_no_thread() -> None:
    before = threading.active_count()
    found = side_by_side(lambda part: part, range(1000))
    assert next(found) == 0
    found.close()  # type: ignore[attr-defined]  # it is a generator
    assert threading.active_count() == before


@pytest.mark.usefixtures("some_at_a_time")
@pytest.mark.parametrize("kind", [np.int32, np.bool_, np.float64])
def test_sums_some_at_a_time_are_those_of_all_at_once(kind: Any) -> None:
    generator = np.random.default_rng(1)
    group = generator.integers(0, 4, 100).astype(np.int32)
    values = generator.integers(0, 2, 100).astype(kind)
    assert sum_by(group, values, 5).tolist() == [float(values[group == one].sum()) for one in range(5)]
    assert sum_by(group[:0], values[:0], 2).tolist() == [0.0, 0.0]


@pytest.mark.usefixtures("some_at_a_time")
def test_blocks_are_all_of_it_once() -> None:
    for least in (0, 30):
        parts = [np.arange(100)[some] for some in blocks(100, at_least=least)]
        assert np.concatenate(parts).tolist() == list(range(100))
        assert max(part.size for part in parts) == max(least, 7)


def test_groups_keep_the_order_within_them() -> None:
    group = np.random.default_rng(2).integers(0, 9, 500).astype(np.int32)
    assert in_groups(group, 9).tolist() == np.argsort(group, kind="stable").tolist()


def test_a_run_gives_the_same_whatever_is_worked_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(seeds=[1, 2])
    community(world, range(1, 16))
    for giver in range(20, 60):
        world.act("like", giver, 1 + giver % 5, days_ago=giver / 9)
    expected = world.run()
    assert expected.notes["pairs"] > 50
    monkeypatch.setattr(arrays, "_AT_ONCE", 7)
    monkeypatch.setattr("scoring.engine.explain._AT_ONCE", 11)
    monkeypatch.setattr("scoring.engine.taken._AT_ONCE", 3)
    found = world.run()
    for name in ("scores", "topics", "supports", "parts"):
        assert_equal(getattr(found, name), getattr(expected, name))
