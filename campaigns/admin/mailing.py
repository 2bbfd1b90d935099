"""How far a campaign's e-mails are, on its page: asked for again every few seconds while they go out."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts.admin.base import span
from campaigns.models import Campaign
from campaigns.queries.mailing import mailing_progress


class MailingMixin:
    """What a campaign's own page has of e-mails that go out."""

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<path:object_id>/mailing/",
            self.admin_site.admin_view(self.mailing_view),  # type: ignore[attr-defined]
            name="campaigns_campaign_mailing",
        )
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]  # Django's
        return [own, *urls]

    def mailing_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Return the part of the page that says how far the e-mails are."""
        campaign: Campaign = self._seen(request, object_id)  # type: ignore[attr-defined]
        return TemplateResponse(request, "admin/campaigns/_mailing.html", {"mailing": mailing_of(campaign)})


def mailing_of(campaign: Campaign) -> dict[str, Any]:
    """Return what that part shows. One query."""
    found = mailing_progress(campaign, timezone.now())
    pace = "" if found.rate is None else f"{found.rate:,.1f} a second"
    if found.rate is not None and found.rate < 1:
        pace = f"{60 * found.rate:,.0f} a minute"
    return {
        "found": found,
        "pace": pace,
        "time_left": "" if found.seconds_left is None else span(found.seconds_left),
        "url": reverse("admin:campaigns_campaign_mailing", args=[campaign.pk]),
        "list_url": f"{reverse('admin:campaigns_invitation_changelist')}?campaign={campaign.pk}&for_you=send",
    }
