"""What a campaign's participants brought beside mentions: people, reactions, redemptions, against what was forecast."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
from django.db.models import Count
from django.db.models.functions import TruncDate

from accounts.models import Person, Viewer
from campaigns.models import Campaign, CampaignPost, Invitation, PerkCode, PerkEntry, PostLook
from campaigns.queries.acts import acts_on
from campaigns.queries.audiences import audience, candidates
from campaigns.returns.reached import Acts
from campaigns.selection import Audience
from scoring.models import Score, ScoreRun, Topic, TopicReach

Ints = npt.NDArray[np.int64]

# A forecast is of so many days.
HORIZON: Final = timedelta(days=28)
# What is done to a post; a mention stands in one.
REACTIONS: Final = ("like", "reply", "repost", "quote", "click")
_OUT: Final = (PerkCode.State.ISSUED, PerkCode.State.REDEEMED, PerkCode.State.EXPIRED)


@dataclass(frozen=True, slots=True)
class Part:
    """What some participants brought together; None where that can't be known.

    `forecast`, `low` and `high` are how many different people were expected to act on whatever they post in the 28 days
    after the first invitation, and its band; `came` how many did. `posts` are those about the campaign, `reached` the
    different people who reacted to these, and `reactions` what they did, by kind.
    """

    people: int
    forecast: float | None
    low: float | None
    high: float | None
    came: int | None
    posts: int | None
    reached: int | None
    reactions: dict[str, int]
    issued: int | None
    redeemed: int | None


@dataclass(frozen=True, slots=True)
class Brought:
    """What a campaign brought: by all who accepted, by each, by topic, and codes redeemed by day.

    Each participant counts under the one of the campaign's topics on which they reach most, or, where it has none,
    under their own first one; None for those without. `forecast_of` is the moment of the scores of then, `looked_at`
    when posts were last looked for.
    """

    all: Part
    people: dict[int, Part]
    codes: dict[int, str]
    topic: dict[int, int]
    topics: list[tuple[Topic | None, list[int], Part]]
    days: list[tuple[str, int]]
    forecast_of: datetime | None
    looked_at: datetime | None


def brought(campaign: Campaign, viewer: Viewer, run: ScoreRun, *, since: datetime, now: datetime) -> Brought:
    """Return what those who accepted, as far as the viewer sees them, brought since the first invitation.

    Some fifteen queries, and a pass over the interactions since then.
    """
    accepted = Invitation.objects.filter(
        campaign=campaign, state=Invitation.State.ACCEPTED, person__in=Person.objects.visible_to(viewer).unmerged()
    )
    people = np.array(sorted(accepted.values_list("person_id", flat=True)), dtype=np.int64)
    then = _run_of_then(run, since)
    found = _Found(campaign, viewer, run, then, people, since, now)
    topic = _topics(campaign, run, people)
    names = Topic.objects.in_bulk(sorted(set(topic.values())))
    groups: dict[int | None, list[int]] = {}
    for place, person in enumerate(people.tolist()):
        groups.setdefault(topic.get(person), []).append(place)
    topics = [
        (names[pk] if pk is not None else None, people[some].tolist(), found.part(some)) for pk, some in groups.items()
    ]
    topics.sort(key=lambda row: (row[0] is None, -(row[2].reached or 0), -(row[2].forecast or 0.0)))
    return Brought(
        all=found.part(range(people.size), is_all=True),
        people={person: found.part([place]) for place, person in enumerate(people.tolist())},
        codes=found.codes,
        topic=topic,
        topics=topics,
        days=_days(campaign) if found.has_codes else [],
        forecast_of=then.as_of if then is not None else None,
        looked_at=found.looked_at,
    )


def _run_of_then(run: ScoreRun, since: datetime) -> ScoreRun | None:
    """Return the run whose scores were the newest when the first was invited; None where nobody was scored then."""
    runs = ScoreRun.objects.done().filter(formula=run.formula, is_shadow=False, as_of__lte=since)
    return runs.order_by("-as_of").first()


def _topics(campaign: Campaign, run: ScoreRun, people: Ints) -> dict[int, int]:
    """Return each person's one topic, as far as there is one. Two queries."""
    rows = TopicReach.objects.filter(run=run, person__in=people.tolist())
    wanted = list(campaign.topics.values_list("pk", flat=True))
    rows = rows.filter(topic__in=wanted) if wanted else rows.filter(rank=1)
    best = rows.order_by("person", "-reach_with_below", "topic__slug").distinct("person")
    return dict(best.values_list("person_id", "topic_id"))


def _days(campaign: Campaign) -> list[tuple[str, int]]:
    """Return how many codes were redeemed on each day in UTC on which any were."""
    lines = PerkEntry.objects.filter(code__campaign=campaign, kind=PerkEntry.Kind.REDEEMED)
    days = lines.annotate(day=TruncDate("at", tzinfo=UTC)).values("day").annotate(count=Count("pk")).order_by("day")
    return [(row["day"].isoformat(), row["count"]) for row in days]


