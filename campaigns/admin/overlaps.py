"""How far the audiences of those on a campaign's shortlist overlap."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.models import Person
from campaigns.admin.base import person_link, run_of, staff_of
from campaigns.models import Campaign, Shortlisting
from campaigns.queries.audiences import overlap

# People whose audiences are compared, the latest first.
COMPARED: Final = 30


def overlap_view(page: Any, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Show how far the audiences of those on a campaign's shortlist overlap."""
    run = run_of(request)
    listed = Shortlisting.objects.visible_to(request.user).filter(campaign=campaign)
    people = list(listed.order_by("-pk").values_list("person", flat=True)[:COMPARED])
    found = overlap(campaign, staff_of(request), run, people) if run is not None else None
    names = Person.objects.in_bulk(found.people if found else [])
    shown = [names[pk] for pk in (found.people if found else [])]
    return TemplateResponse(
        request,
        "admin/campaigns/overlap.html",
        {
            **page.admin_site.each_context(request),
            "title": f"Audiences of the shortlist of {campaign}",
            "opts": page.opts,
            "campaign": campaign,
            "back": reverse("admin:campaigns_campaign_change", args=[campaign.pk]),
            "found": found,
            "columns": [person.handle for person in shown],
            "rows": [
                (
                    person_link(person),
                    [
                        (f"{100 * share:.0f}", round(5 * share), other)
                        for share, other in zip(shares, shown, strict=True)
                    ],
                )
                for person, shares in zip(shown, found.shared if found else [], strict=True)
            ],
            "overlap": 100 * (1 - found.together / found.alone) if found and found.alone > 0 else 0.0,
            "left_out": len(people) - len(shown),
            "compared": COMPARED,
        },
    )
