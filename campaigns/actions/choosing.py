"""The group for a campaign's seats: asked for by a manager, chosen by a worker, put on the shortlist."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

import numpy as np
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Lower

from accounts.models import Person, User
from campaigns.actions.auditing import Kind, counted, record_for
from campaigns.actions.claims import Finish, Work, still_there
from campaigns.actions.costs import costs_in, each_cost
from campaigns.actions.errors import ApprovalRefused, CampaignError, NotYours, SelectionRefused
from campaigns.actions.inviting import shortlist
from campaigns.actions.purposes import refuse_without_purpose
from campaigns.models import (
    Approval,
    Brand,
    Campaign,
    Exclusion,
    ExclusionList,
    Holdout,
    Invitation,
    Selected,
    Selection,
    Shortlisting,
)
from campaigns.queries.audiences import NOWHERE, Candidates, Floats, Ints, audience, candidates, fits
from campaigns.selection import (
    BAND,
    AtLeast,
    AtMost,
    Audience,
    Chosen,
    Rules,
    RulesError,
    WhyNot,
    choose,
    why_not,
)
from scoring.models import ScoreRun


def handles_in(text: str) -> set[str]:
    """Return the handles that stand in a text, parted by spaces, commas or lines, in lower case."""
    return {word.strip("@\"'").lower() for word in re.split(r"[\s,;]+", text)} - {""}


def without_handles(handles: set[str], text: str) -> str:
    """Return such a text without some handles, which are given in lower case."""
    parts = re.findall(r"[^\s,;]*[\s,;]*", text)
    return "".join(part for part in parts if handles_in(part).isdisjoint(handles))


def people_named(text: str, viewer: User) -> dict[str, int]:
    """Return the people whose handles stand in a text, by handle in lower case.

    Raises SelectionRefused for a handle that the viewer sees nobody by.
    """
    return _all_known(handles_in(text), viewer)


def _known(handles: Collection[str], viewer: User) -> dict[str, int]:
    """Return the people whom the viewer sees by handle, or by one of before they were merged into somebody.

    Of a stored text some may have hid since, or be gone. Who goes by a handle comes behind who went by one.
    """
    seen = Person.objects.visible_to(viewer)
    rows = Person.objects.filter(merged_into__in=seen).annotate(lower=Lower("handle"))
    merged = rows.filter(lower__in=handles).values_list("lower", "merged_into")
    own = seen.annotate(lower=Lower("handle")).filter(lower__in=handles).values_list("lower", "pk")
    return {handle: pk for handle, pk in merged if pk} | dict(own)


def _all_known(handles: Collection[str], viewer: User) -> dict[str, int]:
    known = _known(handles, viewer)
    unknown = sorted(set(handles) - known.keys())
    if unknown:
        raise SelectionRefused(f"Nobody is known as {_some(unknown)}. Write handles as profiles have them.")
    return known


def _some(handles: list[str]) -> str:
    more = f" and {len(handles) - 5} others" if len(handles) > 5 else ""
    return f"{', '.join(handles[:5])}{more}"


@transaction.atomic
def ask_for_group(
    *, selection: Selection, by: User, now: datetime, without: Collection[ExclusionList] = ()
) -> Selection:
    """Store what a manager asks for, to be chosen by `choose_waiting`; `without` are lists of whom to leave out.

    What `left_out` says of people unknown is taken out of it: lists of customers are long, and about nobody here is
    anything kept. Raises NotYours, NoPurpose, and SelectionRefused where `kept` or `costs` name somebody unknown, the
    last can't be read, or somebody is kept who is named in `left_out` or stands on a list.
    """
    if not Campaign.objects.managed_by(by).filter(pk=selection.campaign_id).exists():
        raise NotYours("This campaign isn't one of your brand's.")
    refuse_without_purpose(selection.campaign)
    handles, kept = handles_in(selection.left_out), people_named(selection.kept, by)
    left_out = _known(handles, by)
    if both := sorted(handle for handle, pk in kept.items() if pk in left_out.values()):
        raise SelectionRefused(f"{', '.join(both)} can't be both kept and left out.")
    if unknown := handles - left_out.keys():
        selection.left_out = without_handles(unknown, selection.left_out).strip()
    lists = list(ExclusionList.objects.visible_to(by).filter(brand=selection.campaign.brand_id, pk__in=_ids(without)))
    if len(lists) < len(_ids(without)):
        raise SelectionRefused("A list of people to leave out is gone. Open the page again and choose anew.")
    _refuse_listed(selection.campaign, kept, lists)
    if selection.costs and selection.cost_each is None:
        raise SelectionRefused("Say what everybody else costs too: the cost per person.")
    named = {*left_out.values(), *kept.values(), *_all_known(costs_in(selection.costs), by).values()}
    if still_there(named) != named:
        raise SelectionRefused("Somebody who is named here was just erased. Ask again without them.")
    selection.state, selection.asked_at, selection.asked_by = Selection.State.WAITING, now, by
    selection.save()
    selection.without.set(lists)
    record_for(Kind.GROUP_ASKED, selection.campaign, by, f"group {selection.pk}: {counted(selection.seats, 'seat')}")
    return selection


def _ids(lists: Collection[ExclusionList]) -> set[int]:
    return {each.pk for each in lists}


def _listed(campaign: Campaign, lists: Collection[ExclusionList]) -> QuerySet[Exclusion]:
    """Return who stands on lists. Whoever is invited already isn't among them: nothing would be taken back by that."""
    invitations = Invitation.objects.filter(campaign=campaign)
    invited = invitations.exclude(pk__in=invitations.ended())
    return Exclusion.objects.filter(exclusion_list__in=lists).exclude(person__in=invited.values("person"))


