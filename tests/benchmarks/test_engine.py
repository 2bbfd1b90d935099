"""The engine's benchmark measures what it says: its activity is what it claims, and all ways give the same."""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from accounts.intake import open_source
from accounts.keys import account_key
from accounts.log import LogFolder, interactions_to_log, posts_to_log
from benchmarks.engine import importing, pairs, walks
from benchmarks.engine.__main__ import main
from benchmarks.engine.activity import DAYS, NETWORK, Activity, write_csv, write_log
from benchmarks.engine.measure import CommandFailed, Cost, by_turns, cost, noise
from benchmarks.score.bound import Bound, Part
from scoring.topics import Matcher, TopicName

SIZE = 20_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("activity")


@pytest.fixture(scope="module")
def log(folder: Path) -> dict[str, pa.Table]:
    """Write a log and return its tables as the log's own reader gives them."""
    files: dict[str, list[str]] = {"interactions": [], "posts": []}
    for table, day, written in write_log(Activity(SIZE), folder / "log"):
        assert written.path.startswith(f"{table}/day={day}/")
        files[table].append(written.path)
    assert len(files["interactions"]) == DAYS
    return {table: LogFolder(folder / "log").read(table, paths) for table, paths in files.items()}


@pytest.fixture(scope="module")
def source(folder: Path, log: dict[str, pa.Table]) -> Path:
    assert write_csv(Activity(SIZE), folder / "csv") == sum(table.num_rows for table in log.values())
    return folder / "csv"


def test_the_same_seed_makes_the_same_activity() -> None:
    day, again, other = Activity(SIZE).day(3), Activity(SIZE).day(3), Activity(SIZE, seed=5).day(3)
    assert day.acts.equals(again.acts)
    assert day.posts.equals(again.posts)
    assert not day.acts.equals(other.acts)


def test_activity_is_what_it_says(log: dict[str, pa.Table]) -> None:
    acts, posts = log["interactions"], log["posts"]
    actor, target, at = (acts[name].to_numpy() for name in ("actor", "target", "at"))
    assert SIZE * 0.99 < acts.num_rows <= SIZE
    accounts = np.union1d(actor, target)
    assert accounts.size == SIZE // 20
    assert not (actor == target).any()
    assert np.unique(np.stack([actor, at]), axis=1).shape[1] == acts.num_rows
    assert len(set(acts["kind"].to_pylist())) == 7
    # Heavy tails: the first of a thousand has a twentieth and more, and the first hundredth of those who act much more
    # than a hundredth.
    received = np.sort(np.unique(target, return_counts=True)[1])[::-1]
    given = np.sort(np.unique(actor, return_counts=True)[1])[::-1]
    assert received[0] > 0.05 * SIZE
    assert given[:10].sum() > 0.05 * SIZE
    pairs_ = {*zip(actor.tolist(), target.tolist(), strict=True)}
    mutual = sum((b, a) in pairs_ for a, b in pairs_) / len(pairs_)
    assert 0.05 < mutual < 0.5
    # One acts on posts that are there, and never before they are.
    written = dict(zip(posts["post"].to_pylist(), posts["at"].to_pylist(), strict=True))
    assert len(written) == posts.num_rows
    known = [
        (moment, written[post]) for post, moment in zip(acts["post"].to_pylist(), at, strict=True) if post in written
    ]
    assert len(known) > acts.num_rows / 2
    assert all(posted <= moment for moment, posted in known)


def test_topics_are_found_in_its_texts(log: dict[str, pa.Table]) -> None:
    phrases = [TopicName(1, "hotels", ("Hotels", "#hotel", "#boutiquehotel", "boutique hotel", "hotel room"))]
    assert Matcher(phrases).match(log["posts"]).num_rows > 0


def in_order(rows: pa.Table, columns: tuple[str, ...]) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in columns])


def test_the_csv_holds_what_the_log_holds(log: dict[str, pa.Table], source: Path) -> None:
    batches = list(open_source(source, "dataset", network=NETWORK).batches())
    assert not any(batch.rejects for batch in batches)
    read = {
        "interactions": interactions_to_log(pa.concat_tables([batch.interactions for batch in batches])),
        "posts": posts_to_log(pa.concat_tables([batch.posts for batch in batches])),
    }
    for table, order in (("interactions", ("actor", "at")), ("posts", ("post",))):
        assert in_order(read[table], order).equals(in_order(log[table], order))


def test_duckdb_alone_writes_the_rows_and_keys_of_an_import(
    log: dict[str, pa.Table], source: Path, tmp_path: Path
) -> None:
    importing.bare(source, tmp_path)
    for table, order in (("interactions", ("actor", "at")), ("posts", ("post",))):
        files = sorted((tmp_path / table).glob("day=*/*.parquet"))
        found = pa.concat_tables([pa.parquet.ParquetFile(file).read() for file in files])
        rows = log[table].select(found.column_names)
        assert in_order(found.cast(rows.schema), order).equals(in_order(rows, order))
    assert account_key(NETWORK, Activity(SIZE).ids()[0].as_py()) in log["posts"]["author"].to_pylist()


