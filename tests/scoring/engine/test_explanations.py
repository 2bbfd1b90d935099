"""Where reach comes from, and what was taken off whom: both add up, in any world, to the last digit."""

import math
import random
from collections import defaultdict
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.engine import REASONS, Parameters, what_if
from scoring.engine.activity import NAMINGS
from scoring.engine.inputs import PARTS
from scoring.engine.pairs import Pairs
from scoring.engine.reach import Reach, reach
from scoring.engine.taken import taken_of
from tests.scoring.engine.reference import SCORED
from tests.scoring.engine.test_properties import FORMULA, quick, renamed
from tests.scoring.engine.test_reference import worlds
from tests.scoring.engine.worlds import DAY, UNTIL, World

# Every supporter is kept, so that sums over them are sums over all.
ALL = replace(FORMULA, supports_kept=10_000)
SHARES = ("reach", "expected", *(f"taken_{reason}" for reason in REASONS))


@quick
@given(world=worlds())
def test_supporters_kinds_and_networks_add_up_to_the_person(world: World) -> None:
    result = world.run(ALL)

    by_supporter: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in result.supports.to_pylist():
        taken = sum(row[f"taken_{reason}"] for reason in REASONS)
        assert row["expected"] - taken == pytest.approx(row["reach"], abs=1e-9)
        for name in SHARES:
            by_supporter[row["supported"]][name] += row[name]
    by_part: dict[int, float] = defaultdict(float)
    for row in result.parts.to_pylist():
        assert row["reach"] > 0
        by_part[row["person"]] += row["reach"]
    for row in result.scores.to_pylist():
        whole = row | {"expected": row["forecast"]}
        found = by_supporter[row["person"]]
        assert {name: found[name] for name in SHARES} == pytest.approx({n: whole[n] for n in SHARES}, abs=1e-9)
        assert by_part[row["person"]] == pytest.approx(row["reach"], abs=1e-9)


@quick
@given(world=worlds())
def test_parts_follow_the_acts_of_each_supporter(world: World) -> None:
    result = world.run(ALL)

    expected = slow_parts(world, result.supports.to_pylist(), ALL)
    found = {(row["person"], row["kind"], row["network"]): row["reach"] for row in result.parts.to_pylist()}
    assert found == pytest.approx({key: part for key, part in expected.items() if part > 0}, abs=1e-9)


def slow_parts(world: World, supports: list[dict[str, Any]], formula: Parameters) -> dict[tuple[int, str, str], float]:
    """Split each supporter's part, as the engine gave it, over their acts, one by one."""
    acts: dict[tuple[int, int], list[tuple[int, str, str]]] = defaultdict(list)
    # The same event twice is one; an act on several posts in one second is several.
    for at, kind, actor, target, _post, network in {event for event in world.acts if event[0] < UNTIL}:
        giver, receiver = world.owners.get(actor, actor), world.owners.get(target, target)
        if kind in SCORED and giver != receiver:
            acts[giver, receiver].append((at, kind, network))
    found: dict[tuple[int, str, str], float] = defaultdict(float)
    for support in supports:
        mine = acts[support["supporter"], support["supported"]]
        reacted = {at for at, kind, _ in mine if kind not in NAMINGS}
        mine = [act for act in mine if act[1] not in NAMINGS or act[0] not in reacted]
        weights = [2.0 ** ((at - UNTIL) / DAY / formula.half_life_days) for at, _, _ in mine]
        for (_, kind, network), weight in zip(mine, weights, strict=True):
            found[support["supported"], kind, network] += support["reach"] * weight / sum(weights)
    return found


