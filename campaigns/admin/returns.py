"""A campaign's return: the page that has it measured and shows it, to print or as a file."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from campaigns import actions, tasks
from campaigns.admin.base import STATE_LABELS, person_link, run_of, staff_of, start_soon
from campaigns.admin.return_figures import OLDER, Row, costs, days, headline, held, reactions, unknown
from campaigns.admin.return_files import FILES, file_of
from campaigns.admin.roles import is_managed
from campaigns.models import Campaign, CampaignReturn, Invitation, Participant
from campaigns.queries.mentions import rows_to_read

# Runs of so many people, and so many posts and interactions, are gone through while the page waits, some seconds; else
# a worker does it.
AT_ONCE: Final = 20_000
ROWS_AT_ONCE: Final = 500_000
# People that the page lists; the file has all.
LISTED: Final = 200


def return_view(page: Any, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Show what a campaign brought as it was last measured; with a POST, have it measured anew."""
    here = reverse("admin:campaigns_campaign_campaign_return", args=[campaign.pk])
    if request.method == "POST":
        _ask(request, campaign)
        return HttpResponseRedirect(here)
    rows = (
        CampaignReturn.objects.visible_to(request.user)
        .filter(campaign=campaign)
        .select_related("run", "campaign__brand")
    )
    measured = rows.order_by("-asked_at", "-pk").first()
    managed = is_managed(request, str(campaign.pk))
    is_done = measured is not None and measured.state == CampaignReturn.State.DONE
    if measured is not None and is_done and managed and "csv" in request.GET:
        return file_of(request, measured, people_of(request, measured))
    return TemplateResponse(
        request,
        "admin/campaigns/return.html",
        {
            **page.admin_site.each_context(request),
            "title": f"What {campaign} brought",
            "opts": page.opts,
            "campaign": campaign,
            "measured": measured,
            "is_managed": managed,
            "tags": (measured.tags if measured is not None and is_done else campaign.tags).split(),
            "back": reverse("admin:campaigns_campaign_change", args=[campaign.pk]),
            "files": [(f"{here}?csv={name}", label) for name, label in FILES.items()],
            **(_shown(request, measured) if measured is not None and is_done else {}),
        },
    )


def _ask(request: HttpRequest, campaign: Campaign) -> None:
    now = timezone.now()
    try:
        asked = actions.ask_for_return(campaign=campaign, by=staff_of(request), now=now)
    except actions.CampaignError as error:
        messages.error(request, str(error))
        return
    run = run_of(request)
    if run is None or (run.people <= AT_ONCE and rows_to_read(campaign, now=now) <= ROWS_AT_ONCE):
        actions.measure_return(pk=asked.pk, now=now)
    else:
        transaction.on_commit(partial(start_soon, tasks.measure_waiting))


@dataclass(frozen=True, slots=True)
class Mentioner:
    """Somebody invited or held back, with what they and their audience mention."""

    who: SafeString
    answer: str
    label: str
    own_before: float
    own_after: float
    audience_before: float
    audience_after: float


def people_of(request: HttpRequest, measured: CampaignReturn) -> QuerySet[Participant]:
    """Return the participants whom the user sees, those first who were mentioning more than before."""
    rows = Participant.objects.visible_to(request.user).filter(measured=measured).select_related("person", "topic")
    more = F("own_after") + F("audience_after") - F("own_before") - F("audience_before")
    return rows.order_by("is_held_back", more.desc(), "person__handle")


def _shown(request: HttpRequest, measured: CampaignReturn) -> dict[str, Any]:
    people = people_of(request, measured)
    compared = people.filter(is_compared=True)
    accepted = people.filter(answer=Invitation.State.ACCEPTED)
    accepted = accepted.order_by(F("reached").desc(nulls_last=True), F("reach").desc(nulls_last=True), "person__handle")
    rows = [] if measured.is_older else [Row.of_person(measured, row) for row in accepted[:LISTED]]
    topics = [Row.of_topic(measured, row) for row in measured.topics]
    return {
        "older": OLDER if measured.is_older else "",
        "headline": headline(measured),
        "all": Row.of_all(measured),
        "held": held(measured),
        "reactions": reactions(measured),
        "costs": costs(measured),
        "days": days(measured),
        "rows": rows,
        "participants": accepted.count(),
        "topics": topics,
        "unknown": unknown([*rows, *topics], measured),
        "mentioners": [
            Mentioner(
                who=person_link(row.person),
                answer=row.answer or "kept back",
                label=STATE_LABELS[Invitation.State(row.answer)] if row.answer in Invitation.State else "default",
                own_before=row.own_before,
                own_after=row.own_after,
                audience_before=row.audience_before,
                audience_after=row.audience_after,
            )
            for row in compared[:LISTED]
        ],
        "people": compared.count(),
        "listed": LISTED,
        "not_compared": measured.invited - measured.compared,
        "in_both": 100 * measured.in_both,
        **_lift(measured),
    }


def _lift(measured: CampaignReturn) -> dict[str, Any]:
    """Return the lift over all compared, and in percent of what was to be expected."""
    if measured.per_person is None or measured.expected is None:
        return {"lift": None}

    def percent(value: float | None) -> float | None:
        return (
            None
            if value is None or not measured.expected or measured.expected <= 0
            else 100 * value / measured.expected
        )

    def of_all(value: float | None) -> float | None:
        return None if value is None else value * measured.compared

    return {
        "lift": of_all(measured.per_person),
        "low": of_all(measured.low),
        "high": of_all(measured.high),
        "percent": percent(measured.per_person),
        "percent_low": percent(measured.low),
        "percent_high": percent(measured.high),
        "expected_of_all": of_all(measured.expected),
    }
