"""Choosing a group out of a data set, from files to a file."""

import csv
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

# Who is answered by whom, day after day; 1 and 2 have the same audience, 3 one of its own, 4 a single person.
AUDIENCES = {1: range(10, 20), 2: range(10, 18), 3: range(30, 36), 4: range(40, 41)}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    with (folder / "interactions.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["at", "kind", "actor", "target"])
        for target, audience in AUDIENCES.items():
            rows.writerows(
                (f"2026-03-{day:02d}T12:00:{actor:02d}Z", "like", actor, target) for actor in audience for day in (1, 9)
            )
    # Everybody in the audiences is vouched for.
    proved = "".join(f"{actor},,true\n" for actor in sorted({*range(10, 20), *range(30, 36), 40}))
    (folder / "accounts.csv").write_text(f"account,handle,verified\n1,One,\n2,Two,\n{proved}")
    return folder


def choose(dataset: Path, *arguments: str) -> list[dict[str, str]]:
    out = dataset.parent / "group.csv"
    call_command("choose_dataset", str(dataset), "--as-of", "2026-03-20", "--out", str(out), *arguments)
    with out.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def candidates(dataset: Path, text: str) -> str:
    path = dataset.parent / "candidates.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return str(path)


def test_different_audiences_before_large_ones(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    group = choose(dataset, "--seats", "2")

    assert [(row["rank"], row["account"], row["handle"]) for row in group] == [("1", "1", "One"), ("2", "3", "")]
    first, second = group
    assert float(first["marginal_reach"]) == pytest.approx(float(first["reach"]), abs=1e-3)
    assert float(second["cumulative_reach"]) == pytest.approx(
        float(first["reach"]) + float(second["marginal_reach"]), abs=1e-3
    )
    assert float(second["best_possible"]) >= float(second["cumulative_reach"])
    assert "2 of 4 people chosen" in capsys.readouterr().out


def test_candidates_quotas_and_a_budget(dataset: Path) -> None:
    file = candidates(
        dataset, "handle,account,city,cost,must\none,,Oslo,5,\n@TWO,,Oslo,5,yes\n,3,Rome,50,\n,4,Rome,1,\n"
    )

    group = choose(dataset, "--seats", "3", "--candidates", file, "--quota", "1 per city", "--budget", "20")

    assert [row["account"] for row in group] == ["2", "4"]


def test_at_least_some_of_a_small_reach(dataset: Path) -> None:
    assert [row["account"] for row in choose(dataset, "--seats", "2", "--quota", "1 below 2")] == ["1", "4"]


@pytest.mark.parametrize(
    ("file", "arguments", "said"),
    [
        ("account\n77\n", [], "line 2 of the candidates: account '77' is nobody in the data set"),
        ("name\n77\n", [], "has neither a column account nor a column handle"),
        ("account\n", [], "names nobody"),
        ("account,city\n1,Oslo\n1,Rome\n", [], "line 3 of the candidates: account '1' stands there twice, differently"),
        ("account\x00\n\udc80\n", [], "is no CSV in UTF-8"),
        ("account\n1\n", ["--budget", "5"], "a budget needs a column cost"),
        ("account,cost\n1,dear\n", ["--budget", "5"], "cost 'dear' is no number from 0 up"),
        ("account\n1\n", ["--quota", "2 per town"], "the candidates have no column town"),
        ("account\n1\n", ["--quota", "a few"], "is neither like '3 per city' nor like '5 below 1000'"),
        ("account\n1\n3\n", ["--quota", "2 below 99"], "2 below 99: there are 1 seats."),
        ("account\n1\n", ["--topic", "flying carpets"], "there is no topic 'flying carpets'"),
    ],
)
def test_what_cant_be_is_refused_in_one_line(dataset: Path, file: str, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError) as caught:
        choose(dataset, "--seats", "1", "--candidates", candidates(dataset, file), *arguments)

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.returncode == 2
    assert not (dataset.parent / "group.csv").exists()