def _refuse_listed(campaign: Campaign, kept: Mapping[str, int], lists: Collection[ExclusionList]) -> None:
    """Raise SelectionRefused where somebody who is to be kept, by handle, stands on a list that is left out."""
    rows = _listed(campaign, lists).filter(person__in=kept.values())
    listed = dict(rows.values_list("person_id", "exclusion_list__name"))
    if both := sorted(handle for handle, pk in kept.items() if pk in listed):
        names = " and ".join(f"“{name}”" for name in sorted({listed[kept[handle]] for handle in both}))
        raise SelectionRefused(f"{_some(both)} can't be kept, and left out with everybody who is on {names}.")


def choose_waiting(*, now: datetime) -> int:
    """Choose the groups that were asked for and that nobody else is choosing; return how many."""
    return _WORK.all(now=now)


def choose_group(*, pk: int, now: datetime) -> bool:
    """Choose a group that was asked for, as `Work.one`; what can't be is said in `Selection.error`."""
    return _WORK.one(pk=pk, now=now)


def shortlist_group(*, selection: Selection, by: User, now: datetime) -> int:
    """Put a chosen group on its campaign's shortlist; return how many weren't on it.

    Raises as `shortlist` does, and ApprovalRefused where the brand wants groups approved and this one isn't.
    """
    required = Brand.objects.filter(campaigns=selection.campaign_id, approval_required=True)
    approved = Approval.objects.filter(selection=selection, answer=Approval.Answer.APPROVED)
    if required.exists() and not approved.exists():
        raise ApprovalRefused("This group has to be approved before anybody of it is shortlisted.")
    people = Person.objects.visible_to(by).filter(selected__selection=selection)
    return shortlist(campaign=selection.campaign, people=people, by=by, now=now)


