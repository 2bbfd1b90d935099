"""Shortlists and invitations: whom, once, and whose."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier

import pytest
from django.core import mail
from django.db import connection

from accounts.models import Person, User
from campaigns.actions import (
    InviteReport,
    NoSeatLeft,
    NotOpen,
    NotYours,
    add_member,
    expire_invitations,
    invite,
    send_due_invitations,
    shortlist,
)
from campaigns.links import make_token
from campaigns.models import Campaign, Invitation, Membership, Shortlisting
from campaigns.queries import invitation_of
from tests.campaigns.conftest import Airlines
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, CampaignFactory, InvitationFactory

LATER = datetime(2026, 3, 2, tzinfo=UTC)
AFTER = datetime(2026, 6, 1, tzinfo=UTC)


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


def _expired_then_extended(campaign: Campaign, *people: Person) -> list[str]:
    """Return the links that the people were given for the first period, one each."""
    for person in people:
        InvitationFactory.create(
            campaign=campaign, person=person, state="seen", seen_at=NOW, delivery="sent", sent_at=NOW
        )
    links = [make_token(row) for row in Invitation.objects.order_by("person")]
    assert expire_invitations(now=AFTER) == len(people)
    Campaign.objects.filter(pk=campaign.pk).update(ends_on=date(2026, 8, 31))
    return links


def test_an_invitation_that_expired_is_opened_again_under_a_new_link(airlines: Airlines, campaign: Campaign) -> None:
    mailed, by_hand = PersonFactory.create(email="a@example.org"), PersonFactory.create()
    old_links = _expired_then_extended(campaign, mailed, by_hand)
    other = User.objects.create_user("second-manager")
    add_member(brand=airlines.brand, user=other, role=Membership.Role.MANAGER, by=airlines.operator)
    report = invite(campaign=campaign, people=[mailed, by_hand], by=other, now=AFTER)
    assert report == InviteReport(by_email=1, by_hand=1, already=0, again=2)
    assert report.invited == 2
    columns = ("state", "delivery", "invited_at", "invited_by", "sent_at", "seen_at", "answered_at")
    assert list(Invitation.objects.order_by("person").values_list(*columns)) == [
        ("invited", "due", AFTER, other.pk, None, None, None),
        ("invited", "by_hand", AFTER, other.pk, None, None, None),
    ]
    assert [invitation_of(link) for link in old_links] == [None, None]
    assert send_due_invitations(now=AFTER) == 1
    assert make_token(Invitation.objects.get(person=mailed)) in mail.outbox[0].body
    # Once: it is open now, and stays as it is.
    again = invite(campaign=campaign, people=[mailed, by_hand], by=other, now=AFTER)
    assert again == InviteReport(by_email=0, by_hand=0, already=2)
    assert Invitation.objects.get(person=mailed).delivery == "sent"


def test_an_answer_outlives_the_period_that_it_was_given_in(airlines: Airlines, campaign: Campaign) -> None:
    for state in ("declined", "accepted"):
        InvitationFactory.create(campaign=campaign, state=state, answered_at=NOW)
    Campaign.objects.update(ends_on=date(2026, 8, 31))
    before = list(Invitation.objects.order_by("pk").values())
    report = invite(campaign=campaign, people=Person.objects.all(), by=airlines.manager, now=AFTER)
    assert report == InviteReport(by_email=0, by_hand=0, already=2)
    assert list(Invitation.objects.order_by("pk").values()) == before


def test_what_expired_stays_so_while_the_campaign_is_over_or_full(airlines: Airlines, campaign: Campaign) -> None:
    person = PersonFactory.create()
    (link,) = _expired_then_extended(campaign, person)
    Campaign.objects.update(seats_taken=2)
    with pytest.raises(NoSeatLeft):
        invite(campaign=campaign, people=[person], by=airlines.manager, now=AFTER)
    Campaign.objects.update(seats_taken=0, ends_on=date(2026, 5, 31))
    with pytest.raises(NotOpen):
        invite(campaign=campaign, people=[person], by=airlines.manager, now=AFTER)
    found = invitation_of(link)
    assert found is not None
    assert (found.state, found.seen_at) == ("expired", NOW)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_invite_again_at_once_one_opens_and_one_link_works(airlines: Airlines, campaign: Campaign) -> None:
    people = [PersonFactory.create(email=f"a{n}@example.org") for n in range(20)]
    _expired_then_extended(campaign, *people)
    together = Barrier(4)

    def click(_: int) -> InviteReport:
        try:
            together.wait()
            return invite(campaign=campaign, people=people, by=airlines.manager, now=AFTER)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(click, range(4)))
    assert sorted((report.again, report.already) for report in reports) == [(0, 20)] * 3 + [(20, 0)]
    assert send_due_invitations(now=AFTER) == 20
    bodies = {message.to[0]: message.body for message in mail.outbox}
    for row in Invitation.objects.select_related("person"):
        assert make_token(row) in bodies[row.person.email]
