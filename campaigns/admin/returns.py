"""A campaign's return: the page that has it measured and shows it, to print or as a file."""

from collections.abc import Iterator
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

from accounts.admin.export import Cell, csv_response
from campaigns import actions, tasks
from campaigns.admin.base import STATE_LABELS, person_link, run_of, staff_of, start_soon
from campaigns.admin.roles import is_managed
from campaigns.models import Campaign, CampaignReturn, Invitation, Participant
from campaigns.queries.mentions import posts_to_read

# Runs of so many people, and so many posts, are gone through while the page waits, some seconds; else a worker does it.
AT_ONCE: Final = 20_000
POSTS_AT_ONCE: Final = 500_000
# People that the page lists; the file has all.
LISTED: Final = 200
CSV_COLUMNS: Final = [
    *("handle", "name", "group", "answer", "reach_forecast"),
    *("own_before", "own_after", "audience_before", "audience_after"),
]


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
        return _csv(request, measured)
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
            "file_url": f"{here}?csv=1",
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
    if run is None or (run.people <= AT_ONCE and posts_to_read(campaign, now=now) <= POSTS_AT_ONCE):
        actions.measure_return(pk=asked.pk, now=now)
    else:
        transaction.on_commit(partial(start_soon, tasks.measure_waiting))


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody invited or held back, as the page lists them."""

    who: SafeString
    answer: str
    label: str
    reach: float | None
    own_before: float
    own_after: float
    audience_before: float
    audience_after: float


def _people(request: HttpRequest, measured: CampaignReturn) -> QuerySet[Participant]:
    """Return the participants whom the user sees, those first who were mentioning more than before."""
    rows = Participant.objects.visible_to(request.user).filter(measured=measured).select_related("person")
    more = F("own_after") + F("audience_after") - F("own_before") - F("audience_before")
    return rows.order_by("is_held_back", more.desc(), "person__handle")


def _shown(request: HttpRequest, measured: CampaignReturn) -> dict[str, Any]:
    people = _people(request, measured)
    return {
        "rows": [
            Row(
                who=person_link(row.person),
                answer=row.answer or "kept back",
                label=STATE_LABELS[Invitation.State(row.answer)] if row.answer in Invitation.State else "default",
                reach=row.reach,
                own_before=row.own_before,
                own_after=row.own_after,
                audience_before=row.audience_before,
                audience_after=row.audience_after,
            )
            for row in people[:LISTED]
        ],
        "people": people.count(),
        "listed": LISTED,
        "not_compared": measured.invited - measured.compared,
        "in_both": 100 * measured.in_both,
        **_costs(measured),
        **_lift(measured),
    }


def _costs(measured: CampaignReturn) -> dict[str, Any]:
    if measured.cost_each is None:
        return {"cost": None, "cost_per_person": None}
    # Of before people could cost something else each.
    cost = measured.cost_each * measured.accepted if measured.cost is None else measured.cost
    return {"cost": cost, "cost_per_person": float(cost) / measured.forecast if measured.forecast > 0 else None}


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


def _csv(request: HttpRequest, measured: CampaignReturn) -> HttpResponse:
    brand = measured.campaign.brand
    actions.record_export(by=staff_of(request), what=f"return of campaign {measured.campaign_id}", brands=[brand])
    rows = _people(request, measured).iterator(chunk_size=2000)
    response: HttpResponse = csv_response("return.csv", CSV_COLUMNS, _cells(rows))  # type: ignore[assignment]
    return response


def _cells(rows: Iterator[Participant]) -> Iterator[list[Cell]]:
    for row in rows:
        yield [
            row.person.handle,
            row.person.name,
            "held back" if row.is_held_back else "invited",
            row.answer,
            row.reach,
            *(row.own_before, row.own_after, row.audience_before, row.audience_after),
        ]
