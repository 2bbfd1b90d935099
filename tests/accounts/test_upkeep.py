"""The activity log kept in order: small files merged, old texts dropped, by writing days anew."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as quick
from hypothesis import strategies as st

from accounts.actions import NewActivity, Tidied, discard_file, move_activity_to_log, record_activity, sweep_log, upkeep
from accounts.actions import tidy_log as tidy
from accounts.actions.daily import enter
from accounts.keys import post_key
from accounts.models import Activity, LogFile, Network
from accounts.queries import log_faults, log_files
from tests.accounts.activity_data import DAY_1, DAY_2, dataset, files_below, imported, log_events, log_rows
from tests.factories.accounts import ErasedAccountFactory, NetworkFactory
from tests.processes import kill_when_there

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TODAY = datetime(2026, 3, 1, 9, tzinfo=UTC)
NEXT_DAY = NOW + timedelta(days=1, hours=1)


def like(actor: str, second: int = 0, at: datetime = TODAY) -> None:
    """Record an event and move it, so that it gets a file of its own."""
    row = NewActivity(network="test", kind="like", actor=actor, target="author", at=at + timedelta(seconds=second))
    record_activity([row], by=None, now=NOW)
    move_activity_to_log(now=NOW)


def live() -> list[str]:
    return sorted(LogFile.objects.live().values_list("path", flat=True))


@pytest.mark.django_db
def test_the_log_has_no_event_twice_whichever_way_it_came(tmp_path: Path) -> None:
    first = [(DAY_1 + n, "like", "bob", "cy") for n in range(4)]
    imported(dataset(tmp_path / "first", interactions=[*first, *first]))
    imported(dataset(tmp_path / "second", interactions=[*first[2:], (DAY_1 + 9, "like", "bob", "cy")]))
    again = [
        NewActivity("test", kind, actor, target, datetime.fromtimestamp(at, UTC)) for at, kind, actor, target in first
    ]
    record_activity(again, by=None, now=NOW)
    move_activity_to_log(now=NOW)
    tidy(now=NEXT_DAY)
    imported(dataset(tmp_path / "third", interactions=first))
    assert [at for at, *_ in log_events()] == [DAY_1, DAY_1 + 1, DAY_1 + 2, DAY_1 + 3, DAY_1 + 9]


@pytest.mark.django_db
class TestMerging:
    def test_files_of_a_day_at_rest_become_one(self) -> None:
        for n in range(3):
            like("reader", n)
        before, old = log_events(), live()

        assert tidy(now=NOW) == Tidied()
        assert tidy(now=NEXT_DAY) == Tidied(merged=3, written=1)

        assert log_events() == before
        assert LogFile.objects.live().get().rows == 3
        assert [Path(str(path)).name for path in log_files("interactions")] == [Path(path).name for path in live()]
        assert list(log_faults()) == []
        assert tidy(now=NEXT_DAY) == Tidied()
        # Whoever has listed the old ones can go on reading them.
        assert set(old) < set(files_below(settings.ACTIVITY_LOG))

    def test_many_small_files_of_a_busy_day_are_merged_before_it_ends(self) -> None:
        for n in range(7):
            like("reader", n)
        assert tidy(now=NOW) == Tidied()
        like("reader", 7)
        assert tidy(now=NOW) == Tidied(merged=8, written=1)
        # A file of eight isn't touched by what comes in ones.
        for n in range(8, 15):
            like("reader", n)
        assert tidy(now=NOW) == Tidied()
        like("reader", 15)
        assert tidy(now=NOW) == Tidied(merged=8, written=1)
        assert sorted(LogFile.objects.live().values_list("rows", flat=True)) == [8, 8]
        assert len(log_events()) == 16

    def test_activity_rows_know_the_new_file_and_are_not_moved_again(self) -> None:
        for n in range(3):
            like("reader", n)
        tidy(now=NEXT_DAY)
        assert set(Activity.objects.values_list("log_file__path", flat=True)) == set(live())
        sweep_log(now=NEXT_DAY + timedelta(days=3))
        assert move_activity_to_log(now=NOW) == 0

    def test_what_a_merged_file_holds_is_known_when_it_comes_again(self, tmp_path: Path) -> None:
        for n in range(2):
            like("reader", n)
        tidy(now=NEXT_DAY)
        again = [(int(TODAY.timestamp()) + n, "like", "reader", "author") for n in range(3)]
        assert imported(dataset(tmp_path / "again", interactions=again)).interactions == 1
        assert len(log_events()) == 3

    def test_replaced_files_are_swept_two_days_later(self) -> None:
        for n in range(2):
            like("reader", n)
        tidy(now=NEXT_DAY)
        early, late = NEXT_DAY + timedelta(days=1, hours=23), NEXT_DAY + timedelta(days=2, seconds=1)
        for path in settings.ACTIVITY_LOG.rglob("*.parquet"):
            os.utime(path, (NOW.timestamp(), NOW.timestamp()))
        assert sweep_log(now=early) == 0
        assert sweep_log(now=late) == 2
        assert files_below(settings.ACTIVITY_LOG) == live()
        assert LogFile.objects.count() == 1

    def test_a_failure_on_the_way_leaves_each_day_old_or_new(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for n, at in enumerate((DAY_1, DAY_1 + 1, DAY_2, DAY_2 + 1)):
            imported(dataset(tmp_path / str(n), interactions=[(at, "like", "a", "b")]))
        before = log_events()

        def full(*args: Any, **more: Any) -> Any:
            if len(live()) == 3:
                raise OSError(28, "No space left on device")
            return enter(*args, **more)

        with monkeypatch.context() as broken:
            broken.setattr(upkeep, "enter", full)
            with pytest.raises(OSError, match="No space"):
                tidy(now=NEXT_DAY)
        assert len(live()) == 3
        assert log_events() == before
        assert tidy(now=NEXT_DAY) == Tidied(merged=2, written=1)
        assert log_events() == before


@pytest.mark.django_db
@pytest.mark.parametrize("damage", ["missing", "spoilt", "a bit"])
def test_a_damaged_day_keeps_no_other_from_being_tidied(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    for n, at in enumerate((DAY_1, DAY_1 + 1, DAY_2, DAY_2 + 1)):
        imported(dataset(tmp_path / str(n), interactions=[(at, "like", "a", "b")]))
    erased = ErasedAccountFactory.create(erased_at=NOW - timedelta(days=30))
    path = Path(settings.ACTIVITY_LOG) / LogFile.objects.order_by("day", "pk")[0].path
    if damage == "missing":
        path.unlink()
    elif damage == "spoilt":
        path.write_bytes(bytes(path.stat().st_size))
    else:  # which Parquet may well read without a word
        content = bytearray(path.read_bytes())
        content[len(content) // 4] ^= 1
        path.write_bytes(content)
    assert tidy(now=NEXT_DAY) == Tidied(merged=2, written=1)
    assert "interactions of 2026-01-01 can't be tidied: " + LogFile.objects.order_by("day", "pk")[0].path in caplog.text
    # Whether that day holds anything of the erased can't be known.
    erased.refresh_from_db()
    assert erased.rewritten_at is None


@pytest.mark.django_db(transaction=True)
@quick(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.booleans()), max_size=25))
def test_no_row_is_lost_or_doubled_whatever_comes_between(steps: list[tuple[int, int, bool]]) -> None:
    LogFile.objects.all().delete()
    Activity.objects.all().delete()
    expected = set()
    now = NOW
    for day, second, tidies in steps:
        at = TODAY - timedelta(days=day) + timedelta(seconds=second)
        like("reader", at=at)
        expected.add((int(at.timestamp()), "like", "reader@test", "author@test"))
        if tidies:
            now += timedelta(hours=8)
            tidy(now=now)
    tidy(now=now + timedelta(days=2))
    assert log_events() == sorted(expected)
    assert list(log_faults()) == []
    assert LogFile.objects.live().count() == len({at // 86_400 for at, *_ in expected})


@pytest.mark.django_db
class TestTexts:
    def test_old_texts_go_and_their_posts_stay(self, tmp_path: Path) -> None:
        NetworkFactory.create(slug="test", texts_kept_days=30)
        posts = [
            {"post": "old", "at": DAY_1, "author": "a", "text": "long ago"},
            {"post": "else", "at": DAY_1, "author": "a", "text": "elsewhere", "network": "other"},
            {"post": "mute", "at": DAY_2, "author": "a"},
            {"post": "new", "at": int(TODAY.timestamp()), "author": "a", "text": "today"},
        ]
        imported(dataset(tmp_path / "data", posts=posts))
        before = live()

        assert tidy(now=NOW) == Tidied(emptied=1)

        texts = {row["post"]: row["text"] for row in log_rows("posts")}
        assert texts == {
            post_key("test", "old"): None,
            post_key("other", "else"): "elsewhere",
            post_key("test", "mute"): None,
            post_key("test", "new"): "today",
        }
        assert len(set(live()) - set(before)) == 1
        assert tidy(now=NOW) == Tidied()

    def test_the_last_day_that_is_kept_is_kept_whole(self, tmp_path: Path) -> None:
        imported(dataset(tmp_path / "data", posts=[{"post": "p", "at": DAY_1, "author": "a", "text": "still"}]))
        Network.objects.update(texts_kept_days=30)
        assert tidy(now=datetime(2026, 1, 31, 23, 59, tzinfo=UTC)) == Tidied()
        assert tidy(now=datetime(2026, 2, 1, tzinfo=UTC)) == Tidied(emptied=1)
        assert log_rows("posts")[0]["text"] is None

    def test_a_file_of_which_nobody_knows_is_looked_into_once(self, tmp_path: Path) -> None:
        imported(dataset(tmp_path / "data", posts=[{"post": "p", "at": DAY_1, "author": "a"}]))
        Network.objects.update(texts_kept_days=30)
        LogFile.objects.update(texts=None)
        before = live()
        tidy(now=NOW)
        assert live() == before
        assert LogFile.objects.get().texts == []


@pytest.mark.django_db
class TestFaults:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        imported(dataset(tmp_path / "data", interactions=[(DAY_1, "like", "a", "b"), (DAY_2, "like", "a", "b")]))
        return Path(settings.ACTIVITY_LOG) / LogFile.objects.order_by("day")[0].path

    def test_a_log_as_it_was_written_has_none(self, file: Path) -> None:
        seen: list[tuple[int, int, int]] = []
        assert list(log_faults(progress=lambda *at: seen.append(at))) == []
        assert seen == [(0, 2, 0), (1, 2, 1), (2, 2, 2)]

    def test_a_missing_file_is_named(self, file: Path) -> None:
        file.unlink()
        (fault,) = log_faults()
        assert (fault.path, fault.rows, fault.what) == (LogFile.objects.order_by("day")[0].path, 1, "missing")

    def test_a_truncated_file_is_named_with_what_is_left(self, file: Path) -> None:
        size = file.stat().st_size
        os.truncate(file, 100)
        for deep in (True, False):
            assert [fault.what for fault in log_faults(deep=deep)] == [f"truncated: 100 of {size:,} bytes are left"]

    def test_a_file_of_the_same_length_is_known_by_its_bytes(self, file: Path) -> None:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        assert [fault.what for fault in log_faults()] == ["edited: its bytes aren't those that were written"]

    def test_a_longer_file_is_an_edited_one(self, file: Path) -> None:
        size = file.stat().st_size
        with file.open("ab") as more:
            more.write(b"x")
        assert [fault.what for fault in log_faults()] == [f"edited: it has {size + 1:,} bytes, {size:,} were written"]

    def test_only_the_days_that_a_moment_needs_are_looked_at(self, file: Path) -> None:
        file.unlink()
        assert list(log_faults(datetime(2026, 1, 1, tzinfo=UTC))) == []
        assert len(list(log_faults(datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)))) == 1

    def test_a_file_that_is_given_up_is_no_fault_any_more(self, file: Path) -> None:
        path = LogFile.objects.order_by("day")[0].path
        file.unlink()
        assert discard_file(path, now=NOW) == 1
        assert discard_file(path, now=NOW) is None
        assert discard_file("interactions/none.parquet", now=NOW) is None
        assert list(log_faults()) == []
        assert len(log_events()) == 1

    def test_rows_of_a_file_given_up_that_are_activity_yet_go_into_the_log_again(self) -> None:
        like("reader")
        (path,) = live()
        (settings.ACTIVITY_LOG / path).unlink()
        discard_file(path, now=NOW)
        assert log_events() == []
        assert move_activity_to_log(now=NOW) == 1
        assert len(log_events()) == 1
        assert list(log_faults()) == []


# Tidies up to the moment between a file and its line in the manifest, says so, and waits there.
TIDY_TO = """
import sys
import django
django.setup()
from datetime import datetime
from accounts.actions import tidy_log, upkeep

enter, left = upkeep.enter, int(sys.argv[1])
def entering(*args, **more):
    global left
    if not left:
        print("here", flush=True)
        sys.stdin.read()
    left -= 1
    return enter(*args, **more)
upkeep.enter = entering
tidy_log(now=datetime.fromisoformat(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("done", [0, 1])
def test_tidying_killed_with_signal_9_loses_nothing_and_goes_on_later(tmp_path: Path, done: int) -> None:
    for n, at in enumerate((DAY_1, DAY_1 + 1, DAY_2, DAY_2 + 1)):
        imported(dataset(tmp_path / str(n), interactions=[(at, "like", "a", "b")]))
    before = log_events()

    kill_when_there(TIDY_TO, str(done), NEXT_DAY.isoformat())

    assert (len(live()), log_events()) == (4 - done, before)
    assert list(log_faults()) == []
    assert tidy(now=NEXT_DAY) == Tidied(merged=4 - 2 * done, written=2 - done)
    assert (len(live()), log_events()) == (2, before)
