"""The same worlds on both engines: DuckDB, and a Spark of one master and two workers.

All that needs the cluster stands in one test, so that the tests' two processes don't start two.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pytest_django.fixtures import Settings

from accounts.actions.spool import SPOOL
from scoring.actions.computing import engine_connection
from scoring.engine import INTERACTIONS, ConvergenceError, InputError, Inputs, Parameters, Result, compute
from scoring.engine.activity import activity
from scoring.engine.daily import Days, summaries, texts
from scoring.engine.state import TABLES, State, rolled, summed
from scoring.engine.stored import read_days, read_state, write_days, write_state
from scoring.engine.tables import Workspace
from scoring.engine.trust import walk
from scoring.engine.walk_tables import walk_tables
from tests import spark
from tests.scoring.engine.worlds import DAY, UNTIL, World, assert_equal, community

RESULTS = ("scores", "topics", "supports", "parts")
FORMULA = Parameters(burst_share=0.3)
WITHIN = 1e-6
KEPT_FROM = UNTIL // DAY - 30


def busy() -> World:
    """Return a world with all that a run looks at: topics, owners, rests, two networks, keys of 64 bits."""
    world = World(seeds=[1, 2, 3], owners={5: 6, -(2**62) - 1: 4}, parents=((2, 3),))
    community(world, range(1, 13), days=80)
    world.topics = [(post, post % 3 + 1) for post, *_ in world.posted] + [(post, 9) for post, *_ in world.posted[::2]]
    world.rests = [(3, UNTIL - 9 * DAY, UNTIL - 5 * DAY)]
    for ago in range(1, 31):
        # Of these the last bits tell them apart, and doubles lose them; no post, another network, favours returned.
        world.act("mention", 2**62 + 1, 1, ago, network="other")
        world.act("like", 1, 2**62 + 1, ago - 0.1)
        world.act("like", 2**62 + 2, 2, ago)
        world.act("repost", -(2**62) - 1, 3, ago)
    return world


def in_files(inputs: Inputs, folder: Path) -> Inputs:
    """Return inputs of which activity lies in files that differ in types and order of columns, as a log's may."""
    folder.mkdir()
    interactions, posts = inputs.interactions, inputs.posts
    assert isinstance(interactions, pa.Table)
    assert isinstance(posts, pa.Table)
    half = interactions.num_rows // 2
    kinds = interactions.column("kind").dictionary_encode()
    shuffled = interactions.set_column(1, "kind", kinds).select(INTERACTIONS.names[::-1])
    pq.write_table(shuffled.slice(0, half), folder / "0.parquet")
    pq.write_table(interactions.slice(half), folder / "1.parquet")
    large = posts.set_column(posts.column_names.index("text"), "text", posts.column("text").cast(pa.large_string()))
    pq.write_table(large.append_column("lang", pa.nulls(posts.num_rows)), folder / "2.parquet")
    files = [folder / f"{number}.parquet" for number in range(3)]
    return replace(inputs, interactions=files[:2], posts=files[2:])


