"""A campaign that needs details of who accepts, and a person who gives them, for their tests."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from campaigns.actions import Given, give_details
from campaigns.models import Campaign, Handover, Invitation, PerkCode
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import address, open_campaign
from tests.campaigns.perks import guest, says_yes

HOME = {"full_name": "Ann Ash", "street": "1 Elm Road", "postcode": "M5V 1A1", "city": "Toronto", "country": "CA"}
State = PerkCode.Fulfilment


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    return open_campaign(brand=airlines.brand, name="Suitcases", details_kind="address", details_kept_days=30)


@pytest.fixture
def ann(campaign: Campaign) -> Invitation:
    return says_yes(guest(campaign, "ann"), now=timezone.now())


def login_of(invitation: Invitation) -> User:
    assert invitation.person.user is not None
    return invitation.person.user


def gives(client: Client, invitation: Invitation, **given: Any) -> str:
    """Give details on the person's page, and return what it says then."""
    response = client.post(address(invitation), {"answer": "details", **HOME, "note": "", **given}, follow=True)
    return response.content.decode()


def gave(invitation: Invitation, **more: Any) -> Handover:
    """Give details without the page."""
    given: dict[str, Any] = {**HOME, **more}
    return give_details(invitation, given=Given(**given), by=login_of(invitation), now=timezone.now())


def text(client: Client, path: str, **data: Any) -> str:
    return client.get(path, data).content.decode()
