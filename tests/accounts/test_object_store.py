"""The activity log in an object store: the same as in a folder, and clear where the store can't be asked."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from django.conf import settings
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import storage
from accounts.actions import (
    NewActivity,
    Tidied,
    discard_file,
    erase_person,
    move_activity_to_log,
    record_activity,
    sweep_log,
    tidy_log,
)
from accounts.log import LOG_INTERACTIONS, LogFolder
from accounts.models import Activity, ErasedAccount, LogFile, Person
from accounts.queries import log_faults, log_files
from accounts.storage import LogUnreachable, open_parquet
from config.refusals import refusal_of
from tests.accounts.activity_data import DAY_1, DAY_2, NOW, dataset, files_below, imported, log_events, log_rows
from tests.factories.accounts import UserFactory
from tests.object_store import Bucket
from tests.processes import ROOT, child_environment, kill_when_there

DAY = datetime.fromtimestamp(DAY_1, UTC).date()
NEXT_DAY = NOW + timedelta(days=1, hours=1)
POSTS = [{"post": "p", "at": DAY_1, "author": "b", "text": "an evening of jazz"}]
LIKES = [(DAY_1, "like", "a", "b"), (DAY_1 + 1, "repost", "c", "b"), (DAY_2, "like", "c", "a")]

# Moves activity until the file is in the bucket, and waits there.
MOVE_TO_FILE = """
import sys
import django
django.setup()
from django.utils import timezone
from accounts.actions import daily, move_activity_to_log

def wait(*arguments, **more):
    print("here", flush=True)
    sys.stdin.read()

