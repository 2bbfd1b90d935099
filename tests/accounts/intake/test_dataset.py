"""Data sets: folders of tables in CSV, NDJSON and Parquet."""

import csv
import gzip
import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from accounts.intake import Reject, csv_tables, json_lines, open_source
from accounts.intake.schema import ACCOUNTS, INTERACTIONS, POSTS
from tests.accounts.intake.reading import known, lines, read

NOON = 1517659200  # 2018-02-03T12:00:00Z
KINDS = "like, reply, repost, quote, mention, link, click, follow"


Make = Callable[..., Path]


def test_tables_come_out_in_the_readers_schemas_whatever_the_order_of_columns(folder: Make) -> None:
    path = folder(
        interactions_csv=f"target,kind,post,at,actor\nb,like,p1,{NOON},a\n",
        posts_csv='author,text,post,at,topics\nb,"Hi, ""you""",p1,2018-02-03T11:00:00Z,rstats\n',
        accounts_csv="handle,account,followers\n@bee,b,12\n",
    )
    found = read(path, "dataset")
    assert (found.interactions.schema, found.posts.schema, found.accounts.schema) == (INTERACTIONS, POSTS, ACCOUNTS)
    event = {"at": NOON, "kind": "like", "actor": "a", "target": "b", "post": "p1", "network": "dataset"}
    post = {"post": "p1", "at": NOON - 3600, "author": "b", "kind": "original", "text": 'Hi, "you"'}
    assert known(found.interactions) == [event]
    assert known(found.posts) == [post | {"topics": ["rstats"], "network": "dataset"}]
    assert known(found.accounts) == [{"account": "b", "handle": "bee", "followers": 12, "network": "dataset"}]
    assert (found.rejects, found.rows) == ([], 3)


def test_the_network_of_a_row_stands_before_that_of_the_data_set(folder: Make) -> None:
    path = folder(
        interactions_csv="at,kind,actor,target,network,target_network\n"
        f"{NOON},link,a,seths.blog,,web\n{NOON},like,a,b,mastodon,\n"
    )
    first, second = known(read(path, "dataset", network="demo").interactions)
    assert (first["network"], first["target_network"]) == ("demo", "web")
    assert second["network"] == "mastodon"
    assert "target_network" not in second


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("2018-02-03T12:00:00Z", NOON),
        ("2018-02-03T12:00:00+00:00", NOON),
        ("2018-02-03T13:30:00+01:30", NOON),
        ("2018-02-03T07:00-0500", NOON),
        ("2018-02-03T12:00:00", NOON),
        ("2018-02-03 12:00", NOON),
        ("2018-02-03T12:00:00.999999Z", NOON),
        ("2018-02-03", NOON - 12 * 3600),
        (str(NOON), NOON),
        (f"{NOON}.9", NOON),
        (f" {NOON} ", NOON),
        ("1970-01-01T00:00:00Z", 0),
        ("2100-12-31T23:59:59Z", 4133980799),
    ],
)
def test_times_are_iso_8601_or_epoch_seconds(folder: Make, text: str, second: int) -> None:
    # Alone and in mixed company: a column of one form is read at once, a mixed one value by value.
    for other in (text, "2018-02-03", f"{NOON}", "2018-02-03T12:00:00Z"):
        path = folder(interactions_csv=f"at,kind,actor,target\n{text},like,a,b\n{other},like,a,b\n")
        assert read(path, "dataset").interactions["at"][0].as_py() == second


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("yesterday", "at 'yesterday' is neither ISO 8601 nor epoch seconds"),
        ("2018-02-30", "at '2018-02-30' is neither ISO 8601 nor epoch seconds"),
        ("2018-02-03T25:00:00Z", "at '2018-02-03T25:00:00Z' is neither ISO 8601 nor epoch seconds"),
        ("", "at is missing"),
        ("1960-05-01", "at '1960-05-01' is outside the years 1970 to 2100"),
        ("-1", "at '-1' is outside the years 1970 to 2100"),
        ("2101-01-01T00:00:00Z", "at '2101-01-01T00:00:00Z' is outside the years 1970 to 2100"),
        (f"{NOON}000", f"at '{NOON}000' is outside the years 1970 to 2100; milliseconds? seconds are expected"),
        ("9" * 40, f"at '{'9' * 40}' is neither ISO 8601 nor epoch seconds"),
    ],
)
def test_other_times_are_rejected(folder: Make, text: str, reason: str) -> None:
    path = folder(interactions_csv=f"at,kind,actor,target\n{text},like,a,b\n{NOON},like,a,b\n")
    found = read(path, "dataset")
    assert found.rejects == [Reject("interactions.csv", 2, reason)]
    assert found.interactions["at"].to_pylist() == [NOON]


