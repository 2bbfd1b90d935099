"""The single acts behind a score: found again from the log, and adding up to what the run gave."""

from collections import defaultdict
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given

from scoring.engine import Parameters, reactions
from scoring.engine.inputs import REACTIONS
from tests.scoring.engine.test_properties import FORMULA, quick
from tests.scoring.engine.test_reference import worlds
from tests.scoring.engine.worlds import UNTIL, World


@quick
@given(world=worlds())
def test_acts_add_up_to_each_supporter_and_to_each_part(world: World) -> None:
    formula = replace(FORMULA, supports_kept=10_000)
    inputs, result = world.inputs(), world.run(formula)

    found = reactions(
        inputs.interactions,
        owners=inputs.owners,
        supports=result.supports,
        until=UNTIL,
        formula=formula,
    )

    by_pair: dict[tuple[int, int], float] = defaultdict(float)
    by_part: dict[tuple[int, str, str], float] = defaultdict(float)
    for row in found.to_pylist():
        by_pair[row["supporter"], row["supported"]] += row["reach"]
        by_part[row["supported"], row["kind"], row["network"]] += row["reach"]
    assert by_pair == pytest.approx(
        {(row["supporter"], row["supported"]): row["reach"] for row in result.supports.to_pylist()}, abs=1e-9
    )
    parts = {(row["person"], row["kind"], row["network"]): row["reach"] for row in result.parts.to_pylist()}
    assert {key: part for key, part in by_part.items() if part > 0} == pytest.approx(parts, abs=1e-9)
    assert sum(1 for _ in found.to_pylist()) == sum(row["actions"] for row in result.supports.to_pylist())


def test_one_supporters_acts_come_heaviest_first_and_nobody_elses() -> None:
    world = World(seeds=[2, 3], owners={20: 2})
    world.act("like", 20, 1, 31, post=7)
    world.act("reply", 2, 1, 1)
    world.act("like", 3, 1, 1)
    world.act("like", 2, 3, 1)
    inputs, result = world.inputs(), world.run()
    mine = [row for row in result.supports.to_pylist() if (row["supporter"], row["supported"]) == (2, 1)]

    found = reactions(
        inputs.interactions,
        owners=inputs.owners,
        supports=result.supports.from_pylist(mine, result.supports.schema),
        until=UNTIL,
        formula=Parameters(),
    )

    assert [(row["kind"], row["post"], row["network"]) for row in found.to_pylist()] == [
        ("reply", None, "demo"),
        ("like", 7, "demo"),
    ]
    assert found["reach"].to_pylist() == pytest.approx([mine[0]["reach"] * 2 / 3, mine[0]["reach"] / 3])


def test_the_last_bit_of_a_sum_decides_no_order() -> None:
    world = World()
    world.act("like", 2, 1, 5)
    world.act("like", 3, 1, 1)
    supports = world.run(FORMULA).supports
    level = pa.array([0.1 + 0.2 if row["supporter"] == 2 else 0.3 for row in supports.to_pylist()])

    found = reactions(
        world.inputs().interactions,
        owners=world.inputs().owners,
        supports=supports.set_column(supports.column_names.index("reach"), "reach", level),
        until=UNTIL,
        formula=FORMULA,
    )

    assert found["supporter"].to_pylist() == [3, 2], "the later act first"


def test_without_supporters_there_are_no_acts() -> None:
    world = World()
    world.act("like", 2, 1, 1)
    inputs = world.inputs()
    none = world.run(Parameters(supports_kept=0)).supports

    found = reactions(inputs.interactions, owners=inputs.owners, supports=none, until=UNTIL, formula=Parameters())

    assert (found.schema, found.num_rows) == (REACTIONS, 0)
