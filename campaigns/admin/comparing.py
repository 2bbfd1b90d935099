"""A few people of the influencer list side by side."""

from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from campaigns import queries
from campaigns.admin.base import person_link, run_of, score_badge
from campaigns.admin.ranges import run_before
from scoring.models import Influencer, Score
from scoring.queries import ENOUGH_SUPPORTERS, TAKEN, score_of, shown_percentile

MOST: Final = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of each, in the order of the people."""

    label: str
    cells: list[Any]


def compare_view(page: Any, request: HttpRequest, people: Any) -> HttpResponse | None:
    """Show those ticked beside each other; say so and return None where they are too few or too many.

    Seven queries, whatever their number.
    """
    shown: list[Any] = list(people[: MOST + 1])
    if not 2 <= len(shown) <= MOST:
        messages.error(request, f"Tick two to {MOST} people to see them side by side.")
        return None
    run = run_of(request)
    queries.fill_in(shown, run, run_before(request))
    scores = {row.person_id: row for row in Score.objects.filter(run=run, person__in=[each.pk for each in shown])}
    top = float(run.formula.parameters["scale_top"]) if run else 1.0
    context = {
        **page.admin_site.each_context(request),
        "title": "Side by side",
        "opts": page.opts,
        "people": [person_link(person) for person in shown],
        "lines": _lines(shown, [scores[person.pk] for person in shown], top),
        "back": request.get_full_path(),
    }
    return TemplateResponse(request, "admin/campaigns/compare.html", context)


def _lines(people: list[Influencer], rows: list[Score], top: float) -> list[Line]:
    given: list[Any] = people
    before = [each.score_before[0].score if getattr(each, "score_before", []) else None for each in given]
    lines = [
        Line("Score", [score_badge(row.score, row.supporters >= ENOUGH_SUPPORTERS) for row in rows]),
        Line("Percentile", [f"{shown_percentile(row.percentile):.1f}" for row in rows]),
        Line(
            "Growth in 28 days",
            ["–" if was is None else f"{row.score - was:+.1f}" for row, was in zip(rows, before, strict=True)],
        ),
        Line("People reached", [f"{row.reach:,.1f}" for row in rows]),
        Line("80 % of outcomes", [f"{row.low:,.1f} to {row.high:,.1f}" for row in rows]),
        Line("Band width", [f"{score_of(row.high, top) - score_of(row.low, top):.1f} points" for row in rows]),
        Line("Taken off", [_share(row.forecast - row.reach, row.forecast) for row in rows]),
    ]
    lines += [
        Line(f"… {label}", [_share(getattr(row, f"taken_{reason}"), row.forecast) for row in rows])
        for reason, label, _ in TAKEN
    ]
    return [
        *lines,
        Line("Different people who acted", [f"{row.supporters:,}" for row in rows]),
        Line("Top topics", [", ".join(topic.topic.shown_name for topic in each.top_topics) or "–" for each in given]),
        Line("City", [str(each.place) if each.place else "–" for each in given]),
        Line("Networks", [_networks(each) for each in given]),
        Line("Profile", ["claimed" if each.user_id else "not claimed" for each in given]),
    ]


def _share(part: float, whole: float) -> str:
    return f"{max(100 * part / whole, 0.0):.0f} %" if whole > 0 else "–"


def _networks(person: Any) -> str:
    return ", ".join(sorted({identity.network_id for identity in person.shown_identities})) or "–"
