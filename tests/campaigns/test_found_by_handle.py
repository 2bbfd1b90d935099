"""Whom brands and runs know by a handle alone, and whose account then turns out to be one that is known too."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actions import undo_merge
from accounts.models import FollowsMerge, Identity, Merge, Person, User
from campaigns.models import Exclusion, Holdout, Invitation, Shortlisting
from tests.accounts.activity_data import DAY_1, dataset, identity, imported
from tests.factories.accounts import RestFactory, UserFactory
from tests.factories.campaigns import ExclusionFactory, HoldoutFactory, InvitationFactory, ShortlistingFactory
from tests.factories.scoring import ScoreFactory, current_run

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


@pytest.fixture
def operator(client: Client) -> User:
    user: User = UserFactory.create(is_superuser=True, is_staff=True)
    client.force_login(user)
    return user


@pytest.fixture
def two(tmp_path: Path) -> tuple[Person, Person]:
    """Return the person of account 7, and whoever is known as @ann alone, about whom much is known."""
    path = dataset(
        tmp_path / "first",
        interactions=[(DAY_1, "repost", "7", "@ann")],
        accounts=[{"account": "@ann", "handle": "ann"}],
    )
    imported(path)
    own, made = identity("7").person, identity("@ann").person
    assert (own.handle, made.handle) == ("7@test", "ann")
    for factory in (ExclusionFactory, ShortlistingFactory, HoldoutFactory, InvitationFactory, RestFactory):
        factory.create(person=made)
    ScoreFactory.create(run=current_run(), person=made)
    return own, made


def named(folder: Path) -> None:
    imported(dataset(folder, accounts=[{"account": "7", "handle": "Ann"}]))


def state() -> list[Any]:
    """Return who everybody is, whose every account is, and whose every row that follows a merge."""
    rows = [
        list(relation.related_model._default_manager.order_by("pk").values_list("pk", "person"))
        for relation in Person._meta.related_objects
        if isinstance(relation.related_model._default_manager.all(), FollowsMerge)
    ]
    return [*rows, list(Person.objects.order_by("pk").values_list("pk", "handle", "merged_into", "is_hidden"))]


def test_all_is_the_accounts_persons_and_old_addresses_lead_there(
    client: Client, operator: User, two: tuple[Person, Person], tmp_path: Path
) -> None:
    own, made = two
    named(tmp_path / "second")
    for model in (Exclusion, Shortlisting, Holdout, Invitation):
        assert model._default_manager.get().person == own
    assert own.rests.count() == 1
    assert set(own.identities.values_list("external_id", flat=True)) == {"7", "@ann"}
    own.refresh_from_db()
    made.refresh_from_db()
    assert (own.handle, made.handle, made.merged_into) == ("ann", "7@test", own)
    assert made.scores.count() == 1
    merge = Merge.objects.standing().get()
    assert (merge.kept, merge.merged, merge.by) == (own, made, None)
    assert merge.note == "A file gave an account of the kept person the handle of the other."
    assert client.get(reverse("profile", args=["7@test"]))["Location"] == reverse("profile", args=["ann"])
    assert client.get(reverse("profile", args=["ann"])).status_code == 200
    # The same again changes nothing.
    before = state()
    named(tmp_path / "third")
    assert state() == before


def test_undone_they_stay_apart_whatever_is_imported(
    operator: User, two: tuple[Person, Person], tmp_path: Path
) -> None:
    before = state()
    named(tmp_path / "second")
    assert state() != before
    undo_merge(merge=Merge.objects.get(), by=operator, now=LATER)
    assert state() == before
    named(tmp_path / "third")
    assert state() == before


def test_nothing_moves_where_both_are_invited(two: tuple[Person, Person], tmp_path: Path) -> None:
    own, _ = two
    InvitationFactory.create(person=own, campaign=Invitation.objects.get().campaign)
    before = state()
    named(tmp_path / "second")
    assert state() == before
    assert not Merge.objects.exists()


def test_a_name_that_somebody_claimed_or_chose_stays(two: tuple[Person, Person], tmp_path: Path) -> None:
    own, made = two
    Person.objects.filter(pk=own.pk).update(user=UserFactory.create(), claimed_at=NOW, claimed_via="operator")
    named(tmp_path / "second")
    own.refresh_from_db()
    made.refresh_from_db()
    assert (own.handle, made.handle, made.merged_into) == ("7@test", "ann", own)


def test_their_website_goes_along(operator: User, two: tuple[Person, Person], tmp_path: Path) -> None:
    own, made = two
    profile = {"account": "@ann", "handle": "ann", "website": "https://ann.example"}
    imported(dataset(tmp_path / "site", accounts=[profile]))
    assert identity("ann.example", "web").person == made
    named(tmp_path / "second")
    assert set(Identity.objects.values_list("person", flat=True)) == {own.pk}
    assert not Person.objects.unmerged().filter(identities=None).exists()


def test_of_two_who_are_one_person_the_second_waits_for_the_next_import(
    two: tuple[Person, Person], tmp_path: Path
) -> None:
    own, made = two
    imported(dataset(tmp_path / "ben", interactions=[(DAY_1, "repost", "9", "@ben")]))
    Identity.objects.filter(pk=identity("9").pk).update(person=own)
    ben = identity("@ben").person
    # Both were invited to one campaign, which shows only once the first is one with the person.
    InvitationFactory.create(person=ben, campaign=Invitation.objects.get().campaign)
    both = dataset(tmp_path / "both", accounts=[{"account": "7", "handle": "ann"}, {"account": "9", "handle": "ben"}])
    imported(both)
    merged = Merge.objects.get().merged
    (other,) = {made, ben} - {merged}
    assert own.invitations.count() == other.invitations.count() == 1
    imported(both)
    assert Merge.objects.get().merged == merged
    other.invitations.all().delete()
    imported(both)
    assert set(own.absorbed.all()) == {made, ben}
