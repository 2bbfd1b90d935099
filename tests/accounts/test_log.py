"""The activity log: a folder of Parquet files by day."""

import hashlib
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.intake.schema import INTERACTIONS, POSTS
from accounts.keys import account_key, post_key
from accounts.log import (
    LOG_INTERACTIONS,
    LOG_POSTS,
    LogFolder,
    interactions_to_log,
    posts_to_log,
)
from tests.accounts.activity_data import files_below

DAY = date(2018, 2, 3)
NOON = 1517659200  # 2018-02-03T12:00:00Z
MIDNIGHT = 1517616000


@pytest.fixture
def log(tmp_path: Path) -> LogFolder:
    return LogFolder(tmp_path / "log")


def likes(*rows: tuple[int, int, int, int | None], kind: str = "like") -> pa.Table:
    """Return interactions of the log from (at, actor, target, post)."""
    return pa.Table.from_pylist(
        [
            {"at": at, "kind": kind, "actor": actor, "target": target, "post": post, "network": "demo"}
            for at, actor, target, post in rows
        ],
        schema=LOG_INTERACTIONS,
    )


def posts(*rows: tuple[int, int, str | None]) -> pa.Table:
    """Return posts of the log from (post, at, text)."""
    return pa.Table.from_pylist(
        [
            {"post": p, "at": at, "author": 7, "kind": "original", "text": text, "network": "demo"}
            for p, at, text in rows
        ],
        schema=LOG_POSTS,
    )


def test_ids_become_keys_and_the_target_may_live_on_another_network() -> None:
    row = {"at": NOON, "kind": "link", "actor": "a", "target": "seths.blog", "post": "p", "network": "demo"}
    rows = pa.Table.from_pylist([row | {"target_network": "web"}, row | {"post": None}], schema=INTERACTIONS)
    keyed = interactions_to_log(rows)
    assert keyed.schema == LOG_INTERACTIONS
    assert keyed.to_pylist() == [
        {
            "at": NOON,
            "kind": "link",
            "actor": account_key("demo", "a"),
            "target": account_key("web", "seths.blog"),
            "post": post_key("demo", "p"),
            "network": "demo",
        },
        {
            "at": NOON,
            "kind": "link",
            "actor": account_key("demo", "a"),
            "target": account_key("demo", "seths.blog"),
            "post": None,
            "network": "demo",
        },
    ]


def test_posts_keep_their_content_under_keys() -> None:
    row: dict[str, Any] = {"post": "p", "at": NOON, "author": "a", "kind": "reply", "text": "Grüße", "network": "demo"}
    row |= {"links": ["https://seths.blog"], "topics": ["rstats"], "lang": "de"}
    keyed = posts_to_log(pa.Table.from_pylist([row], schema=POSTS))
    assert keyed.schema == LOG_POSTS
    assert keyed.to_pylist() == [row | {"post": post_key("demo", "p"), "author": account_key("demo", "a")}]


@pytest.mark.parametrize("schema", [INTERACTIONS, POSTS])
def test_no_rows_become_no_rows(schema: pa.Schema) -> None:
    to_log = interactions_to_log if schema is INTERACTIONS else posts_to_log
    assert to_log(schema.empty_table()).num_rows == 0


def test_a_day_is_written_as_one_file_that_the_manifest_can_describe(log: LogFolder) -> None:
    rows = likes((NOON + 5, 1, 2, None), (NOON, 3, 4, 9))
    written = log.write_day("interactions", DAY, rows)
    path = Path(log.storage.root) / written.path
    assert written.path.startswith("interactions/day=2018-02-03/")
    assert written.rows == 2
    assert written.bytes == path.stat().st_size
    assert written.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert sorted(log.read("interactions", [written.path]).to_pylist(), key=lambda row: -row["at"]) == rows.to_pylist()


def test_the_same_rows_in_any_order_give_the_same_file(log: LogFolder) -> None:
    first = log.write_day("interactions", DAY, likes((NOON, 1, 2, None), (NOON, 3, 4, 9)))
    assert log.write_day("interactions", DAY, likes((NOON, 3, 4, 9), (NOON, 1, 2, None))) == first
    assert files_below(Path(log.storage.root)) == [first.path]


