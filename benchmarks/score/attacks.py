"""Attackers: ordinary authors who cheat on top of what honest people do for them."""

from dataclasses import dataclass, field

import numpy as np

from benchmarks.score.history import (
    ANSWER,
    LIKE,
    ORIGINAL,
    REPLY,
    REPOST,
    Acts,
    Numbers,
    Posts,
)
from benchmarks.score.population import Bools, Ints, Population
from benchmarks.score.settings import Attacks, Setting
from scoring.engine.activity import DAY

CLASSES = ("bought", "pod", "like-for-like", "follow-for-follow", "nonsense", "link-only")
# Bots per buyer, log-uniformly, and of a shared farm; how often each acts for its buyer.
FARM = (50, 1500)
SHARED_FARM = 3000
ORDER = 300
ACTS = 6.0
# Days over which an audience is bought.
BOUGHT_DAYS = 60
SLEEPERS_WAKE = 14
# How many people a like-for-like account likes, and what part of them likes back.
LIKED = 80
LIKES_BACK = 0.3
FOLLOWED_BACK = 2000
SQUIRREL_BOTS = 100


@dataclass
class Cast:
    """Which people of the world attack, by class."""

    by_class: dict[str, Ints] = field(default_factory=dict)

    def everybody(self) -> Ints:
        return np.concatenate(list(self.by_class.values()))


@dataclass
class Attack:
    """What attackers added: acts and posts, bots beyond the honest people, and followers bought."""

    acts: list[Acts]
    posts: list[Posts]
    bots: int
    followers: dict[int, int]


def choose_cast(setting: Setting, people: Population, dice: np.random.Generator) -> Cast:
    """Choose who attacks, and give those who post nonsense or links their pace."""
    each = setting.attacks.each
    authors = np.flatnonzero(people.author & ~people.absent)
    feeds, authors = authors[-each:], authors[:-each]
    heard = (people.follows.total(setting.people) * people.appeal * people.pace)[authors]
    ranks = np.argsort(np.argsort(heard)) / authors.size
    # Nonsense that people like to look at: well known, and a bore to whoever reads it twice.
    nonsense = dice.choice(authors[(ranks > 0.75) & (ranks < 0.95)], each, replace=False)
    free = np.setdiff1d(authors[(ranks < 0.9) & (people.pace[authors] > 0.1)], nonsense)
    chosen = dice.permutation(free)
    parts = np.split(chosen, setting.attacks.buyers + each * np.arange(4))[:4]
    cast = dict(zip(CLASSES[:4], (np.sort(part) for part in parts), strict=True))
    faster = np.maximum(people.pace[nonsense], 10.0)
    people.appeal[nonsense] *= people.pace[nonsense] / faster
    people.pace[nonsense] = faster
    return Cast({**cast, "nonsense": np.sort(nonsense), "link-only": np.sort(feeds)})


def attack(
    setting: Setting,
    people: Population,
    cast: Cast,
    acts: Acts,
    posts: Posts,
    numbers: Numbers,
    dice: np.random.Generator,
) -> Attack:
    """Do everything that attackers do to the world's history."""
    own = posts.kind == ORIGINAL
    order = np.lexsort((posts.at[own], posts.author[own]))
    library = _Library(posts.author[own][order], posts.post[own][order], posts.at[own][order], setting.people)
    made = Attack([], [], 0, {})
    farm = _Farm(setting, people, acts, posts, library, numbers, dice, made)
    farm.serve(cast.by_class["bought"], setting.attacks)
    farm.serve(cast.by_class["nonsense"], Attacks(shared_farm=False), bots=SQUIRREL_BOTS)
    _pods(setting, cast.by_class["pod"], library, dice, made)
    _like_for_like(setting, people, cast.by_class["like-for-like"], library, dice, made)
    made.followers.update(dict.fromkeys(cast.by_class["follow-for-follow"].tolist(), FOLLOWED_BACK))
    return made


