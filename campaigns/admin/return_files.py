"""A campaign's return as CSV files: its figures, its participants, its topics, and days."""

from collections.abc import Iterable, Iterator
from typing import Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.admin.export import Cell, csv_response
from campaigns import actions
from campaigns.admin.base import staff_of
from campaigns.admin.return_figures import Figure, Row, costs, days, headline, held, reactions
from campaigns.models import CampaignReturn, Invitation, Participant, PerkCode

# What each file is called on the page, by the address's parameter.
FILES: Final = {"people": "Participants", "topics": "Topics", "figures": "Figures"}
_PART: Final = [
    *("forecast", "forecast_low", "forecast_high", "came", "posts", "reached", "reactions"),
    *("cost", "cost_per_person", "cost_per_reaction"),
]
PEOPLE: Final = [
    *("handle", "name", "group", "answer", "topic"),
    *(*_PART, "code"),
    *("own_before", "own_after", "audience_before", "audience_after"),
]
TOPICS: Final = ["topic", "people", *_PART, "issued", "redeemed", "cost_per_redemption", "before", "after"]
FIGURES: Final = ["figure", "value", "low", "high", "why_not"]


def file_of(request: HttpRequest, measured: CampaignReturn, people: QuerySet[Participant]) -> HttpResponse:
    """Answer with the file that is asked for, that of people where it is none of the others; written down."""
    brand = measured.campaign.brand
    actions.record_export(by=staff_of(request), what=f"return of campaign {measured.campaign_id}", brands=[brand])
    asked = request.GET["csv"]
    if asked == "topics":
        header, cells = TOPICS, _topics(measured)
    elif asked == "figures":
        header, cells = FIGURES, _figures(measured)
    else:
        asked, header, cells = "people", PEOPLE, _people(measured, people.iterator(chunk_size=2000))
    name = "return.csv" if asked == "people" else f"return-{asked}.csv"
    response: HttpResponse = csv_response(name, header, cells)  # type: ignore[assignment]  # a stream is one too
    return response


def _part(row: Row) -> list[Cell]:
    return [
        *(row.forecast, row.low, row.high, row.came, row.posts, row.reached, row.reactions),
        *(row.cost, row.cost_per_person, row.cost_per_reaction),
    ]


def _people(measured: CampaignReturn, rows: Iterable[Participant]) -> Iterator[list[Cell]]:
    for row in rows:
        has_part = row.answer == Invitation.State.ACCEPTED
        part = _part(Row.of_person(measured, row)) if has_part else [None] * len(_PART)
        mentions = (row.own_before, row.own_after, row.audience_before, row.audience_after)
        yield [
            *(row.person.handle, row.person.name, _group(row), row.answer),
            row.topic.name if row.topic is not None else "",
            *part,
            PerkCode.State(row.code).label if row.code else "",
            *(mentions if row.is_compared else [None] * len(mentions)),
        ]


def _group(row: Participant) -> str:
    if row.is_held_back:
        return "held back"
    return "invited" if row.is_compared else "invited, not compared"


def _topics(measured: CampaignReturn) -> Iterator[list[Cell]]:
    for row in (Row.of_topic(measured, each) for each in measured.topics):
        yield [
            *(row.topic, row.people, *_part(row)),
            *(row.issued, row.redeemed, row.cost_per_redemption, row.before, row.after),
        ]


def _figures(measured: CampaignReturn) -> Iterator[list[Cell]]:
    every, against = Row.of_all(measured), held(measured)
    yield ["invited", measured.invited, None, None, ""]
    yield ["accepted", measured.accepted, None, None, ""]
    yield ["kept back", measured.held_back, None, None, ""]
    if measured.group_reach is not None:
        yield ["forecast of the chosen group, on the campaign's topics", measured.group_reach, None, None, ""]
    yield ["forecast", every.forecast, every.low, every.high, "" if every.forecast is not None else against.why]
    yield ["came", every.came, None, None, "" if every.came is not None else against.why]
    for figure in (*headline(measured), *costs(measured)):
        yield _line(figure)
    for figure in reactions(measured):
        yield [f"reactions: {figure.label}", figure.value, None, None, ""]
    for day, count in days(measured):
        yield [f"redeemed on {day:%Y-%m-%d}", count, None, None, ""]
    yield ["mentions per person without the campaign", measured.expected, None, None, ""]
    yield ["lift per person", measured.per_person, measured.low, measured.high, measured.why]


def _line(figure: Figure) -> list[Cell]:
    return [figure.label, figure.value, None, None, "" if figure.value is not None else figure.why]
