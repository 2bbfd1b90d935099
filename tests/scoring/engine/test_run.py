"""A run from tables to scores: one case worked by hand, the edges of the input, and what a run leaves behind."""

import json
import math
import weakref
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.engine import (
    INTERACTIONS,
    POSTS,
    REASONS,
    ConvergenceError,
    InputError,
    Inputs,
    Parameters,
    compute,
    explain,
    run,
    snapshot,
)
from scoring.engine.inputs import SCORES, SUPPORTS, TOPICS
from tests.scoring.engine.worlds import DAY, UNTIL, World, assert_equal, by_person, community, rows


def test_a_case_worked_by_hand() -> None:
    """1 is proved; 1 likes a post of 2, and 2 one of 3, both thirty days ago."""
    world = World(seeds=[1])
    world.act("like", 1, 2, days_ago=30, post=77)
    world.act("like", 2, 3, days_ago=30, post=78)
    world.topics = [(77, 5), (77, 6)]
    formula = Parameters(damping=0.5, trust_scale=1.0, firm_scale=1.0, trust_core=1.0)

    result = world.run(formula)

    # One act of one half-life weighs 1/2: a rate of ln 2 / 30 / 2 a day, and in 28 days
    # 1 - exp(-28 ln 2 / 60) = 1 - 2^(-28/60) people; .15 newcomers come besides, all but e^-10 of them.
    p = 1 - 2 ** (-28 / 60) + 0.15 * (1 - math.exp(-10))
    # The walk is at 1 for 4/7 of its time (half of all restarts, and all from 3, who leads nowhere), at 2 for half of
    # that and at 3 for half of that again; its mean is 1/3.
    trust1, trust2, trust3 = (1 - math.exp(-((3 * share) ** 2)) for share in (4 / 7, 2 / 7, 1 / 7))
    # Each gave to one person alone, so that trust counts by how firm it is, and here the two have one scale. 2: nearly
    # all vouched, so the rest is below the cap. 3: V = p trust2^2, nobody reads many, and of the rest .4 V counts.
    reach3 = 1.4 * p * trust2**2
    assert reach3 < p
    expected: dict[int, dict[str, Any]] = {
        1: {"reach": 0.0, "forecast": 0.0, "score": 1.0, "trust": trust1, "supporters": 0, "percentile": 100 / 6},
        2: {"reach": p, "forecast": p, "taken_unvouched": 0.0, "trust": trust2, "supporters": 1, "percentile": 250 / 3},
        3: {"reach": reach3, "forecast": p, "taken_unvouched": p - reach3, "trust": trust3, "percentile": 50.0},
    }
    people = by_person(result)
    for person, row in expected.items():
        for column, value in row.items():
            assert people[person][column] == pytest.approx(value, abs=1e-9), (person, column)
    assert people[3]["score"] == pytest.approx(1 + 99 * math.log(1 + reach3) / math.log(1 + 1e7), abs=1e-9)
    assert [people[i][c] for i in (1, 2, 3) for c in ("alive", "credibility")] == [1.0] * 6
    rows = result.supports.drop_columns(["expected", *(f"taken_{reason}" for reason in REASONS)]).to_pylist()
    assert rows == [
        {"supporter": 1, "supported": 2, "reach": pytest.approx(p), "rank": 1, "rank_given": 1, "actions": 1},
        {"supporter": 2, "supported": 3, "reach": pytest.approx(reach3), "rank": 1, "rank_given": 1, "actions": 1},
    ]
    topics = {(row["person"], row["topic"]): row["reach"] for row in result.topics.to_pylist()}
    assert topics == pytest.approx({(2, 5): p / 2, (2, 6): p / 2, (3, None): reach3})
    assert result.notes["seeded_from"] == "proved"


def test_all_five_reasons_worked_by_hand() -> None:
    """1 and 2 answer each other too well, 2 repeats its texts and fell silent, and only 1 is trusted at all."""
    world = World(seeds=[1])
    for ago in range(31, 41):
        # Ten posts of each, each answered by the other on the next day: no return of the same day.
        mine = world.post(1, ago, kind="reshare")
        yours = world.post(2, ago, text="nut" if ago > 31 else "squirrel")
        world.act("like", 2, 1, ago - 0.5, mine)
        world.act("like", 1, 2, ago - 1, yours)
    formula = Parameters(
        credibility_days=60, selectivity_slack=1, exchange_from=0.5, exchange_to=1.5, return_hours=0, newcomers=0
    )

    two = world.people(formula)[2]

    # Ten likes on ten posts, both ways: f = 10 / 11 each, so m = 10 / 11 and e = (1.5 - 10/11) / 1.
    exchange = 1.5 - 10 / 11
    # Two different texts of ten, twice over.
    credibility = 0.4
    # 1's ten acts on one person: min(1, 2 (10 - 1 + 1) / (10 + 1)) = 1: nothing indiscriminate.
    rate = math.log(2) / 30 * sum(2 ** (-(ago - 1) / 30) for ago in range(31, 41))
    p = 1 - math.exp(-28 * rate)
    alive = two["alive"]
    assert 0 < alive < 0.5
    assert two["trust"] > 0.99
    assert two["credibility"] == pytest.approx(credibility)
    assert two["forecast"] == pytest.approx(p)
    assert two["reach"] == pytest.approx((1 + p * exchange * credibility) ** alive - 1)

    # What each takes off on average over the six orders in which the three could be applied.
    factors = {"exchange": exchange, "repetition": credibility, "absence": alive}

    def left(on: Sequence[str]) -> float:
        there = p * math.prod(factors[reason] for reason in on if reason != "absence")
        return float((1 + there) ** alive - 1) if "absence" in on else there

    orders = list(permutations(factors))
    for reason in factors:
        before = [order[: order.index(reason)] for order in orders]
        taken = sum(left(some) - left((*some, reason)) for some in before) / len(orders)
        assert two[f"taken_{reason}"] == pytest.approx(taken)
    assert two["taken_unvouched"] == pytest.approx(0, abs=1e-9)
    assert two["taken_indiscriminate"] == pytest.approx(0, abs=1e-9)


