"""What is no data set is refused, in one line."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from accounts.intake import NotThisFormat, open_source

NOON = 1517659200  # 2018-02-03T12:00:00Z

Make = Callable[..., Path]

REFUSED: list[tuple[dict[str, str | bytes], str]] = [
    ({}, "data holds neither a table interactions nor a table posts (.parquet, .csv, .csv.gz, .ndjson)"),
    (
        {"accounts_csv": "account\na\n"},
        "data holds neither a table interactions nor a table posts (.parquet, .csv, .csv.gz, .ndjson)",
    ),
    ({"interactions_csv": ""}, "interactions.csv is empty: a line of column names was expected"),
    (
        {"interactions_csv": "time,kind,actor\n"},
        "interactions.csv lacks at, target; its columns are: 'time, kind, actor'",
    ),
    (
        {"interactions_csv": "at;kind;actor;target\n"},
        "interactions.csv lacks at, kind, actor, target; its columns are: 'at;kind;actor;target'",
    ),
    (
        {"interactions_csv": b"PAR1\x15\x00\x15\x00"},
        "interactions.csv should be UTF-8 text but holds bytes of value 0: a binary file or UTF-16",
    ),
    (
        {"interactions_csv": "at,kind,actor,target\n".encode("utf-16")},
        "interactions.csv should be UTF-8 text but holds bytes of value 0: a binary file or UTF-16",
    ),
    (
        {"interactions_csv": gzip.compress(b"at,kind,actor,target\n")},
        "interactions.csv is compressed with gzip but isn't called .gz",
    ),
    ({"interactions_csv_gz": "at,kind,actor,target\n"}, "interactions.csv.gz is called .gz but isn't gzip"),
    (
        {"interactions_csv": "at,kind,actor,target\n", "interactions_ndjson": ""},
        "data has interactions.csv and interactions.ndjson: one of them, please",
    ),
    ({"posts_csv": "post,at,author,at\n"}, "posts.csv has the column at twice"),
    (
        {"posts_ndjson": "post,at,author\n1,2,3\n"},
        "posts.ndjson should hold one JSON object a line, but none of its first lines is one",
    ),
    ({"posts_ndjson": '{"id": 1}\n'}, "posts.ndjson lacks post, at, author; its columns are: 'id'"),
]


@pytest.mark.parametrize(("files", "message"), REFUSED)
def test_what_is_no_data_set_is_refused_in_one_line(folder: Make, files: dict[str, str | bytes], message: str) -> None:
    with pytest.raises(NotThisFormat) as refused:
        open_source(folder(**files), "dataset")
    assert str(refused.value) == message


def test_broken_parquet_is_refused(folder: Make) -> None:
    with pytest.raises(NotThisFormat, match=r"^interactions\.parquet isn't a Parquet file: .*$"):
        open_source(folder(interactions_parquet="at,kind,actor,target\n"), "dataset")


def test_a_parquet_column_of_a_wrong_type_is_refused(folder: Make) -> None:
    table = pa.table({"post": ["p"], "at": [NOON], "author": [1.5]})
    pyarrow.parquet.write_table(table, folder() / "posts.parquet")
    with pytest.raises(NotThisFormat, match=r"^posts\.parquet: column author can't be of type double$"):
        open_source(folder(), "dataset")


def test_files_and_folders_in_each_others_place_are_refused(folder: Make, tmp_path: Path) -> None:
    path = folder(posts_csv="post,at,author\n")
    with pytest.raises(NotThisFormat, match=r"^posts\.csv should be a folder with tables"):
        open_source(path / "posts.csv", "dataset")
    (path / "interactions.parquet").mkdir()
    with pytest.raises(NotThisFormat, match=r"^interactions\.parquet should be a file but is a folder$"):
        open_source(path, "dataset")
    with pytest.raises(NotThisFormat, match=r"^there is no file or folder .*nowhere$"):
        open_source(tmp_path / "nowhere", "dataset")
    known = "dataset, higgs, rtweet, twitter-v2"
    with pytest.raises(NotThisFormat, match=rf"^there is no format 'xml'; known are {known}$"):
        open_source(path, "xml")


def test_a_gzip_file_that_breaks_off_is_refused_on_the_way(folder: Make) -> None:
    row = "".join(f"{NOON},like,{number * 7919 % 100_003},b\n" for number in range(50_000))
    content = gzip.compress(f"at,kind,actor,target\n{row}".encode())
    source = open_source(folder(interactions_csv_gz=content[: len(content) // 2]), "dataset")
    with pytest.raises(NotThisFormat, match=r"^interactions\.csv\.gz is damaged after line \d+: "):
        list(source.batches())
