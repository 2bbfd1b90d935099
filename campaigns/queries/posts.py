"""Posts by participants: which are about their campaign, in what came in since the last look; and what pages show."""

import math
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from django.db.models import Q

from accounts.keys import post_key
from accounts.models import Activity, InteractionKind, LogFile, Person
from accounts.queries import LogDay
from accounts.storage import open_parquet
from campaigns.disclosure import Verdict, advice_for, judge
from campaigns.models import Campaign, CampaignPost, Invitation, PostLook
from campaigns.queries.authors import NAMED, Accounts, places
from campaigns.returns.tags import Tags, tags_in

Ints = npt.NDArray[np.int64]
State = CampaignPost.LabelState

# Perks are used after the last day to accept, and talked about after that.
WATCHED: Final = timedelta(days=180)
# Rows that were being written during the last look came in before it by their clock.
_OVERLAP: Final = timedelta(minutes=10)
# Posts in memory at once.
_BATCH: Final = 50_000
_COLUMNS: Final = ["post", "at", "author", "kind", "text", "links", "topics", "lang"]
# Posts that a person's own page lists, and those whose names are looked for in one look.
MOST_SHOWN: Final = 20
_MOST_UNNAMED: Final = 2_000
# As long as Activity rows stay, which alone name a post as its network does.
_NAMED_WITHIN: Final = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class Watch:
    """A campaign whose participants' posts are looked through, from where the last look ended.

    `invitation`, `accepted` (epoch seconds) and `country` are by the place of a person among `Watches.accounts.people`;
    the invitation is 0 for who isn't one of the campaign's. `begins_anew`: what was read before has to be read again.
    """

    campaign: int
    tags: str
    added: int
    looked_at: datetime | None
    begins_anew: bool
    until: int
    invitation: Ints
    accepted: Ints
    countries: list[str]


@dataclass(frozen=True, slots=True)
class Watches:
    """All campaigns that are watched, and the accounts of all their participants."""

    accounts: Accounts
    campaigns: list[Watch]

    @property
    def are_behind(self) -> bool:
        """Return whether the log has posts that one of them hasn't seen. One query."""
        least = min((watch.added for watch in self.campaigns), default=None)
        return least is not None and LogFile.objects.filter(table=LogFile.Table.POSTS, added__gt=least).exists()


@dataclass(frozen=True, slots=True)
class FoundPost:
    """A post about a campaign, as it was read. No verdict: there was nothing to read."""

    invitation: int
    identity: int
    post: int
    at: datetime
    language: str = ""
    post_id: str = ""
    verdict: Verdict | None = None

    @property
    def state(self) -> State:
        """Return what is known of its label."""
        if self.verdict is None:
            return State.UNREAD
        return State.FOUND if self.verdict.label else State.MISSING


def watched(now: datetime) -> Watches:
    """Return the campaigns with tags and somebody who accepted, until half a year after their last day.

    Five queries at most, whatever the number of campaigns.
    """
    running = Campaign.objects.exclude(tags="").filter(ends_on__gte=(now - WATCHED).astimezone(UTC).date())
    rows = (
        Invitation.objects.filter(state=Invitation.State.ACCEPTED, campaign__in=running, person__merged_into=None)
        .order_by("campaign", "pk")
        .values_list("campaign", "pk", "person", "answered_at", "person__place__country", "person__regrouped_at")
    )
    by_campaign: dict[int, list[tuple[Any, ...]]] = {}
    for campaign, *row in rows:
        by_campaign.setdefault(campaign, []).append(tuple(row))
    people = np.unique(np.array([row[1] for some in by_campaign.values() for row in some], dtype=np.int64))
    if not people.size:
        return Watches(Accounts(people, people, 0), [])
    looks = PostLook.objects.in_bulk(list(by_campaign))
    found = Campaign.objects.in_bulk(list(by_campaign))
    watches = [
        _watch(found[pk], looks.get(pk), some, people) for pk, some in sorted(by_campaign.items()) if pk in found
    ]
    return Watches(Accounts.of(people), watches)


def _watch(campaign: Campaign, look: PostLook | None, rows: list[tuple[Any, ...]], people: Ints) -> Watch:
    regrouped = max((row[4] for row in rows if row[4] is not None), default=None)
    begins_anew = (
        look is None or look.tags != campaign.tags or (regrouped is not None and regrouped >= look.looked_at - _OVERLAP)
    )
    invitation, accepted = np.zeros(people.size, dtype=np.int64), np.zeros(people.size, dtype=np.int64)
    countries = [""] * people.size
    for pk, person, answered_at, country, _ in rows:
        place = int(np.searchsorted(people, person))
        invitation[place], accepted[place] = pk, math.floor(answered_at.timestamp())
        countries[place] = country or ""
    last = datetime.combine(campaign.after_end(WATCHED), datetime.min.time(), tzinfo=UTC)
    return Watch(
        campaign=campaign.pk,
        tags=campaign.tags,
        added=0 if look is None or begins_anew else look.added,
        looked_at=None if look is None or begins_anew else look.looked_at,
        begins_anew=begins_anew,
        until=int(last.timestamp()),
        invitation=invitation,
        accepted=accepted,
        countries=countries,
    )


def posts_in_log(watches: Watches, days: dict[date, LogDay]) -> Iterator[FoundPost]:
    """Yield the posts about each campaign in days that got posts since its last look; reposts aren't anybody's own.

    One pass over the posts of those days for all campaigns, some 50,000 posts in memory at once.
    """
    finders = [Tags(tags_in(watch.tags)) for watch in watches.campaigns]
    for day, files in days.items():
        end = int(datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=UTC).timestamp())
        behind = [
            (watch, finder)
            for watch, finder in zip(watches.campaigns, finders, strict=True)
            if watch.added < files.posted and end > watch.accepted[watch.invitation > 0].min()
        ]
        for file in files.posts if behind else ():
            with open_parquet(file) as parquet:
                for batch in parquet.iter_batches(_BATCH, columns=_COLUMNS):
                    yield from _in_batch(watches.accounts, behind, pa.Table.from_batches([batch]))


