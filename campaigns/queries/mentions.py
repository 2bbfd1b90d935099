"""How often people and their audiences mention what a campaign is about, before the first invitation and after it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from django.db.models import Min, Q

from accounts.models import LogFile
from accounts.queries import log_files, numbers
from accounts.storage import open_parquet
from campaigns.models import Campaign, Holdout, Invitation
from campaigns.queries import acts
from campaigns.queries.authors import NAMED, Accounts, places
from campaigns.returns import Counts
from campaigns.returns.tags import Tags, tags_in
from scoring.models import ScoreRun, Support

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# How long each window is at most, in days.
WINDOW: Final = 28
# Posts in memory at once.
_BATCH: Final = 50_000
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Groups:
    """Who was invited and who was held back, ascending by id, and since when."""

    people: Ints
    is_held_back: Bools
    since: datetime


@dataclass(frozen=True, slots=True)
class Mentions:
    """Mentions of each of some people, in windows of `days` before the first invitation and from it on.

    `own` are by the person, `audience` by the person's supporters. `in_both` is which part of the supporters support
    somebody invited and somebody held back, 0 to 1: what these heard of the one counts for the other too, so that the
    more they are the less of a lift can be seen.
    """

    groups: Groups
    days: int
    own: Counts
    audience: Counts
    in_both: float

    def of(self, *, held_back: bool) -> Counts:
        """Return all mentions, own and audience's, of one of the two groups."""
        some, every = self.groups.is_held_back == held_back, self.of_all()
        return Counts(every.before[some], every.after[some])

    def of_all(self) -> Counts:
        """Return the same of everybody in either group."""
        return Counts(self.own.before + self.audience.before, self.own.after + self.audience.after)


def groups(campaign: Campaign) -> Groups | None:
    """Return the two groups of a campaign that can be compared; None where nobody was invited. Five queries at most.

    Everybody invited counts, whatever they answered: nobody knows what those held back would have answered. Who was
    invited before anybody was drawn isn't comparable, for the lot never could have fallen on them; nor is who turned
    out to be both, by a merge. Whoever is invited again after their invitation expired was invited the first time.
    Without a holdout all invited are there; where nobody can be compared, the group of the invited is empty.
    """
    invitations = Invitation.objects.with_first().filter(campaign=campaign, person__merged_into=None)
    held_back = Holdout.objects.filter(campaign=campaign, person__merged_into=None)
    first = held_back.order_by("drawn_at").values_list("drawn_at", flat=True).first()
    if first is not None:
        invitations = invitations.filter(first_at__gte=first)
    # Where the invitation was the kept person's, what was drawn stays with the one merged into them.
    drawn_too = Holdout.objects.filter(campaign=campaign, person__merged_into__isnull=False)
    apart = invitations.exclude(person__in=held_back.values("person"))
    apart = apart.exclude(person__in=drawn_too.values("person__merged_into"))
    invited = dict(apart.values_list("person_id", "first_at"))
    begun = None if invited else first_invited(campaign)
    if not invited and begun is None:
        return None
    drawn = held_back.exclude(person__in=Invitation.objects.filter(campaign=campaign).values("person"))
    (held,) = numbers(drawn.order_by(), "person_id")
    people = np.concatenate([np.fromiter(invited, dtype=np.int64), held])
    order = np.argsort(people)
    since = min(moment for moment in (*invited.values(), first, begun) if moment is not None)
    return Groups(people[order], (np.arange(people.size) >= len(invited))[order], since)


def first_invited(campaign: Campaign) -> datetime | None:
    """Return when the first person was invited, of those compared or not; None where nobody was. One query."""
    found: dict[str, datetime | None] = (
        Invitation.objects.filter(campaign=campaign).with_first().aggregate(first=Min("first_at"))
    )
    return found["first"]


