"""Campaigns in the admin site. The module of each group of pages registers its models when it is imported here."""

from campaigns.admin import (
    audit,
    bounces,
    brands,
    campaigns,
    colleagues,
    dashboard,
    formulas,
    handovers,
    influencers,
    invitations,
    perks,
    posts,
    selections,
    shortlists,
)

__all__ = [
    "audit",
    "bounces",
    "brands",
    "campaigns",
    "colleagues",
    "dashboard",
    "formulas",
    "handovers",
    "influencers",
    "invitations",
    "perks",
    "posts",
    "selections",
    "shortlists",
]