def why_not_chosen(*, selection: Selection, person: Person, by: User) -> WhyNot | None:
    """Say why somebody isn't in a group that was chosen; None for who is in it.

    It is worked out from the scores of then, the audiences of the group and the person's own, by the rules of then. Of
    whoever was chosen and can't be seen any more nothing counts. Raises SelectionRefused where the scores are gone, or
    the person has none or isn't among those whom the campaign looks for.
    """
    run = selection.run
    if selection.state != Selection.State.DONE or run is None:
        raise SelectionRefused("The scores that this group was chosen by are gone. Choose again.")
    rows = list(selection.people.order_by("rank").values_list("person_id", "adds", "is_kept"))
    if person.pk in {pk for pk, _, _ in rows}:
        return None
    found = candidates(selection.campaign, by, run, [*(pk for pk, _, _ in rows), person.pk], fitting=False)
    place = {pk: at for at, pk in enumerate(found.people.tolist())}
    if person.pk not in place:
        raise SelectionRefused(f"{person.handle} has no score by which this group was chosen.")
    if not fits(selection.campaign, by, run, person.pk):
        raise SelectionRefused(f"{person.handle} isn't among those whom the campaign looks for: see its filters.")
    group = np.array([place[pk] for pk, _, _ in rows if pk in place], dtype=np.int64)
    adds = np.array([more for pk, more, _ in rows if pk in place])
    kept = {pk for pk, _, is_kept in rows if is_kept}
    lists = ExclusionList.objects.visible_to(by).filter(selections=selection)
    on = _listed(selection.campaign, lists).filter(person=person).order_by("exclusion_list__name")
    names = tuple(on.values_list("exclusion_list__name", flat=True))
    left_out = {person.pk} if names else _left_out(selection, by) & {person.pk}
    # All that are here were admitted.
    everybody = replace(found, fits=np.ones(found.people.size, dtype=bool))
    rules = _rules(selection, everybody, kept, left_out, _costs(selection, found.people, by))
    # Of a kind of which the group has too few, nobody is kept out by.
    rules = replace(rules, at_least=[quota for quota in rules.at_least if quota.kind[group].sum() >= quota.least])
    reached = audience(found, run)
    missed = reached.nobody_reached()
    for member in group:
        reached.join(int(member), missed)
    why = why_not(reached, rules, Chosen(group, adds, missed, selection.most_possible), place[person.pk])
    return replace(why, lists=names)


def _left_out(selection: Selection, viewer: User) -> set[int]:
    """Return who can't be in, beside those on lists: named, held back, or not to be invited again after an answer."""
    invitations = Invitation.objects.filter(campaign=selection.campaign)
    held_back = Holdout.objects.filter(campaign=selection.campaign).exclude(person__in=invitations.values("person"))
    named = _known(handles_in(selection.left_out), viewer).values()
    gone = invitations.ended().standing()  # who declined or lost the seat
    return {*named, *gone.values_list("person", flat=True), *held_back.values_list("person", flat=True)}


def _kept(selection: Selection, viewer: User) -> set[int]:
    """Return who is in whatever they add: those named, who is invited, and the shortlist where that is asked for."""
    invitations = Invitation.objects.filter(campaign=selection.campaign)
    gone = invitations.ended()
    kept = set(invitations.exclude(pk__in=gone).values_list("person", flat=True))
    if selection.keeps_shortlist:
        listed = Shortlisting.objects.visible_to(viewer).filter(campaign=selection.campaign)
        kept |= set(listed.values_list("person", flat=True)) - set(gone.values_list("person", flat=True))
    return kept | set(_known(handles_in(selection.kept), viewer).values())


def _other_costs(selection: Selection, viewer: User) -> dict[int, Decimal]:
    """Return what those cost who don't cost what everybody does, by person."""
    costs = costs_in(selection.costs)
    return {person: costs[handle] for handle, person in _known(costs, viewer).items()}


def _costs(selection: Selection, people: Ints, viewer: User) -> Floats | None:
    if selection.cost_each is None:
        return None
    return each_cost(people, selection.cost_each, _other_costs(selection, viewer))


def _rules(selection: Selection, found: Candidates, kept: set[int], left_out: set[int], costs: Floats | None) -> Rules:
    seats, budget = selection.seats, None
    if selection.budget is not None and selection.cost_each is not None:
        budget = float(selection.budget)
        if not selection.costs:
            # Where all cost the same, a budget is a number of seats.
            seats, budget = min(seats, int(selection.budget / selection.cost_each)), None
        if not seats:
            raise SelectionRefused(f"A budget of {selection.budget} pays for nobody at {selection.cost_each} each.")
    at_most, at_least = [], []
    if selection.most_per_city:
        name = f"at most {selection.most_per_city} per city"
        at_most.append(AtMost.each(name, found.place, selection.most_per_city, unknown=NOWHERE))
    if selection.most_per_band:
        name = f"at most {selection.most_per_band} per ten points of score"
        at_most.append(AtMost.each(name, np.floor(found.score / BAND), selection.most_per_band))
    if selection.least_small and selection.small_reach:
        name = f"at least {selection.least_small} with a reach below {selection.small_reach:,.0f}"
        at_least.append(AtLeast(name, found.reach < selection.small_reach, min(selection.least_small, seats)))
    must = np.flatnonzero(np.isin(found.people, list(kept)))
    # Those who reach most are counted first, so that the curve is one.
    must = must[np.argsort(-found.on_topics[must], kind="stable")]
    others = ~found.fits
    others[must] = False
    excluded = np.flatnonzero(np.isin(found.people, list(left_out)) | others)
    open_ = np.setdiff1d(np.arange(found.people.size), excluded)
    if budget is not None and costs is not None and not must.size and open_.size and costs[open_].min() > budget:
        raise SelectionRefused(
            f"A budget of {selection.budget} pays for nobody: all cost {costs[open_].min():.2f} or more."
        )
    return Rules(seats, costs, budget, at_most=at_most, at_least=at_least, must=must, excluded=excluded)


