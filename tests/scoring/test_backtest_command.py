"""Testing a formula on a data set's files."""

import re
import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

CUT = ("--cut", "2026-03-25", "--horizon", "7d")


def printed(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[str, str]:
    call_command("backtest", *map(str, arguments))
    told = capfd.readouterr()
    return told.out, "\n".join(line for line in told.err.splitlines() if not re.match(r" *\d+\.\d s  ", line))


def refused(*arguments: object) -> str:
    with pytest.raises(CommandError) as caught:
        call_command("backtest", *map(str, arguments))
    assert caught.value.returncode == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def figures(out: str, name: str) -> list[float]:
    """Return the figures of a line of the table."""
    (line,) = [line for line in out.splitlines() if line.startswith(name + "  ")]
    return [float(cell) for cell in line.removeprefix(name).split()]


def test_score_and_baselines_stand_in_one_table(world: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out, told = printed(capfd, world, *CUT)

    assert out.startswith("cut 2026-03-25 00:00 UTC, horizon 7 days: ")
    assert told == ""
    names = ("the score", "reactions counted", "distinct reactors", "distinct reactors, last horizon")
    for name in (*names, "reactions, recent ones weighing more"):
        spearman, ndcg, overlap = figures(out, name)
        assert -1 <= spearman <= 1
        assert 0 <= ndcg <= 1
        assert 0 <= overlap <= 1
    assert len({len(line) for line in out.splitlines()[2:8]}) == 1


def test_another_formula_gives_other_figures(world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    formula = tmp_path / "formula.json"
    formula.write_text('{"half_life_days": 0.1, "trust_unproved": 0}')
    plain, _ = printed(capfd, world, *CUT)
    other, _ = printed(capfd, world, *CUT, "--formula", formula)

    assert figures(plain, "the score") != figures(other, "the score")
    assert figures(plain, "distinct reactors") == figures(other, "distinct reactors")


def test_a_horizon_beyond_the_data_is_told(world: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _, told = printed(capfd, world, "--cut", "2026-03-25", "--horizon", "21d")
    assert told.startswith("the horizon ends at 2026-04-15 00:00 UTC, the data set's last row is of 2026-04-")


def test_what_tells_nothing_is_refused(world: Path, tmp_path: Path) -> None:
    assert "too little is known before --cut 2026-01-01 00:00 UTC" in refused(world, "--cut", "2026-01-01")
    assert "there is no file or folder" in refused(tmp_path / "nowhere", *CUT)
    assert "should be a .csv" in refused(world, *CUT, "--format", "rtweet")
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "interactions.csv").write_text("at,kind,actor,target\n")
    assert "the data set holds no activity" in refused(empty, *CUT)
    formula = tmp_path / "formula.json"
    formula.write_text('{"kapa": 1}')
    assert "did you mean 'kappa'" in refused(world, *CUT, "--formula", formula)


def test_bad_rows_are_listed_and_the_rest_is_tested(
    world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(world, bad)
    lines = (bad / "interactions.csv").read_text().count("\n")
    with (bad / "interactions.csv").open("a") as file:
        file.write("yesterday,like,a1,a2,\n" * 25)
    whole, _ = printed(capfd, world, *CUT)
    with pytest.raises(SystemExit) as ended:
        printed(capfd, bad, *CUT)
    assert ended.value.code == 1
    told = capfd.readouterr()
    assert told.out == whole
    assert f"left out: interactions.csv, line {lines + 1}: at 'yesterday'" in told.err
    assert told.err.endswith("and 5 rows more\n")


@pytest.mark.slow
def test_the_announcement_is_foretold_better_than_by_chance(
    shared_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = shared_data / "higgs"
    if not folder.exists():
        pytest.skip(f"no real data at {folder}")
    out, _ = printed(capfd, folder, "--format", "higgs", "--cut", "2012-07-06", "--horizon", "2d", "--half-life", "1d")
    assert "52,923 people on whom somebody had acted" in out
    spearman, ndcg, overlap = figures(out, "the score")
    assert spearman > 0.25
    assert ndcg > 0.4
    assert overlap > 0.25


def test_the_conference_is_foretold_from_its_middle(shared_data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = shared_data / "rstudioconf" / "tweets.csv.gz"
    if not path.exists():
        pytest.skip(f"no real data at {path}")
    out, _ = printed(capfd, path, "--format", "rtweet", "--cut", "2018-02-03", "--horizon", "3d", "--half-life", "2d")
    assert figures(out, "the score")[0] > 0.3
