"""Campaigns in the admin site. The module of each group of pages registers its models when it is imported here."""

from campaigns.admin import (
    audit,
    brands,
    campaigns,
    colleagues,
    dashboard,
    formulas,
    influencers,
    invitations,
    perks,
    posts,
    selections,
    shortlists,
)

__all__ = [
    "audit",
    "brands",
    "campaigns",
    "colleagues",
    "dashboard",
    "formulas",
    "influencers",
    "invitations",
    "perks",
    "posts",
    "selections",
    "shortlists",
]
