"""`manage.py log`: what it prints, and its exit codes."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from accounts.models import LogFile
from tests.accounts.activity_data import DAY_1, DAY_2, dataset, imported

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return the path of the first day's file, below the log's folder."""
    imported(dataset(tmp_path / "data", interactions=[(DAY_1, "like", "a", "b"), (DAY_2, "like", "a", "b")]))
    return LogFile.objects.order_by("day")[0].path


def test_a_whole_log_is_said_to_be_one(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    call_command("log", "verify")
    out, err = capfd.readouterr()
    assert out == "2 files, all as they were written\n"
    assert err.startswith("log: 100% of 2 files, 2 rows")


def test_a_damaged_file_is_named_and_can_be_given_up(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    (Path(settings.ACTIVITY_LOG) / path).unlink()
    with pytest.raises(CommandError, match="1 of 2 files are wrong: copy them back") as refused:
        call_command("log", "verify")
    assert refused.value.returncode == 1
    assert capfd.readouterr().out == f"{path}: missing\n"
    call_command("log", "discard", path)
    assert capfd.readouterr().out == (
        f"{path} is out of the log; of its 1 rows those are lost that aren't activity any more\n"
    )
    call_command("log", "verify")
    assert capfd.readouterr().out == "1 files, all as they were written\n"
    with pytest.raises(CommandError, match="is no file of the log") as unknown:
        call_command("log", "discard", path)
    assert unknown.value.returncode == 2


def test_tidying_says_what_it_did(path: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    imported(dataset(tmp_path / "more", interactions=[(DAY_1 + 1, "like", "a", "b")]))
    call_command("log", "tidy")
    out, err = capfd.readouterr()
    assert out == "2 files merged into 1; 0 rid of old texts, 0 of erased accounts\n"
    assert "log: 100% of 2 days, 3 rows" in err
