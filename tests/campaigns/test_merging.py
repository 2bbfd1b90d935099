"""What becomes of shortlists and invitations when two people turn out to be one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actions import MergeRefused, merge_people, undo_merge
from accounts.models import Merge, Person, User
from campaigns.actions import InviteReport, NotYours, accept, invite
from campaigns.links import make_token
from campaigns.models import Invitation, Shortlisting
from tests.campaigns.conftest import Airlines
from tests.factories.accounts import PersonFactory, UserFactory
from tests.factories.campaigns import CampaignFactory, InvitationFactory, ShortlistingFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


@pytest.fixture
def operator() -> User:
    user: User = UserFactory.create(is_superuser=True, is_staff=True)
    return user


@pytest.fixture
def two() -> tuple[Person, Person]:
    return PersonFactory.create(), PersonFactory.create()


def rows() -> list[Any]:
    return [list(model._base_manager.order_by("pk").values()) for model in (Invitation, Shortlisting)]


def test_invitations_count_for_the_kept_and_come_back(
    client: Client, operator: User, two: tuple[Person, Person]
) -> None:
    kept, merged = two
    user = UserFactory.create()
    Person.objects.filter(pk=kept.pk).update(user=user, claimed_at=NOW, claimed_via="invitation")
    invitation = InvitationFactory.create(person=merged)
    before = rows()
    merge = merge_people(kept=kept, merged=merged, by=operator, now=NOW)
    assert Invitation.objects.get().person == kept
    client.force_login(user)
    assert invitation.campaign.perk_text in client.get(reverse("me")).content.decode()
    assert client.get(reverse("invitation", args=[make_token(invitation)])).status_code == 200
    accept(Invitation.objects.get(), by=user, now=NOW)
    undo_merge(merge=merge, by=operator, now=LATER)
    row = Invitation.objects.get()
    assert (row.person, row.state) == (merged, "accepted")
    Invitation.objects.update(state="invited", seen_at=None, answered_at=None)
    assert rows() == before


def test_both_invited_to_one_campaign_is_refused(operator: User, two: tuple[Person, Person]) -> None:
    kept, merged = two
    campaign = CampaignFactory.create(name="To Toronto")
    for person in two:
        InvitationFactory.create(person=person, campaign=campaign)
    before = rows()
    with pytest.raises(MergeRefused, match=r"Both are invited to To Toronto\. One of the two has to decline"):
        merge_people(kept=kept, merged=merged, by=operator, now=NOW)
    assert rows() == before
    assert not Merge.objects.exists()


@pytest.mark.parametrize("over", [{"state": "declined", "answered_at": NOW}, {"state": "expired"}])
def test_an_invitation_that_is_over_stands_in_nobodys_way(
    operator: User, two: tuple[Person, Person], over: dict[str, Any]
) -> None:
    kept, merged = two
    campaign = CampaignFactory.create()
    InvitationFactory.create(person=kept, campaign=campaign)
    InvitationFactory.create(person=merged, campaign=campaign, **over)
    before = rows()
    with pytest.raises(MergeRefused, match="the other way round"):
        merge_people(kept=merged, merged=kept, by=operator, now=NOW)
    merge = merge_people(kept=kept, merged=merged, by=operator, now=NOW)
    assert rows() == before
    undo_merge(merge=merge, by=operator, now=LATER)
    assert rows() == before


def test_a_shortlist_names_one_of_them_once(operator: User, two: tuple[Person, Person]) -> None:
    kept, merged = two
    both = ShortlistingFactory.create(person=kept).campaign
    ShortlistingFactory.create(person=merged, campaign=both)
    alone = ShortlistingFactory.create(person=merged).campaign
    before = rows()
    merge = merge_people(kept=kept, merged=merged, by=operator, now=NOW)
    shown = Shortlisting.objects.visible_to(operator).values_list("campaign", "person")
    assert sorted(shown) == sorted([(both.pk, kept.pk), (alone.pk, kept.pk)])
    undo_merge(merge=merge, by=operator, now=LATER)
    assert rows() == before


def test_the_merged_cannot_be_invited_and_the_kept_not_twice(airlines: Airlines, two: tuple[Person, Person]) -> None:
    kept, merged = two
    campaign = CampaignFactory.create(brand=airlines.brand)
    InvitationFactory.create(person=merged, campaign=campaign)
    merge_people(kept=kept, merged=merged, by=airlines.operator, now=NOW)
    with pytest.raises(NotYours):
        invite(campaign=campaign, people=[merged], by=airlines.manager, now=NOW)
    again = invite(campaign=campaign, people=[kept], by=airlines.manager, now=NOW)
    assert again == InviteReport(by_email=0, by_hand=0, already=1)
