"""Brands, the people who work for them, their campaigns, and the invitations that they send."""

from campaigns.models.brands import Brand, BrandQuerySet, Membership
from campaigns.models.campaigns import Campaign, CampaignPlace, CampaignQuerySet
from campaigns.models.invitations import (
    Invitation,
    InvitationQuerySet,
    Shortlisting,
    ShortlistingQuerySet,
    new_nonce,
)

__all__ = [
    "Brand",
    "BrandQuerySet",
    "Campaign",
    "CampaignPlace",
    "CampaignQuerySet",
    "Invitation",
    "InvitationQuerySet",
    "Membership",
    "Shortlisting",
    "ShortlistingQuerySet",
    "new_nonce",
]
