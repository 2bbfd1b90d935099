"""The group for a campaign's seats: asked for by a manager, chosen by a worker, put on the shortlist."""

import logging
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.models import Person, User
from campaigns.actions.errors import CampaignError, NotYours
from campaigns.actions.inviting import shortlist
from campaigns.models import Campaign, Invitation, Selected, Selection, SelectionQuerySet, Shortlisting
from campaigns.queries.audiences import Candidates, audience, candidates
from campaigns.selection import AtLeast, AtMost, Audience, Chosen, Rules, RulesError, WhyNot, choose, why_not
from scoring.models import ScoreRun

log = logging.getLogger(__name__)

# Who claimed a selection longer ago has died with it: the largest takes a few minutes.
CLAIM: Final = timedelta(minutes=15)
BAND: Final = 10.0


class SelectionRefused(CampaignError):
    """The group can't be as asked for; the message says what to change."""


def people_named(text: str, viewer: User) -> dict[str, int]:
    """Return the people whose handles stand in a text, parted by spaces, commas or lines, by handle in lower case.

    Raises SelectionRefused for a handle that the viewer sees nobody by.
    """
    handles = {word.strip("@\"'").lower() for word in re.split(r"[\s,;]+", text)} - {""}
    rows = Person.objects.visible_to(viewer).annotate(lower=Lower("handle"))
    known = dict(rows.filter(lower__in=handles).values_list("lower", "pk"))
    unknown = sorted(handles - known.keys())
    if unknown:
        more = f" and {len(unknown) - 5} others" if len(unknown) > 5 else ""
        raise SelectionRefused(
            f"Nobody is known as {', '.join(unknown[:5])}{more}. Write handles as profiles have them."
        )
    return known


@transaction.atomic
def ask_for_group(*, selection: Selection, by: User, now: datetime) -> Selection:
    """Store what a manager asks for, to be chosen by `choose_waiting`.

    Raises NotYours, and SelectionRefused where `kept` or `left_out` name somebody unknown, or both name the same one.
    """
    if not Campaign.objects.managed_by(by).filter(pk=selection.campaign_id).exists():
        raise NotYours("This campaign isn't one of your brand's.")
    both = people_named(selection.left_out, by).keys() & people_named(selection.kept, by).keys()
    if both:
        raise SelectionRefused(f"{', '.join(sorted(both))} can't be both kept and left out.")
    selection.state, selection.asked_at, selection.asked_by = Selection.State.WAITING, now, by
    selection.save()
    return selection


def choose_waiting(*, now: datetime) -> int:
    """Choose the groups that were asked for and that nobody else is choosing; return how many."""
    return sum(choose_group(pk=pk, now=now) for pk in _claimable(now).order_by("pk").values_list("pk", flat=True))


def choose_group(*, pk: int, now: datetime) -> bool:
    """Choose a group that was asked for; return whether that was to be done.

    Any number of processes may try: it is claimed by a conditional update. One whose worker was killed is claimed again
    after a quarter of an hour. What can't be is said in `Selection.error`.
    """
    claim = {"state": Selection.State.CHOOSING, "claimed_at": now}
    if not _claimable(now).filter(pk=pk).update(**claim):
        return False
    selection = Selection.objects.select_related("campaign", "asked_by").get(pk=pk)
    try:
        group = _chosen(selection)
    except (RulesError, CampaignError) as error:
        _finish(selection, claim, now, state=Selection.State.FAILED, error=str(error)[:500])
    except Exception:
        _finish(
            selection,
            claim,
            now,
            state=Selection.State.FAILED,
            error="Something went wrong. The operator finds it in the log; ask again after that.",
        )
        raise
    else:
        _store(selection, group, claim, now)
    return True


def shortlist_group(*, selection: Selection, by: User, now: datetime) -> int:
    """Put a chosen group on its campaign's shortlist; return how many weren't on it. Raises as `shortlist` does."""
    people = Person.objects.visible_to(by).filter(selected__selection=selection)
    return shortlist(campaign=selection.campaign, people=people, by=by, now=now)


def why_not_chosen(*, selection: Selection, person: Person, by: User) -> WhyNot | None:
    """Say why somebody isn't in a group that was chosen; None for who is in it.

    It is worked out anew from the scores of then. Raises SelectionRefused where these are gone, or the person has none.
    """
    if selection.state != Selection.State.DONE or selection.run is None:
        raise SelectionRefused("The scores that this group was chosen by are gone. Choose again.")
    made = _Made(selection, selection.run, by, [*_ids(selection), person.pk])
    at = int(np.searchsorted(made.found.people, person.pk))
    if at >= made.found.people.size or made.found.people[at] != person.pk:
        raise SelectionRefused(f"{person.handle} has no score by which this group was chosen.")
    group = np.searchsorted(made.found.people, _ids(selection))
    if at in group:
        return None
    if not made.found.fits[at]:
        raise SelectionRefused(f"{person.handle} isn't among those whom the campaign looks for: see its filters.")
    adds = np.array(selection.people.order_by("rank").values_list("adds", flat=True))
    missed = made.audience.nobody_reached()
    for member in group:
        made.audience.join(int(member), missed)
    return why_not(made.audience, made.rules, Chosen(group, adds, missed, selection.most_possible), at)


def _ids(selection: Selection) -> list[int]:
    return list(selection.people.order_by("rank").values_list("person_id", flat=True))


