"""Runs over an activity log in an object store, against runs over the same log in a folder."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts import storage
from accounts.actions import NewActivity, record_activity
from accounts.models import Activity, LogFile, Person, User
from accounts.storage import LogUnreachable
from scoring.actions import score
from scoring.actions.errors import LogFaulty
from scoring.actions.nights import forget_states
from scoring.models import ScoreRun, Topic
from scoring.queries.reactions import Reactions, reactions
from tests.object_store import Bucket
from tests.scoring.conftest import APRIL_1, APRIL_2, NOW
from tests.scoring.test_nights import assert_same, numbers, read


@pytest.fixture
def here(tmp_path: Path, settings: Settings) -> Path:
    """Let the log lie in a folder at first, and return that."""
    return tmp_path / "log"


@pytest.fixture
def both(known: Path, here: Path, bucket: Bucket, settings: Settings) -> Bucket:
    """Return a bucket that has the log of the small world, which `settings` says to lie in a folder yet."""
    for name in LogFile.objects.values_list("path", flat=True):
        bucket.put(name, (here / name).read_bytes())
    settings.ACTIVITY_LOG = here
    return bucket


def move(bucket: Bucket, here: Path, settings: Settings) -> None:
    """Say that the log lies in the bucket; nobody can read the folder any more."""
    settings.ACTIVITY_LOG = bucket.log
    shutil.rmtree(here)
    forget_states()


def page(run: ScoreRun, **given: Any) -> Reactions:
    operator = User.objects.get_or_create(username="operator", is_superuser=True)[0]
    return reactions(Person.objects.get(handle="handle0"), run, viewer=operator, **given)


@pytest.mark.slow
def test_nights_and_pages_are_those_of_a_folder(both: Bucket, here: Path, settings: Settings) -> None:
    expected = [numbers(score(as_of=as_of, now=NOW)) for as_of in (APRIL_1, APRIL_2)]
    run = ScoreRun.objects.get(as_of=APRIL_2)
    jazz = Topic.objects.get(slug="jazz")
    acts, on_jazz = page(run), page(run, topic=jazz)
    assert acts.count
    assert on_jazz.count
    # Part of a day: nothing is kept, and the whole log read.
    noon = numbers(score(as_of=APRIL_1 + timedelta(hours=12), now=NOW))

    move(both, here, settings)

    found = []
    for as_of, how in ((APRIL_1, "nothing is kept yet"), (APRIL_2, "1 days were taken in")):
        run = score(as_of=as_of, now=NOW)
        assert read(run) == how
        found.append(numbers(run))
    for one, other in zip(found, expected, strict=True):
        assert one
        assert_same(one, other)
    assert_same(numbers(score(as_of=APRIL_1 + timedelta(hours=12), now=NOW)), noon)
    assert page(run).count == acts.count
    assert [line.at for line in page(run).lines] == [line.at for line in acts.lines]
    assert page(run).reach == pytest.approx(acts.reach, abs=1e-9)
    assert page(run, topic=jazz).reach == pytest.approx(on_jazz.reach, abs=1e-9)


@pytest.mark.slow
def test_a_run_names_a_damaged_object_and_goes_on_when_it_is_back(both: Bucket, here: Path, settings: Settings) -> None:
    move(both, here, settings)
    name = LogFile.objects.filter(table="interactions").earliest("day").path
    content = both.content(name)
    spoilt = bytearray(content)
    spoilt[len(spoilt) // 4 : len(spoilt) // 2] = bytes(len(spoilt) // 2 - len(spoilt) // 4)
    both.delete(name)
    with pytest.raises(LogFaulty, match=f"damaged: {name} is missing"):
        score(as_of=APRIL_2, now=NOW)
    both.put(name, bytes(spoilt))
    with pytest.raises(LogFaulty, match=f"damaged: {name} is edited"):
        score(as_of=APRIL_2, now=NOW)
    both.put(name, content)
    assert score(as_of=APRIL_2, now=NOW).people == 30


def test_a_run_that_loses_its_store_on_the_way_says_so(
    both: Bucket, here: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_ATTEMPTS", 1)
    move(both, here, settings)
    gone: list[str] = []

    def away(environ: Any) -> str | None:
        # Sizes can still be asked for; the third file can't be read any more.
        if environ["REQUEST_METHOD"] == "GET" and environ["PATH_INFO"].endswith(".parquet"):
            gone.append(environ["PATH_INFO"])
        return "503 Slow Down" if len(gone) > 2 and environ["REQUEST_METHOD"] == "GET" else None

    both.store.answer_first(away)
    with pytest.raises(LogUnreachable, match="failed at GetObject: HTTP status 503; try again later"):
        score(as_of=APRIL_1, now=NOW)
    run = ScoreRun.objects.get()
    assert (run.state, "HTTP status 503" in run.error) == (ScoreRun.State.FAILED, True)


def test_a_run_without_its_store_fails_with_one_line_and_readers_keep_the_last(
    both: Bucket, here: Path, settings: Settings
) -> None:
    good = score(as_of=APRIL_1, now=NOW)
    row = NewActivity(network="dataset", kind="like", actor="a5", target="a1", at=APRIL_1 + timedelta(hours=1))
    record_activity([row], by=None, now=NOW)
    move(both, here, settings)
    both.store.stop()
    with pytest.raises(LogUnreachable):
        score(as_of=APRIL_2, now=NOW)
    assert ScoreRun.objects.get(as_of=APRIL_2).error == (
        f"the object store of the activity log, {both.log}, does not answer: start it, or check AWS_ENDPOINT_URL and "
        "AWS_REGION"
    )
    assert ScoreRun.objects.current() == good
    assert Activity.objects.get().log_file is None