@quick
@given(world=worlds(), seed=st.integers(0, 99))
def test_numbering_changes_no_part(world: World, seed: int) -> None:
    dice = random.Random(seed)
    numbers = [dice.randrange(-(2**63), 2**63) for _ in range(20)]

    mine, theirs = world.run(ALL), renamed(world, numbers.__getitem__).run(ALL)

    parts = {(numbers[row["person"]], row["kind"], row["network"]): row["reach"] for row in mine.parts.to_pylist()}
    others = {(row["person"], row["kind"], row["network"]): row["reach"] for row in theirs.parts.to_pylist()}
    assert others == pytest.approx(parts, abs=1e-9)
    pairs = {
        (numbers[row["supporter"]], numbers[row["supported"]]): [row[name] for name in SHARES]
        for row in mine.supports.to_pylist()
    }
    for row in theirs.supports.to_pylist():
        assert [row[name] for name in SHARES] == pytest.approx(pairs[row["supporter"], row["supported"]], abs=1e-9)


def test_parts_are_sorted_and_there_are_none_without_acts() -> None:
    world = World(seeds=[2, 3])
    world.act("reply", 2, 1, 3, network="twitter")
    world.act("like", 3, 1, 3, network="mastodon")
    world.act("like", 2, 1, 4, network="twitter")

    parts = world.run().parts

    assert [(row["person"], row["kind"], row["network"]) for row in parts.to_pylist()] == [
        (1, "like", "mastodon"),
        (1, "like", "twitter"),
        (1, "reply", "twitter"),
    ]
    assert (World().run().parts.schema, World().run().parts.num_rows) == (PARTS, 0)


def test_an_interaction_without_a_network_is_one_all_the_same() -> None:
    world = World(acts=[(UNTIL - DAY, "like", 2, 1, None, None)], seeds=[2])  # type: ignore[list-item]

    assert [row["network"] for row in world.run().parts.to_pylist()] == [""]


shares_of_one = st.floats(0, 1)


@st.composite
def supporters(draw: st.DrawFn) -> list[dict[str, float]]:
    """Draw what the supporters of one person bring, and how far they can be believed."""
    names = ("weight", "free", "trust", "firm", "broad", "selectivity", "exchange")
    return draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, shares_of_one)), min_size=1, max_size=6))


@quick
@given(givers=supporters(), credibility=shares_of_one, alive=shares_of_one)
def test_reasons_are_shared_out_over_supporters(
    givers: list[dict[str, float]], credibility: float, alive: float
) -> None:
    formula = Parameters(kappa=0.2, kappa_broad=0.5, broad_people=0.3)
    found, taken = _of_one(givers, credibility, alive, formula)

    expected = slow_taken(givers, credibility, alive, formula)

    for i in range(len(givers)):
        assert {reason: taken[reason][i] for reason in REASONS} == pytest.approx(expected[i], abs=1e-9)
    for reason in REASONS:
        assert sum(taken[reason]) == pytest.approx(found.taken()[reason][0], abs=1e-9)


@quick
@given(givers=supporters(), credibility=shares_of_one, alive=shares_of_one)
def test_without_exchange_is_the_formula_with_that_switch_off(
    givers: list[dict[str, float]], credibility: float, alive: float
) -> None:
    formula = Parameters(kappa=0.2, kappa_broad=0.5, broad_people=0.3)
    found, _ = _of_one(givers, credibility, alive, formula)
    switches = found.switches

    without = what_if(
        switches.sums[False, True], caps=switches.caps, credibility=switches.credibility, alive=switches.alive
    )

    assert without[0] == pytest.approx(switches.value(frozenset(REASONS) - {"exchange"})[0], abs=1e-12)
    rested = what_if(
        found.attention, caps=switches.caps, credibility=switches.credibility, alive=switches.alive, rested=True
    )
    assert rested[0] == pytest.approx(switches.value(frozenset(REASONS) - {"absence"})[0], abs=1e-12)


