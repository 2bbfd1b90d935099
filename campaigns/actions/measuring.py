"""A campaign's return: asked for by a manager, measured by a worker, kept."""

import math
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any, Final

import numpy as np
from django.db import transaction
from django.db.models import Count

from accounts.models import User
from campaigns.actions.claims import Finish, Work, still_there
from campaigns.actions.errors import CampaignError, MeasuringRefused, NotYours
from campaigns.models import Campaign, CampaignReturn, Invitation, Participant, Selection
from campaigns.queries.brought import Brought, Part, brought
from campaigns.queries.mentions import Mentions, first_invited, mentions
from campaigns.returns import Lift, lift
from scoring.models import ScoreRun

_NO_TAGS: Final = "The campaign names nothing that counts as a mention. Give it hashtags, @handles or links."


@transaction.atomic
def ask_for_return(*, campaign: Campaign, by: User, now: datetime) -> CampaignReturn:
    """Store that a manager wants to know a campaign's return, to be measured by `measure_waiting`. Raises NotYours."""
    if not Campaign.objects.managed_by(by).filter(pk=campaign.pk).exists():
        raise NotYours("This campaign isn't one of your brand's.")
    return CampaignReturn.objects.create(campaign=campaign, asked_at=now, asked_by=by)


def measure_waiting(*, now: datetime) -> int:
    """Measure the returns that were asked for and that nobody else is measuring; return how many."""
    return _WORK.all(now=now)


def measure_return(*, pk: int, now: datetime) -> bool:
    """Measure a return that was asked for, as `Work.one`; what can't be is said in `CampaignReturn.error`."""
    return _WORK.one(pk=pk, now=now)


def _keep(measured: CampaignReturn, found: tuple[dict[str, Any], list[Participant]], finish: Finish) -> None:
    figures, people = found
    if finish(state=CampaignReturn.State.DONE, **figures):
        known = still_there(row.person_id for row in people)
        Participant.objects.bulk_create([row for row in people if row.person_id in known], batch_size=2000)


def _figures(measured: CampaignReturn, now: datetime) -> tuple[dict[str, Any], list[Participant]]:
    campaign, run = measured.campaign, ScoreRun.objects.current()
    if run is None:
        raise MeasuringRefused("There are no scores yet, and so no audiences. They are made at night.")
    if measured.asked_by is None:
        raise MeasuringRefused("Who asked for this isn't here any more. Ask again.")
    found = mentions(campaign, run, now=now)
    begun = first_invited(campaign)
    if found is None or begun is None:
        raise MeasuringRefused("Nobody was invited. Invite people first.")
    answers = dict(Invitation.objects.filter(campaign=campaign).values_list("person_id", "state"))
    came_of_it = brought(campaign, measured.asked_by, run, since=begun, now=now)
    invited, held_back = found.of(held_back=False), found.of(held_back=True)
    came = _lift(campaign, found)
    accepted = [person for person, state in answers.items() if state == Invitation.State.ACCEPTED]
    cost_each, costs = _costs(campaign, accepted)
    figures = {
        "run": run,
        "figures": CampaignReturn.FIGURES,
        "tags": campaign.tags,
        "begun": begun,
        "since": found.groups.since,
        "days": found.days,
        "invited": len(answers),
        "accepted": len(accepted),
        "compared": came.invited,
        "held_back": came.held_back,
        "cost_each": cost_each,
        "cost": sum(costs.values(), Decimal(0)) if cost_each is not None else None,
        **_of_group(campaign),
        **_of_brought(came_of_it, found, costs),
        "before": float(invited.before.sum()),
        "after": float(invited.after.sum()),
        "held_back_before": float(held_back.before.sum()),
        "held_back_after": float(held_back.after.sum()),
        "in_both": found.in_both,
        "expected": None if math.isnan(came.expected) else came.expected,
        "per_person": None if math.isnan(came.per_person) else came.per_person,
        "low": came.low,
        "high": came.high,
        "why": came.why,
    }
    return figures, _participants(measured, found, answers, came_of_it, costs)


def _lift(campaign: Campaign, found: Mentions) -> Lift:
    came = lift(
        found.of(held_back=False),
        found.of(held_back=True),
        days_before=found.days,
        days_after=found.days,
        # The same figures give the same interval: nobody asks again until it comes out as they like.
        seed=campaign.pk,
    )
    return came if campaign.tags else replace(came, low=None, high=None, why=_NO_TAGS)


