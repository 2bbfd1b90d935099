"""What partners read of their brand's campaigns."""

from datetime import timedelta
from typing import Any

from django.test import Client

from accounts.actions import create_api_key
from campaigns import queries
from campaigns.actions import add_member
from campaigns.models import Campaign, Membership
from tests.asked import tables_asked
from tests.campaigns.conftest import Airlines
from tests.factories.accounts import UserFactory
from tests.factories.campaigns import (
    NOW,
    CampaignFactory,
    CampaignPlaceFactory,
    InvitationFactory,
    ShortlistingFactory,
)

LIST = "/api/v1/campaigns/"


def _partner(airlines: Airlines) -> dict[str, str]:
    """Return the headers of a key of the brand's that was used before: the first use is noted, with a query."""
    service = UserFactory.create(is_service=True)
    add_member(brand=airlines.brand, user=service, role=Membership.Role.PARTNER, by=airlines.operator)
    _, text = create_api_key(
        name="partner", purpose="Plan whom to invite.", user=service, by=airlines.operator, now=NOW
    )
    headers = {"Authorization": f"Bearer {text}"}
    Client().get("/api/v1/topics/", headers=headers)
    return headers


def _asked(campaign: Campaign, many: int) -> None:
    ShortlistingFactory.create_batch(many, campaign=campaign)
    CampaignPlaceFactory.create_batch(many, campaign=campaign)
    InvitationFactory.create_batch(many, campaign=campaign)
    InvitationFactory.create_batch(many, campaign=campaign, state="seen", seen_at=NOW)
    InvitationFactory.create_batch(many, campaign=campaign, state="accepted", answered_at=NOW)
    InvitationFactory.create_batch(many, campaign=campaign, state="declined", answered_at=NOW)
    InvitationFactory.create_batch(many, campaign=campaign, state="expired")


def _counts(campaign: dict[str, Any]) -> dict[str, int]:
    return {name: campaign[name] for name in ("seats", "seats_taken", "invited", "accepted", "declined")}


def test_partners_read_the_counts_that_managers_see(client: Client, airlines: Airlines) -> None:
    campaign = CampaignFactory.create(brand=airlines.brand, seats=7, seats_taken=2)
    _asked(campaign, 2)
    CampaignFactory.create(brand=airlines.brand, created_at=NOW - timedelta(days=1))
    CampaignFactory.create(brand=airlines.other_brand)
    headers = _partner(airlines)
    full, empty = client.get(LIST, headers=headers).json()["results"]
    assert _counts(full) == {"seats": 7, "seats_taken": 2, "invited": 10, "accepted": 2, "declined": 2}
    assert _counts(empty) == {"seats": 40, "seats_taken": 0, "invited": 0, "accepted": 0, "declined": 0}
    seen: Any = queries.with_counts(Campaign.objects.all(), airlines.manager).get(pk=campaign.pk)
    assert (seen.shortlisted, seen.invited, seen.seen, seen.accepted, seen.declined, seen.expired) == (
        2,
        10,
        2,
        2,
        2,
        2,
    )
    assert seen.seats_left == 5
    one = client.get(f"{LIST}{campaign.pk}/", headers=headers).json()
    assert one == full


def test_the_list_takes_the_same_queries_however_many_campaigns(client: Client, airlines: Airlines) -> None:
    headers = _partner(airlines)
    for many in (1, 3):
        for campaign in CampaignFactory.create_batch(many, brand=airlines.brand):
            _asked(campaign, many)
        with tables_asked() as asked:
            assert client.get(LIST, headers=headers).status_code == 200
        assert asked == [
            "accounts_apikey",  # with its service user
            "campaigns_campaign",  # the page, with its counts
            "scoring_topic",
            "campaigns_campaignplace",
        ]
