"""Handles are parts of addresses: nothing that would break one gets into the database, by whatever path."""

from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.urls import reverse

from accounts.models import Identity, Person
from tests.accounts.activity_data import DAY_1, dataset, imported
from tests.factories.accounts import IdentityFactory, PersonFactory, UserFactory

UNFIT = ["a\nb", "a\tb", "\x1b", "a\x7f", "a\x85b", " a", "a ", "\u00a0a", "a\u2003", "\u3000"]


@pytest.mark.django_db
@pytest.mark.parametrize("handle", UNFIT)
def test_the_database_refuses_what_breaks_an_address(handle: str) -> None:
    for factory, name in ((PersonFactory, "person"), (IdentityFactory, "identity")):
        with pytest.raises(DatabaseError, match=f'"{name}_handle_fits_address"'), transaction.atomic():
            factory.create(handle=handle)


@pytest.mark.django_db
@pytest.mark.parametrize("handle", ["a b", "Zoë/2", "@ann@example.org", "日本", "x" * 320])
def test_other_handles_have_a_page(handle: str, client: Client) -> None:
    person = PersonFactory.create(handle=handle)
    client.force_login(UserFactory.create(is_superuser=True))
    assert client.get(reverse("profile", args=[person.handle])).status_code == 200


@pytest.mark.django_db
def test_the_admin_says_what_is_wrong_with_a_handle(client: Client) -> None:
    person = PersonFactory.create(handle="ann")
    client.force_login(UserFactory.create(is_superuser=True, is_staff=True))
    sent: dict[str, str | int] = {"handle": "an\x85n"}
    sent |= {f"{rows}-{count}_FORMS": 0 for rows in ("identities", "rests") for count in ("TOTAL", "INITIAL")}
    page = client.post(reverse("admin:accounts_person_change", args=[person.pk]), sent)
    assert "A handle is part of an address" in page.content.decode()
    person.refresh_from_db()
    assert person.handle == "ann"


@pytest.mark.django_db
def test_an_import_of_unfit_handles_goes_through(tmp_path: Path) -> None:
    """What intake leaves in the database takes: no row may take a whole import down."""
    handles = [*UNFIT, "@ a", "@\u2003b", "x" * 256, "y" * 255]
    accounts = [{"account": f"id{n}", "handle": handle} for n, handle in enumerate(handles)]
    ids = [f"{'i' * 250}{n}" for n in range(3)]
    rows = [(DAY_1, "like", account, "\u00a0id0 ") for account in ids]
    report = imported(dataset(tmp_path / "data", interactions=rows, accounts=accounts))
    kept = Identity.objects.exclude(handle="").values_list("handle", flat=True)
    # Spaces are taken off; profiles with a control character or too long a handle are left out.
    assert sorted(set(kept)) == ["a", "b", "y" * 255]
    assert report.rejected == 6
    assert Person.objects.filter(handle__startswith="iii").count() == 3


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_migration_mends_what_was_stored() -> None:
    executor = MigrationExecutor(connection)
    old = executor.migrate([("accounts", "0004_network_slug_plain")]).apps
    try:
        network = old.get_model("accounts", "Network").objects.create(slug="test", name="Test")
        people = old.get_model("accounts", "Person").objects
        handles = ["ann", "an\nn ", "\n", "z" * 600, "Z" * 400, "fine b"]
        made = [people.create(handle=handle) for handle in handles]
        for key, handle in enumerate(["ann", "a\tnn", "z" * 300, ""]):
            old.get_model("accounts", "Identity").objects.create(
                key=key, network=network, external_id=f"id{key}", handle=handle, person=made[0]
            )
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
    found = [Person.objects.get(pk=person.pk).handle for person in made]
    assert found == ["ann", "ann-2", f"person-{made[2].pk}", "z" * 300, f"{'Z' * 300}-2", "fine b"]
    assert list(Identity.objects.order_by("key").values_list("handle", flat=True)) == ["ann", "", "", ""]
