"""A campaign's return: asked for by a manager, measured by a worker, kept."""

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from django.db import transaction
from django.db.models import Q

from accounts.models import Person, User
from campaigns.actions.errors import CampaignError, MeasuringRefused, NotYours
from campaigns.models import Campaign, CampaignReturn, CampaignReturnQuerySet, Invitation, Participant, Selection
from campaigns.queries.audiences import audience, candidates
from campaigns.queries.mentions import Mentions, mentions
from campaigns.returns import Lift, lift
from scoring.models import ScoreRun

# Who claimed one longer ago has died with it.
CLAIM: Final = timedelta(minutes=15)
_NO_TAGS: Final = "The campaign names nothing that counts as a mention. Give it hashtags, @handles or links."


@transaction.atomic
def ask_for_return(*, campaign: Campaign, by: User, now: datetime) -> CampaignReturn:
    """Store that a manager wants to know a campaign's return, to be measured by `measure_waiting`. Raises NotYours."""
    if not Campaign.objects.managed_by(by).filter(pk=campaign.pk).exists():
        raise NotYours("This campaign isn't one of your brand's.")
    return CampaignReturn.objects.create(campaign=campaign, asked_at=now, asked_by=by)


def measure_waiting(*, now: datetime) -> int:
    """Measure the returns that were asked for and that nobody else is measuring; return how many."""
    return sum(measure_return(pk=pk, now=now) for pk in _claimable(now).order_by("pk").values_list("pk", flat=True))


def measure_return(*, pk: int, now: datetime) -> bool:
    """Measure a return that was asked for; say whether that was to be done.

    Any number of processes may try: it is claimed by a conditional update. One whose worker was killed is claimed again
    after a quarter of an hour. What can't be is said in `CampaignReturn.error`.
    """
    claim = {"state": CampaignReturn.State.MEASURING, "claimed_at": now}
    if not _claimable(now).filter(pk=pk).update(**claim):
        return False
    measured = CampaignReturn.objects.select_related("campaign", "asked_by").get(pk=pk)
    try:
        figures, people = _figures(measured, now)
    except CampaignError as error:
        _finish(measured, claim, now, state=CampaignReturn.State.FAILED, error=str(error)[:500])
    except Exception:
        _finish(
            measured,
            claim,
            now,
            state=CampaignReturn.State.FAILED,
            error="Something went wrong. The operator finds it in the log; ask again after that.",
        )
        raise
    else:
        with transaction.atomic():
            if _finish(measured, claim, now, state=CampaignReturn.State.DONE, **figures):
                # Whoever was erased meanwhile has no row to point to; who is being erased waits for this to end.
                there = Person.objects.filter(pk__in=[row.person_id for row in people]).order_by("pk")
                known = set(there.select_for_update(no_key=True).values_list("pk", flat=True))
                Participant.objects.bulk_create([row for row in people if row.person_id in known], batch_size=2000)
    return True


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
    cost = Selection.objects.filter(campaign=campaign, state=Selection.State.DONE, cost_each__isnull=False)
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
        "cost_each": cost.order_by("-asked_at", "-pk").values_list("cost_each", flat=True).first(),
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


def _finish(measured: CampaignReturn, claim: dict[str, Any], now: datetime, **values: Any) -> int:
    """Say what came of it, unless somebody else took the claim over."""
    return CampaignReturn.objects.filter(pk=measured.pk, **claim).update(finished_at=now, **values)


def _claimable(now: datetime) -> CampaignReturnQuerySet:
    waiting = Q(state=CampaignReturn.State.WAITING)
    given_up = Q(state=CampaignReturn.State.MEASURING, claimed_at__lt=now - CLAIM)
    return CampaignReturn.objects.filter(waiting | given_up)
