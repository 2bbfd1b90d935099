"""Shortlists and invitations: whom, once, and whose."""

from datetime import UTC, datetime

import pytest

from accounts.models import Person, User
from campaigns.actions import InviteReport, NoSeatLeft, NotOpen, NotYours, add_member, invite, shortlist
from campaigns.models import Campaign, Invitation, Membership, Shortlisting
from tests.campaigns.conftest import Airlines
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, CampaignFactory

LATER = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    made: Campaign = CampaignFactory.create(brand=airlines.brand, seats=2)
    return made


def test_people_are_shortlisted_once(airlines: Airlines, campaign: Campaign) -> None:
    first, second, third = PersonFactory.create_batch(3)
    assert shortlist(campaign=campaign, people=[first, second], by=airlines.manager, now=NOW) == 2
    assert shortlist(campaign=campaign, people=[second, third, third], by=airlines.manager, now=LATER) == 1
    rows = Shortlisting.objects.order_by("person").values_list("person", "added_at", "added_by")
    by = airlines.manager.pk
    assert list(rows) == [(first.pk, NOW, by), (second.pk, NOW, by), (third.pk, LATER, by)]


def test_delivery_follows_from_what_is_known(airlines: Airlines, campaign: Campaign) -> None:
    with_address = PersonFactory.create(email="a@example.org")
    claimed = PersonFactory.create(
        user=User.objects.create_user("claimed", email="c@example.org"), claimed_at=NOW, claimed_via="operator"
    )
    unknown = PersonFactory.create()
    people = Person.objects.all()
    report = invite(campaign=campaign, people=people, by=airlines.manager, now=NOW)
    assert report == InviteReport(by_email=2, by_hand=1, already=0)
    assert report.invited == 3
    rows = Invitation.objects.order_by("person").values_list("person", "state", "delivery", "invited_at", "invited_by")
    by = airlines.manager.pk
    assert list(rows) == [
        (with_address.pk, "invited", "due", NOW, by),
        (claimed.pk, "invited", "due", NOW, by),
        (unknown.pk, "invited", "by_hand", NOW, by),
    ]


def test_nobody_is_invited_twice(airlines: Airlines, campaign: Campaign) -> None:
    people = PersonFactory.create_batch(3)
    invite(campaign=campaign, people=people[:2], by=airlines.manager, now=NOW)
    Invitation.objects.filter(person=people[0]).update(state="declined", answered_at=NOW)
    report = invite(campaign=campaign, people=people, by=airlines.manager, now=LATER)
    assert report == InviteReport(by_email=0, by_hand=1, already=2)
    assert list(Invitation.objects.order_by("person").values_list("state", flat=True)) == [
        "declined",
        "invited",
        "invited",
    ]


def test_other_brands_campaigns_are_refused(airlines: Airlines, campaign: Campaign) -> None:
    person = PersonFactory.create()
    partner = User.objects.create_user("partner")
    add_member(brand=airlines.brand, user=partner, role=Membership.Role.PARTNER, by=airlines.operator)
    for user in (airlines.other_manager, partner, User.objects.create_user("nobody")):
        with pytest.raises(NotYours):
            shortlist(campaign=campaign, people=[person], by=user, now=NOW)
        with pytest.raises(NotYours):
            invite(campaign=campaign, people=[person], by=user, now=NOW)
    assert not Shortlisting.objects.exists()
    assert not Invitation.objects.exists()


def test_hidden_people_are_refused_with_all_the_others(airlines: Airlines, campaign: Campaign) -> None:
    people = [PersonFactory.create(), PersonFactory.create(is_hidden=True)]
    with pytest.raises(NotYours):
        shortlist(campaign=campaign, people=people, by=airlines.manager, now=NOW)
    with pytest.raises(NotYours):
        invite(campaign=campaign, people=people, by=airlines.manager, now=NOW)
    assert not Shortlisting.objects.exists()
    assert not Invitation.objects.exists()
    assert shortlist(campaign=campaign, people=people, by=airlines.operator, now=NOW) == 2


def test_nobody_is_invited_to_what_is_over_or_full(airlines: Airlines, campaign: Campaign) -> None:
    person = PersonFactory.create()
    with pytest.raises(NotOpen, match=r"ended on 31 May 2026"):
        invite(campaign=campaign, people=[person], by=airlines.manager, now=datetime(2026, 6, 1, tzinfo=UTC))
    Campaign.objects.update(seats_taken=2)
    with pytest.raises(NoSeatLeft, match="All 2 seats"):
        invite(campaign=campaign, people=[person], by=airlines.manager, now=NOW)
    assert not Invitation.objects.exists()
    Campaign.objects.update(seats_taken=1)
    last_moment = datetime(2026, 5, 31, 23, 59, tzinfo=UTC)
    assert invite(campaign=campaign, people=[person], by=airlines.manager, now=last_moment).invited == 1
