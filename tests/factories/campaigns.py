"""Rows of the campaigns app."""

from datetime import UTC, date, datetime

import factory
from factory.django import DjangoModelFactory

from campaigns.models import Brand, Campaign, CampaignPlace, Invitation, Membership, Shortlisting
from tests.factories.accounts import PersonFactory, UserFactory

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class BrandFactory(DjangoModelFactory):
    class Meta:
        model = Brand

    name = factory.Sequence(lambda n: f"Airline number {n}")
    slug = factory.Sequence(lambda n: f"airline-{n}")
    created_at = NOW


class MembershipFactory(DjangoModelFactory):
    """A row only: `campaigns.actions.add_member` gives the login its rights as well."""

    class Meta:
        model = Membership

    brand = factory.SubFactory(BrandFactory)
    user = factory.SubFactory(UserFactory)
    created_at = NOW


class CampaignFactory(DjangoModelFactory):
    """Forty seats from February to the end of May 2026."""

    class Meta:
        model = Campaign

    brand = factory.SubFactory(BrandFactory)
    name = factory.Sequence(lambda n: f"Route number {n}")
    perk_text = "a free flight to Toronto"
    seats = 40
    starts_on = date(2026, 2, 1)
    ends_on = date(2026, 5, 31)
    created_at = NOW


class CampaignPlaceFactory(DjangoModelFactory):
    class Meta:
        model = CampaignPlace

    campaign = factory.SubFactory(CampaignFactory)
    name = "Toronto"
    latitude = 43.70011
    longitude = -79.4163


class ShortlistingFactory(DjangoModelFactory):
    class Meta:
        model = Shortlisting

    campaign = factory.SubFactory(CampaignFactory)
    person = factory.SubFactory(PersonFactory)
    added_at = NOW


class InvitationFactory(DjangoModelFactory):
    class Meta:
        model = Invitation

    campaign = factory.SubFactory(CampaignFactory)
    person = factory.SubFactory(PersonFactory)
    invited_at = NOW