daily.enter = wait
move_activity_to_log(now=timezone.now())
"""


def like(second: int = 0) -> None:
    at = datetime.fromtimestamp(DAY_1 + second, UTC)
    record_activity([NewActivity(network="test", kind="like", actor="a", target="b", at=at)], by=None, now=NOW)


def live() -> list[str]:
    return sorted(LogFile.objects.live().values_list("path", flat=True))


@pytest.fixture
def fails_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_ATTEMPTS", 1)


@pytest.mark.django_db
class TestTheSame:
    def test_an_import_writes_the_files_that_a_folder_gets(
        self, bucket: Bucket, tmp_path: Path, settings: Settings
    ) -> None:
        world = dataset(tmp_path / "data", interactions=LIKES, posts=POSTS)
        assert imported(world).interactions == 3
        assert bucket.names() == live()
        in_bucket = {name: bucket.content(name) for name in live()}
        rows, events = log_rows("posts"), log_events()
        assert imported(world).interactions == 0
        # What imports lay aside lies on this machine, and is taken away.
        assert [path for path in files_below(tmp_path / "scratch") if not path.endswith("/lock")] == []
        assert not (tmp_path / "log").exists()

        LogFile.objects.all().delete()
        settings.ACTIVITY_LOG = tmp_path / "log"
        imported(world)
        assert {name: (tmp_path / "log" / name).read_bytes() for name in live()} == in_bucket
        assert (log_rows("posts"), log_events()) == (rows, events)

    def test_rows_move_once_are_merged_and_swept(self, bucket: Bucket) -> None:
        for second in range(3):
            like(second)
            assert move_activity_to_log(now=NOW) == 1
        like(0)
        move_activity_to_log(now=NOW)
        before = log_events()
        assert len(before) == 3
        assert list(log_faults()) == []

        assert tidy_log(now=NEXT_DAY) == Tidied(merged=3, written=1)

        assert log_events() == before
        assert len(bucket.names()) == 4
        # Two days after by the manifest; a day after they were written by the store's clock.
        LogFile.objects.filter(replaced_at__isnull=False).update(replaced_at=timezone.now())
        assert sweep_log(now=timezone.now() + timedelta(days=1, hours=23)) == 0
        assert sweep_log(now=timezone.now() + timedelta(days=2, hours=1)) == 3
        assert bucket.names() == live()
        assert log_events() == before

    def test_an_erased_persons_rows_leave_the_files(self, bucket: Bucket, tmp_path: Path) -> None:
        imported(dataset(tmp_path / "data", interactions=LIKES, posts=POSTS))
        person = Person.objects.get(identities__external_id="c")
        erase_person(person, by=UserFactory.create(), now=NOW)
        assert tidy_log(now=NOW, at_once=True) == Tidied(erased=2)
        assert [row["kind"] for row in log_rows("interactions")] == ["like"]
        assert not ErasedAccount.objects.filter(rewritten_at__isnull=True).exists()

    def test_readers_get_files_that_open_by_themselves(self, bucket: Bucket, tmp_path: Path) -> None:
        imported(dataset(tmp_path / "data", interactions=LIKES))
        rows = [row for file in log_files("interactions") for row in open_parquet(file).read().to_pylist()]
        assert rows == log_rows("interactions")


@pytest.mark.django_db
class TestFaults:
    @pytest.fixture
    def names(self, bucket: Bucket, tmp_path: Path) -> list[str]:
        third = (DAY_2 + 86_400, "like", "a", "b")
        imported(dataset(tmp_path / "data", interactions=[(DAY_1, "like", "a", "b"), (DAY_2, "like", "a", "b"), third]))
        return list(LogFile.objects.order_by("day").values_list("path", flat=True))

    def test_what_is_truncated_edited_or_missing_is_named(self, bucket: Bucket, names: list[str]) -> None:
        content = bucket.content(names[0])
        edited = bytearray(bucket.content(names[1]))
        edited[len(edited) // 2] ^= 1
        bucket.put(names[0], content[:100])
        bucket.put(names[1], bytes(edited))
        bucket.delete(names[2])
        assert [(fault.path, fault.what) for fault in log_faults()] == [
            (names[0], f"truncated: 100 of {len(content):,} bytes are left"),
            (names[1], "edited: its bytes aren't those that were written"),
            (names[2], "missing"),
        ]
        assert [fault.path for fault in log_faults(deep=False)] == [names[0], names[2]]
        bucket.put(names[0], content)
        assert discard_file(names[2], now=NOW) == 1
        assert [fault.path for fault in log_faults()] == [names[1]]

    def test_a_damaged_object_is_no_fault_of_the_store(self, bucket: Bucket, names: list[str]) -> None:
        content = bucket.content(names[0])
        bucket.put(names[0], content[:4] + bytes(len(content) - 12) + content[-8:])
        with pytest.raises((pa.ArrowInvalid, OSError)) as read:
            storage.Storage(bucket.log).rows(names[0], ["at"])
        assert not isinstance(read.value, LogUnreachable)

    def test_a_store_that_is_away_is_no_fault_of_its_files(
        self, bucket: Bucket, names: list[str], fails_soon: None
    ) -> None:
        LogFile.objects.update(day=DAY)  # three of a day, to be merged
        bucket.store.stop()
        with pytest.raises(LogUnreachable, match="does not answer"):
            list(log_faults())
        with pytest.raises(LogUnreachable, match="does not answer"):
            tidy_log(now=NEXT_DAY)

    def test_without_its_bucket_no_file_is_called_missing(self, bucket: Bucket, names: list[str]) -> None:
        bucket.delete_all()
        for deep in (True, False):
            with pytest.raises(LogUnreachable, match=f"there is no bucket {bucket.name} for the activity log"):
                list(log_faults(deep=deep))


@pytest.mark.django_db
class TestRefusals:
    @pytest.fixture(params=["stopped", "no bucket", "wrong key"])
    def broken(
        self, request: pytest.FixtureRequest, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, fails_soon: None
    ) -> str:
        """Break the way to the store and return what an error has to say."""
        like()
        if request.param == "stopped":
            bucket.store.stop()
            return (
                f"the object store of the activity log, {bucket.log}, does not answer: start it, or check "
                "AWS_ENDPOINT_URL and AWS_REGION"
            )
        if request.param == "no bucket":
            bucket.delete_all()
            return f"there is no bucket {bucket.name} for the activity log: make it, or set ACTIVITY_LOG to another"
        from moto import settings as motos

        # The server takes any key, until it is told to look at them.
        monkeypatch.setattr(motos, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
        return (
            f"the object store refuses PutObject below {bucket.log}: check AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY and what the key may do (docs/operations.md)"
        )

    def test_an_address_that_is_none_is_said_to_be(self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://[nowhere")
        with pytest.raises(LogUnreachable, match=r"can't be named so: check AWS_ENDPOINT_URL \(http://host:port\)"):
            storage.Storage(bucket.log).sizes(["a.parquet"])

    def test_a_failed_upload_leaves_rows_and_manifest_as_they_were(self, broken: str) -> None:
        with pytest.raises(LogUnreachable) as refused:
            move_activity_to_log(now=NOW)
        assert str(refused.value) == broken
        assert refusal_of(refused.value) == broken
        assert "hidden-secret" not in str(refused.value.__cause__)
        assert Activity.objects.get().log_file is None
        assert not LogFile.objects.exists()

    def test_an_import_stops_with_the_same_words(self, broken: str, tmp_path: Path) -> None:
        # It looks for strays first, which lists.
        listing = broken.replace("PutObject", "ListObjectsV2")
        with pytest.raises(LogUnreachable) as refused:
            imported(dataset(tmp_path / "data", interactions=LIKES))
        assert str(refused.value) == listing
        assert not LogFile.objects.exists()
        assert [path for path in files_below(settings.SCRATCH) if not path.endswith("/lock")] == []

    def test_an_upload_that_fails_in_its_middle_leaves_no_object(self, bucket: Bucket, fails_soon: None) -> None:
        parts: list[str] = []
        heals = False

        def overloaded(environ: Any) -> str | None:
            if "partNumber=" not in environ["QUERY_STRING"]:
                return None
            parts.append(environ["QUERY_STRING"])
            return "503 Slow Down" if "partNumber=2" in environ["QUERY_STRING"] and not heals else None

        bucket.store.answer_first(overloaded)
        dice = np.random.default_rng(1)
        count = 800_000
        keys = {name: pa.array(dice.integers(0, 1 << 62, count)) for name in ("actor", "target", "post")}
        words = {"kind": pa.array(["like"] * count), "network": pa.array(["test"] * count)}
        at = {"at": pa.array(dice.integers(DAY_1, DAY_1 + 86_400, count))}
        rows = pa.table(at | keys | words).select(LOG_INTERACTIONS.names).cast(LOG_INTERACTIONS)
        log = LogFolder(bucket.log)
        with pytest.raises(LogUnreachable, match="failed at UploadPart: HTTP status 503; try again later"):
            log.write_day("interactions", DAY, rows)
        assert len(parts) > 1
        assert bucket.names() == []

        heals = True
        assert [log.write_day("interactions", DAY, rows).path] == bucket.names()

    def test_a_store_that_never_answers_is_given_up(
        self, bucket: Bucket, fails_soon: None, monkeypatch: pytest.MonkeyPatch, silent: str
    ) -> None:
        monkeypatch.setattr(storage, "_SILENT_SECONDS", 1)
        monkeypatch.setenv("AWS_ENDPOINT_URL", silent)
        like()
        with pytest.raises(LogUnreachable, match="does not answer"):
            move_activity_to_log(now=NOW)
        assert Activity.objects.get().log_file is None

    @pytest.fixture
    def silent(self) -> Iterator[str]:
        """Return the address of a server that takes connections and says nothing."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.django_db(transaction=True)
