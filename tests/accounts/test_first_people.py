"""A platform's first people, made while the tables of people are had for oneself."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.db import IntegrityError, connection, transaction

from accounts.actions.first_people import tables_to_oneself
from accounts.actions.people import SavedAccounts, save_accounts
from accounts.models import Identity, Network, Person, Place
from tests.accounts.activity_data import DAY_1, answers_of_first_people, dataset, imported, log_events

TABLES = ("accounts_network", "accounts_person", "accounts_identity")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Let a few accounts be many, and return what is said of each time that the tables were wanted for oneself."""
    monkeypatch.setattr("accounts.actions.importing._ACCOUNTS_AT_ONCE", 2)
    return answers_of_first_people(monkeypatch)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Accounts that want the same handle, on two networks, with profiles, and with ids made from handles."""
    return dataset(
        tmp_path / "world",
        accounts=[
            {"account": "1", "handle": "Zoë", "name": "Zoë", "location": "Toronto", "website": "https://zoe.example"},
            {"account": "2", "handle": "zoË", "bio": "a\tb\n\\."},
            {"account": "3", "handle": "zoë", "network": "other"},
            {"account": "4", "handle": "ann", "followers": 3, "verified": True},
            {"account": "5"},
            # Takes what the fifth would be called.
            {"account": "6", "handle": "5@test"},
        ],
        interactions=[
            (DAY_1, "like", "@Ann", "1"),
            (DAY_1 + 1, "like", "@nobody", "@Zoë"),
            {"at": DAY_1 + 2, "kind": "like", "actor": "5", "target": "3", "target_network": "other"},
            (DAY_1 + 3, "like", "7", "8"),
        ],
    )


def _everything() -> dict[str, Any]:
    people = Person.objects.values_list("handle", "name", "bio", "location", "place__name", "claimed_at", "is_hidden")
    owned = Identity.objects.values_list(
        *("key", "network", "external_id", "handle", "name", "bio", "location", "website", "website_host"),
        *("followers", "verified", "alias_of", "person__handle"),
    )
    return {
        "people": sorted(people, key=repr),
        "identities": sorted(owned, key=repr),
        "networks": sorted(Network.objects.values_list("slug", "name")),
        "places": sorted(Place.objects.values_list("name", flat=True)),
        "events": log_events(),
    }


def _definitions() -> list[tuple[str, ...]]:
    """Return all indexes and constraints of the tables, as PostgreSQL spells them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s)", [list(TABLES)])
        found = cursor.fetchall()
        cursor.execute(
            "SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid), convalidated::text"
            " FROM pg_constraint WHERE conrelid::regclass::text = ANY(%s)",
            [list(TABLES)],
        )
        return sorted([*found, *cursor.fetchall()])


@pytest.mark.django_db
def test_first_people_are_those_that_would_come_row_by_row(world: Path, alone: list[bool]) -> None:
    before = _definitions()
    with transaction.atomic():
        imported(world)
        at_once = _everything()
        assert _definitions() == before
        transaction.set_rollback(True)
    assert alone == [True]
    Network.objects.all().delete()
    with transaction.atomic():
        # Somebody is known: the tables stay as they are.
        Person.objects.create(handle="somebody")
        imported(world)
        Person.objects.get(handle="somebody").delete()
        one_by_one = _everything()
    assert alone[0]
    assert not any(alone[1:])
    assert at_once == one_by_one
    assert {"Zoë", "5@test", "ann", "nobody"} < {row[0] for row in at_once["people"]}


@pytest.mark.django_db
def test_more_people_than_are_made_at_once(world: Path, alone: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.actions.importing._ACCOUNTS_AT_ONCE", 1)
    monkeypatch.setattr("accounts.actions.importing._FIRST_ACCOUNTS", 4)
    report = imported(world)
    assert alone == [True], "those after the first come one by one"
    assert (report.identities, report.interactions) == (Identity.objects.filter(alias_of=None).count(), 4)
    assert imported(world).identities == 0


@pytest.mark.django_db
def test_indexes_are_as_before_whatever_goes_wrong_in_between() -> None:
    def meanwhile(do: Callable[[], object]) -> None:
        with transaction.atomic(), tables_to_oneself() as alone:
            assert alone
            assert len(_definitions()) < len(before) - 8
            do()

    before = _definitions()
    with pytest.raises(IntegrityError):  # one handle twice, which is found out behind them
        meanwhile(lambda: Person.objects.bulk_create([Person(handle="ann"), Person(handle="Ann")]))
    assert _definitions() == before
    with pytest.raises(IntegrityError):
        meanwhile(lambda: Identity.objects.create(key=1, network_id="?", external_id="1", person_id=1))
    assert _definitions() == before
    with pytest.raises(ZeroDivisionError):
        meanwhile(lambda: 1 / 0)
    assert _definitions() == before
    assert not Person.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_looks_at_people_keeps_their_tables_as_they_are(
    world: Path, alone: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def save(accounts: pa.Table, *, now: datetime) -> SavedAccounts:
        sizes.append(accounts.num_rows)
        return save_accounts(accounts, now=now)

    monkeypatch.setattr("accounts.actions.importing.save_accounts", save)
    before = _definitions()
    reader = connection.copy()
    reader.set_autocommit(False)
    try:
        with reader.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM accounts_person")
            # The reader's transaction isn't over yet.
            imported(world)
        assert alone == [False]
    finally:
        reader.close()
    assert _definitions() == before
    assert len(log_events()) == 4
    assert max(sizes) == 2, "no more of them at once than where people are known"


@pytest.mark.django_db
def test_who_became_known_meanwhile_gets_the_tables_back(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter((False, True))
    monkeypatch.setattr("accounts.actions.first_people.has_people", lambda: next(answers))
    with transaction.atomic(), tables_to_oneself() as alone:
        assert not alone
        assert next(answers, None) is None
        assert _locked() == []


@pytest.mark.django_db
@pytest.mark.parametrize("owns", [False, True])
def test_a_role_that_may_not_make_indexes_drops_none(owns: bool) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE ROLE sway_test_writer")
        cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO sway_test_writer")
        if owns:
            # It may read the schema, and make nothing in it.
            for table in (*TABLES, "accounts_place"):
                cursor.execute(f"ALTER TABLE {table} OWNER TO sway_test_writer")
        cursor.execute("SET LOCAL ROLE sway_test_writer")
        before = _definitions(), _locked()
        with tables_to_oneself() as alone:
            assert not alone
            assert (_definitions(), _locked()) == before
        transaction.set_rollback(True)


def _locked() -> list[tuple[str]]:
    """Return the tables that this connection keeps everybody out of."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relation::regclass::text FROM pg_locks"
            " WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock' AND relation::regclass::text = ANY(%s)",
            [list(TABLES)],
        )
        found: list[tuple[str]] = cursor.fetchall()
        return sorted(found)