def test_every_bad_row_is_named_by_its_line_and_the_rest_is_kept(folder: Make) -> None:
    path = folder(
        interactions_csv="at,kind,actor,target,network\n"  # line 1
        f"{NOON},like,a,b,\n"
        f"{NOON},likes,a,b,\n"  # 3
        "\n"  # an empty line is no row
        f'{NOON},like,"a\nb",b,\n'  # 5 and 6
        f"{NOON},like,,b,\n"  # 7
        f"{NOON},like,a,  ,\n"  # 8
        f"{NOON},like,a\n"  # 9
        f'{NOON},like,"a","b",,,\n'  # 10
        f"{NOON},like,a,b,Not A Slug\n"  # 11
        f"{NOON},LIKE,ä,b,\r\n"  # 12, good
        f"soon,nod,,,\n"  # 13: one reason is enough
        f"{NOON},like,a,{'x' * 256},"  # 14, without a line end
    )
    found = read(path, "dataset")
    assert lines(found.rejects) == [
        (3, f"unknown kind 'likes', expected one of {KINDS}"),
        (5, "actor holds a control character"),
        (7, "actor is missing"),
        (8, "target is missing"),
        (9, "3 cells where the header has 5"),
        (10, "7 cells where the header has 5"),
        (11, "network 'Not A Slug' is not a slug (a-z, 0-9, - and _, at most 40)"),
        (13, "at 'soon' is neither ISO 8601 nor epoch seconds"),
        (14, "target is longer than 255 characters"),
    ]
    assert {reject.source for reject in found.rejects} == {"interactions.csv"}
    assert found.interactions["actor"].to_pylist() == ["a", "ä"]
    assert found.rows == 11


def test_lines_are_right_far_into_a_file_with_line_ends_in_cells(folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_tables, "BLOCK", 2048)
    monkeypatch.setattr(csv_tables, "BATCH_ROWS", 50)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(["post", "at", "author", "text"])
    expected, line = [], 2
    for number in range(1_000):
        cell = "word\r\n" * (number % 3)
        if number % 97 == 0:
            expected.append((line, "at is missing"))
            rows.writerow([number, "", "a", cell])
        elif number % 89 == 0:
            expected.append((line, "3 cells where the header has 4"))
            rows.writerow([number, NOON, "a"])
            cell = ""
        else:
            rows.writerow([number, NOON, "a", cell])
        line += 1 + cell.count("\n")
    found = read(folder(posts_csv=text.getvalue()), "dataset")
    assert lines(found.rejects) == expected
    assert found.posts.num_rows == 1_000 - len(expected)
    assert found.rows == 1_000


def test_lines_of_ndjson(folder: Make) -> None:
    good = '{"at": "2018-02-03T12:00:00Z", "kind": "reply", "actor": 1, "target": "b", "extra": {"x": []}}\n'
    path = folder(
        interactions_ndjson=good
        + "\n"
        + "{not json\n"
        + "[1, 2]\n"
        + '{"at": 1517659200.9, "kind": "like", "actor": 1.5, "target": "b"}\n'
        + '{"at": 1517659200.9, "kind": "like", "actor": "\\ud83d", "target": "b"}\n'
        + '{"at": {"$date": 1}, "kind": "like", "actor": "a", "target": "b"}\n'
        + '{"kind": "like", "actor": "a", "target": "b"}\n'
        + '{"at": 1517659200.9, "kind": "like", "actor": "a", "target": "b"}'
    )
    found = read(path, "dataset")
    reasons = dict(lines(found.rejects))
    assert list(reasons) == [3, 4, 5, 6, 7, 8]
    assert reasons[3].startswith("not JSON: Expecting property name")
    assert reasons[4] == "a JSON object was expected, not '[1, 2]'"
    assert reasons[5] == "actor should be a text, not '1.5'"
    assert reasons[6] == "actor holds half a character"
    assert reasons[7] == "at should be a text, not \"{'$date': 1}\""
    assert reasons[8] == "at is missing"
    assert found.interactions["actor"].to_pylist() == ["1", "a"]
    assert found.interactions["at"].to_pylist() == [NOON, NOON]
    assert found.rows == 8


