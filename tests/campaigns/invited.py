"""People who were invited, for the tests of their pages."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Person, User
from campaigns.links import make_token
from campaigns.models import Campaign, Invitation
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import CampaignFactory, InvitationFactory

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def open_campaign(**given: Any) -> Campaign:
    today = timezone.now().date()
    given = {"starts_on": today, "ends_on": today + timedelta(days=9), "seats": 3, "perk_text": "a flight"} | given
    campaign: Campaign = CampaignFactory.create(**given)
    return campaign


def over_campaign(**given: Any) -> Campaign:
    today = timezone.now().date()
    return open_campaign(starts_on=today - timedelta(days=9), ends_on=today - timedelta(days=2), **given)


def holder(handle: str) -> tuple[User, Person]:
    user = User.objects.create_user(f"login-of-{handle}", password="p")
    person = PersonFactory.create(handle=handle, user=user, claimed_at=NOW, claimed_via="invitation")
    return user, person


def invited(handle: str = "ann", **given: Any) -> Invitation:
    given.setdefault("campaign", None)
    campaign = given.pop("campaign") or open_campaign()
    given.setdefault("person", None)
    person = given.pop("person") or PersonFactory.create(handle=handle)
    invitation: Invitation = InvitationFactory.create(campaign=campaign, person=person, **given)
    return invitation


def address(invitation: Invitation) -> str:
    return reverse("invitation", args=[make_token(invitation)])


def shown(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status, path
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def state(invitation: Invitation) -> tuple[str, int | None, int]:
    """Return what an answer or a claim changes: the state, the holder, the seats taken."""
    row = Invitation.objects.select_related("campaign", "person").get(pk=invitation.pk)
    return row.state, row.person.user_id, row.campaign.seats_taken