class TestProcesses:
    def test_a_file_whose_writer_was_killed_is_swept(self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ACTIVITY_LOG", bucket.log)
        like()
        kill_when_there(MOVE_TO_FILE)
        assert len(bucket.names()) == 1
        assert not LogFile.objects.exists()
        assert Activity.objects.get().log_file is None

        assert sweep_log(now=timezone.now()) == 0
        assert sweep_log(now=timezone.now() + timedelta(days=1, hours=1)) == 1
        assert bucket.names() == []
        assert move_activity_to_log(now=NOW) == 1
        assert bucket.names() == live()

    def test_a_command_says_it_in_one_line(self, bucket: Bucket, tmp_path: Path) -> None:
        world = dataset(tmp_path / "data", interactions=LIKES)
        arguments = ("import_activity", str(world), "--format", "dataset")
        assert _manage(*arguments).returncode == 0
        assert bucket.names() == live()

        bucket.store.stop()
        done = _manage("score")
        assert done.returncode == 2, done.stderr
        assert done.stderr.splitlines()[-1] == (
            f"sway: the object store of the activity log, {bucket.log}, does not answer: start it, or check "
            "AWS_ENDPOINT_URL and AWS_REGION"
        )
        assert "Traceback" not in done.stderr
        assert "hidden-secret" not in done.stderr


def _manage(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
