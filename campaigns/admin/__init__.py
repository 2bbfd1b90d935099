"""Campaigns in the admin site. The module of each group of pages registers its models when it is imported here."""

from campaigns.admin import brands, campaigns, choosing, dashboard, formulas, influencers, invitations, shortlists

__all__ = ["brands", "campaigns", "choosing", "dashboard", "formulas", "influencers", "invitations", "shortlists"]