class _Library:
    """Authors' own posts, by author and time."""

    def __init__(self, author: Ints, post: Ints, at: Ints, people: int) -> None:
        self.post, self.at = post, at
        self.begin = np.searchsorted(author, np.arange(people))
        self.count = np.searchsorted(author, np.arange(people), side="right") - self.begin

    def any(self, author: Ints, dice: np.random.Generator, *, since: int = 0) -> tuple[Ints, Ints, Bools]:
        """Return a post of each author and its time, at or after a moment where there is one; else not."""
        begin = self.begin[author].copy()
        end = begin + self.count[author]
        if since:
            # The posts of one author stand by time, so those since a moment are the last ones.
            later = np.cumsum(np.concatenate([[0], self.at >= since]))
            begin = end - (later[end] - later[begin])
        has = end > begin
        at = np.minimum(begin + (dice.random(author.size) * (end - begin)).astype(np.int64), self.post.size - 1)
        return self.post[at], self.at[at], has


class _Farm:
    """Accounts that act for money."""

    def __init__(
        self,
        setting: Setting,
        people: Population,
        acts: Acts,
        posts: Posts,
        library: _Library,
        numbers: Numbers,
        dice: np.random.Generator,
        made: Attack,
    ) -> None:
        self.setting, self.people, self.acts, self.posts = setting, people, acts, posts
        self.library, self.numbers, self.dice, self.made = library, numbers, dice, made
        self.end = setting.days * DAY

    def serve(self, buyers: Ints, how: Attacks, *, bots: int | None = None) -> None:
        dice = self.dice
        if how.shared_farm:
            farm = self._bots(SHARED_FARM)
            bot = np.concatenate([dice.choice(farm, ORDER, replace=False) for _ in buyers])
            buyer = np.repeat(buyers, ORDER)
            farms = [farm]
        else:
            low, high = np.log(FARM)
            sizes = np.full(buyers.size, bots) if bots else np.exp(dice.uniform(low, high, buyers.size)).astype(int)
            farms = [self._bots(size) for size in sizes]
            bot, buyer = np.concatenate(farms), np.repeat(buyers, sizes)
        for one, count in zip(*np.unique(buyer, return_counts=True), strict=True):
            self.made.followers[int(one)] = int(count)
        bought_days = SLEEPERS_WAKE if how.sleepers else BOUGHT_DAYS
        since = self.end - bought_days * DAY
        if how.burst:
            since = self.end - 2 * DAY
        times = 1 + dice.poisson(ACTS - 1, bot.size)
        self._act(np.repeat(bot, times), np.repeat(buyer, times), since, burst=how.burst)
        every = np.concatenate(farms)
        if how.camouflage:
            ordinary = dice.poisson(ACTS * how.camouflage / (1 - how.camouflage), every.size)
            self._pretend(np.repeat(every, ordinary), 0, self.end)
        if how.sleepers:
            self._pretend(np.repeat(every, dice.poisson(10, every.size)), 0, since)
        if how.answered:
            self._answered(every[dice.random(every.size) < how.answered], 1 + dice.poisson(0.5, every.size), paid=False)
        if how.befriend or how.clever:
            for farm in farms:
                self._befriend(farm)
        if how.clever:
            some = every[dice.random(every.size) < 0.1]
            self._answered(some, np.full(every.size, 4), paid=True)

    def _bots(self, count: int) -> Ints:
        first = self.setting.people + self.made.bots
        self.made.bots += int(count)
        return np.arange(first, first + int(count))

    def _act(self, bot: Ints, buyer: Ints, since: int, *, burst: bool) -> None:
        post, at, has = self.library.any(buyer, self.dice, since=0 if burst else since)
        if burst:
            when = since + self.dice.integers(0, DAY, bot.size)
        else:
            when = np.maximum(at, since) + self.dice.integers(60, DAY, bot.size)
        has &= when < self.end
        self._add(when[has], bot[has], buyer[has], post[has])

    def _pretend(self, bot: Ints, since: int, until: int) -> None:
        """Act on what honest people act on."""
        like = self.dice.integers(0, self.acts.at.size, bot.size)
        acts = self.acts
        when = acts.at[like] + self.dice.integers(60, DAY, bot.size)
        fit = (when >= since) & (when < until) & (acts.kind[like] <= REPLY)
        self._add(when[fit], bot[fit], acts.target[like][fit], acts.post[like][fit])

    def _write(self, bot: Ints, at: Ints) -> Ints:
        post = self.numbers.take(bot.size)
        self.made.posts.append(Posts(post, at, bot, np.full(bot.size, ORIGINAL)))
        return post

    def _answered(self, bots: Ints, times: Ints, *, paid: bool) -> None:
        """Let honest people answer bots: strays, or authors who are paid for it."""
        times = times[: bots.size]
        at = self.dice.integers(0, self.end - 3 * DAY, bots.size)
        post = self._write(bots, at)
        who = np.flatnonzero(self.people.author & ~self.people.absent) if paid else np.arange(self.setting.people)
        giver = self.dice.choice(who, int(times.sum()))
        at = np.repeat(at, times) + self.dice.integers(60, DAY, giver.size)
        self._add(at, giver, np.repeat(bots, times), np.repeat(post, times))

    def _befriend(self, farm: Ints) -> None:
        """Let each bot answer five others, three times each and never on the same day back."""
        if farm.size < 8:
            return
        first = self.dice.integers(0, self.end - 10 * DAY, farm.size)
        post = self._write(farm, first)
        for step in range(1, 6):
            for turn in range(3):
                at = first + (turn * 2 + 1) * DAY + self.dice.integers(0, DAY // 2, farm.size)
                self._add(at, np.roll(farm, step), farm, post)

    def _add(self, at: Ints, actor: Ints, target: Ints, post: Ints) -> None:
        kind = self.dice.choice([LIKE, REPOST, REPLY], at.size, p=[0.6, 0.25, 0.15])
        acts = Acts(at, actor, target, kind, post)
        self.made.acts.append(acts)
        writing = kind == REPLY
        self.made.posts.append(
            Posts(self.numbers.take(writing.sum()), at[writing], actor[writing], np.full(writing.sum(), ANSWER))
        )


def _pods(setting: Setting, members: Ints, library: _Library, dice: np.random.Generator, made: Attack) -> None:
    size = min(setting.attacks.pod_size, members.size)
    for start in range(0, members.size - size + 1, size):
        pod = members[start : start + size]
        own = np.concatenate([np.arange(library.begin[one], library.begin[one] + library.count[one]) for one in pod])
        author = np.repeat(pod, library.count[pod])
        for member in pod:
            other = (author != member) & (dice.random(author.size) < setting.attacks.pod_zeal)
            at = library.at[own[other]] + dice.integers(60, DAY // 3, other.sum())
            kind = dice.choice([LIKE, REPOST], other.sum(), p=[0.7, 0.3])
            acts = Acts(at, np.full(other.sum(), member), author[other], kind, library.post[own[other]])
            made.acts.append(acts.where(acts.at < setting.days * DAY))


def _like_for_like(
    setting: Setting, people: Population, members: Ints, library: _Library, dice: np.random.Generator, made: Attack
) -> None:
    authors = np.flatnonzero(people.author & ~people.absent & (library.count > 0))
    end = setting.days * DAY
    for member in members:
        liked = dice.choice(authors[authors != member], min(LIKED, authors.size - 1), replace=False)
        given = np.repeat(liked, 1 + dice.poisson(2.0, liked.size))
        post, at, _has = library.any(given, dice)
        at = at + dice.integers(60, DAY // 4, given.size)
        made.acts.append(Acts(at, np.full(given.size, member), given, np.full(given.size, LIKE), post).where(at < end))
        generous = np.isin(given, liked[dice.random(liked.size) < LIKES_BACK])
        back, when = given[generous], at[generous] + dice.integers(600, DAY // 4, int(generous.sum()))
        post, _at, has = library.any(np.full(back.size, member), dice)
        keep = has & (when < end)
        made.acts.append(
            Acts(when[keep], back[keep], np.full(int(keep.sum()), member), np.full(int(keep.sum()), LIKE), post[keep])
        )
