"""Activity as rows: recorded, moved to the log, kept a while."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from accounts.actions import ActivityRefused, NewActivity, move_activity_to_log, record_activity
from accounts.actions.activity import KEPT
from accounts.keys import account_key, post_key
from accounts.models import Activity, Identity, LogFile, Person
from tests.accounts.activity_data import dataset, files_below, identity, imported, log_events, log_rows
from tests.asked import tables_asked
from tests.factories.accounts import ActivityFactory, IdentityFactory, UserFactory

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = datetime(2026, 1, 1, 10, tzinfo=UTC)


def _row(actor: str = "1", target: str = "2", kind: str = "like", post: str = "p", at: datetime = AT) -> NewActivity:
    return NewActivity(network="test", kind=kind, actor=actor, target=target, post=post, at=at)


@pytest.mark.django_db
class TestRecording:
    def test_rows_and_people_come_from_it(self) -> None:
        by = UserFactory.create()
        assert record_activity([_row(), _row(kind="mention", post="")], by=by, now=NOW) == 2
        row = Activity.objects.get(kind="like")
        assert (row.at, row.network_id, row.post, row.log_file) == (AT, "test", "p", None)
        assert (row.actor, row.target) == (identity("1"), identity("2"))
        assert (row.created_at, row.recorded_by) == (NOW, by)
        assert sorted(Person.objects.values_list("handle", flat=True)) == ["1@test", "2@test"]

    def test_the_same_event_is_recorded_once(self) -> None:
        assert record_activity([_row(), _row()], by=None, now=NOW) == 1
        assert record_activity([_row(), _row(at=AT + timedelta(seconds=1))], by=None, now=NOW) == 1
        assert Activity.objects.count() == 2

    def test_events_are_told_apart_by_the_second(self) -> None:
        assert record_activity([_row(at=AT.replace(microsecond=900_000))], by=None, now=NOW) == 1
        assert record_activity([_row()], by=None, now=NOW) == 0
        assert Activity.objects.get().at == AT

    def test_a_handle_stands_for_the_account_that_has_it(self) -> None:
        known = IdentityFactory.create(external_id="7", handle="Ann")
        assert record_activity([_row(target="@ann"), _row(target="7")], by=None, now=NOW) == 1
        assert Activity.objects.get().target == known
        # Asked again, the answer is the same, and nobody is made.
        assert record_activity([_row(actor="3", target="@ann")], by=None, now=NOW) == 1
        assert set(Activity.objects.values_list("target", flat=True)) == {known.pk}

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            (_row(kind="hate"), "kind 'hate' is not one of like, reply, repost, quote, mention, link, click, follow"),
            (_row(actor=""), "actor is missing"),
            (_row(target="a\nb"), "target holds a control character"),
            (_row(at=datetime(2026, 1, 1)), "at 2026-01-01 00:00:00 names no time zone"),  # noqa: DTZ001  # that is it
            (
                _row(at=datetime(1960, 1, 1, tzinfo=UTC)),
                "at 1960-01-01 00:00:00+00:00 is outside the years 1970 to 2100",
            ),
            (
                NewActivity("A network", "like", "1", "2", AT),
                "network 'A network' is not a slug of at most 50 characters",
            ),
        ],
    )
    def test_a_row_that_cannot_be_an_event_refuses_all(self, row: NewActivity, reason: str) -> None:
        with pytest.raises(ActivityRefused) as refused:
            record_activity([_row(), row], by=None, now=NOW)
        assert str(refused.value) == reason
        assert (Activity.objects.count(), Identity.objects.count()) == (0, 0)

    def test_a_key_that_belongs_to_another_account_refuses_all(self) -> None:
        IdentityFactory.create(key=account_key("test", "2"), external_id="somebody else")
        with pytest.raises(ActivityRefused, match="belongs to another account"):
            record_activity([_row()], by=None, now=NOW)
        assert (Activity.objects.count(), Identity.objects.count()) == (0, 1)

    def test_known_accounts_cost_two_queries(self) -> None:
        record_activity([_row()], by=None, now=NOW)
        with tables_asked() as asked:
            record_activity([_row(at=AT + timedelta(seconds=n)) for n in range(100)], by=None, now=NOW)
        assert [table for table in asked if "SAVEPOINT" not in table and "INSERT" not in table] == ["accounts_identity"]
        assert len(asked) == 4, "a savepoint, the accounts, the insert, the savepoint's end"


@pytest.mark.django_db
class TestMoving:
    def test_rows_go_to_the_log_by_day_and_stay_as_a_view(self) -> None:
        record_activity([_row(), _row(kind="mention", post="", at=AT + timedelta(days=1))], by=None, now=NOW)
        assert move_activity_to_log(now=NOW) == 2
        assert [(row["kind"], row["post"]) for row in log_rows("interactions")] == [
            ("like", post_key("test", "p")),
            ("mention", None),
        ]
        assert log_rows("interactions")[0] == {
            "at": int(AT.timestamp()),
            "kind": "like",
            "actor": account_key("test", "1"),
            "target": account_key("test", "2"),
            "post": post_key("test", "p"),
            "network": "test",
        }
        days = Activity.objects.order_by("at").values_list("log_file__day", flat=True)
        assert [day.isoformat() for day in days] == ["2026-01-01", "2026-01-02"]

    def test_moved_rows_are_not_moved_again(self) -> None:
        record_activity([_row()], by=None, now=NOW)
        assert (move_activity_to_log(now=NOW), move_activity_to_log(now=NOW)) == (1, 0)
        record_activity([_row(actor="3")], by=None, now=NOW)
        assert move_activity_to_log(now=NOW) == 1
        assert LogFile.objects.count() == 2
        assert len(log_events()) == 2

    def test_an_event_that_an_import_brought_is_in_the_log_once(self, tmp_path: Path) -> None:
        rows = [{"at": int(AT.timestamp()), "kind": "like", "actor": "1", "target": "2", "post": "p"}]
        path = dataset(tmp_path / "data", interactions=rows)
        imported(path)
        record_activity([_row()], by=None, now=NOW)
        assert move_activity_to_log(now=NOW) == 1
        assert Activity.objects.get().log_file == LogFile.objects.get()
        assert len(log_rows("interactions")) == 1
        # And the other way round.
        record_activity([_row(actor="3")], by=None, now=NOW)
        move_activity_to_log(now=NOW)
        assert imported(dataset(tmp_path / "more", interactions=[rows[0] | {"actor": "3"}])).interactions == 0

    def test_many_rows_go_in_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("accounts.actions.activity._AT_ONCE", 4)
        record_activity([_row(at=AT + timedelta(seconds=n)) for n in range(10)], by=None, now=NOW)
        assert move_activity_to_log(now=NOW) == 10
        assert sorted(LogFile.objects.values_list("rows", flat=True)) == [2, 4, 4]

    def test_rows_leave_the_view_a_week_after_they_were_recorded(self) -> None:
        record_activity([_row()], by=None, now=NOW)
        move_activity_to_log(now=NOW)
        move_activity_to_log(now=NOW + KEPT)
        assert Activity.objects.count() == 1
        later = NOW + KEPT + timedelta(seconds=1)
        old_event = ActivityFactory.create(at=NOW - timedelta(days=30), created_at=later)
        ActivityFactory.create(at=NOW - timedelta(days=30), created_at=NOW)
        move_activity_to_log(now=later)
        assert list(Activity.objects.all()) == [old_event]
        assert len(log_events()) == 3

    def test_rows_that_an_old_file_holds_already_stay_a_week_too(self, tmp_path: Path) -> None:
        rows = [{"at": int(AT.timestamp()), "kind": "like", "actor": "1", "target": "2", "post": "p"}]
        imported(dataset(tmp_path / "data", interactions=rows), now=NOW)
        later = NOW + timedelta(days=60)
        record_activity([_row()], by=None, now=later)
        assert move_activity_to_log(now=later) == 1
        assert Activity.objects.get().log_file == LogFile.objects.get()
        move_activity_to_log(now=later + KEPT)
        assert Activity.objects.count() == 1
        move_activity_to_log(now=later + KEPT + timedelta(seconds=1))
        assert not Activity.objects.exists()

    def test_nothing_to_move_writes_nothing(self) -> None:
        assert move_activity_to_log(now=NOW) == 0
        assert not settings.ACTIVITY_LOG.exists()

    def test_a_failure_between_file_and_manifest_moves_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        record_activity([_row()], by=None, now=NOW)

        def fail(**fields: object) -> None:
            raise ConnectionError("the database went away")

        with monkeypatch.context() as broken:
            broken.setattr(LogFile.objects, "create", fail)
            with pytest.raises(ConnectionError):
                move_activity_to_log(now=NOW)
        assert Activity.objects.get().log_file is None
        assert len(files_below(settings.ACTIVITY_LOG)) == 1
        assert move_activity_to_log(now=NOW) == 1
        assert len(log_events()) == 1
        assert files_below(settings.ACTIVITY_LOG) == [LogFile.objects.get().path]


def _at_once(*calls: Callable[[], int]) -> list[int]:
    """Run functions in threads that start together, and return what they returned."""
    together = threading.Barrier(len(calls), timeout=30)
    found: list[int] = []

    def run(call: Callable[[], int]) -> None:
        try:
            together.wait()
            found.append(call())
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


@pytest.mark.django_db(transaction=True)
def test_recorders_and_movers_at_once_lose_and_double_nothing(tmp_path: Path) -> None:
    rows = [_row(actor=str(n % 5), at=AT + timedelta(seconds=n)) for n in range(200)]
    assert sorted(_at_once(*[lambda: record_activity(rows, by=None, now=NOW)] * 3)) == [0, 0, 200]
    data = dataset(
        tmp_path / "data",
        interactions=[
            {"at": int(row.at.timestamp()), "kind": "like", "actor": row.actor, "target": "2", "post": "p"}
            for row in rows[:150]
        ],
    )
    moved = _at_once(
        lambda: move_activity_to_log(now=NOW),
        lambda: move_activity_to_log(now=NOW),
        lambda: imported(data).interactions,
    )
    assert len(moved) == 3
    assert move_activity_to_log(now=NOW) == 0
    assert len(log_events()) == len(set(log_events())) == 200
    assert not Activity.objects.not_in_log().exists()