def _in_batch(accounts: Accounts, behind: list[tuple[Watch, Tags]], posts: Any) -> Iterator[FoundPost]:
    place = places(accounts.keys, np.asarray(posts["author"].to_numpy()))
    is_own = np.asarray(posts["kind"].to_numpy(zero_copy_only=False)) != "reshare"
    mine = np.flatnonzero((place >= 0) & is_own)
    if not mine.size:
        return
    posts, person = posts.take(pa.array(mine)), accounts.person[place[mine]]
    at = np.asarray(posts["at"].to_numpy())
    for watch, finder in behind:
        counts = (watch.invitation[person] > 0) & (at >= watch.accepted[person]) & (at < watch.until)
        theirs = np.flatnonzero(counts)
        theirs = theirs[finder.found_in(posts.take(pa.array(theirs)))]
        for row, who in zip(posts.take(pa.array(theirs)).to_pylist(), person[theirs].tolist(), strict=True):
            language = (row["lang"] or "")[:20]
            yield FoundPost(
                invitation=int(watch.invitation[who]),
                identity=row["author"],
                post=row["post"],
                at=datetime.fromtimestamp(row["at"], UTC),
                language=language,
                verdict=judge(row["text"], row["topics"] or (), language=language, country=watch.countries[who]),
            )


def posts_in_activity(watches: Watches) -> Iterator[FoundPost]:
    """Yield the posts of which Activity rows that came since the last look tell that they name a campaign's tag.

    A row names the post as its network does, and whom or which website it mentions, but holds no text: whether there is
    a label is known when the post itself comes. One query.
    """
    keys = watches.accounts.keys
    if not keys.size:
        return
    since = [watch.looked_at for watch in watches.campaigns]
    rows = Activity.objects.filter(
        Q(actor__in=keys.tolist()) if keys.size < NAMED else Q(),
        kind__in=[InteractionKind.MENTION, InteractionKind.LINK],
    ).exclude(post="")
    earliest = [moment for moment in since if moment is not None]
    if len(earliest) == len(since):
        rows = rows.filter(created_at__gt=min(earliest) - _OVERLAP)
    named = [_names(watch.tags) for watch in watches.campaigns]
    for row in rows.select_related("target").order_by("pk").iterator(chunk_size=2000):
        (place,) = places(keys, np.array([row.actor_id], dtype=np.int64)).tolist()
        if place < 0:
            continue
        who, second = int(watches.accounts.person[place]), int(row.at.timestamp())
        for watch, (handles, hosts) in zip(watches.campaigns, named, strict=True):
            about = _is_host(row, hosts) if row.kind == InteractionKind.LINK else _is_handle(row, handles)
            if about and watch.invitation[who] and watch.accepted[who] <= second < watch.until:
                yield FoundPost(
                    invitation=int(watch.invitation[who]),
                    identity=row.actor_id,
                    post=post_key(row.network_id, row.post),
                    at=row.at,
                    post_id=row.post,
                )


def _names(tags: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the handles among tags, without @, and the hosts that are named without a page."""
    listed = tags_in(tags)
    hosts = (tag for tag in listed if tag[0] not in "#@" and "/" not in tag and "?" not in tag)
    return frozenset(tag[1:] for tag in listed if tag.startswith("@")), tuple(hosts)


def _is_handle(row: Activity, handles: frozenset[str]) -> bool:
    said = (row.target.handle, row.target.external_id.removeprefix("@"))
    return any(unicodedata.normalize("NFKC", name).lower() in handles for name in said)


def _is_host(row: Activity, hosts: tuple[str, ...]) -> bool:
    host = row.target.external_id
    return row.target.network_id == "web" and any(host == name or host.endswith(f".{name}") for name in hosts)


def names_of_posts(now: datetime) -> dict[int, str]:
    """Return how networks name posts that were found in the log, which knows keys alone, by key; as far as known.

    Whatever was done to such a post lately names it. Two queries.
    """
    unnamed = CampaignPost.objects.filter(post_id="", found_at__gt=now - _NAMED_WITHIN).order_by("-pk")
    wanted = dict(unnamed.values_list("post", "identity")[:_MOST_UNNAMED])
    if not wanted:
        return {}
    accounts = set(wanted.values())
    rows = Activity.objects.filter(Q(target__in=accounts) | Q(actor__in=accounts)).exclude(post="").order_by()
    named: Iterable[tuple[str, str]] = rows.values_list("network", "post").distinct()
    keys = ((post_key(network, post), post) for network, post in named)
    return {key: post for key, post in keys if key in wanted}


@dataclass(frozen=True, slots=True)
class OwnPost:
    """A post as its author's own page shows it."""

    row: CampaignPost
    advice: str

    @property
    def is_labelled(self) -> bool:
        """Return whether a label was found or seen."""
        return self.row.label_state not in CampaignPost.NOT_SEEN


def posts_of(person: Person) -> list[OwnPost]:
    """Return what was found of a person's posts, newest first, at most `MOST_SHOWN`. One query, and the place's."""
    rows = CampaignPost.objects.standing().about().filter(invitation__person=person)
    country = person.place.country if person.place else ""
    found = rows.select_related("invitation__campaign__brand", "identity").order_by("-at", "-pk")[:MOST_SHOWN]
    return [OwnPost(row, advice_for(row.language, country)) for row in found]
