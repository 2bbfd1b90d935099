"""Folders in the scratch folder: taken away by their owner, or swept up once that was killed."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from accounts.actions.spool import SPOOL, scratch_folder, sweep_spools
from tests.processes import kill_when_there

# Takes a full folder away until its lock is gone, says so, and waits there.
TAKE_AWAY = """
import os
import sys
from pathlib import Path
import django
django.setup()
from accounts.actions.spool import scratch_folder

unlink = os.unlink
def unlinking(path, **more):
    unlink(path, **more)
    if os.path.basename(path) == "lock":
        print("here", flush=True)
        sys.stdin.read()
os.unlink = unlinking

with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "rows").mkdir()
    for number in range(100):
        (folder / f"{number}.parquet").write_text("a profile")
        (folder / "rows" / f"{number}.arrow").write_text("a text")
"""


def left(scratch: Path) -> list[str]:
    return sorted(path.relative_to(scratch / SPOOL).as_posix() for path in (scratch / SPOOL).rglob("*"))


def test_a_folder_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        (folder / "rows").mkdir()
        for path in (folder / "rows" / "1.arrow", folder / "1.parquet"):
            path.write_text("a profile")
        (folder / "link").symlink_to(tmp_path)
        assert sweep_spools(tmp_path, older_than=datetime.now(UTC) + timedelta(days=1)) == 0
        assert len(left(tmp_path)) == 6
    assert left(tmp_path) == []
    assert tmp_path.is_dir()


def test_a_kill_while_it_is_taken_away_leaves_nothing_for_good(tmp_path: Path) -> None:
    kill_when_there(TAKE_AWAY, str(tmp_path))

    now = datetime.now(UTC)
    assert len(left(tmp_path)) == 1, "the folder without anything in it"
    assert sweep_spools(tmp_path, older_than=now - timedelta(minutes=1)) == 0
    assert sweep_spools(tmp_path, older_than=now + timedelta(minutes=1)) == 1
    assert left(tmp_path) == []


def test_of_folders_without_a_lock_the_old_ones_are_swept(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    for name, hours in (("old", 25), ("young", 23)):
        folder = tmp_path / SPOOL / name
        folder.mkdir(parents=True)
        (folder / "1.parquet").write_text("a profile")
        os.utime(folder, ((now - timedelta(hours=hours)).timestamp(),) * 2)

    assert sweep_spools(tmp_path, older_than=now - timedelta(days=1)) == 1
    assert left(tmp_path) == ["young", "young/1.parquet"]


def test_sweepers_at_once_leave_nothing(tmp_path: Path) -> None:
    for number in range(40):
        folder = tmp_path / SPOOL / str(number)
        folder.mkdir(parents=True)
        for name in ("lock", *map(str, range(10))) if number % 2 else map(str, range(10)):
            (folder / name).touch()
    older_than = datetime.now(UTC) + timedelta(minutes=1)

    with ThreadPoolExecutor(4) as pool:
        swept = list(pool.map(lambda _: sweep_spools(tmp_path, older_than=older_than), range(4)))

    assert sum(swept) >= 40
    assert left(tmp_path) == []