def test_lines_of_ndjson_far_into_a_file(folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "BLOCK", 512)
    monkeypatch.setattr(json_lines, "BATCH_ROWS", 3)
    rows = [f'{{"at": {NOON + number}, "kind": "like", "actor": {number}, "target": 7}}' for number in range(200)]
    rows[150] = "{"
    rows[180] = '{"at": 1, "kind": "like", "actor": null, "target": 7}'
    source = open_source(folder(interactions_ndjson="\n".join(rows)), "dataset")
    batches = list(source.batches())
    assert [(reject.line, reject.reason.partition(":")[0]) for batch in batches for reject in batch.rejects] == [
        (151, "not JSON"),
        (181, "actor is missing"),
    ]
    actors = [actor for batch in batches for actor in batch.interactions["actor"].to_pylist()]
    assert actors == [str(number) for number in range(200) if number not in (150, 180)]
    assert batches[-1].bytes_read == source.size_bytes
    # A block that Arrow could read is given in parts.
    assert batches[0].rows == 3


def test_rows_of_parquet(folder: Make, tmp_path: Path) -> None:
    noon = datetime(2018, 2, 3, 12, tzinfo=UTC)
    rows = {
        "at": pa.array([noon, None, noon], pa.timestamp("ns", tz="America/Toronto")),
        "kind": pa.array(["like", "like", "poke"]).dictionary_encode(),
        "actor": pa.array([1, 2, 3], pa.int32()),
        "target": pa.array(["b", "b", "b"], pa.large_string()),
    }
    pyarrow.parquet.write_table(pa.table(rows), folder() / "interactions.parquet")
    found = read(folder(), "dataset")
    event = {"at": NOON, "kind": "like", "actor": "1", "target": "b", "network": "dataset"}
    assert known(found.interactions) == [event]
    assert lines(found.rejects) == [(2, "at is missing"), (3, f"unknown kind 'poke', expected one of {KINDS}")]


def test_columns_that_pandas_widens_are_understood(folder: Make) -> None:
    table = pa.table(
        {
            "account": pa.array(["a", "b", "c"]),
            "followers": pa.array([12.0, float("nan"), 1.5]),
            "created_at": pa.array([float(NOON), None, float(NOON)]),
            "verified": pa.array([1, 0, None], pa.int8()),
            "bio": pa.nulls(3),
        }
    )
    pyarrow.parquet.write_table(table, folder(posts_csv="post,at,author\n") / "accounts.parquet")
    found = read(folder(), "dataset")
    assert known(found.accounts) == [
        {"account": "a", "followers": 12, "created_at": NOON, "verified": True, "network": "dataset"},
        {"account": "b", "verified": False, "network": "dataset"},
    ]
    assert lines(found.rejects) == [(3, "followers 1.5 is not a whole number")]


def test_accounts_with_bad_figures_are_rejected(folder: Make) -> None:
    path = folder(
        posts_csv="post,at,author\n",
        accounts_csv="account,followers,verified,created_at\na,12.0,TRUE,\nb,many,,\nc,,perhaps,\nd,-3,,\ne,,,once\n",
    )
    found = read(path, "dataset")
    assert known(found.accounts) == [{"account": "a", "followers": 12, "verified": True, "network": "dataset"}]
    assert lines(found.rejects) == [
        (3, "followers 'many' is not a whole number from 0"),
        (4, "verified 'perhaps' is neither true nor false"),
        (5, "followers '-3' is not a whole number from 0"),
        (6, "created_at 'once' is neither ISO 8601 nor epoch seconds"),
    ]


def test_profile_texts_are_kept_within_what_the_platform_stores(folder: Make) -> None:
    path = folder(
        posts_csv="post,at,author\n",
        accounts_csv=f"account,name,location,website,bio\na,{'ü' * 300},{'x' * 300},https://{'y' * 500},{'z' * 300}\n",
    )
    (row,) = known(read(path, "dataset").accounts)
    assert (row["name"], row["location"], row["bio"]) == ("ü" * 255, "x" * 255, "z" * 300)
    assert "website" not in row