@pytest.fixture
def on_spark(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield a connection to a cluster, opened as a run opens it."""
    reason = spark.missing()
    if reason is not None:
        pytest.skip(reason)
    for name, value in spark.environment(tmp_path / "cluster").items():
        monkeypatch.setenv(name, value)
    settings.SCORING_ENGINE = "spark"
    with spark.cluster(tmp_path / "cluster") as address:
        settings.SPARK_MASTER = address
        with engine_connection() as connection:
            yield connection


@pytest.mark.slow
def test_a_cluster_computes_what_duckdb_does(on_spark: Any, tmp_path: Path) -> None:
    executors(on_spark, 2)
    scores_agree(on_spark, tmp_path)
    nights_agree(on_spark, tmp_path)
    walks_agree(on_spark)
    [scratch] = (tmp_path / "log" / SPOOL).iterdir()
    # What is left is what came from memory; it goes with the session.
    assert all(path.is_file() for path in scratch.iterdir())
    assert on_spark.session.sql("SHOW VIEWS").filter("viewName LIKE 'sway%'").count() == 0


def executors(connection: Any, number: int) -> None:
    """Wait until both workers have given theirs: the master hands them out as workers report."""
    status = connection.session.sparkContext._jsc.sc()
    until = time.monotonic() + 60
    while status.getExecutorMemoryStatus().size() != number + 1:
        assert time.monotonic() < until
        time.sleep(0.1)


def scores_agree(connection: Any, folder: Path) -> None:
    inputs = in_files(busy().inputs(), folder / "files")
    expected = compute(inputs, FORMULA)
    found = compute(inputs, FORMULA, connection=connection)
    for name in RESULTS:
        assert_equal(getattr(found, name), getattr(expected, name), within=WITHIN)
        assert getattr(found, name).num_rows > 10, name
    assert_equal(found.forecast().people, expected.forecast().people, within=WITHIN)
    assert same_but_residual(found) == same_but_residual(expected)


def same_but_residual(result: Result) -> dict[str, Any]:
    return {name: value for name, value in result.notes.items() if name != "walk_residual"}


def nights_agree(connection: Any, folder: Path) -> None:
    """Let each engine go on from what the other has kept."""
    world = busy()
    with Workspace() as duckdb, Workspace(connection) as on_cluster:
        for first, then in ((duckdb, on_cluster), (on_cluster, duckdb)):
            place = folder / f"from-{first.connection.name}"
            kept = yesterday(first, world, place)
            found = tonight(then, world, place, kept)
            assert_same_state(then, found, duckdb, whole(duckdb, world))


def whole(workspace: Workspace, world: World, until: int = UNTIL) -> State:
    seen = activity(workspace, replace(world.inputs(), until=until))
    return summed(workspace, seen, until=until, formula=FORMULA)


def yesterday(workspace: Workspace, world: World, folder: Path) -> State:
    """Sum up all but the last day, and keep that with the days by themselves."""
    until = UNTIL - DAY
    seen = activity(workspace, replace(world.inputs(), until=until))
    days = summaries(workspace, seen, until=until, formula=FORMULA)
    state = summed(workspace, seen, until=until, formula=FORMULA)
    prints = texts(workspace, seen, since=0, until=until)
    matches = seen.posts.select("post", "day", topic=seen.posts.post % 3)
    write_days(workspace, days, prints, matches, folder / "days", since=KEPT_FROM)
    return write_state(workspace, state, seen.topic_sets, folder)


def tonight(workspace: Workspace, world: World, folder: Path, kept: State) -> State:
    """Take the last day in, and take the day before back and in again."""
    state = read_state(workspace, folder, until=UNTIL - DAY, events=kept.events, began=kept.began)
    last = UNTIL // DAY - 1
    horizon = int(FORMULA.horizon_days)
    of_days = {int(path.name.removeprefix("day=")): folder / "days" for path in (folder / "days" / "texts").iterdir()}
    seen = activity(workspace, world.inputs())
    added = summaries(workspace, seen, until=UNTIL, formula=FORMULA, days=[last - 1, last])
    names = ("pairs", "details", "accounts", "events")
    back = Days(**{name: read_days(workspace, {last - 1: folder / "days"}, name) for name in names})
    left = read_days(workspace, {last - horizon: folder / "days"}, "pairs")
    assert workspace.number(left.count()) > 0
    prints = workspace.arrays(read_days(workspace, of_days, "texts"))
    assert sum(prints["times"]) == sum(KEPT_FROM * DAY <= post[1] < UNTIL - DAY for post in world.posted)
    return rolled(workspace, state, added=added, taken_back=back, no_longer_recent=left, until=UNTIL, formula=FORMULA)


def assert_same_state(mine: Workspace, found: State, theirs: Workspace, expected: State) -> None:
    assert (found.events, found.began) == (expected.events, expected.began)
    for name in TABLES:
        keys = [column for column in expected.tables()[name].columns if column not in _sums(name)]
        rows, wanted = (state.tables()[name].order_by(keys).select(*keys, *_sums(name)) for state in (found, expected))
        assert_equal(mine.connection.to_pyarrow(rows), theirs.connection.to_pyarrow(wanted), within=WITHIN)


def _sums(name: str) -> tuple[str, ...]:
    return {
        "pairs": (
            *("actions", "reactions", "namings", "slow", "slow_free", "burst", "burst_free"),
            *("recent", "recent_free", "recent_slow"),
        ),
        "details": ("slow", "burst"),
        "accounts": ("posts", "own"),
        "words": ("bits",),
    }[name]


def walks_agree(connection: Any) -> None:
    rng = np.random.default_rng(5)
    giver, receiver = np.unique(rng.integers(0, 60, (2, 200)), axis=1)
    rate = np.where(rng.random(giver.size) < 0.1, 0.0, rng.random(giver.size))
    seeds = np.zeros(70)
    seeds[[3, 5, 64]] = 1, 2, 0.5
    assert np.setdiff1d(receiver, giver[rate > 0]).size, "somebody leads nowhere"
    how: dict[str, Any] = {"damping": 0.6, "tolerance": 0.1, "iterations": 50}
    expected = walk(giver, receiver, rate, seeds, **how)
    assert 3 <= expected.iterations <= 5
    edges = pa.table({"giver": giver, "receiver": receiver, "rate": rate})
    start = pa.table({"person": np.flatnonzero(seeds), "weight": seeds[seeds > 0]})
    with Workspace() as duckdb, Workspace(connection) as on_cluster:
        for workspace in (duckdb, on_cluster):
            given, from_ = (workspace.read(table, table.schema, "walk") for table in (edges, start))
            found = walk_tables(workspace, given, from_, **how)
            share = np.zeros(seeds.size)
            rows = workspace.arrays(found.share)
            share[rows["person"]] = rows["share"]
            assert found.iterations == expected.iterations
            assert found.residual == pytest.approx(expected.residual, abs=1e-9)
            assert share == pytest.approx(expected.share, abs=1e-9)


def test_a_walk_over_tables_refuses_what_the_walk_does() -> None:
    edges = pa.table({"giver": [1, 2], "receiver": [2, 1], "rate": [1.0, 1.0]})
    seeds = pa.table({"person": [1], "weight": [1.0]})
    with Workspace() as workspace:
        given, start = (workspace.read(table, table.schema, "walk") for table in (edges, seeds))
        with pytest.raises(ConvergenceError, match="after 2 steps"):
            walk_tables(workspace, given, start, damping=0.9, tolerance=1e-9, iterations=2)
        with pytest.raises(InputError, match="no seeds"):
            walk_tables(workspace, given, start.filter(False), damping=0.9, tolerance=1e-9, iterations=2)


def test_a_walk_over_tables_keeps_one_step_alone() -> None:
    edges = pa.table({"giver": [1, 2], "receiver": [2, 1], "rate": [1.0, 1.0]})
    seeds = pa.table({"person": [1], "weight": [1.0]})
    with Workspace() as workspace:
        given, start = (workspace.read(table, table.schema, "walk") for table in (edges, seeds))
        walk_tables(workspace, given, start, damping=0.5, tolerance=1e-9, iterations=99)
        tables = workspace.connection.raw_sql("SELECT table_name FROM information_schema.tables").fetchall()
        kept = [name for (name,) in tables if name.startswith("sway_")]
        # start, step, givers and the last shares.
        assert len(kept) == 4
