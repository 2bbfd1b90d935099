"""The admin site's first page: a manager's campaigns, and what waits for them.

It takes the setting `UNFOLD["DASHBOARD_CALLBACK"] = "campaigns.admin.dashboard.dashboard"`.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from campaigns import queries
from campaigns.admin.approvals import waiting_for
from campaigns.admin.base import run_of
from campaigns.admin.invitations import TO_SEND
from campaigns.models import Campaign, Handover, Invitation, Notice

# Campaigns shown; the whole list is a click away.
ROWS = 8

admin.site.index_template = "admin/campaigns/index.html"


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the first page shows. Seven queries; nothing for who has no business with campaigns."""
    if not request.user.has_perm("campaigns.view_campaign"):
        return context
    now = timezone.now()
    campaigns = Campaign.objects.visible_to(request.user)
    counted = queries.with_counts(campaigns.select_related("brand"), request.user)
    running = counted.order_by("-ends_on", "name", "pk")[:ROWS]
    managed = Campaign.objects.managed_by(request.user)
    waiting = Invitation.objects.filter(TO_SEND, campaign__in=managed).exclude(campaign__in=Campaign.objects.over(now))
    perks = Handover.objects.visible_to(request.user).filter(state=Handover.State.NONE)
    return {
        **context,
        "title": "Campaigns",
        "run": run_of(request),
        "dashboard_campaigns": [{"campaign": campaign, "is_over": campaign.is_over(now)} for campaign in running],
        "links_to_send": waiting.count(),
        "to_tell": Notice.objects.to_tell().filter(invitation__campaign__in=managed).count(),
        "perks_to_do": perks.count(),
        "to_approve": waiting_for(request).count(),
        "has_more": campaigns.count() > ROWS,
    }