def test_empty_input_gives_empty_tables() -> None:
    for inputs in (
        Inputs(INTERACTIONS.empty_table(), POSTS.empty_table(), UNTIL),
        Inputs([], [], UNTIL, seeds=np.array([3], dtype=np.int64)),
    ):
        result = compute(inputs)

        assert (result.scores.schema, result.scores.num_rows) == (SCORES, 0)
        assert (result.topics.schema, result.topics.num_rows) == (TOPICS, 0)
        assert (result.supports.schema, result.supports.num_rows) == (SUPPORTS, 0)
        assert result.notes["people"] == 0


def test_everybody_seen_gets_a_row() -> None:
    world = World(owners={50: 6})
    world.act("follow", 1, 2, 3)
    world.act("like", 3, 3, 3)
    world.post(4, 3)
    world.act("like", 7, 8, days_ago=-1)
    world.post(9, days_ago=0)

    people = world.people()

    assert sorted(people) == [1, 2, 3, 4, 6]
    assert {row["score"] for row in people.values()} == {1.0}
    assert {row["percentile"] for row in people.values()} == {50.0}


def test_only_what_happened_before_the_moment_counts() -> None:
    world = World()
    world.act("like", 1, 2, days_ago=0)
    world.act("like", 3, 2, days_ago=1 / DAY)

    assert world.people()[2]["supporters"] == 1


def test_parquet_files_and_arrow_tables_score_alike(tmp_path: Path) -> None:
    world = World(seeds=[1, 2, 3])
    community(world, range(1, 13))
    inputs = world.inputs()
    paths: dict[str, list[Path]] = {}
    for name, table in (("interactions", inputs.interactions), ("posts", inputs.posts)):
        assert isinstance(table, pa.Table)
        half = table.num_rows // 2
        paths[name] = [tmp_path / f"{name}-{i}.parquet" for i in (0, 1)]
        # Other column order, a column more, and a dictionary where the log may write one.
        shuffled = table.select(table.column_names[::-1]).append_column("lang", pa.nulls(table.num_rows, pa.string()))
        kind = shuffled.column_names.index("kind")
        shuffled = shuffled.set_column(kind, "kind", shuffled.column("kind").dictionary_encode())
        pq.write_table(shuffled.slice(0, half), paths[name][0])
        pq.write_table(shuffled.slice(half), paths[name][1])

    from_files = compute(Inputs(paths["interactions"], paths["posts"], UNTIL, seeds=inputs.seeds))
    from_tables = compute(inputs)

    assert_equal(from_files.scores, from_tables.scores)
    assert_equal(from_files.supports, from_tables.supports)


def test_a_table_that_lacks_a_column_is_refused(tmp_path: Path) -> None:
    posts = POSTS.empty_table()
    broken = INTERACTIONS.empty_table().drop_columns(["target"])
    pq.write_table(broken, tmp_path / "broken.parquet")

    with pytest.raises(InputError, match="interactions: no column target; there are at, kind, actor, post, network"):
        compute(Inputs(broken, posts, UNTIL))
    with pytest.raises(InputError, match="interactions: no column target; there are at, kind, actor, post, network"):
        compute(Inputs([tmp_path / "broken.parquet"], posts, UNTIL))


def test_a_column_of_another_type_is_refused() -> None:
    interactions = INTERACTIONS.empty_table().drop_columns(["actor"]).append_column("actor", pa.array([], pa.string()))
    words = pa.table({**{name: [1] for name in INTERACTIONS.names}, "actor": ["anna"]})

    assert compute(Inputs(interactions, [], UNTIL)).scores.num_rows == 0
    with pytest.raises(InputError, match=r"interactions: .*anna.*; the columns must be"):
        compute(Inputs(words, [], UNTIL))