@pytest.fixture(scope="module")
def acts(folder: Path, log: dict[str, pa.Table]) -> Path:
    pairs.prepare(folder / "log", folder / "acts.parquet")
    return folder / "acts.parquet"


@pytest.mark.parametrize("name", ["Polars", "pandas"])
def test_other_libraries_sum_up_to_the_same_pairs(acts: Path, name: str) -> None:
    ours = pairs.WAYS["Sway"](acts, pairs.UNTIL)
    assert ours.pairs > 1000
    free, whole = ours.sums[4], ours.sums[3]
    assert 0 < free < whole
    assert pairs.WAYS[name](acts, pairs.UNTIL).agrees(ours)
    assert not pairs.Sums(ours.pairs, (*ours.sums[:4], free * 1.00001)).agrees(ours)


def test_other_libraries_walk_to_the_same_places(acts: Path, tmp_path: Path) -> None:
    walks.prepare(acts, tmp_path / "edges.npz")
    edges = walks.read(tmp_path / "edges.npz")
    for ours, others in (("Sway", ("igraph", "networkx")), ("Sway, from everybody", ("networkit, from everybody",))):
        share = walks.WAYS[ours](edges)()
        assert share.sum() == pytest.approx(1)
        for name in others:
            assert walks.WAYS[name](edges)() == pytest.approx(share, abs=1e-8), name


def test_a_process_is_measured_with_its_children() -> None:
    child = "import time; held = bytearray(200 << 20); held[::4096] = b'x' * len(held[::4096]); time.sleep(0.3)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    found = cost([sys.executable, "-c", code])
    assert found.seconds >= 0.3
    assert 200 << 20 < found.bytes < 400 << 20


def test_what_a_process_tells_of_itself_counts() -> None:
    told = {"seconds": 12.5, "pairs": 3}
    found = cost([sys.executable, "-c", f"print('begun'); print({json.dumps(told)!r})"])
    assert (found.seconds, found.told["pairs"]) == (12.5, 3)


def test_a_process_that_fails_is_no_figure() -> None:
    with pytest.raises(CommandFailed, match=r"ended with 3: why"):
        cost([sys.executable, "-c", "import sys; print('why', file=sys.stderr); sys.exit(3)"])


def test_contenders_take_turns() -> None:
    order: list[str] = []
    found = by_turns({name: lambda name=name: order.append(name) for name in "ab"}, 2)  # type: ignore[misc]
    assert order == ["a", "b", "a", "b"]
    assert found == {"a": [None, None], "b": [None, None]}


def test_noise_is_at_least_a_tenth_and_at_most_a_quarter() -> None:
    assert noise([Cost(10, 0), Cost(10, 0)]) == 0.1
    assert noise([Cost(10, 0), Cost(11.5, 0), Cost(10, 0)]) == pytest.approx(0.15)
    assert noise([Cost(10, 0), Cost(20, 0)]) == 0.25


@pytest.mark.parametrize(("figure", "code", "word"), [(1.9, 0, "holds"), (2.1, 2, "FAILS")])
def test_a_bound_that_fails_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], figure: float, code: int, word: str
) -> None:
    def measured(size: int, folder: Path, rounds: int) -> Part:
        assert folder.is_dir()
        return Part((f"{size} acts, {rounds} rounds",), (Bound("time", figure, high=2.0),))

    monkeypatch.setitem(main.__globals__["LINES"], "import", measured)
    assert main(["--sizes", "5,6", "--only", "import", "--rounds", "1"]) == code
    said = capsys.readouterr().out.splitlines()
    assert "5 acts, 1 rounds" in said
    assert "6 acts, 1 rounds" in said
    assert sum(line.startswith(word) for line in said) == 2


@pytest.mark.parametrize(("larger", "code"), [(23.0, 0), (25.0, 2)])
def test_five_times_the_acts_may_take_eight_times_as_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], larger: float, code: int
) -> None:
    took = {2: 1.0, 10: 3.0, 50: larger}
    monkeypatch.setitem(
        main.__globals__["LINES"], "night", lambda size, folder, rounds: Part((), (), {"night": took[size]})
    )
    assert main(["--sizes", "2,10,50", "--only", "night"]) == code
    said = [line.split() for line in capsys.readouterr().out.splitlines() if "times as long" in line]
    assert [(line[0], line[3], line[5]) for line in said] == [
        *(("holds", "2", "10"), ("holds" if code == 0 else "FAILS", "10", "50")),
    ]