def _costs(campaign: Campaign, people: list[int]) -> tuple[Decimal | None, dict[int, Decimal]]:
    """Return what everybody costs, and each of some people, by the last group that was chosen with costs."""
    groups = Selection.objects.filter(campaign=campaign, state=Selection.State.DONE, cost_each__isnull=False)
    group = groups.order_by("-asked_at", "-pk").first()
    if group is None or group.cost_each is None:
        return None, {}
    rows = group.people.filter(person__in=people).values_list("person", "cost")
    own = {person: cost for person, cost in rows if cost is not None}
    return group.cost_each, dict.fromkeys(people, group.cost_each) | own


def _of_group(campaign: Campaign) -> dict[str, Any]:
    """Return what is known of the group as it was last chosen."""
    groups = Selection.objects.filter(campaign=campaign, state=Selection.State.DONE).order_by("-asked_at", "-pk")
    last = groups.annotate(size=Count("people")).values("size", "reached").first()
    return {
        "group_people": last["size"] if last else None,
        "group_reach": last["reached"] if last else None,
    }


def _of_brought(found: Brought, counted: Mentions, costs: dict[int, Decimal]) -> dict[str, Any]:
    every = found.all
    return {
        "forecast": every.forecast or 0.0,
        "forecast_low": every.low,
        "forecast_high": every.high,
        "forecast_of": found.forecast_of,
        "came": every.came,
        "looked_at": found.looked_at,
        "posts": every.posts,
        "reached": every.reached,
        "reactions": every.reactions,
        "issued": every.issued,
        "redeemed": every.redeemed,
        "redeemed_days": found.days,
        "topics": [
            {
                "topic": topic.pk if topic is not None else None,
                "name": topic.shown_name if topic is not None else "",
                **asdict(part),
                **_mentions(people, counted),
                "cost": float(sum((costs[person] for person in people), Decimal(0))) if costs else None,
            }
            for topic, people, part in found.topics
        ],
    }


def _mentions(people: list[int], counted: Mentions) -> dict[str, float | None]:
    """Return the mentions of those of some people who are compared; None where nobody is."""
    theirs, every = np.isin(counted.groups.people, people), counted.of_all()
    if not theirs.any():
        return {"before": None, "after": None}
    return {"before": float(every.before[theirs].sum()), "after": float(every.after[theirs].sum())}


def _participants(
    measured: CampaignReturn, found: Mentions, answers: dict[int, str], came: Brought, costs: dict[int, Decimal]
) -> list[Participant]:
    compared = set(found.groups.people.tolist())
    others = [
        person
        for person, state in answers.items()
        if state == Invitation.State.ACCEPTED and person in came.people and person not in compared
    ]
    columns = zip(
        found.groups.people.tolist(),
        found.groups.is_held_back.tolist(),
        found.own.before.tolist(),
        found.own.after.tolist(),
        found.audience.before.tolist(),
        found.audience.after.tolist(),
        strict=True,
    )
    # Mentions are nobody's of whom nothing can be compared.
    uncompared = ((person, False, 0.0, 0.0, 0.0, 0.0) for person in others)
    return [
        Participant(
            measured=measured,
            person_id=person,
            is_held_back=is_held_back,
            is_compared=person in compared,
            answer="" if is_held_back else answers.get(person, Invitation.State.INVITED),
            code=came.codes.get(person, ""),
            topic_id=came.topic.get(person),
            cost=costs.get(person),
            **_of_part(came.people.get(person)),
            own_before=own_before,
            own_after=own_after,
            audience_before=audience_before,
            audience_after=audience_after,
        )
        for person, is_held_back, own_before, own_after, audience_before, audience_after in chain(columns, uncompared)
    ]


def _of_part(part: Part | None) -> dict[str, Any]:
    if part is None:
        return {}
    return {
        "reach": part.forecast,
        "low": part.low,
        "high": part.high,
        "came": part.came,
        "posts": part.posts,
        "reached": part.reached,
        "reactions": part.reactions,
    }


_WORK: Final = Work(
    CampaignReturn.objects.all(),
    waiting=CampaignReturn.State.WAITING,
    doing=CampaignReturn.State.MEASURING,
    failed=CampaignReturn.State.FAILED,
    refusals=(CampaignError,),
    work_out=_figures,
    keep=_keep,
)
