"""Erasing a person: gone at once for every reader, out of the files soon, and not brought back by an import."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry

from accounts.actions import (
    ImportReport,
    NewActivity,
    Progress,
    Tidied,
    erase_person,
    merge_people,
    move_activity_to_log,
    record_activity,
    tidy_log,
)
from accounts.actions.upkeep import ERASURES_WAIT
from accounts.keys import account_key
from accounts.models import Activity, ErasedAccount, Identity, LogFile, Person, User
from tests.accounts.activity_data import DAY_1, DAY_2, dataset, identity, imported, log_rows
from tests.factories.accounts import PersonFactory, UserFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
ANN, BOB, CY = (account_key("test", account) for account in ("ann", "bob", "cy"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data set in which Ann acts, is acted on and posts, and others do without her; import it."""
    path = dataset(
        tmp_path / "data",
        interactions=[
            (DAY_1, "like", "ann", "bob"),
            (DAY_1, "like", "bob", "ann"),
            (DAY_1, "like", "cy", "bob"),
            (DAY_2, "like", "cy", "bob"),
        ],
        posts=[
            {"post": "1", "at": DAY_1, "author": "ann", "text": "mine"},
            {"post": "2", "at": DAY_1, "author": "bob", "text": "his"},
        ],
        accounts=[{"account": "ann", "handle": "Ann"}],
    )
    imported(path)
    return path


def keys_in_log() -> set[int]:
    rows = [(row["actor"], row["target"]) for row in log_rows("interactions")]
    return {key for pair in rows for key in pair} | {row["author"] for row in log_rows("posts")}


def test_the_person_goes_with_everything_and_a_hash_stays(data: Path) -> None:
    person = identity("ann").person
    record_activity([NewActivity("test", "like", "ann", "bob", NOW)], by=None, now=NOW)
    # The account, and what it would be under its handle alone.
    assert erase_person(person, by=UserFactory.create(), now=NOW) == 2
    assert not Person.objects.filter(pk=person.pk).exists()
    assert not Identity.objects.filter(pk=ANN).exists()
    assert not Activity.objects.exists()
    tombstones = list(ErasedAccount.objects.values_list("key", "erased_at", "rewritten_at"))
    assert sorted(tombstones) == sorted([(ANN, NOW, None), (account_key("test", "@ann"), NOW, None)])


def test_the_files_are_written_anew_within_a_week(data: Path) -> None:
    erase_person(identity("ann").person, by=UserFactory.create(), now=NOW)
    assert ANN in keys_in_log()
    early, due = NOW + ERASURES_WAIT - timedelta(seconds=1), NOW + ERASURES_WAIT
    before = LogFile.objects.live().count()

    assert tidy_log(now=early) == Tidied()
    assert tidy_log(now=due) == Tidied(erased=2)

    assert keys_in_log() == {BOB, CY}
    assert [row["text"] for row in log_rows("posts")] == ["his"]
    # The second day's file had nothing of her.
    assert LogFile.objects.filter(replaced_at=due).count() == 2
    assert LogFile.objects.live().count() == before
    assert set(ErasedAccount.objects.values_list("rewritten_at", flat=True)) == {due}
    assert tidy_log(now=due) == Tidied()


def test_one_pass_serves_all_who_wait(data: Path) -> None:
    by = UserFactory.create()
    erase_person(identity("ann").person, by=by, now=NOW)
    erase_person(identity("cy").person, by=by, now=NOW + timedelta(days=6))
    tidy_log(now=NOW + ERASURES_WAIT)
    # Bob's post is all that is left.
    assert keys_in_log() == {BOB}
    assert not LogFile.objects.live().filter(table="interactions").exists()
    assert not ErasedAccount.objects.filter(rewritten_at=None).exists()


def test_a_file_is_freed_of_the_erased_whenever_it_is_written_anew(data: Path, tmp_path: Path) -> None:
    imported(dataset(tmp_path / "more", interactions=[(DAY_1 + 1, "like", "bob", "cy")]))
    erase_person(identity("ann").person, by=UserFactory.create(), now=NOW)
    tidy_log(now=NOW + timedelta(days=2))
    assert {row["actor"] for row in log_rows("interactions")} == {BOB, CY}
    # Hers is a file that had no reason to be written: it waits.
    assert ErasedAccount.objects.filter(rewritten_at=None).count() == 2