@dataclass(frozen=True, slots=True)
class _Group:
    """What came of choosing: out of whom, by which run, and what else a page says of it."""

    found: Candidates
    audience: Audience
    rules: Rules
    run: ScoreRun
    chosen: Chosen
    costs: Floats | None
    by_score: float
    one_more: float
    listed: int


def _chosen(selection: Selection, _now: datetime) -> _Group:
    run, viewer = ScoreRun.objects.current(), selection.asked_by
    if run is None:
        raise SelectionRefused("There are no scores yet. They are made at night.")
    if viewer is None:
        raise SelectionRefused("Who asked for this group isn't here any more. Ask again.")
    # Not only those whom the asker sees: who lost the brand since mustn't have its customers chosen.
    listed = set(_listed(selection.campaign, selection.without.all()).values_list("person_id", flat=True))
    left_out = _left_out(selection, viewer) | listed
    kept = _kept(selection, viewer) - left_out
    found = candidates(selection.campaign, viewer, run, sorted(kept))
    if not found.fits.any():
        raise SelectionRefused("Nobody fits the campaign's topics, cities and score bounds. Widen them first.")
    costs = _costs(selection, found.people, viewer)
    rules = _rules(selection, found, kept, left_out, costs)
    reached = audience(found, run)
    chosen = choose(reached, rules)
    eligible = np.setdiff1d(np.arange(reached.size), rules.excluded)
    highest = eligible[np.argsort(-found.score[eligible], kind="stable")][: chosen.group.size]
    adds = reached.adds(chosen.missed)
    adds[chosen.group] = 0.0
    adds[rules.excluded] = 0.0
    return _Group(
        found=found,
        audience=reached,
        rules=rules,
        run=run,
        chosen=chosen,
        costs=costs,
        by_score=reached.reached(highest),
        one_more=float(adds.max(initial=0.0)),
        listed=int(np.isin(found.people[found.fits], list(listed)).sum()),
    )


def _keep(selection: Selection, group: _Group, finish: Finish) -> None:
    chosen, alone = group.chosen, group.audience.adds(group.audience.nobody_reached())
    people = group.found.people[chosen.group].tolist()
    # Before the group's own row is locked: who erases people locks them first too.
    there = still_there(people)
    done = finish(
        state=Selection.State.DONE,
        run=group.run,
        candidates=int(group.found.fits.sum()),
        listed=group.listed,
        reached=chosen.reached,
        most_possible=max(chosen.most, chosen.reached),
        by_score=group.by_score,
        one_more=group.one_more,
    )
    if not done:
        return
    Selected.objects.bulk_create(
        [
            Selected(
                selection=selection,
                person_id=pk,
                rank=rank,
                score=float(group.found.score[place]),
                reach=float(alone[place]),
                adds=max(float(adds), 0.0),
                cost=None if group.costs is None else Decimal(f"{group.costs[place]:.2f}"),
                is_kept=rank <= group.rules.must.size,
            )
            for rank, (pk, place, adds) in enumerate(zip(people, chosen.group, chosen.adds, strict=True), start=1)
            if pk in there
        ],
        batch_size=2000,
    )


_WORK: Final = Work(
    Selection.objects.all(),
    waiting=Selection.State.WAITING,
    doing=Selection.State.CHOOSING,
    failed=Selection.State.FAILED,
    refusals=(RulesError, CampaignError),
    work_out=_chosen,
    keep=_keep,
)