class _Found:
    """All that figures of any participants are made of; people are places."""

    def __init__(
        self,
        campaign: Campaign,
        viewer: Viewer,
        run: ScoreRun,
        then: ScoreRun | None,
        people: Ints,
        since: datetime,
        now: datetime,
    ) -> None:
        self._scores = self._read_scores(then, people)
        self._matrix, self._in_matrix = _audience(campaign, viewer, run, people)
        look = PostLook.objects.filter(campaign=campaign).first()
        self.looked_at = look.looked_at if look is not None and campaign.tags else None
        acts = acts_on(people, since=since, until=now)
        posts = self._read_posts(campaign, viewer, people)
        about = np.isin(acts.post, np.fromiter(posts, dtype=np.int64)) & np.isin(acts.kind, REACTIONS)
        self._posts = np.bincount(np.fromiter(posts.values(), dtype=np.int64), minlength=people.size)
        self._reactions = acts.where(about).by_person(people.size)
        self._is_over = now >= since + HORIZON
        self._came = acts.where(acts.at < int((since + HORIZON).timestamp())).by_person(people.size)
        self._read_codes(campaign, people)

    @staticmethod
    def _read_scores(then: ScoreRun | None, people: Ints) -> dict[int, tuple[float, float, float]]:
        rows = Score.objects.filter(run=then, person__in=people.tolist()) if then is not None else Score.objects.none()
        at = {person: place for place, person in enumerate(people.tolist())}
        return {at[row.person_id]: (row.reach, row.low, row.high) for row in rows}

    @staticmethod
    def _read_posts(campaign: Campaign, viewer: Viewer, people: Ints) -> dict[int, int]:
        """Return the posts about the campaign, with the place of who wrote each."""
        rows = CampaignPost.objects.visible_to(viewer).about().filter(invitation__campaign=campaign)
        at = {person: place for place, person in enumerate(people.tolist())}
        found = rows.values_list("post", "invitation__person_id")
        return {post: at[person] for post, person in found if person in at}

    def _read_codes(self, campaign: Campaign, people: Ints) -> None:
        """Read which code each has, as the ledger says. Of people who were erased codes remain, and count for all."""
        every = PerkCode.objects.filter(campaign=campaign)
        self.has_codes = every.exists()
        rows = list(every.filter(state__in=_OUT, issued_at__isnull=False).values_list("invitation__person_id", "state"))
        self._all_codes = [state for _, state in rows]
        self.codes = {person: state for person, state in rows if person is not None}
        self._code = [self.codes.get(person, "") for person in people.tolist()]

    def part(self, places: Iterable[int], *, is_all: bool = False) -> Part:
        """Return what some brought together."""
        some = list(places)
        forecast, low, high = self._forecast(some)
        looked = self.looked_at is not None
        reactions = Acts.joined([self._reactions[place] for place in some])
        codes = self._all_codes if is_all else [self._code[place] for place in some if self._code[place]]
        return Part(
            people=len(some),
            forecast=forecast,
            low=low,
            high=high,
            came=Acts.joined([self._came[place] for place in some]).different if self._is_over and some else None,
            posts=int(self._posts[some].sum()) if looked else None,
            reached=reactions.different if looked else None,
            reactions=reactions.by_kind if looked else {},
            issued=len(codes) if self.has_codes else None,
            redeemed=codes.count(PerkCode.State.REDEEMED) if self.has_codes else None,
        )

    def _forecast(self, some: list[int]) -> tuple[float | None, float | None, float | None]:
        """Return how many different people some were expected to reach, less what their audiences share by now."""
        scored = [self._scores[place] for place in some if place in self._scores]
        if not scored:
            return None, None, None
        reach, low, high = (sum(column) for column in zip(*scored, strict=True))
        apart = 1.0 if len(scored) == 1 else self._apart(some)
        return reach * apart, low * apart, high * apart

    def _apart(self, some: list[int]) -> float:
        """Return how many different people some reach of all whom each reaches, 0 to 1."""
        group = np.array([self._in_matrix[place] for place in some if place in self._in_matrix], dtype=np.int64)
        alone = float(self._matrix.adds(self._matrix.nobody_reached())[group].sum()) if group.size else 0.0
        return min(self._matrix.reached(group) / alone, 1.0) if alone > 0 else 1.0


def _audience(campaign: Campaign, viewer: Viewer, run: ScoreRun, people: Ints) -> tuple[Audience, dict[int, int]]:
    """Return whom people reach by whatever they post, and the row of each in it by place."""
    found = candidates(campaign, viewer, run, people.tolist(), fitting=False)
    matrix = audience(found, run, everything=True)
    at = {person: row for row, person in enumerate(found.people.tolist())}
    return matrix, {place: at[person] for place, person in enumerate(people.tolist()) if person in at}