def test_a_file_that_another_tidier_wrote_meanwhile_is_looked_into_again(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase_person(identity("ann").person, by=UserFactory.create(), now=NOW)

    def late(day: date) -> None:
        LogFile.objects.filter(day=day).update(replaced_at=NOW)

    with monkeypatch.context() as other:
        other.setattr("accounts.actions.upkeep.open_day", late)
        assert tidy_log(now=NOW, at_once=True) == Tidied(left=2)
    assert ErasedAccount.objects.filter(rewritten_at=None).count() == 2
    assert tidy_log(now=NOW, at_once=True).left == 0
    assert not ErasedAccount.objects.filter(rewritten_at=None).exists()


def test_what_is_left_of_a_day_may_be_a_file_that_it_has(tmp_path: Path) -> None:
    rows = [(DAY_1, "like", "bob", "cy"), (DAY_1 + 1, "like", "cy", "dan")]
    imported(dataset(tmp_path / "one", interactions=rows))
    imported(dataset(tmp_path / "two", interactions=[(DAY_1 + 2, "like", "bob", "ann")]))
    erase_person(identity("ann").person, by=UserFactory.create(), now=NOW)
    tidy_log(now=NOW + timedelta(days=2))
    assert len(log_rows("interactions")) == 2
    assert LogFile.objects.live().get().rows == 2
    tidy_log(now=NOW + timedelta(days=3), at_once=True)
    assert len(log_rows("interactions")) == 2


def test_an_import_brings_nobody_back(data: Path) -> None:
    erase_person(identity("ann").person, by=UserFactory.create(), now=NOW)
    tidy_log(now=NOW, at_once=True)
    report = imported(data)
    assert (report.people, report.identities, report.interactions, report.posts, report.rejected) == (0, 0, 0, 0, 1)
    assert report.rejects_file is not None
    reasons = report.rejects_file.read_text()
    assert "1 accounts were erased: 3 rows were left out" in reasons
    assert "ann" not in reasons.lower()
    assert keys_in_log() == {BOB, CY}
    assert not Identity.objects.filter(external_id="ann").exists()


def test_an_import_that_is_under_way_adds_nothing_of_them(data: Path, tmp_path: Path) -> None:
    def erase(at: Progress) -> None:
        if (at.stage, at.done) == ("log", 0):
            erase_person(identity("ann").person, by=UserFactory.create(), now=NOW)

    more = dataset(
        tmp_path / "more",
        interactions=[(DAY_2 + second, "like", "bob", name) for second, name in enumerate(("ann", "cy"))],
    )
    assert imported(more, progress=erase).interactions == 1
    assert [row["target"] for row in log_rows("interactions") if row["at"] >= DAY_2 and row["actor"] == BOB] == [CY]


def test_their_website_is_nobodys_again(tmp_path: Path) -> None:
    path = dataset(
        tmp_path / "data",
        interactions=[(DAY_1, "like", "bob", "ann")],
        posts=[{"post": "2", "at": DAY_2, "author": "bob", "links": ["https://ann.example/x"]}],
        accounts=[{"account": "ann", "website": "https://ann.example"}],
    )
    imported(path)
    assert identity("ann.example", "web").person == identity("ann").person
    erase_person(identity("ann").person, by=UserFactory.create(), now=NOW)
    again = imported(path)
    assert (again.people, again.identities, again.interactions) == (0, 0, 0)
    assert not Identity.objects.filter(network="web").exists()


@pytest.mark.parametrize("name", ["ann", "@ann"])
def test_events_that_name_the_erased_are_left_out_and_the_others_kept(data: Path, name: str) -> None:
    erase_person(identity("ann").person, by=UserFactory.create(), now=NOW)
    rows = [
        NewActivity("test", "like", name, "bob", NOW),
        NewActivity("test", "like", "bob", name, NOW),
        NewActivity("test", "like", "dan", "bob", NOW),
    ]
    assert record_activity(rows, by=None, now=NOW) == 1
    assert record_activity(rows[:2], by=None, now=NOW) == 0
    assert Activity.objects.get().actor == identity("dan")
    assert move_activity_to_log(now=NOW) == 1
    assert not Identity.objects.filter(external_id=name).exists()


def test_a_handle_that_is_somebody_elses_stays_theirs(tmp_path: Path) -> None:
    # Account 42 takes the handle ann after somebody claimed the person whom @ann was taken for.
    imported(dataset(tmp_path / "one", interactions=[(DAY_1, "like", "@ann", "bob")]))
    Person.objects.filter(identities__external_id="@ann").update(
        user=UserFactory.create(), claimed_at=NOW, claimed_via="operator"
    )
    imported(dataset(tmp_path / "two", accounts=[{"account": "42", "handle": "ann"}]))
    if identity("42").person == identity("@ann").person:
        Identity.objects.filter(external_id="42").update(person=PersonFactory.create())
    erase_person(identity("42").person, by=UserFactory.create(), now=NOW)
    assert list(ErasedAccount.objects.values_list("key", flat=True)) == [account_key("test", "42")]
    assert record_activity([NewActivity("test", "like", "@ann", "bob", NOW)], by=None, now=NOW) == 1
    assert move_activity_to_log(now=NOW) == 1


def test_whom_only_a_handle_was_known_of_does_not_come_back_under_an_id(tmp_path: Path) -> None:
    imported(dataset(tmp_path / "one", interactions=[(DAY_1, "like", "@zed", "bob")]))
    erase_person(identity("@zed").person, by=UserFactory.create(), now=NOW)
    rows = [(DAY_2, "like", "7", "bob")]
    again = dataset(tmp_path / "two", interactions=rows, accounts=[{"account": "7", "handle": "Zed"}])
    report = imported(again)
    assert (report.people, report.interactions, report.rejected) == (0, 0, 1)
    # Its id is known now, so the handle needn't be named again.
    assert imported(dataset(tmp_path / "three", interactions=rows)).interactions == 0


class TestAKnownAccountTurnsOutToHaveTheHandle:
    """Account 7 was known by its id alone, and is that of somebody erased under the handle zed."""

    @pytest.fixture(autouse=True)
    def erased(self, tmp_path: Path) -> None:
        rows = [(DAY_1, "like", "@zed", "bob"), (DAY_1, "like", "7", "bob"), (DAY_2, "like", "cy", "7")]
        imported(dataset(tmp_path / "first", interactions=rows))
        erase_person(identity("@zed").person, by=UserFactory.create(), now=NOW)

    def named(self, folder: Path, **more: str) -> ImportReport:
        rows = [(DAY_2, "like", "7", "bob"), (DAY_2, "like", "bob", "@zed")]
        profile = {"account": "7", "handle": "Zed", **more}
        return imported(dataset(folder, interactions=rows, accounts=[profile]), now=LATER)

    def test_it_is_erased_with_its_person(self, tmp_path: Path) -> None:
        person = identity("7").person
        LogEntry.objects.log_actions(UserFactory.create().pk, [person, identity("7")], 2)
        report = self.named(tmp_path / "second")
        assert (report.people, report.interactions, report.rejected) == (0, 0, 1)
        assert not Person.objects.filter(pk=person.pk).exists()
        assert not Identity.objects.filter(external_id="7").exists()
        assert not LogEntry.objects.exists()
        # Nights find by its time that there is somebody whose rows they took in.
        tombstone = ErasedAccount.objects.get(key=account_key("test", "7"))
        assert (tombstone.erased_at, tombstone.is_handle) == (LATER, False)
        tidy_log(now=LATER, at_once=True)
        assert keys_in_log() == set()
        assert record_activity([NewActivity("test", "like", "7", "bob", NOW)], by=None, now=NOW) == 0

    def test_its_website_goes_along(self, tmp_path: Path) -> None:
        imported(dataset(tmp_path / "site", accounts=[{"account": "7", "website": "https://zed.example"}]))
        assert identity("zed.example", "web").person == identity("7").person
        self.named(tmp_path / "second")
        assert not Identity.objects.filter(external_id__in=["7", "zed.example"]).exists()
        assert not Person.objects.filter(handle__in=["7@test", "zed.example"]).exists()

    def test_it_goes_alone_where_the_person_has_another_account(self, tmp_path: Path) -> None:
        person = identity("7").person
        Identity.objects.filter(external_id="cy").update(person=person)
        self.named(tmp_path / "second")
        assert list(person.identities.values_list("external_id", flat=True)) == ["cy"]
        assert ErasedAccount.objects.filter(key=account_key("test", "7"), erased_at=LATER).exists()
        assert not ErasedAccount.objects.filter(key=CY).exists()

    def test_who_claimed_it_keeps_it(self, tmp_path: Path) -> None:
        person = identity("7").person
        Person.objects.filter(pk=person.pk).update(user=UserFactory.create(), claimed_at=NOW, claimed_via="operator")
        for name in ("second", "third"):
            self.named(tmp_path / name)
            assert (identity("7").person, identity("7").handle) == (person, "Zed")
        assert not ErasedAccount.objects.filter(key=account_key("test", "7")).exists()

    def test_one_that_had_another_handle_took_it_over(self, tmp_path: Path) -> None:
        imported(dataset(tmp_path / "before", accounts=[{"account": "7", "handle": "yan"}]))
        self.named(tmp_path / "second")
        assert identity("7").handle == "Zed"


def test_a_stranger_who_takes_the_handle_of_a_known_account_is_let_in(data: Path, tmp_path: Path) -> None:
    erase_person(identity("ann").person, by=UserFactory.create(), now=NOW)
    stranger = [{"account": "99", "handle": "Ann"}]
    assert imported(dataset(tmp_path / "more", accounts=stranger)).people == 1


def test_rows_of_accounts_erased_meanwhile_do_not_stop_the_move(data: Path) -> None:
    record_activity([NewActivity("test", "like", "bob", "cy", NOW)], by=None, now=NOW)
    ErasedAccount.objects.create(key=BOB, erased_at=NOW)
    assert move_activity_to_log(now=NOW) == 1
    assert not Activity.objects.exists()


def test_the_admins_history_forgets_them(data: Path) -> None:
    by = UserFactory.create()
    login = UserFactory.create(username="ann-ash")
    person = identity("ann").person
    Person.objects.filter(pk=person.pk).update(user=login, claimed_at=NOW, claimed_via="operator")
    for row in (person, identity("ann"), login, identity("bob")):
        LogEntry.objects.log_actions(by.pk, [row], 2)
    erase_person(person, by=by, now=NOW)
    assert list(LogEntry.objects.values_list("object_repr", flat=True)) == [str(identity("bob"))]


def test_who_is_gone_already_cannot_be_erased_again(data: Path) -> None:
    person = identity("ann").person
    erase_person(person, by=UserFactory.create(), now=NOW)
    with pytest.raises(Person.DoesNotExist):
        erase_person(person, by=UserFactory.create(), now=NOW)


def test_whoever_was_merged_into_the_person_goes_too(data: Path) -> None:
    by = UserFactory.create(is_superuser=True)
    merge_people(kept=identity("ann").person, merged=identity("cy").person, by=by, now=NOW)
    erase_person(identity("ann").person, by=by, now=NOW)
    assert set(ErasedAccount.objects.values_list("key", flat=True)) >= {ANN, CY}
    assert list(Person.objects.values_list("handle", flat=True)) == ["bob@test"]


@pytest.mark.parametrize(("is_staff", "stays"), [(False, False), (True, True)])
def test_their_login_is_closed_unless_it_is_a_staff_members(data: Path, is_staff: bool, stays: bool) -> None:
    login = UserFactory.create(is_staff=is_staff)
    Person.objects.filter(identities=ANN).update(user=login, claimed_at=NOW, claimed_via="operator")
    erase_person(identity("ann").person, by=UserFactory.create(), now=NOW)
    assert User.objects.filter(pk=login.pk).exists() is stays


def test_nobody_known_by_accounts_leaves_no_tombstone() -> None:
    assert erase_person(PersonFactory.create(), by=UserFactory.create(), now=NOW) == 0
    assert not ErasedAccount.objects.exists()
