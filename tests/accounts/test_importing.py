"""Importing a data set: what it writes, and that the same again writes nothing."""

import csv
import gzip
import hashlib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.conf import settings

from accounts.actions import ImportReport, Progress
from accounts.actions.importing import import_activity
from accounts.actions.spool import Spool
from accounts.intake import NotThisFormat
from accounts.keys import account_key, account_keys, post_key
from accounts.models import Identity, LogFile, Network, Person, Place
from tests.accounts.activity_data import (
    DAY_1,
    DAY_2,
    NOW,
    dataset,
    files_below,
    identity,
    imported,
    log_events,
    log_rows,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return dataset(
        tmp_path / "small",
        accounts=[
            {
                "account": "1",
                "handle": "Ann",
                "name": "Ann Ash",
                "followers": 10,
                "following": 3,
                "verified": True,
                "created_at": 1_500_000_000,
                "bio": "writes",
                "location": "Toronto, Canada",
            }
        ],
        posts=[{"post": "p1", "at": DAY_1, "author": "1", "text": "Hello #flying", "topics": ["flying"], "lang": "en"}],
        interactions=[
            {"at": DAY_1 + 60, "kind": "like", "actor": "2", "target": "1", "post": "p1"},
            (DAY_2, "mention", "3", "1"),
        ],
    )


def test_people_identities_and_places_come_from_what_is_named(small: Path) -> None:
    imported(small)
    ann = identity("1")
    assert (ann.handle, ann.name, ann.bio, ann.location) == ("Ann", "Ann Ash", "writes", "Toronto, Canada")
    assert (ann.followers, ann.following, ann.verified) == (10, 3, True)
    assert ann.created_at == datetime(2017, 7, 14, 2, 40, tzinfo=UTC)
    assert (ann.person.handle, ann.person.name, ann.person.bio) == ("Ann", "Ann Ash", "writes")
    assert (ann.person.user, ann.person.claimed_at, ann.person.created_at) == (None, None, NOW)
    assert str(ann.person.place) == "Toronto, ON, CA"
    assert Place.objects.get().population > 2_000_000
    # Who is only named in a row exists too, and is called by the id.
    assert sorted(Person.objects.values_list("handle", flat=True)) == ["2@test", "3@test", "Ann"]
    assert identity("2").followers is None
    assert Network.objects.get().name == "test"


def test_the_log_gets_a_file_for_each_table_and_day(small: Path) -> None:
    report = imported(small)
    assert report == ImportReport(rows_read=4, people=3, identities=3, posts=1, interactions=2, days=2)
    assert log_rows("interactions") == [
        {
            "at": DAY_1 + 60,
            "kind": "like",
            "actor": account_key("test", "2"),
            "target": account_key("test", "1"),
            "post": post_key("test", "p1"),
            "network": "test",
        },
        {
            "at": DAY_2,
            "kind": "mention",
            "actor": account_key("test", "3"),
            "target": account_key("test", "1"),
            "post": None,
            "network": "test",
        },
    ]
    assert [(row["post"], row["author"], row["text"], row["topics"]) for row in log_rows("posts")] == [
        (post_key("test", "p1"), account_key("test", "1"), "Hello #flying", ["flying"])
    ]
    manifest = LogFile.objects.order_by("table", "day")
    assert [(file.table, file.day, file.rows, file.created_at) for file in manifest] == [
        ("interactions", date(2026, 1, 1), 1, NOW),
        ("interactions", date(2026, 1, 2), 1, NOW),
        ("posts", date(2026, 1, 1), 1, NOW),
    ]
    for file in manifest:
        content = (settings.ACTIVITY_LOG / file.path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size, file.sha256)
    assert files_below(settings.ACTIVITY_LOG) == sorted(file.path for file in manifest)


def test_the_same_again_changes_nothing(small: Path) -> None:
    imported(small)
    before = [list(model.objects.order_by("pk").values()) for model in (LogFile, Person, Identity, Network, Place)]
    files = files_below(settings.ACTIVITY_LOG)
    assert imported(small, now=datetime(2027, 1, 1, tzinfo=UTC)) == ImportReport(rows_read=4)
    assert before == [
        list(model.objects.order_by("pk").values()) for model in (LogFile, Person, Identity, Network, Place)
    ]
    assert files == files_below(settings.ACTIVITY_LOG)


def test_of_a_file_that_overlaps_the_rest_is_added(small: Path, tmp_path: Path) -> None:
    imported(small)
    more = dataset(
        tmp_path / "more",
        interactions=[(DAY_2, "mention", "3", "1"), (DAY_2, "mention", "3", "2"), (DAY_2, "like", "3", "1")],
    )
    report = imported(more)
    assert (report.interactions, report.days, report.people) == (2, 1, 0)
    assert log_events() == [
        (DAY_1 + 60, "like", "2@test", "1@test"),
        (DAY_2, "like", "3@test", "1@test"),
        (DAY_2, "mention", "3@test", "1@test"),
        (DAY_2, "mention", "3@test", "2@test"),
    ]
    assert LogFile.objects.filter(table="interactions", day=date(2026, 1, 2)).count() == 2


def test_days_are_those_of_utc(tmp_path: Path) -> None:
    rows = [{"at": "2026-01-01T23:30:00-05:00", "kind": "like", "actor": "a", "target": "b"}]
    imported(dataset(tmp_path / "zones", interactions=rows))
    assert LogFile.objects.get().day == date(2026, 1, 2)


def test_bad_rows_are_listed_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = dataset(
        tmp_path / "partly",
        interactions=[
            (DAY_1, "like", "a", "b"),
            {"at": "yesterday", "kind": "like", "actor": "a", "target": "b"},
            (DAY_1, "hate", "a", "b"),
            {"at": DAY_1, "kind": "like", "actor": "a"},
        ],
    )
    report = imported(path)
    assert (report.rows_read, report.interactions, report.rejected) == (4, 1, 3)
    assert report.rejects_file == settings.DATA_DIR / "rejects" / "partly-20260301T120000Z.csv"
    with report.rejects_file.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["line"]) for row in rows] == [("interactions.ndjson", line) for line in "234"]
    assert "hate" in rows[1]["reason"]
    assert rows[2]["reason"] == "target is missing"
    # The same again lists them again, in a file of its own.
    assert imported(path).rejects_file == settings.DATA_DIR / "rejects" / "partly-20260301T120000Z-2.csv"