class _Made:
    """What a group is chosen from, and by which rules."""

    def __init__(self, selection: Selection, run: ScoreRun, viewer: User, others: Sequence[int] = ()) -> None:
        campaign = selection.campaign
        invitations = Invitation.objects.filter(campaign=campaign)
        gone = invitations.filter(state__in=[Invitation.State.DECLINED, Invitation.State.EXPIRED])
        kept = set(invitations.exclude(pk__in=gone).values_list("person", flat=True))
        if selection.keeps_shortlist:
            listed = Shortlisting.objects.visible_to(viewer).filter(campaign=campaign)
            kept |= set(listed.values_list("person", flat=True)) - set(gone.values_list("person", flat=True))
        kept |= set(people_named(selection.kept, viewer).values())
        left_out = set(people_named(selection.left_out, viewer).values())
        left_out |= set(gone.filter(state=Invitation.State.DECLINED).values_list("person", flat=True))
        self.found = candidates(campaign, viewer, run, [*kept, *others])
        self.audience: Audience = audience(self.found, run)
        self.rules = _rules(selection, self.found, kept - left_out, left_out)


def _rules(selection: Selection, found: Candidates, kept: set[int], left_out: set[int]) -> Rules:
    seats = selection.seats
    if selection.budget is not None and selection.cost_each is not None:
        seats = min(seats, int(selection.budget / selection.cost_each))
        if not seats:
            raise SelectionRefused(f"A budget of {selection.budget} pays for nobody at {selection.cost_each} each.")
    at_most, at_least = [], []
    if selection.most_per_city:
        cities, of = np.unique(found.place, return_inverse=True)
        name = f"at most {selection.most_per_city} per city"
        at_most.append(AtMost(name, np.where(cities[of] < 0, -1, of), np.full(cities.size, selection.most_per_city)))
    if selection.most_per_band:
        bands, of = np.unique(np.floor(found.score / BAND), return_inverse=True)
        name = f"at most {selection.most_per_band} per ten points of score"
        at_most.append(AtMost(name, of.astype(np.int64), np.full(bands.size, selection.most_per_band)))
    if selection.least_small and selection.small_reach:
        name = f"at least {selection.least_small} with a reach below {selection.small_reach:,.0f}"
        at_least.append(AtLeast(name, found.reach < selection.small_reach, min(selection.least_small, seats)))
    must = np.flatnonzero(np.isin(found.people, list(kept)))
    # Those who reach most are counted first, so that the curve is one.
    must = must[np.argsort(-found.on_topics[must], kind="stable")]
    others = ~found.fits
    others[must] = False
    excluded = np.flatnonzero(np.isin(found.people, list(left_out)) | others)
    return Rules(seats, at_most=at_most, at_least=at_least, must=must, excluded=excluded)


def _chosen(selection: Selection) -> tuple[_Made, ScoreRun, Chosen, float, float]:
    run = ScoreRun.objects.current()
    if run is None:
        raise SelectionRefused("There are no scores yet. They are made at night.")
    if selection.asked_by is None:
        raise SelectionRefused("Who asked for this group isn't here any more. Ask again.")
    made = _Made(selection, run, selection.asked_by)
    if not made.found.fits.any():
        raise SelectionRefused("Nobody fits the campaign's topics, cities and score bounds. Widen them first.")
    chosen = choose(made.audience, made.rules)
    eligible = np.setdiff1d(np.arange(made.audience.size), made.rules.excluded)
    highest = eligible[np.argsort(-made.found.score[eligible], kind="stable")][: chosen.group.size]
    adds = made.audience.adds(chosen.missed)
    adds[chosen.group] = 0.0
    adds[made.rules.excluded] = 0.0
    return made, run, chosen, made.audience.reached(highest), float(adds.max(initial=0.0))


def _store(
    selection: Selection,
    group: tuple[_Made, ScoreRun, Chosen, float, float],
    claim: dict[str, object],
    now: datetime,
) -> None:
    made, run, chosen, by_score, one_more = group
    alone = made.audience.adds(made.audience.nobody_reached())
    with transaction.atomic():
        people = [
            Selected(
                selection=selection,
                person_id=int(made.found.people[place]),
                rank=rank,
                score=float(made.found.score[place]),
                reach=float(alone[place]),
                adds=max(float(adds), 0.0),
                is_kept=rank <= made.rules.must.size,
            )
            for rank, (place, adds) in enumerate(zip(chosen.group, chosen.adds, strict=True), start=1)
        ]
        done = _finish(
            selection,
            claim,
            now,
            state=Selection.State.DONE,
            run=run,
            candidates=int(made.found.fits.sum()),
            reached=chosen.reached,
            most_possible=max(chosen.most, chosen.reached),
            by_score=by_score,
            one_more=one_more,
        )
        if done:
            # Whoever was erased while it was being chosen has no row to point to.
            there = set(Person.objects.filter(pk__in=[row.person_id for row in people]).values_list("pk", flat=True))
            Selected.objects.bulk_create([row for row in people if row.person_id in there], batch_size=2000)


def _finish(selection: Selection, claim: dict[str, object], now: datetime, **values: object) -> int:
    """Say what came of it, unless somebody else took the claim over."""
    return Selection.objects.filter(pk=selection.pk, **claim).update(finished_at=now, **values)


def _claimable(now: datetime) -> SelectionQuerySet:
    waiting = Q(state=Selection.State.WAITING)
    given_up = Q(state=Selection.State.CHOOSING, claimed_at__lt=now - CLAIM)
    return Selection.objects.filter(waiting | given_up)
