"""What a perk needs to know of who accepted, on the person's page: given, corrected, and nobody else's."""

import logging
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Person, User
from campaigns.actions import AlreadyDone, DetailsRefused, Given, NotOpen, NotYours, give_details, move_on
from campaigns.models import Campaign, Handover, Invitation
from tests.campaigns.conftest import Airlines
from tests.campaigns.details import HOME, State, ann, campaign, gave, gives, login_of, text
from tests.campaigns.invited import address, holder, open_campaign, shown
from tests.campaigns.perks import guest, says_yes
from tests.factories.campaigns import NOW, HandoverFactory

__all__ = ["ann", "campaign"]

pytestmark = pytest.mark.django_db


def test_who_accepted_gives_an_address_and_corrects_it_until_it_is_sent(
    client: Client, airlines: Airlines, campaign: Campaign, ann: Invitation, caplog: Any
) -> None:
    client.force_login(login_of(ann))
    until = campaign.ends_on + timedelta(days=30)
    page = shown(client, address(ann))
    assert "Where to send it" in page
    assert f"After {until:%-d %B %Y} it is deleted" in page
    assert "Say where to send it" in shown(client, "/me")
    with caplog.at_level(logging.DEBUG):
        assert "Thank you. Maple Air sees it now." in gives(client, ann)
    row = Handover.objects.get()
    assert (row.kind, row.full_name, row.street, row.country, row.state) == (
        "address",
        *list(HOME.values())[:2],
        "CA",
        "none",
    )
    assert (row.kept_until, row.given_by) == (until, login_of(ann))
    assert "Elm" not in caplog.text
    assert "Ann Ash, 1 Elm Road, M5V 1A1 Toronto, Canada" in shown(client, address(ann))
    assert "What you gave is noted" in shown(client, "/me")
    gives(client, ann, street="2 Oak Road")
    assert Handover.objects.get().street == "2 Oak Road"
    move_on(row, to=State.SHIPPED, reference=" 1Z\n999 ", by=airlines.manager, now=NOW)
    page = shown(client, address(ann))
    assert "Status Sent Tracking 1Z 999" in page
    assert "Correct it" not in page
    assert "It is sent already" in gives(client, ann, street="3 Fir Road")
    assert Handover.objects.get().street == "2 Oak Road"
    assert "It was sent to you." in shown(client, "/me")


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(client: Client, ann: Invitation) -> None:
    client.force_login(login_of(ann))
    for wrong in ({"full_name": " "}, {"street": ""}, {"city": ""}, {"country": ""}, {"country": "Canada"}):
        page = gives(client, ann, **wrong)
        assert 'class="field wrong"' in page
        assert "M5V 1A1" in page
    assert not Handover.objects.exists()


def test_a_booking_asks_for_a_name_and_days(client: Client, airlines: Airlines) -> None:
    campaign = open_campaign(brand=airlines.brand, details_kind="booking")
    ben = says_yes(guest(campaign, "ben"), now=timezone.now())
    client.force_login(login_of(ben))
    page = shown(client, address(ben))
    assert "What to book" in page
    assert "Street" not in page
    today = timezone.now().date()
    days = {"full_name": "Ben Beech", "first_day": str(today + timedelta(9)), "last_day": str(today + timedelta(5))}
    assert "This is before the first day." in gives(client, ben, **days)
    assert "This day has passed." in gives(client, ben, **{**days, "first_day": str(today - timedelta(1))})
    assert "more than two years ahead" in gives(client, ben, **{**days, "last_day": str(today + timedelta(900))})
    assert not Handover.objects.exists()
    gives(client, ben, **{**days, "last_day": str(today + timedelta(12))})
    row = Handover.objects.get()
    assert (row.kind, row.street, row.first_day) == ("booking", "", today + timedelta(9))
    with pytest.raises(DetailsRefused):
        move_on(row, to=State.BOOKED, reference=" ", by=airlines.manager, now=NOW)
    with pytest.raises(AlreadyDone):
        move_on(row, to=State.SHIPPED, reference="1", by=airlines.manager, now=NOW)
    move_on(row, to=State.BOOKED, reference="QX7", by=airlines.manager, now=NOW)
    assert "Status Booked Reference QX7" in shown(client, address(ben))


def test_nobody_else_is_asked_or_shown_or_can_give(
    client: Client, airlines: Airlines, campaign: Campaign, ann: Invitation
) -> None:
    gave(ann)
    other = says_yes(guest(campaign, "other"), now=timezone.now())
    for user in (None, holder("bob")[0], login_of(other), airlines.manager, airlines.other_manager, airlines.operator):
        client.logout()
        if user is not None:
            client.force_login(user)
        assert "Elm Road" not in client.get(address(ann), follow=True).content.decode(), user
        gives(client, ann, street="Elsewhere")
        assert Handover.objects.get(invitation=ann).street == "1 Elm Road"
        if user is not None:
            with pytest.raises(NotYours):
                give_details(ann, given=Given(full_name="Eve", street="x", city="y", country="CA"), by=user, now=NOW)
    # Whoever comes to hold the profile isn't shown what was given before.
    heir = User.objects.create_user("heir")
    Person.objects.filter(pk=ann.person_id).update(user=heir)
    client.force_login(heir)
    assert "Elm Road" not in text(client, address(ann)) + text(client, "/me")


@pytest.mark.parametrize("state", ["invited", "waiting", "declined", "withdrawn"])
def test_who_has_no_seat_gives_nothing(campaign: Campaign, ann: Invitation, state: str) -> None:
    answered = None if state == "invited" else NOW
    Invitation.objects.filter(pk=ann.pk).update(
        state=state, answered_at=answered, turn=1 if state == "waiting" else None
    )
    with pytest.raises(NotOpen):
        gave(ann)


def test_a_campaign_that_needs_nothing_asks_nothing(client: Client, airlines: Airlines) -> None:
    ben = says_yes(guest(open_campaign(brand=airlines.brand), "ben"), now=timezone.now())
    client.force_login(login_of(ben))
    assert "Where to send it" not in shown(client, address(ben))
    gives(client, ben)
    with pytest.raises(NotOpen):
        gave(ben)
    assert not Handover.objects.exists()


def test_what_the_form_lets_through_the_action_and_the_database_refuse(ann: Invitation) -> None:
    for wrong in ({"full_name": ""}, {"street": ""}, {"first_day": date(2026, 3, 1)}):
        with pytest.raises(DetailsRefused):
            gave(ann, **wrong)
    for broken in (
        {"full_name": ""},
        {"street": ""},
        {"kind": "booking"},
        {"kind": "none"},
        {"state": "booked", "moved_at": NOW},
        {"state": "shipped"},
        {"reference": "1"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            HandoverFactory.create(invitation=ann, **broken)
