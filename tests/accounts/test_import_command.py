"""`manage.py import_activity`: what it prints, and its exit codes."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from accounts.models import LogFile, Person
from tests.accounts.activity_data import DAY_1, dataset

pytestmark = pytest.mark.django_db


def test_it_sums_up_on_stdout_and_shows_progress_on_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = dataset(tmp_path / "data", interactions=[(DAY_1, "like", "a", "b")])
    call_command("import_activity", str(path))
    out, err = capfd.readouterr()
    assert out == "1 rows read; new: 2 people, 2 identities, 0 posts, 1 interactions on 1 days\n"
    # No terminal: a line for each stage, nothing that is redrawn.
    size = (path / "interactions.ndjson").stat().st_size
    shown = [re.sub(r"[\d,]+/s, \d+\.\d s$", "", line) for line in err.splitlines()]
    assert "\r" not in err
    assert shown == [
        f"reading: 100% of {size:,} bytes, 1 rows, ",
        "people: 100% of 2 accounts, 2 rows, ",
        "log: 100% of 1 days, 1 rows, ",
    ]


def test_left_out_rows_give_exit_code_1_and_say_where_they_are_listed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = dataset(tmp_path / "data", interactions=[(DAY_1, "like", "a", "b"), (DAY_1, "hate", "a", "b")])
    with pytest.raises(SystemExit) as ended:
        call_command("import_activity", str(path), "--network", "test")
    assert ended.value.code == 1
    out, err = capfd.readouterr()
    assert "1 interactions" in out
    (rejects,) = (settings.DATA_DIR / "rejects").iterdir()
    assert err.endswith(f"1 row was left out; file, line and reason of each: {rejects}\n")
    assert sorted(Person.objects.values_list("handle", flat=True)) == ["a@test", "b@test"]


@pytest.mark.parametrize("wrong", ["nothing there", "another format"])
def test_a_refused_file_gives_exit_code_2_and_one_line(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "tweets.csv"
    if wrong == "another format":
        path.write_text("when,what\n1,like\n")
    with pytest.raises(CommandError) as refused:
        call_command("import_activity", str(path), "--format", "rtweet")
    assert refused.value.returncode == 2
    assert str(refused.value).startswith("refused, nothing changed: ")
    assert "\n" not in str(refused.value)
    assert not LogFile.objects.exists()
    assert not settings.ACTIVITY_LOG.exists()


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CommandError, match="'dataset', 'higgs', 'rtweet', 'twitter-v2'"):
        call_command("import_activity", "somewhere", "--format", "myspace")