@pytest.mark.parametrize("at", [MIDNIGHT - 1, MIDNIGHT + 86_400])
def test_rows_of_another_day_are_refused_and_nothing_is_written(log: LogFolder, at: int) -> None:
    with pytest.raises(ValueError, match="another day among interactions of 2018-02-03"):
        log.write_day("interactions", DAY, likes((NOON, 1, 2, None), (at, 1, 2, None)))
    assert not Path(log.storage.root).exists()


def test_a_day_reaches_from_midnight_to_the_last_second_in_utc(log: LogFolder) -> None:
    written = log.write_day("interactions", DAY, likes((MIDNIGHT, 1, 2, None), (MIDNIGHT + 86_399, 1, 2, None)))
    assert written.rows == 2


def test_no_rows_are_refused(log: LogFolder) -> None:
    with pytest.raises(ValueError, match="no rows for posts of 2018-02-03"):
        log.write_day("posts", DAY, LOG_POSTS.empty_table())


def test_a_write_that_fails_leaves_nothing_behind(log: LogFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        log.write_day("interactions", DAY, likes((NOON, 1, 2, None)))
    assert files_below(Path(log.storage.root)) == []


def test_new_rows_leave_out_what_is_known_and_what_comes_twice(log: LogFolder) -> None:
    known = log.write_day("interactions", DAY, likes((NOON, 1, 2, None), (NOON, 1, 2, 9)))
    fresh = log.new_rows(
        "interactions",
        likes((NOON, 1, 2, None), (NOON, 1, 2, 9), (NOON, 1, 2, 10), (NOON + 1, 1, 2, None), (NOON + 1, 1, 2, None)),
        [known.path],
    )
    assert fresh.to_pylist() == likes((NOON, 1, 2, 10), (NOON + 1, 1, 2, None)).to_pylist()
    assert log.new_rows("interactions", likes((NOON, 1, 2, None), kind="repost"), [known.path]).num_rows == 1


def test_rows_that_differ_in_kind_or_post_alone_are_kept_in_one_order(log: LogFolder) -> None:
    rows = pa.concat_tables([likes((NOON, 1, 2, None), (NOON, 1, 2, 9)), likes((NOON, 1, 2, 9), kind="click")])
    assert log.new_rows("interactions", rows, []).num_rows == 3
    written = log.write_day("interactions", DAY, rows)
    assert log.write_day("interactions", DAY, rows.take([2, 1, 0])) == written
    read = log.read("interactions", [written.path]).to_pylist()
    assert [(row["kind"], row["post"]) for row in read] == [("click", 9), ("like", 9), ("like", None)]


def test_a_days_rows_are_sorted_by_accounts_and_time(log: LogFolder) -> None:
    rows = likes((NOON, 2, 1, None), (NOON + 1, -1, 3, None), (NOON, -1, 3, 5), (NOON, -1, 2, None))
    read = log.read("interactions", [log.write_day("interactions", DAY, rows).path]).to_pylist()
    expected = [(-1, 2, NOON), (-1, 3, NOON), (-1, 3, NOON + 1), (2, 1, NOON)]
    assert [(row["actor"], row["target"], row["at"]) for row in read] == expected


def test_the_first_version_of_a_post_wins(log: LogFolder) -> None:
    known = log.write_day("posts", DAY, posts((1, NOON, "as it was")))
    fresh = log.new_rows("posts", posts((1, NOON, "edited"), (2, NOON, None), (2, NOON + 5, "later")), [known.path])
    assert fresh.schema == LOG_POSTS
    assert fresh.to_pylist() == posts((2, NOON, None)).to_pylist()


EVENTS = st.lists(
    st.tuples(st.integers(NOON, NOON + 1), st.integers(1, 2), st.integers(1, 2), st.none() | st.integers(1, 2)),
    max_size=8,
)


@given(EVENTS, EVENTS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_new_rows_are_the_difference_of_sets(
    tmp_path: Path, before: list[tuple[int, int, int, int | None]], rows: list[tuple[int, int, int, int | None]]
) -> None:
    log = LogFolder(tmp_path / "log")
    known = [log.write_day("interactions", DAY, likes(*before)).path] if before else []
    fresh = log.new_rows("interactions", likes(*rows), known)
    columns = ("at", "actor", "target", "post")
    found = [tuple(row[name] for name in columns) for row in fresh.to_pylist()]
    assert len(found) == len(set(found))
    assert set(found) == set(rows) - set(before)


@pytest.mark.parametrize("path", ["../secrets.parquet", "/etc/passwd", "interactions/../../x"])
def test_a_path_that_leads_out_of_the_log_is_refused(log: LogFolder, path: str) -> None:
    with pytest.raises(ValueError, match="is not a path inside the log"):
        log.read("interactions", [path])


def test_only_old_orphans_are_swept(log: LogFolder) -> None:
    known = log.write_day("interactions", DAY, likes((NOON, 1, 2, None)))
    orphan = log.write_day("posts", DAY, posts((1, NOON, "x")))
    unfinished = Path(log.storage.root) / "interactions/day=2018-02-03/.abc.tmp"
    unfinished.write_bytes(b"PAR1")
    young = log.write_day("interactions", DAY, likes((NOON, 5, 6, None)))
    foreign = Path(log.storage.root) / "interactions/day=2018-02-03/README"
    foreign.write_text("not ours")
    old = datetime(2020, 1, 1, tzinfo=UTC)
    for path in (Path(log.storage.root) / orphan.path, unfinished, Path(log.storage.root) / known.path):
        os.utime(path, (old.timestamp(), old.timestamp()))

    unfinished_name = "interactions/day=2018-02-03/.abc.tmp"
    assert log.sweep({known.path}, old) == []
    assert log.sweep({known.path}, old + timedelta(seconds=1)) == sorted([orphan.path, unfinished_name])
    left = [known.path, young.path, foreign.relative_to(Path(log.storage.root)).as_posix()]
    assert files_below(Path(log.storage.root)) == sorted(left)


def test_a_log_without_a_folder_is_empty(log: LogFolder) -> None:
    assert log.sweep(set(), datetime(2020, 1, 1, tzinfo=UTC)) == []
    assert log.read("posts", []).num_rows == 0


def test_only_what_repeats_has_a_dictionary(log: LogFolder) -> None:
    row = {"post": 1, "at": NOON, "author": 7, "kind": "original", "text": "a", "network": "demo"}
    lists = {"links": ["https://a.example/x"], "topics": ["art"], "lang": "en"}
    written = {
        "interactions": log.write_day("interactions", DAY, likes((NOON, 1, 2, 3), (NOON + 1, 2, 3, None))),
        "posts": log.write_day("posts", DAY, pa.Table.from_pylist([row | lists], schema=LOG_POSTS)),
    }
    found = {}
    for table, file in written.items():
        group = pyarrow.parquet.ParquetFile(Path(log.storage.root) / file.path).metadata.row_group(0)
        columns = [group.column(place) for place in range(group.num_columns)]
        found[table] = (
            {column.path_in_schema for column in columns if column.has_dictionary_page},
            {column.path_in_schema for column in columns if "DELTA_BINARY_PACKED" in column.encodings},
        )
    assert found == {
        "interactions": ({"kind", "network"}, {"at"}),
        "posts": ({"kind", "topics.list.element", "lang", "network"}, {"at"}),
    }


def test_files_of_before_are_read_beside_those_of_today(log: LogFolder) -> None:
    file = log.write_day("interactions", DAY, likes((NOON, 1, 2, 3)))
    before = Path(log.storage.root) / "interactions" / "before.parquet"
    pyarrow.parquet.write_table(likes((NOON + 1, 1, 2, 3)), before, compression="zstd")
    both = log.read("interactions", ["interactions/before.parquet", file.path])
    assert set(both["at"].to_pylist()) == {NOON, NOON + 1}
    with duckdb.connect() as connection:
        paths = [str(before), str(Path(log.storage.root) / file.path)]
        assert connection.sql(
            'SELECT sum(actor), max("at") FROM read_parquet($paths)', params={"paths": paths}
        ).fetchall() == [(2, NOON + 1)]
