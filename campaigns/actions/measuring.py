"""A campaign's return: asked for by a manager, measured by a worker, kept."""

import math
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import numpy as np
from django.db import transaction

from accounts.models import User
from campaigns.actions.claims import Finish, Work, still_there
from campaigns.actions.errors import CampaignError, MeasuringRefused, NotYours
from campaigns.models import Campaign, CampaignReturn, Invitation, Participant, Selection
from campaigns.queries.audiences import audience, candidates
from campaigns.queries.mentions import Mentions, mentions
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
    if found is None:
        raise MeasuringRefused("Nobody was invited whom anything could be compared of. Invite people first.")
    answers = dict(Invitation.objects.filter(campaign=campaign).values_list("person_id", "state"))
    accepted = [person for person, state in answers.items() if state == Invitation.State.ACCEPTED]
    reach, forecast = _forecast(campaign, measured.asked_by, run, accepted)
    invited, held_back = found.of(held_back=False), found.of(held_back=True)
    came = _lift(campaign, found)
    cost_each, cost = _costs(campaign, accepted)
    figures = {
        "run": run,
        "tags": campaign.tags,
        "since": found.groups.since,
        "days": found.days,
        "invited": len(answers),
        "accepted": len(accepted),
        "compared": came.invited,
        "held_back": came.held_back,
        "forecast": forecast,
        "cost_each": cost_each,
        "cost": cost,
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
    return figures, _participants(measured, found, answers, reach)


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


def _costs(campaign: Campaign, accepted: list[int]) -> tuple[Decimal | None, Decimal | None]:
    """Return what everybody costs, and those who accepted together, by the last group that was chosen with costs."""
    groups = Selection.objects.filter(campaign=campaign, state=Selection.State.DONE, cost_each__isnull=False)
    group = groups.order_by("-asked_at", "-pk").first()
    if group is None or group.cost_each is None:
        return None, None
    rows = group.people.filter(person__in=accepted).values_list("cost", flat=True)
    own = [cost for cost in rows if cost is not None]
    others = len(accepted) - len(own)
    return group.cost_each, sum(own, Decimal(0)) + others * group.cost_each


def _forecast(campaign: Campaign, by: User, run: ScoreRun, people: list[int]) -> tuple[dict[int, float], float]:
    """Return the reach of each of some people alone, and how many different people they reach together."""
    if not people:
        return {}, 0.0
    found = candidates(campaign, by, run, people, fitting=False)
    matrix = audience(found, run)
    alone = matrix.adds(matrix.nobody_reached())
    together = matrix.reached(np.arange(found.people.size))
    return dict(zip(found.people.tolist(), alone.tolist(), strict=True)), max(together, 0.0)


def _participants(
    measured: CampaignReturn, found: Mentions, answers: dict[int, str], reach: dict[int, float]
) -> list[Participant]:
    columns = zip(
        found.groups.people.tolist(),
        found.groups.is_held_back.tolist(),
        found.own.before.tolist(),
        found.own.after.tolist(),
        found.audience.before.tolist(),
        found.audience.after.tolist(),
        strict=True,
    )
    return [
        Participant(
            measured=measured,
            person_id=person,
            is_held_back=is_held_back,
            answer="" if is_held_back else answers.get(person, Invitation.State.INVITED),
            reach=reach.get(person),
            own_before=own_before,
            own_after=own_after,
            audience_before=audience_before,
            audience_after=audience_after,
        )
        for person, is_held_back, own_before, own_after, audience_before, audience_after in columns
    ]


_WORK: Final = Work(
    CampaignReturn.objects.all(),
    waiting=CampaignReturn.State.WAITING,
    doing=CampaignReturn.State.MEASURING,
    failed=CampaignReturn.State.FAILED,
    refusals=(CampaignError,),
    work_out=_figures,
    keep=_keep,
)
