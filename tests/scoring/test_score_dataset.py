"""Scoring a data set from files to a file."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper

from accounts.actions import import_activity
from accounts.models import Identity
from scoring.actions import score
from scoring.models import Score
from tests.scoring.conftest import APRIL_2, NOW

ROOT = Path(__file__).resolve().parents[2]
HEADER = [
    "account",
    "handle",
    "score",
    "reach",
    "forecast",
    "low",
    "high",
    "percentile",
    "taken_unvouched",
    "taken_exchange",
    "taken_indiscriminate",
    "taken_repetition",
    "taken_absence",
    "network",
]


def read(out: Path) -> list[dict[str, str]]:
    with out.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def run(*arguments: object) -> None:
    call_command("score_dataset", *map(str, arguments))


def refused(*arguments: object) -> str:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert caught.value.returncode == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.slow
def test_it_needs_no_database(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    done = subprocess.run(
        [
            *(sys.executable, "manage.py", "score_dataset", str(world)),
            *("--as-of", "2026-04-02", "--horizon", "14d", "--half-life", "36h", "--out", str(out)),
        ],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing", "SWAY_ENV": "development"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("30 people, ")
    assert "topics of posts" in done.stderr
    rows = read(out)
    assert list(rows[0]) == HEADER
    assert rows[0]["network"] == "dataset"
    assert [float(row["score"]) for row in rows] == sorted((float(row["score"]) for row in rows), reverse=True)
    assert {row["account"] for row in rows} == {f"a{n}" for n in range(30)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scores.csv", "world"]


@pytest.mark.slow
def test_a_data_set_and_the_platform_give_the_same_numbers(world: Path, tmp_path: Path, db: None) -> None:
    out = tmp_path / "scores.parquet"
    run(world, "--as-of", "2026-04-02T00:00Z", "--out", out)
    import_activity(world, format="dataset", now=NOW)
    stored = {
        row.person.identities.exclude(network="web").get().external_id: row
        for row in Score.objects.filter(run=score(as_of=APRIL_2, now=NOW)).select_related("person")
    }
    rows = {row["account"]: row for row in pyarrow.parquet.read_table(out).to_pylist()}
    assert rows.keys() == stored.keys()
    for account, row in rows.items():
        assert row["handle"] == stored[account].person.handle
        for name in HEADER[2:-1]:
            assert row[name] == pytest.approx(getattr(stored[account], name), abs=1e-9), (account, name)
    assert rows["a0"]["score"] > 5


def test_formats_files_of_parameters_and_durations_are_taken(world: Path, tmp_path: Path) -> None:
    formula = tmp_path / "formula.json"
    formula.write_text(json.dumps({"version": "mine", "kappa": 0.0}))
    plain, other = tmp_path / "plain.csv", tmp_path / "other.csv"
    run(world, "--as-of", "2026-04-02", "--out", plain)
    run(world, "--as-of", "2026-04-02", "--out", other, "--formula", formula, "--half-life", "2d")
    assert {row["account"]: row["score"] for row in read(plain)} != {
        row["account"]: row["score"] for row in read(other)
    }


def test_numbers_of_a_csv_have_four_decimals_and_handles_are_as_written(tmp_path: Path) -> None:
    tables = linking("seth,SethSays,www.seth.example,\n") | {
        "interactions": "at,kind,actor,target\n2026-04-01,like,reader1,seth\n2026-04-01,like,reader2,reader1\n"
    }
    folder = write_dataset(tmp_path / "data", **tables)
    out = tmp_path / "scores.csv"
    run(folder, "--as-of", "2026-04-02", "--out", out)
    exact = scored(folder, tmp_path)
    rows = read(out)
    assert {(row["account"], row["handle"]) for row in rows} == {
        ("seth", "SethSays"),
        *((f"reader{n}", "") for n in range(5)),
    }
    for row in rows:
        for name in HEADER[2:-1]:
            assert re.fullmatch(r"\d+(\.\d{1,4})?", row[name]), (name, row[name])
            assert float(row[name]) == pytest.approx(exact["dataset", row["account"]][name], abs=0.5e-4 + 1e-12)


@pytest.mark.parametrize(
    ("as_of", "told"),
    [
        (
            "2026-03-01",
            "no activity counts before --as-of 2026-03-01 00:00 UTC; the data set's is of 2026-03-0",
        ),
        ("2026-03-20", ""),
    ],
)
def test_that_nothing_counts_is_told(
    world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], as_of: str, told: str
) -> None:
    run(world, "--as-of", as_of, "--out", tmp_path / "scores.csv")
    lines = [line for line in capfd.readouterr().err.splitlines() if not re.match(r" *\d+\.\d s  ", line)]
    assert len(lines) == bool(told)
    if told:
        assert lines[0].startswith(told)
        assert re.search(r" to 2026-04-\d\d \d\d:\d\d UTC$", lines[0])


def test_that_there_is_nothing_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    empty = write_dataset(tmp_path / "empty", interactions="at,kind,actor,target\n")
    scored(empty, tmp_path)
    assert capfd.readouterr().err.endswith("no activity counts: the data set holds none\n")


def test_bad_rows_are_left_out_listed_and_told(world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "scores.csv"
    with (world / "interactions.csv").open("a") as file:
        file.write("yesterday,like,a1,a2,\n5,stare,a1,a2,\n")
    with pytest.raises(SystemExit) as ended:
        run(world, "--as-of", "2026-04-02", "--out", out)
    assert ended.value.code == 1
    told = capfd.readouterr()
    assert told.out.startswith("30 people, ")
    assert told.err.endswith(f"2 rows were left out; file, line and reason of each: {out}.rejects.csv\n")
    assert len(read(out)) == 30
    rejects = read(tmp_path / "scores.csv.rejects.csv")
    lines = (world / "interactions.csv").read_text().count("\n")
    assert [(row["file"], row["line"]) for row in rejects] == [
        ("interactions.csv", str(lines - 1)),
        ("interactions.csv", str(lines)),
    ]
    assert "yesterday" in rejects[0]["reason"]

    text = (world / "interactions.csv").read_text().splitlines(keepends=True)
    (world / "interactions.csv").write_text("".join(text[:-2]))
    run(world, "--as-of", "2026-04-02", "--out", out)
    assert not (tmp_path / "scores.csv.rejects.csv").exists()


def test_what_is_refused_leaves_everything_as_it_was(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    out.write_text("earlier")
    damaged = tmp_path / "damaged"
    shutil.copytree(world, damaged)
    with (damaged / "interactions.csv").open("wb") as file:
        file.write(b"at,kind\n1,like\n")
    formula = tmp_path / "formula.json"
    formula.write_text('{"kapa": 1}')
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    when = ("--as-of", "2026-04-02")
    assert "lacks actor, target" in refused(damaged, *when, "--out", out)
    assert "there is no file or folder" in refused(tmp_path / "nowhere", *when, "--out", out)
    assert "ends neither in .csv nor in .parquet" in refused(world, *when, "--out", tmp_path / "scores.xlsx")
    assert "there is no folder" in refused(world, *when, "--out", tmp_path / "nowhere" / "scores.csv")
    assert "did you mean 'kappa'" in refused(world, *when, "--out", out, "--formula", formula)
    assert "is no JSON" in refused(world, *when, "--out", out, "--formula", broken)
    assert "No such file" in refused(world, *when, "--out", out, "--formula", tmp_path / "nothing.json")
    assert "world should be a .csv" in refused(world, *when, "--out", out, "--format", "rtweet")
    assert out.read_text() == "earlier"
    assert not list(tmp_path.glob(".*"))
    assert not list(tmp_path.glob("*.rejects.csv"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--as-of", "soon"],
        ["--as-of", "2026-04-02", "--horizon", "28"],
        ["--as-of", "2026-04-02", "--half-life", "0d"],
        ["--as-of", "2026-04-02", "--format", "fax"],
        [],
    ],
)
def test_arguments_that_mean_nothing_are_refused(world: Path, tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(CommandError, match=r"argument|required|invalid"):
        run(world, *arguments, "--out", tmp_path / "scores.csv")
    assert not (tmp_path / "scores.csv").exists()


def write_dataset(folder: Path, **tables: str) -> Path:
    folder.mkdir()
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def scored(folder: Path, tmp_path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    out = tmp_path / "scores.parquet"
    run(folder, "--as-of", "2026-04-02", "--out", out)
    return {(row["network"], row["account"]): row for row in pyarrow.parquet.read_table(out).to_pylist()}


def linking(accounts: str) -> dict[str, str]:
    lines = "".join(f"p{n},2026-04-01T0{n}:00Z,reader{n},see https://seth.example/book\n" for n in range(5))
    return {
        "accounts": "account,handle,website,verified\n" + accounts,
        "posts": "post,at,author,text,links\n" + lines.replace("see ", "see,"),
    }


def test_links_to_a_website_count_for_the_one_who_names_it(tmp_path: Path) -> None:
    rows = scored(write_dataset(tmp_path / "one", **linking("seth,seth,www.seth.example,\n")), tmp_path)
    assert set(rows) == {("dataset", "seth"), *(("dataset", f"reader{n}") for n in range(5))}
    assert rows[("dataset", "seth")]["forecast"] > 1
    assert rows[("dataset", "reader0")]["forecast"] == 0


def test_a_website_that_two_name_is_nobodys_unless_one_is_verified(tmp_path: Path) -> None:
    both = "seth,seth,https://seth.example,{}\nfan,fan,http://www.seth.example/about,false\n"
    rows = scored(write_dataset(tmp_path / "two", **linking(both.format("false"))), tmp_path)
    assert rows[("web", "seth.example")]["forecast"] > 1
    assert rows[("dataset", "seth")]["forecast"] == rows[("dataset", "fan")]["forecast"] == 0
    rows = scored(write_dataset(tmp_path / "verified", **linking(both.format("true"))), tmp_path)
    assert ("web", "seth.example") not in rows
    assert rows[("dataset", "seth")]["forecast"] > 1


@pytest.mark.parametrize(
    ("first", "last", "counts"),
    [
        ("https://seth.example", "https://facebook.com/seth", False),
        ("https://facebook.com/seth", "https://seth.example", True),
        ("https://seth.example", "", True),
    ],
)
def test_of_a_profile_that_comes_twice_the_last_website_counts_as_on_the_platform(
    tmp_path: Path, db: None, first: str, last: str, counts: bool
) -> None:
    folder = write_dataset(tmp_path / "twice", **linking(f"seth,seth,{first},\nseth,seth,{last},\n"))
    assert (scored(folder, tmp_path)["dataset", "seth"]["forecast"] > 0) == counts
    import_activity(folder, format="dataset", now=NOW)
    hosts = ["seth.example"] if counts else []
    assert list(Identity.objects.filter(network="web").values_list("external_id", flat=True)) == hosts


def test_a_data_set_of_nothing_gives_a_table_of_nobody(tmp_path: Path) -> None:
    empty = write_dataset(tmp_path / "empty", interactions="at,kind,actor,target\n")
    assert scored(empty, tmp_path) == {}


def test_what_stands_twice_counts_once(world: Path, tmp_path: Path) -> None:
    once = scored(world, tmp_path)
    for table in ("interactions", "posts", "accounts"):
        header, *rows = (world / f"{table}.csv").read_text().splitlines(keepends=True)
        (world / f"{table}.csv").write_text("".join([header, *rows, *reversed(rows)]))
    twice = scored(world, tmp_path)
    assert twice.keys() == once.keys()
    for account, row in once.items():
        assert twice[account]["reach"] == pytest.approx(row["reach"], abs=1e-9)


def test_progress_is_written_to_stderr_only(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command(
        "score_dataset",
        str(world),
        "--as-of",
        "2026-04-02",
        "--out",
        str(tmp_path / "o.csv"),
        stdout=OutputWrapper(sys.stdout),
    )
    told = capsys.readouterr()
    assert told.out.count("\n") == 1
    assert told.err.count("reading: ") == 1