@pytest.mark.parametrize("damage", ["wrong columns", "breaks off"])
def test_a_refused_file_changes_nothing(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "refused"
    path.mkdir()
    if damage == "wrong columns":
        (path / "interactions.csv").write_text("when,what\n1,like\n")
    else:
        # Accounts are read first, so rows have been read when the other table turns out damaged.
        (path / "accounts.csv").write_text("account,handle\n1,ann\n")
        rows = "at,kind,actor,target\n" + "".join(f"{DAY_1 + n},like,a{n},b\n" for n in range(20_000))
        (path / "interactions.csv.gz").write_bytes(gzip.compress(rows.encode())[:-400])
    batches: list[Progress] = []
    with pytest.raises(NotThisFormat):
        imported(path, progress=batches.append)
    assert len(batches) > 1 or damage == "wrong columns", "rows have to be read first"
    assert [model.objects.count() for model in (Network, Person, Identity, LogFile)] == [0, 0, 0, 0]
    assert files_below(settings.DATA_DIR) == sorted(f"refused/{file.name}" for file in path.iterdir())


def test_a_full_disk_while_reading_changes_nothing(
    tmp_path: Path, settings_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, files = Spool._write, iter(range(100))

    def full(spool: Spool, table: str, parts: list[pa.Table], file: int) -> Any:
        if next(files) == 1:
            raise OSError(28, "No space left on device")
        return write(spool, table, parts, file)

    monkeypatch.setattr(Spool, "_write", full)
    path = dataset(tmp_path / "days", interactions=[(DAY_1 + 3600 * n, "like", f"a{n % 7}", "b") for n in range(240)])
    with pytest.raises(OSError, match="No space left"):
        imported(path)
    assert [model.objects.count() for model in (Network, Person, Identity, LogFile)] == [0, 0, 0, 0]
    assert files_below(settings.DATA_DIR) == ["days/interactions.ndjson"]


def test_progress_tells_each_stage_to_its_end(small: Path) -> None:
    told: list[Progress] = []
    imported(small, progress=told.append)
    ends = {progress.stage: progress for progress in told}
    size = sum(file.stat().st_size for file in small.iterdir())
    assert list(ends.values()) == [
        Progress("reading", size, size, 4),
        Progress("people", 3, 3, 3),
        Progress("websites", 0, 0, 0),
        Progress("log", 2, 2, 3),
    ]


def test_many_days_and_batches_leave_one_file_a_day(tmp_path: Path, settings_batches: None) -> None:
    rows = [(DAY_1 + 3600 * n, "like", f"a{n % 7}", "b") for n in range(240)]
    report = imported(dataset(tmp_path / "days", interactions=rows))
    assert (report.interactions, report.days, report.people) == (240, 10, 8)
    assert LogFile.objects.count() == 10
    assert len(log_events()) == 240


def test_networks_and_days_may_come_in_any_order(tmp_path: Path, settings_batches: None) -> None:
    rows: list[dict[str, Any]] = [
        {"at": (DAY_2, DAY_1)[n % 2] + n, "kind": "like", "actor": f"a{n % 5}", "target": "b", "post": f"p{n % 3}"}
        | {"network": ("test", "other")[n // 2 % 2], "target_network": (None, "third")[n // 4 % 2]}
        for n in range(160)
    ]
    assert imported(dataset(tmp_path / "mixed", interactions=rows)).interactions == 160
    assert log_events() == sorted(
        (row["at"], "like", f"{row['actor']}@{row['network']}", f"b@{row['target_network'] or row['network']}")
        for row in rows
    )
    assert sorted((row["at"], row["post"]) for row in log_rows("interactions")) == sorted(
        (row["at"], post_key(row["network"], row["post"])) for row in rows
    )


def test_texts_of_profiles_are_kept_as_they_are(tmp_path: Path) -> None:
    bio = 'a\tb\n\\.\nc\\N \\t "d", e\rf'
    imported(dataset(tmp_path / "texts", accounts=[{"account": "a\\b", "bio": bio, "name": "\\N", "website": ""}]))
    known = identity("a\\b")
    assert (known.bio, known.name, known.website, known.person.bio) == (bio, "\\N", "", bio)


@pytest.fixture
def settings_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything be handed on in small parts, as a file of a billion rows would be."""
    monkeypatch.setattr("accounts.intake.tables.BATCH_ROWS", 50, raising=False)
    monkeypatch.setattr("accounts.intake.json_lines.BATCH_ROWS", 50, raising=False)
    monkeypatch.setattr("accounts.actions.spool._HELD", 60)
    monkeypatch.setattr("accounts.actions.importing._ACCOUNTS_AT_ONCE", 3)
    monkeypatch.setattr("accounts.actions.importing._FIRST_ACCOUNTS", 4)
    monkeypatch.setattr("accounts.actions.import_days._DAYS_AT_ONCE", 3)


def test_rows_whose_key_belongs_to_another_account_are_left_out(tmp_path: Path) -> None:
    # Nobody can make two ids with one key, so one is put where the other's would be.
    imported(dataset(tmp_path / "first", interactions=[(DAY_1, "like", "x", "y")]))
    Identity.objects.filter(pk=account_key("test", "y")).update(external_id="somebody else")
    path = dataset(
        tmp_path / "second",
        interactions=[(DAY_2, "like", "x", "y"), (DAY_2, "like", "y", "x"), (DAY_2, "like", "x", "z")],
        posts=[{"post": "p", "at": DAY_2, "author": "y"}],
    )
    report = imported(path)
    assert (report.interactions, report.posts, report.identities, report.rejected) == (1, 0, 1, 1)
    assert report.rejects_file is not None
    assert report.rejects_file.read_text().splitlines() == [
        "file,line,reason",
        f"second,,the key {account_key('test', 'y')} of an account on test belongs to another account: "
        "its profile and 3 rows were left out",
    ]
    assert identity("z").external_id == "z"
    assert log_rows("posts") == []


def test_two_accounts_of_one_source_with_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def clashing(networks: Any, ids: Any) -> Any:
        return account_keys(networks, pa.array(["a" if id == "b" else id for id in ids.to_pylist()]))

    monkeypatch.setattr("accounts.actions.people.account_keys", clashing)
    report = imported(dataset(tmp_path / "clash", interactions=[(DAY_1, "like", "b", "c"), (DAY_1, "like", "a", "c")]))
    assert (report.identities, report.interactions, report.rejected) == (2, 1, 1)
    assert log_events() == [(DAY_1, "like", "a@test", "c@test")]


def test_the_network_of_rows_that_name_none_can_be_given(tmp_path: Path) -> None:
    path = dataset(tmp_path / "nets", interactions=[(DAY_1, "like", "a", "b")])
    import_activity(path, format="dataset", now=NOW)
    assert sorted(Network.objects.values_list("slug", flat=True)) == ["dataset"]
    import_activity(path, format="dataset", now=NOW, network="mastodon")
    assert Network.objects.get(slug="mastodon").name == "Mastodon"
    assert Identity.objects.count() == 4
