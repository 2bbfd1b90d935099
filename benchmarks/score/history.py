"""What happens in a made-up world: who is there, who posts, who reacts, who talks."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.score.population import Bools, Floats, Follows, Ints, Population
from benchmarks.score.settings import Setting
from scoring.engine.activity import DAY

KINDS: Final = ("like", "repost", "reply", "quote", "mention", "link")
LIKE, REPOST, REPLY, QUOTE, MENTION, LINK = range(len(KINDS))
POST_KINDS: Final = ("original", "reshare", "reply", "quote")
ORIGINAL, RESHARE, ANSWER, QUOTATION = range(len(POST_KINDS))

_USUAL = (0.55, 0.22, 0.15, 0.03, 0.05, 0.0)
_LURKERS = (0.68, 0.25, 0.07, 0.0, 0.0, 0.0)
_FRIENDS = (0.45, 0.1, 0.38, 0.02, 0.05, 0.0)
_ABSENT = (0.0, 0.0, 0.0, 0.0, 0.75, 0.25)
# What an act makes the actor post: a post of their own in which it stands.
_POSTED = {REPOST: RESHARE, REPLY: ANSWER, QUOTE: QUOTATION, MENTION: ORIGINAL, LINK: ORIGINAL}
# Mean days until somebody reacts.
_DELAY = 0.25
# Reactions among which an author can still answer every reply.
_ANSWERABLE = 3.0

THERE, AWAY, GONE, NOT_YET = range(4)


@dataclass
class Acts:
    """Acts, one element each: seconds since the first day, positions of the two, code of the kind, post."""

    at: Ints
    actor: Ints
    target: Ints
    kind: Ints
    post: Ints

    @classmethod
    def joined(cls, parts: "list[Acts]") -> "Acts":
        names = ("at", "actor", "target", "kind", "post")
        return cls(*(np.concatenate([getattr(part, name) for part in parts] or [_NONE]) for name in names))

    def where(self, chosen: Bools) -> "Acts":
        return Acts(self.at[chosen], self.actor[chosen], self.target[chosen], self.kind[chosen], self.post[chosen])


@dataclass
class Posts:
    """Posts, one element each: number, seconds since the first day, position of the author, code of the kind."""

    post: Ints
    at: Ints
    author: Ints
    kind: Ints

    @classmethod
    def joined(cls, parts: "list[Posts]") -> "Posts":
        names = ("post", "at", "author", "kind")
        return cls(*(np.concatenate([getattr(part, name) for part in parts] or [_NONE]) for name in names))


_NONE: Ints = np.zeros(0, dtype=np.int64)


class Numbers:
    """Gives each post a number."""

    def __init__(self) -> None:
        self.next = 1

    def take(self, count: int) -> Ints:
        taken = np.arange(self.next, self.next + count)
        self.next += count
        return taken


def presence(setting: Setting, days: int, dice: np.random.Generator, state: Ints | None = None) -> tuple[Bools, Ints]:
    """Return who is there on which day, of shape (people, days), and everybody's state after the last.

    Without a state to go on from, some are on holiday and some haven't joined yet.
    """
    if state is None:
        away = setting.break_length / (setting.break_every + setting.break_length)
        state = dice.choice([THERE, AWAY, NOT_YET], setting.people, p=[0.85 * (1 - away), 0.85 * away, 0.15])
    state = state.copy()
    joining = 1.5 / days
    leaving = -np.expm1(-np.log(2) / setting.quit_half_life)
    there = np.zeros((setting.people, days), dtype=bool)
    for day in range(days):
        chance = dice.random(setting.people)
        before = state.copy()
        state[(before == THERE) & (chance < 1 / setting.break_every)] = AWAY
        state[(before == AWAY) & (chance < 1 / setting.break_length)] = THERE
        state[(before == NOT_YET) & (chance < joining)] = THERE
        state[((before == THERE) | (before == AWAY)) & (chance > 1 - leaving)] = GONE
        there[:, day] = state == THERE
    return there, state


def simulate(
    setting: Setting,
    people: Population,
    follows: Follows,
    there: Bools,
    first_day: int,
    numbers: Numbers,
    dice: np.random.Generator,
) -> tuple[Acts, Acts, Posts]:
    """Let honest people live for as many days as `there` has columns, from a day of the world on.

    Returns their acts on what others post of their own or by naming them, their answers to answers, and all posts.
    """
    days = there.shape[1]
    pace = np.where(people.author, people.pace, 0.0)[:, None] * (there | people.absent[:, None])
    counts = dice.poisson(pace)
    author, day = (np.repeat(at, counts[counts > 0]) for at in np.nonzero(counts))
    when = day + dice.random(author.size)
    post = numbers.take(author.size)
    virality = dice.lognormal(-(setting.virality**2) / 2, setting.virality, author.size)
    moving = np.exp(people.trend[author] * ((first_day + when) / setting.days - 1))
    expected = people.level * people.appeal[author] * moving * virality * follows.total(setting.people)[author]
    occasion = np.repeat(np.arange(author.size), dice.poisson(expected))
    follow = follows.pick(author[occasion], setting.people, dice)
    at = first_day + when[occasion]
    holds = (follows.begins[follow] <= at) & (at < follows.ends[follow])
    occasion, reader = occasion[holds], follows.reader[follow[holds]]
    delay = dice.exponential(_DELAY, occasion.size)
    reacted = [_Reactions(occasion, reader, when[occasion] + delay, _kinds(people, reader, author[occasion], dice))]
    # Two rounds of strangers, brought by reposts.
    for _round in range(2):
        last = reacted[-1]
        spread = last.kind == REPOST
        brought = np.repeat(
            np.flatnonzero(spread), dice.poisson(setting.strangers * np.sqrt(virality[last.occasion[spread]]))
        )
        occasion = last.occasion[brought]
        strangers = _readers(people, people.community[author[occasion]], dice)
        at = last.when[brought] + dice.exponential(_DELAY, brought.size)
        reacted.append(_Reactions(occasion, strangers, at, _kinds(people, strangers, author[occasion], dice)))
    occasion = np.concatenate([part.occasion for part in reacted])
    reader = np.concatenate([part.reader for part in reacted])
    at = np.concatenate([part.when for part in reacted])
    kind = np.concatenate([part.kind for part in reacted])

    inside = (at < days) & (reader != author[occasion])
    # To name somebody is to post, which lurkers don't.
    inside &= people.author[reader] | ~people.absent[author[occasion]]
    inside[inside] = there[reader[inside], at[inside].astype(np.int64)]
    occasion, reader, at, kind = occasion[inside], reader[inside], at[inside], kind[inside]
    _, once = np.unique(occasion * setting.people + reader, return_index=True)
    occasion, reader, at, kind = occasion[once], reader[once], at[once], kind[once]
    start = first_day * DAY
    seconds = start + (at * DAY).astype(np.int64)
    acts = Acts(seconds, reader, author[occasion], kind, post[occasion])
    written = ~people.absent[author]
    posts = [
        Posts(
            post[written],
            start + (when[written] * DAY).astype(np.int64),
            author[written],
            np.zeros(written.sum(), np.int64),
        )
    ]
    posts.append(_posted(acts, numbers))
    crowd = np.bincount(occasion, minlength=author.size)[occasion]
    chance = setting.talk * np.minimum(1.0, _ANSWERABLE / crowd)
    talk, answers = _talk(people, acts, posts[-1], chance, there, first_day, numbers, dice)
    return acts, talk, Posts.joined([*posts, answers])


@dataclass
class _Reactions:
    occasion: Ints
    reader: Ints
    when: Floats
    kind: Ints


def _readers(people: Population, community: Ints, dice: np.random.Generator) -> Ints:
    order = np.argsort(people.community, kind="stable")
    held = np.concatenate([[0.0], np.cumsum(people.keenness[order])])
    number = np.arange(int(people.community.max()) + 1)
    low = held[np.searchsorted(people.community[order], number)]
    high = held[np.searchsorted(people.community[order], number, side="right")]
    at = low[community] + dice.random(community.size) * (high - low)[community]
    return np.asarray(order[np.minimum(np.searchsorted(held[1:], at), order.size - 1)])


def _kinds(people: Population, reader: Ints, author: Ints, dice: np.random.Generator) -> Ints:
    friends = (people.circle[reader] == people.circle[author]) & (people.circle[reader] >= 0)
    chance = dice.random(reader.size)
    kind = np.searchsorted(np.cumsum(_USUAL), chance, side="right")
    kind = np.where(friends, np.searchsorted(np.cumsum(_FRIENDS), chance, side="right"), kind)
    kind = np.where(people.author[reader], kind, np.searchsorted(np.cumsum(_LURKERS), chance, side="right"))
    kind = np.where(people.absent[author], np.searchsorted(np.cumsum(_ABSENT), chance, side="right"), kind)
    return np.minimum(kind, LINK).astype(np.int64)


def _posted(acts: Acts, numbers: Numbers) -> Posts:
    """Return the posts that acts are; a mention's or link's number moves to the post in which it stands."""
    writing = np.flatnonzero(acts.kind != LIKE)
    post = numbers.take(writing.size)
    kind = np.array([_POSTED.get(code, -1) for code in range(len(KINDS))])[acts.kind[writing]]
    naming = acts.kind[writing] >= MENTION
    acts.post[writing[naming]] = post[naming]
    return Posts(post, acts.at[writing], acts.actor[writing], kind)


def _talk(
    people: Population,
    acts: Acts,
    posted: Posts,
    chance: Floats,
    there: Bools,
    first_day: int,
    numbers: Numbers,
    dice: np.random.Generator,
) -> tuple[Acts, Posts]:
    """Let people reply to replies, up to three times back and forth."""
    days = there.shape[1]
    replied = acts.kind[acts.kind != LIKE] == REPLY
    where = np.flatnonzero(acts.kind == REPLY)
    post, speaker, other = posted.post[replied], acts.actor[where], acts.target[where]
    at, chance = acts.at[where], chance[where]
    friends = (people.circle[speaker] == people.circle[other]) & (people.circle[speaker] >= 0)
    chance = np.where(friends, np.minimum(0.8, 2 * chance), chance)
    # Lurkers are whom nobody answers.
    chance = np.where(people.author[speaker], chance, 0.0)
    found: list[Acts] = []
    written: list[Posts] = []
    for _turn in range(3):
        at = at + (dice.exponential(0.05, at.size) * DAY).astype(np.int64) + 30
        day = at // DAY - first_day
        goes_on = (dice.random(at.size) < chance) & (day < days)
        goes_on[goes_on] = there[other[goes_on], day[goes_on]]
        at, post, chance = at[goes_on], post[goes_on], chance[goes_on]
        speaker, other = other[goes_on], speaker[goes_on]
        answers = Acts(at, speaker, other, np.full(at.size, REPLY), post)
        post = numbers.take(at.size)
        found.append(answers)
        written.append(Posts(post, at, speaker, np.full(at.size, ANSWER)))
    return Acts.joined(found), Posts.joined(written)


def grown(setting: Setting, people: Population, horizon: int, dice: np.random.Generator) -> Follows:
    """Return the follows with those that come within a horizon after the history."""
    follows = people.follows
    held = follows.ends > setting.days
    count = dice.poisson(setting.growth * horizon * held.sum())
    author = follows.author[held][dice.integers(0, held.sum(), count)]
    reader = _readers(people, people.community[author], dice)
    # `_readers` takes the keen more often, as each act of theirs would; a follow takes everybody alike.
    affinity = dice.lognormal(-0.5, 1.0, count)
    return Follows(
        np.concatenate([follows.reader[held], reader]),
        np.concatenate([follows.author[held], author]),
        np.concatenate([follows.weight[held], np.minimum(people.keenness[reader], 3.0) * affinity]),
        np.concatenate([follows.begins[held], setting.days + dice.uniform(0, horizon, count)]),
        np.concatenate([follows.ends[held], np.full(count, np.inf)]),
    )