def test_unicode_bom_and_signs_in_texts(folder: Make) -> None:
    path = folder(
        posts_csv="\ufeffpost,at,author,text,links,topics\n"
        f'p,{NOON},J\u0075\u0308rgen_日本,"a\nb\r\n""c"", d\u0000e 😂",https://x.y|http://z.w/?a=b, #R  #日本|ümlaut\n'
    )
    path.joinpath("posts.csv").write_bytes(path.joinpath("posts.csv").read_bytes().replace(b"\0", b""))
    (row,) = known(read(path, "dataset").posts)
    assert row["author"] == "Jürgen_日本"  # NFC
    assert row["text"] == 'a\nb\r\n"c", de 😂'
    assert row["links"] == ["https://x.y", "http://z.w/?a=b"]
    assert row["topics"] == ["R", "日本", "ümlaut"]


def test_cells_that_are_not_utf8_reject_their_row(folder: Make) -> None:
    content = f"post,at,author,text\np1,{NOON},a,caf\u00e9\np2,{NOON},a,ok\n".encode("latin-1")
    found = read(folder(posts_csv=content), "dataset")
    assert lines(found.rejects) == [(2, "text is not UTF-8 text (byte 4 of the cell)")]
    assert found.posts["post"].to_pylist() == ["p2"]


def test_a_null_byte_in_an_id_is_never_mended(folder: Make) -> None:
    path = folder(interactions_ndjson=f'{{"at": {NOON}, "kind": "like", "actor": "a\\u0000", "target": "b"}}\n')
    found = read(path, "dataset")
    assert lines(found.rejects) == [(1, "actor holds a control character")]
    assert found.interactions.num_rows == 0


def test_actions_on_oneself_are_kept_for_the_score_to_drop(folder: Make) -> None:
    found = read(folder(interactions_csv=f"at,kind,actor,target\n{NOON},like,a,a\n"), "dataset")
    assert (found.interactions.num_rows, found.rejects) == (1, [])


@pytest.mark.parametrize("ending", ["\n", ""])
def test_a_quote_that_is_never_closed_costs_its_row_and_is_named(folder: Make, ending: str) -> None:
    path = folder(posts_csv=f'post,at,author,text\np1,{NOON},a,x\np2,{NOON},a,"y\np3,{NOON},a,z{ending}')
    found = read(path, "dataset")
    assert lines(found.rejects) == [
        (3, "a quote opened in this row is never closed: the rest of the file was left out")
    ]
    assert found.posts["post"].to_pylist() == ["p1"]


def test_a_quote_that_stays_open_for_megabytes_is_named_too(folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_tables, "BLOCK", 1 << 18)
    rows = "".join(f"p{number},{NOON},a,{'z' * 1000}\n" for number in range(2_000))
    path = folder(posts_csv=f'post,at,author,text\n{rows}p,{NOON},a,"x\nx"\np,{NOON},a\n\np,{NOON},a,"y\n{rows}')
    found = read(path, "dataset")
    assert lines(found.rejects) == [
        (2004, "3 cells where the header has 4"),
        (2006, "a quote opened in this row is never closed, or is very long: the rest of the file was left out"),
    ]
    assert found.posts.num_rows == 2_001
    assert found.posts["text"][-1].as_py() == "x\nx"


@pytest.mark.parametrize("name", ["interactions_csv", "interactions_csv_gz"])
def test_reading_is_in_bounded_batches_with_progress(folder: Make, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(csv_tables, "BLOCK", 4096)
    monkeypatch.setattr(csv_tables, "BATCH_ROWS", 100)
    content = ("at,kind,actor,target\n" + "".join(f"{NOON},like,a{number},b\n" for number in range(1_000))).encode()
    path = folder(**{name: gzip.compress(content) if name.endswith("gz") else content})
    source = open_source(path, "dataset")
    batches = list(source.batches())
    assert max(batch.interactions.num_rows for batch in batches) == 100
    assert sum(batch.interactions.num_rows for batch in batches) == 1_000
    positions = [batch.bytes_read for batch in batches]
    assert positions == sorted(positions)
    assert positions[-1] == source.size_bytes == sum(file.stat().st_size for file in path.iterdir())
    assert [batch.interactions for batch in source.batches()] == [batch.interactions for batch in batches]


def test_tables_without_rows_are_fine(folder: Make) -> None:
    path = folder(interactions_csv="at,kind,actor,target", posts_ndjson="", accounts_csv="account\n")
    found = read(path, "dataset")
    assert (found.interactions.num_rows, found.posts.num_rows, found.accounts.num_rows) == (0, 0, 0)
    assert (found.rejects, found.rows) == ([], 0)
