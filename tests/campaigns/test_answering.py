"""Accepting and declining: seats are never given twice, and time closes what is open."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from campaigns.actions import (
    NotOpen,
    NotYours,
    accept,
    decline,
    expire_invitations,
    mark_seen,
    renew_link,
    serve_all,
    serve_waiting,
)
from campaigns.links import invitation_url, make_token, read_token
from campaigns.models import Campaign, Invitation
from campaigns.queries import invitation_of
from tests.campaigns.conftest import Airlines
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, CampaignFactory, InvitationFactory

LATER = datetime(2026, 3, 2, tzinfo=UTC)
AFTER = datetime(2026, 6, 1, tzinfo=UTC)


def _claimed(name: str = "ann") -> tuple[User, Invitation]:
    user = User.objects.create_user(name)
    person = PersonFactory.create(user=user, claimed_at=NOW, claimed_via="invitation")
    return user, InvitationFactory.create(person=person)


def _stored(invitation: Invitation) -> tuple[str, datetime | None, int]:
    row = Invitation.objects.select_related("campaign").get(pk=invitation.pk)
    return row.state, row.answered_at, row.campaign.seats_taken


@pytest.mark.django_db
def test_who_was_mailed_the_old_link_is_mailed_the_new_one(airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand)
    mailed = InvitationFactory.create(campaign=campaign, delivery=Invitation.Delivery.SENT)
    by_hand = InvitationFactory.create(campaign=campaign, delivery=Invitation.Delivery.BY_HAND)

    for invitation in (mailed, by_hand):
        renew_link(invitation, by=airlines.manager)

    assert (mailed.delivery, by_hand.delivery) == (Invitation.Delivery.DUE, Invitation.Delivery.BY_HAND)


@pytest.mark.django_db
def test_accepting_takes_one_seat_once() -> None:
    user, invitation = _claimed()
    accept(invitation, by=user, now=NOW)
    assert (invitation.state, invitation.answered_at) == ("accepted", NOW)
    accept(invitation, by=user, now=LATER)
    accept(Invitation.objects.get(), by=user, now=LATER)
    assert _stored(invitation) == ("accepted", NOW, 1)


@pytest.mark.django_db
def test_declining_takes_no_seat_and_is_final() -> None:
    user, invitation = _claimed()
    decline(invitation, by=user, now=NOW)
    decline(invitation, by=None, now=LATER)
    with pytest.raises(NotOpen, match="declined already"):
        accept(invitation, by=user, now=LATER)
    assert _stored(invitation) == ("declined", NOW, 0)


@pytest.mark.django_db
def test_an_accepted_seat_is_not_declined_by_a_late_click() -> None:
    user, invitation = _claimed()
    accept(invitation, by=user, now=NOW)
    with pytest.raises(NotOpen, match="accepted already"):
        decline(invitation, by=user, now=LATER)
    assert _stored(invitation) == ("accepted", NOW, 1)


@pytest.mark.django_db
def test_only_the_person_answers() -> None:
    _, invitation = _claimed()
    unclaimed = InvitationFactory.create()
    other, _ = _claimed("other")
    for somebody in (other, User.objects.create_superuser("root")):
        for row in (invitation, unclaimed):
            with pytest.raises(NotYours):
                accept(row, by=somebody, now=NOW)
            with pytest.raises(NotYours):
                decline(row, by=somebody, now=NOW)
            assert _stored(row) == ("invited", None, 0)


@pytest.mark.django_db
def test_without_a_seat_one_waits_and_gets_the_next(airlines: Airlines) -> None:
    user, invitation = _claimed()
    Campaign.objects.update(seats=1, seats_taken=1, brand=airlines.brand)
    accept(invitation, by=user, now=NOW)
    accept(invitation, by=user, now=LATER)
    assert (invitation.state, invitation.turn) == ("waiting", 1)
    assert _stored(invitation) == ("waiting", NOW, 1)
    Campaign.objects.update(seats=2)
    with pytest.raises(NotYours):
        serve_waiting(campaign=invitation.campaign, by=airlines.other_manager, now=LATER)
    assert serve_waiting(campaign=invitation.campaign, by=airlines.manager, now=LATER) == 1
    assert _stored(invitation) == ("accepted", NOW, 2)


@pytest.mark.django_db
def test_the_waiting_list_is_left_by_the_person_alone() -> None:
    user, invitation = _claimed()
    Campaign.objects.update(seats=1, seats_taken=1)
    accept(invitation, by=user, now=NOW)
    with pytest.raises(NotOpen, match="waits for its turn"):
        decline(invitation, by=None, now=LATER)
    assert _stored(invitation) == ("waiting", NOW, 1)
    decline(invitation, by=user, now=LATER)
    assert _stored(invitation) == ("declined", LATER, 1)
    assert invitation.turn is None
    assert serve_all(now=LATER) == 0


@pytest.mark.django_db
def test_the_waiting_list_ends_with_the_campaign(airlines: Airlines) -> None:
    user, invitation = _claimed()
    Campaign.objects.update(seats=1, seats_taken=1, brand=airlines.brand)
    accept(invitation, by=user, now=NOW)
    Campaign.objects.update(seats=2)
    assert serve_waiting(campaign=invitation.campaign, by=airlines.manager, now=AFTER) == 0
    assert expire_invitations(now=AFTER) == 1
    assert _stored(invitation) == ("expired", None, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("answer", [accept, decline])
def test_after_the_last_day_nothing_is_answered(answer: object) -> None:
    user, invitation = _claimed()
    assert callable(answer)
    with pytest.raises(NotOpen, match="has ended"):
        answer(invitation, by=user, now=AFTER)
    assert invitation.state == "expired"
    assert _stored(invitation) == ("expired", None, 0)
    with pytest.raises(NotOpen, match="has expired"):
        answer(invitation, by=user, now=AFTER)


@pytest.mark.django_db
def test_the_last_day_counts_whole_in_utc() -> None:
    user, invitation = _claimed()
    accept(invitation, by=user, now=datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC))
    assert invitation.state == "accepted"


@pytest.mark.django_db
def test_expiry_closes_what_is_open_and_over() -> None:
    over, running = CampaignFactory.create(ends_on=date(2026, 3, 1)), CampaignFactory.create(ends_on=date(2026, 3, 2))
    InvitationFactory.create(campaign=over)
    InvitationFactory.create(campaign=over, state="seen", seen_at=NOW)
    InvitationFactory.create(campaign=over, state="accepted", answered_at=NOW)
    InvitationFactory.create(campaign=over, state="declined", answered_at=NOW)
    InvitationFactory.create(campaign=running)
    assert expire_invitations(now=datetime(2026, 3, 1, 23, tzinfo=UTC)) == 0
    assert expire_invitations(now=LATER) == 2
    assert expire_invitations(now=LATER) == 0
    states = Invitation.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["expired", "expired", "accepted", "declined", "invited"]


@pytest.mark.django_db
def test_only_the_first_opening_is_noted() -> None:
    _, invitation = _claimed()
    assert mark_seen(invitation, now=NOW)
    assert (invitation.state, invitation.seen_at) == ("seen", NOW)
    assert not mark_seen(invitation, now=LATER)
    assert (invitation.state, invitation.seen_at) == ("seen", NOW)
    answered = InvitationFactory.create(state="declined", answered_at=NOW)
    assert not mark_seen(answered, now=LATER)
    assert answered.state == "declined"


@pytest.mark.django_db
def test_the_database_refuses_more_answers_than_seats_and_answers_without_time() -> None:
    _, invitation = _claimed()
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.update(seats_taken=41)
    for broken in (
        {"state": "accepted"},
        {"answered_at": NOW},
        {"state": "seen"},
        {"state": "waiting", "answered_at": NOW},
        {"turn": 1},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Invitation.objects.update(**broken)
    assert _stored(invitation) == ("invited", None, 0)


@pytest.mark.django_db(transaction=True)
def test_thirty_at_once_get_exactly_ten_seats() -> None:
    campaign = CampaignFactory.create(seats=10)
    users = [User.objects.create_user(f"user{n}") for n in range(30)]
    ids = [
        InvitationFactory.create(
            campaign=campaign, person=PersonFactory.create(user=user, claimed_at=NOW, claimed_via="invitation")
        ).pk
        for user in users
    ]

    def click(n: int) -> None:
        try:
            accept(Invitation.objects.get(pk=ids[n]), by=users[n], now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(30) as pool:
        # Everybody clicks twice.
        list(pool.map(click, [*range(30), *range(30)]))
    campaign.refresh_from_db()
    assert campaign.seats_taken == 10
    assert Invitation.objects.filter(state="accepted").count() == 10
    assert list(Invitation.objects.waiting().values_list("turn", flat=True)) == list(range(1, 21))


@pytest.mark.django_db
def test_a_link_names_its_invitation() -> None:
    invitation = InvitationFactory.create()
    token = make_token(invitation)
    assert read_token(token) == invitation.pk
    assert invitation_of(token) == invitation
    assert invitation_url(invitation, "https://sway.example/").startswith("https://sway.example/")
    assert invitation_url(invitation, "https://sway.example/").endswith(token)


@pytest.mark.django_db
def test_tampered_links_open_nothing() -> None:
    invitation, other = InvitationFactory.create_batch(2)
    token = make_token(invitation)
    pk, nonce, signature = token.split(".")
    for wrong in (
        "",
        "1",
        f"{pk}.{nonce}",
        f"{other.pk}.{nonce}.{signature}",
        f"{pk}.{other.nonce}.{signature}",
        f"{pk}.{nonce}.{signature[:-1]}",
        f"{pk}.{nonce}.{make_token(other).split('.')[2]}",
        token + "\x00",
    ):
        assert read_token(wrong) is None, wrong
        assert invitation_of(wrong) is None, wrong
    invitation.delete()
    assert invitation_of(token) is None


@pytest.mark.django_db
def test_a_new_link_makes_the_old_one_worthless(airlines: Airlines) -> None:
    invitation = InvitationFactory.create(campaign__brand=airlines.brand)
    old = make_token(invitation)
    with pytest.raises(NotYours):
        renew_link(invitation, by=airlines.other_manager)
    assert invitation_of(old) == invitation
    renew_link(invitation, by=airlines.manager)
    assert read_token(old) == invitation.pk
    assert invitation_of(old) is None
    assert invitation_of(make_token(invitation)) == invitation
    Invitation.objects.update(state="accepted", answered_at=NOW)
    with pytest.raises(NotOpen):
        renew_link(invitation, by=airlines.manager)
    assert invitation_of(make_token(invitation)) == invitation