def test_rows_without_their_keys_are_left_out() -> None:
    interactions = pa.table(
        {
            "at": [UNTIL - 5, UNTIL - 6, None, UNTIL - 8, UNTIL - 9],
            "kind": ["like", None, "like", "like", "like"],
            "actor": [1, 1, 1, None, 1],
            "target": [2, 2, 2, 2, None],
            "post": pa.array([None] * 5, pa.int64()),
            "network": [None] * 5,
        }
    )
    posts = pa.table(
        {
            "post": [7, None, 8, 9],
            "at": [UNTIL - 5, UNTIL - 5, None, UNTIL - 5],
            "author": [2, 2, 2, None],
            "kind": pa.array([None] * 4, pa.string()),
            "text": pa.array([None] * 4, pa.string()),
        }
    )

    people = by_person(compute(Inputs(interactions, posts, UNTIL)))

    assert sorted(people) == [1, 2]
    assert (people[2]["actions"], people[2]["posts"], people[2]["original_share"]) == (1, 1, 1.0)


def test_an_account_of_two_persons_is_refused() -> None:
    owners = pa.table({"account": [5, 5, 5], "person": [1, 2, 1]})

    with pytest.raises(InputError, match="owners: account 5 belongs to more than one person; keep one row"):
        compute(Inputs([], [], UNTIL, owners=owners))


def test_a_walk_without_enough_steps_stops_the_run() -> None:
    world = World(seeds=[1])
    community(world, range(1, 9))

    with pytest.raises(ConvergenceError, match="raise walk_iterations"):
        world.run(Parameters(walk_iterations=2))


def test_a_connection_passed_in_is_left_as_it_was(tmp_path: Path) -> None:
    connection = ibis.duckdb.connect()
    connection.raw_sql("CREATE TABLE mine AS SELECT 1 AS x")
    world = World()
    community(world, range(1, 9))
    world.topics = [(post, post % 3) for post, *_ in world.posted]
    world.rests = [(3, UNTIL - 9 * DAY, UNTIL - 5 * DAY)]
    inputs = world.inputs()
    pq.write_table(rows(INTERACTIONS, world.acts), tmp_path / "interactions.parquet")

    result = compute(replace(inputs, interactions=[tmp_path / "interactions.parquet"]), connection=connection)

    assert_equal(result.scores, world.run().scores)
    tables = connection.raw_sql("SELECT table_name FROM information_schema.tables").fetchall()
    assert [name for (name,) in tables if not name.startswith("ibis_pyarrow_memtable")] == ["mine"]


def test_progress_names_the_steps_and_notes_are_json() -> None:
    world = World(seeds=[1, 99])
    community(world, range(1, 13))
    steps: list[str] = []

    rows: list[int] = []

    def hear(step: str, of: int = 0, /) -> None:
        steps.append(step)
        rows.append(of)

    result = compute(world.inputs(), progress=hear)

    assert rows[-1] == result.notes["pairs"] > 0
    assert steps == [
        "reading activity",
        "forecasting as of a horizon ago",
        "scoring",
        "listing supporters",
        "checking the forecast of a horizon ago",
        "splitting by topic and kind",
    ]
    notes = json.loads(json.dumps(result.notes))
    assert notes["people"] == 12
    assert notes["interactions"] == len(set(world.acts))
    assert notes["posts"] == len(world.posted)
    assert notes["seeds"] == 1
    assert notes["band"] == "prior"
    assert notes["fingerprint"] == Parameters().fingerprint()


def test_of_pairs_nothing_is_in_memory_while_reach_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(seeds=[1])
    world.act("like", 1, 2, days_ago=3)
    made: list[weakref.ref[Any]] = []
    before, split = snapshot.snapshot, explain.over_acts

    def noting(*given: Any, **named: Any) -> Any:
        now, recent = before(*given, **named)
        made.extend(map(weakref.ref, (now, now.pairs, now.reach, recent)))
        return now, recent

    left: list[Any] = []

    def splitting(*given: Any) -> Any:
        left.extend(ref() for ref in made)
        return split(*given)

    monkeypatch.setattr(run, "snapshot", noting)
    monkeypatch.setattr(explain, "over_acts", splitting)
    assert world.run().notes["pairs"] == 1
    assert left == [None] * 4


def test_supports_keep_the_largest_both_ways() -> None:
    # 2 to 6 support 1, the later the more; 2 supports 7 as well, and less.
    world = World(seeds=[2, 3, 4, 5, 6])
    for giver in range(2, 7):
        for _ in range(giver):
            world.act("like", giver, 1, days_ago=len(world.acts) + 1)
    world.act("like", 2, 7, days_ago=60)

    kept = world.run(Parameters(supports_kept=2)).supports.to_pylist()

    places = [(row["supporter"], row["supported"], row["rank"], row["rank_given"]) for row in kept]
    assert (6, 1, 1, 1) in places
    # Fifth of 1's supporters, but 1 is whom they support most.
    assert (2, 1, 5, 1) in places
    assert (2, 7, 1, 2) in places
    assert [(row["supporter"], row["rank"]) for row in kept if row["supported"] == 1] == [
        *((2, 5), (3, 4), (4, 3), (5, 2), (6, 1)),
    ]
    assert world.run(Parameters(supports_kept=0)).supports.num_rows == 0
