"""Who lives in a made-up world, and who follows whom."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.score.settings import Setting

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Share of authors who never post and are talked about all the same.
ABSENT = 0.01
# Spread (sigma of the logarithm) of authors' paces.
PACES = 1.2
# Chance that one of a circle of friends reacts to a post of another.
FRIENDLY = (0.1, 0.5)
# Most friends in a circle.
CIRCLE = 6


@dataclass
class Follows:
    """Who reads whom, one element per follow, by author.

    Attributes
    ----------
    reader, author : ndarray of int64
        Positions of the two.
    weight : ndarray of float64
        How inclined the reader is to react, of which the world's level makes a chance per post.
    begins, ends : ndarray of float64
        The days, counted from the first of the history, between which it holds.
    """

    reader: Ints
    author: Ints
    weight: Floats
    begins: Floats
    ends: Floats
    first: Ints = field(init=False)
    until: Floats = field(init=False)

    def __post_init__(self) -> None:
        order = np.argsort(self.author, kind="stable")
        for name in ("reader", "author", "weight", "begins", "ends"):
            setattr(self, name, getattr(self, name)[order])
        self.until = np.cumsum(self.weight)

    def total(self, people: int) -> Floats:
        """Return the sum of weights per author."""
        return np.asarray(np.bincount(self.author, self.weight, people), dtype=np.float64)

    def pick(self, author: Ints, people: int, dice: np.random.Generator) -> Ints:
        """Return one follow of each author given, in proportion to the weights."""
        total = self.total(people)
        before = np.cumsum(total) - total
        at = np.searchsorted(self.until, before[author] + dice.random(author.size) * total[author])
        return np.minimum(at, self.author.size - 1)


@dataclass
class Population:
    """The people of a world, by position: arrays of shape (people,), and their follows.

    Attributes
    ----------
    community : ndarray of int64
        Where somebody is at home.
    author, absent : ndarray of bool
        Who posts, and who never does but is talked about.
    pace : ndarray of float64
        Posts a day; of the absent, occasions to talk about them.
    fame, appeal, keenness : ndarray of float64
        How often one is followed, how much one's posts move readers, and how readily one reacts.
    trend : ndarray of float64
        Change of the logarithm of the appeal over the history.
    circle : ndarray of int64
        Number of the circle of friends, -1 for none.
    follows : Follows
        Who reads whom at some time of the history.
    level : float
        What makes weight times appeal a chance to react to a post.
    """

    community: Ints
    author: Bools
    absent: Bools
    pace: Floats
    fame: Floats
    appeal: Floats
    keenness: Floats
    trend: Floats
    circle: Ints
    follows: Follows
    level: float


def populate(setting: Setting, dice: np.random.Generator, *, silent_feeds: int = 0) -> Population:
    """Make the people of a world.

    `silent_feeds` authors, the last ones, post links all day long and appeal to hardly anybody.
    """
    size = setting.people
    shares = 1.0 / np.arange(1, setting.communities + 1)
    community = dice.choice(setting.communities, size, p=shares / shares.sum())
    author = np.zeros(size, dtype=bool)
    author[: round(size * (1 - setting.lurkers))] = True
    authors = np.flatnonzero(author)
    absent = author & (dice.random(size) < ABSENT)
    pace = np.where(author, setting.pace * dice.lognormal(0, PACES, size), 0.0)
    pace = np.minimum(pace, 60.0)
    fame = np.where(author, dice.pareto(setting.fame, size) + 0.05, 0.0)
    fame = np.minimum(fame, np.quantile(fame[author], 0.9999))
    appeal = dice.lognormal(-(setting.appeal**2) / 2, setting.appeal, size)
    feeds = authors[authors.size - silent_feeds :]
    pace[feeds], appeal[feeds], absent[feeds] = dice.uniform(30, 80, silent_feeds), 0.0003, False
    # Not everyone who posts often has that much more to say: an author's posts share what attention there is.
    appeal /= np.sqrt(np.maximum(pace, 0.1))
    keenness = dice.lognormal(-(setting.keenness**2) / 2, setting.keenness, size)
    keenness[~author] *= setting.lurking
    trend = setting.trend * dice.standard_normal(size)

    wanted = dice.lognormal(np.log(setting.follows) - 0.5, 1.0, size)
    follows = _follows(setting, dice, community, author, fame, keenness, np.rint(wanted).astype(np.int64))
    # Some came since, and some went.
    came = dice.random(follows.author.size) < -np.expm1(-setting.growth * setting.days)
    follows.begins[came] = dice.uniform(0, setting.days, came.sum())
    follows.ends = follows.begins.clip(0) + dice.exponential(1 / setting.churn, follows.author.size)

    expected = float((follows.total(size) * appeal * pace)[author].sum()) * setting.days
    level = setting.reactions * size / expected
    circle = _circles(setting, dice, community, authors)
    follows = _befriend(follows, dice, circle, level * appeal)
    return Population(community, author, absent, pace, fame, appeal, keenness, trend, circle, follows, level)


def _follows(
    setting: Setting,
    dice: np.random.Generator,
    community: Ints,
    author: Bools,
    fame: Floats,
    keenness: Floats,
    wanted: Ints,
) -> Follows:
    authors = np.flatnonzero(author)
    authors = authors[np.argsort(community[authors], kind="stable")]
    held = np.cumsum(fame[authors])
    last = np.searchsorted(community[authors], np.arange(setting.communities), side="right")
    ends = np.concatenate([[0.0], held])[last]
    starts = np.concatenate([[0.0], held])[np.searchsorted(community[authors], np.arange(setting.communities))]
    reader = np.repeat(np.arange(wanted.size), wanted)
    away = dice.random(reader.size) < setting.mixing
    low = np.where(away, 0.0, starts[community[reader]])
    high = np.where(away, held[-1], ends[community[reader]])
    chosen = authors[np.minimum(np.searchsorted(held, low + dice.random(reader.size) * (high - low)), authors.size - 1)]
    pairs = np.unique(np.stack([reader, chosen])[:, reader != chosen], axis=1)
    affinity = dice.lognormal(-0.5, 1.0, pairs.shape[1])
    number = pairs.shape[1]
    return Follows(pairs[0], pairs[1], keenness[pairs[0]] * affinity, np.full(number, -np.inf), np.full(number, np.inf))


def _circles(setting: Setting, dice: np.random.Generator, community: Ints, authors: Ints) -> Ints:
    circle = np.full(community.size, -1, dtype=np.int64)
    befriended = authors[dice.random(authors.size) < setting.friends]
    befriended = befriended[np.lexsort((dice.random(befriended.size), community[befriended]))]
    sizes = dice.integers(2, CIRCLE + 1, befriended.size)
    ends = np.cumsum(sizes)
    sizes = sizes[: np.searchsorted(ends, befriended.size)]
    numbers = np.repeat(np.arange(sizes.size), sizes)
    circle[befriended[: numbers.size]] = numbers
    return circle


def _befriend(follows: Follows, dice: np.random.Generator, circle: Ints, chance: Floats) -> Follows:
    members = np.flatnonzero(circle >= 0)
    members = members[np.argsort(circle[members], kind="stable")]
    numbers = circle[members]
    pairs = [
        np.stack([members[:-step], members[step:]])[:, numbers[:-step] == numbers[step:]] for step in range(1, CIRCLE)
    ]
    one = np.concatenate(pairs, axis=1)
    both = np.concatenate([one, one[::-1]], axis=1)
    # A circle is about as warm one way as the other.
    warm = np.tile(dice.uniform(*FRIENDLY, one.shape[1]), 2)
    always = np.full(both.shape[1], np.inf)
    return Follows(
        np.concatenate([follows.reader, both[0]]),
        np.concatenate([follows.author, both[1]]),
        np.concatenate([follows.weight, warm / np.maximum(chance[both[1]], 1e-9)]),
        np.concatenate([follows.begins, -always]),
        np.concatenate([follows.ends, always]),
    )