def test_less_from_one_can_leave_room_for_another() -> None:
    # Two bots fill the cap; where one of them is known to act on everybody, the other's part of the cap grows.
    honest = {"weight": 1.0, "free": 1.0, "trust": 1.0, "firm": 1.0, "broad": 1.0, "selectivity": 1.0, "exchange": 1.0}
    bot = honest | {"trust": 0.0, "firm": 0.0, "broad": 0.0}
    found, taken = _of_one([honest, bot, bot | {"selectivity": 0.1}], 1.0, 1.0, Parameters())

    assert taken["indiscriminate"][1] < 0 < taken["indiscriminate"][2]
    assert sum(taken["indiscriminate"]) == pytest.approx(found.taken()["indiscriminate"][0])


def _of_one(
    givers: list[dict[str, float]], credibility: float, alive: float, formula: Parameters
) -> tuple[Reach, dict[str, Any]]:
    """Return the engine's reach of person 0, whom the others support, and what was taken off each supporter."""
    count = len(givers)
    columns = {name: np.array([row[name] for row in givers]) for name in givers[0]}
    weight = columns["weight"]
    free = weight * columns["free"]
    ends = (np.arange(1, count + 1, dtype=np.int32), np.zeros(count, np.int32))
    pairs = Pairs(*ends, np.full(count, 2, dtype=np.int32), weight, free, weight, free, weight)
    of_people = {name: np.concatenate([[1.0], columns[name]]) for name in ("trust", "firm", "selectivity")}
    received: dict[str, Any] = {
        "credibility": np.array([credibility] + [1.0] * count),
        "alive": np.array([alive] + [1.0] * count),
    }
    both: dict[str, Any] = {**of_people, "exchange": columns["exchange"], "formula": formula}
    both["broad"] = lambda some: columns["broad"][some]
    found = reach(pairs, **both, **received)
    return found, taken_of(np.arange(count), pairs, found, **both)


def slow_taken(
    givers: list[dict[str, float]], credibility: float, alive: float, formula: Parameters
) -> list[dict[str, float]]:
    """Take the reasons one after the other, in every order, and note what each takes off each supporter."""

    def acts(weight: float) -> float:
        again = 1 - math.exp(-weight * math.log(2) / formula.half_life_days * formula.horizon_days)
        return again + formula.newcomers * formula.horizon_days / 28 * (
            1 - math.exp(-weight / formula.newcomers_weight)
        )

    def parts(on: set[str]) -> list[float]:
        rows = []
        for row in givers:
            part = acts(row["weight"])
            if "exchange" in on:
                part = acts(row["weight"] * row["free"]) * row["exchange"]
            if "indiscriminate" in on:
                part *= row["selectivity"]
            vouched = row["trust"] * (row["firm"] + (1 - row["firm"]) * row["broad"])
            broad = (1 - row["trust"]) * row["broad"]
            rows.append([part * vouched, part * broad, part * max(1 - vouched - broad, 0)])
        sums = [sum(column) for column in zip(*rows, strict=True)]
        counted = list(sums)
        if "unvouched" in on:
            counted[1] = min(sums[1], formula.kappa_broad * (formula.broad_people + sums[0]))
            counted[2] = min(sums[2], formula.kappa * (sums[0] + counted[1]))
        whole = sum(counted)
        value = whole * credibility if "repetition" in on else whole
        value = (1 + value) ** alive - 1 if "absence" in on else value
        left = [c / s if s else 0.0 for c, s in zip(counted, sums, strict=True)]
        return [sum(x * f for x, f in zip(row, left, strict=True)) * (value / whole if whole else 0) for row in rows]

    found = [dict.fromkeys(REASONS, 0.0) for _ in givers]
    orders = list(permutations(REASONS))
    values: dict[frozenset[str], list[float]] = {}
    for order in orders:
        for i, reason in enumerate(order):
            before, after = (frozenset(order[:k]) for k in (i, i + 1))
            for on in (before, after):
                if on not in values:
                    values[on] = parts(set(on))
            for giver, (b, a) in enumerate(zip(values[before], values[after], strict=True)):
                found[giver][reason] += (b - a) / len(orders)
    return found