def mentions(campaign: Campaign, run: ScoreRun, *, now: datetime) -> Mentions | None:
    """Return how often people of a campaign's two groups and their audiences mention its tags; None for no groups.

    The windows are as long as what has passed since the first invitation, in whole days from 1 up to 28. The audience
    are a person's supporters in the run without the people of the groups themselves. Who supports several of these
    counts for each in even parts: all sum up to the mentions that there were. Posts by erased accounts don't count.

    Seven queries, and one pass over the posts of the windows' days, of which some 50,000 are in memory at once, and
    numbers by account of whom is counted.
    """
    found = groups(campaign)
    if found is None:
        return None
    days = min(max((now - found.since) // _DAY, 1), WINDOW)
    supporter, of = _audiences(found.people, run)
    authors = np.unique(np.concatenate([found.people, supporter]))
    before, after = _counted(tags_in(campaign.tags), Accounts.of(authors), found.since, days)
    own, theirs = np.searchsorted(authors, found.people), np.searchsorted(authors, supporter)
    # Of each supporter one over the number of whom they support.
    _, place, supported = np.unique(supporter, return_inverse=True, return_counts=True)
    part = 1.0 / supported[place]

    def by_audience(counts: Ints) -> Floats:
        return np.bincount(of, weights=counts[theirs] * part, minlength=found.people.size).astype(np.float64)

    held_back = np.bincount(place, weights=found.is_held_back[of], minlength=supported.size)
    in_both = (held_back > 0) & (held_back < supported)
    return Mentions(
        found,
        days,
        Counts(before[own].astype(np.float64), after[own].astype(np.float64)),
        Counts(by_audience(before), by_audience(after)),
        float(in_both.mean()) if in_both.size else 0.0,
    )


def rows_to_read(campaign: Campaign, *, now: datetime) -> int:
    """Return how many posts `mentions` would read, and interactions `acts_on` would since. Eight queries."""
    found, begun = groups(campaign), first_invited(campaign)
    if found is None or begun is None:
        return 0
    files = LogFile.objects.live().filter(table=LogFile.Table.POSTS)
    window = WINDOW * _DAY
    rows = files.filter(day__gte=(found.since - window).date(), day__lte=min(found.since + window, now).date())
    return sum(rows.values_list("rows", flat=True)) + acts.rows_to_read(since=begun, until=now)


def _audiences(people: Ints, run: ScoreRun) -> tuple[Ints, Ints]:
    """Return pairs: a supporter's id, and the place of whom they support among the people. One query."""
    among = Q(supported__in=people.tolist()) if people.size < NAMED else Q()
    rows = Support.objects.filter(among, run=run, reach__gt=0).order_by()
    supported, supporter = numbers(rows, "supported_id", "supporter_id")
    place = places(people, supported)
    # What one of the two groups says is their own, not another's audience's.
    counts = (place >= 0) & (places(people, supporter) < 0)
    return supporter[counts], place[counts]


def _counted(tags: Sequence[str], accounts: Accounts, since: datetime, days: int) -> tuple[Ints, Ints]:
    """Return how many posts with a tag each person wrote in as many days before a moment, and after it."""
    before, after = np.zeros(accounts.people, dtype=np.int64), np.zeros(accounts.people, dtype=np.int64)
    if not tags:
        return before, after
    finder = Tags(list(tags))
    window = days * _DAY
    first, middle, last = (math.ceil(moment.timestamp()) for moment in (since - window, since, since + window))
    for file in log_files(LogFile.Table.POSTS, since + window, since=since - window):
        with open_parquet(file) as parquet:
            for batch in parquet.iter_batches(_BATCH, columns=["at", "author", "text", "links", "topics"]):
                at, author = (np.asarray(batch[name].to_numpy()) for name in ("at", "author"))
                place = places(accounts.keys, author)
                mine: Any = np.flatnonzero((place >= 0) & (at >= first) & (at < last))
                # Of the texts only those that may count are looked at.
                rows = pa.Table.from_batches([batch]).take(pa.array(mine))
                mine = mine[finder.found_in(rows)]
                wrote, is_after = accounts.person[place[mine]], at[mine] >= middle
                before += np.bincount(wrote[~is_after], minlength=accounts.people)
                after += np.bincount(wrote[is_after], minlength=accounts.people)
    return before, after
