"""Who reads whom in the sample world, and how much of it they answer."""

from dataclasses import dataclass

import numpy as np

from accounts.sample.cast import Role
from accounts.sample.population import Bools, Floats, Ints, Population
from accounts.sample.subjects import COMMUNITY_OF

# Most that anybody answers of what somebody writes. Response rates above a tenth, both ways, begin to look agreed.
_MOST = 0.3
_FRIENDS = 3  # each, in the mean


@dataclass(frozen=True)
class Audience:
    """m pairs of a reader and an author, and how often a day the one acts on what the other posts."""

    reader: Ints
    author: Ints
    rate: Floats


def make_audience(population: Population, cast: list[Role], rng: np.random.Generator) -> Audience:
    """Draw followings by community, city and fame; friends who answer each other; and the cast's own audiences."""
    reader, author = _followings(population, rng)
    keep = _meet(population, reader, author)
    reader, author = _distinct(reader[keep], author[keep], len(population))
    # A few authors have most of a reader's attention.
    close = rng.lognormal(0, 1.2, len(reader))
    rate = population.act_rate[reader] * close / np.bincount(reader, close, len(population))[reader]
    rate = np.minimum(rate, _MOST * population.post_rate[author])

    left, right = _friends(population, rng)
    keep = _meet(population, left, right)
    left, right = _distinct(left[keep], right[keep], len(population))
    friendly = 0.1 * population.post_rate[right] * rng.lognormal(0, 0.5, len(left))

    followers, followed, often = _cast_audiences(population, cast, rng)
    return Audience(
        np.concatenate([reader, left, followers]),
        np.concatenate([author, right, followed]),
        np.concatenate([rate, np.minimum(friendly, _MOST * population.post_rate[right]), often]),
    )


def _followings(population: Population, rng: np.random.Generator) -> tuple[Ints, Ints]:
    size = len(population)
    writers = population.writers
    writers = writers[population.appeal[writers] > 0]
    # Who writes more is seen more, but not in proportion.
    fame = population.appeal * np.sqrt(population.post_rate)
    degree = np.where(population.act_rate > 0, rng.lognormal(np.log(25), 0.9, size).clip(2, 400), 0).astype(np.int64)
    reader = np.repeat(np.arange(size), degree)
    author = np.empty(len(reader), np.int64)
    second = COMMUNITY_OF[population.subjects[:, 1]]
    nowhere = np.zeros(size, np.int64)
    of_network = population.on[:, 1].astype(np.int64)
    choice = np.where(
        of_network[reader] & ~population.on[reader, 0],
        4,
        rng.choice(4, len(reader), p=[0.42, 0.13, 0.17, 0.28]),
    )
    for number, (asked, group) in enumerate(
        (
            (population.community, population.community),
            (second, population.community),
            (population.city, population.city),
            (nowhere, nowhere),
            (of_network, of_network),
        )
    ):
        rows = np.flatnonzero(choice == number)
        author[rows] = _by_fame(asked[reader[rows]], group[writers], writers, fame[writers], rng)
    keep = author >= 0
    return reader[keep], author[keep]


def _by_fame(asked: Ints, group: Ints, writers: Ints, fame: Floats, rng: np.random.Generator) -> Ints:
    """Draw a writer of the asked group for each row, in proportion to fame; -1 where the group has none."""
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(fame[order])
    groups = np.arange(max(int(asked.max(initial=0)), int(group.max(initial=0))) + 1)
    last = np.searchsorted(group[order], groups, side="right")
    first = np.searchsorted(group[order], groups, side="left")
    bounds = np.concatenate([np.zeros(1), ends])
    low, high = bounds[first][asked], bounds[last][asked]
    place = np.searchsorted(ends, low + rng.random(len(asked)) * (high - low), side="right")
    place = np.clip(place, first[asked], np.maximum(last[asked] - 1, 0))
    return np.where(last[asked] > first[asked], writers[order][np.minimum(place, len(order) - 1)], -1)


def _friends(population: Population, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Draw pairs of writers who know each other from their city or their subject, each pair both ways."""
    writers = population.writers
    writers = writers[population.appeal[writers] > 0]
    one = np.repeat(writers, rng.poisson(_FRIENDS / 2, len(writers)))
    alike = np.ones(len(writers))
    near = rng.random(len(one)) < 0.5
    other = np.empty(len(one), np.int64)
    for group, rows in ((population.city, np.flatnonzero(near)), (population.community, np.flatnonzero(~near))):
        other[rows] = _by_fame(group[one[rows]], group[writers], writers, alike, rng)
    return np.concatenate([one, other]), np.concatenate([other, one])


def _cast_audiences(population: Population, cast: list[Role], rng: np.random.Generator) -> tuple[Ints, Ints, Floats]:
    people = len(population) - len(cast)
    readers, authors, rates = [], [], []
    for row, role in enumerate(cast, people):
        count = round(role.audience * people) or (1 if role.audience else 0)
        if not count:
            continue
        weight = np.sqrt(population.act_rate[:people]) * population.on[:people, 0]
        weight *= 1 + 3 * (population.community[:people] == population.community[row])
        weight *= 1 + 2 * (population.city[:people] == population.city[row])
        who = rng.choice(people, min(count, int(np.count_nonzero(weight))), replace=False, p=weight / weight.sum())
        readers.append(who)
        authors.append(np.full(len(who), row))
        # The mean of a lognormal is exp(sigma² / 2) of its median.
        rates.append(role.acts_each * rng.lognormal(-0.5, 1.0, len(who)))
    return np.concatenate(readers), np.concatenate(authors), np.concatenate(rates)


def _meet(population: Population, reader: Ints, author: Ints) -> Bools:
    """Return which pairs share a network and are two people."""
    met: Bools = (reader != author) & (population.on[reader] & population.on[author]).any(axis=1)
    return met


def _distinct(reader: Ints, author: Ints, size: int) -> tuple[Ints, Ints]:
    pairs = np.unique(reader * size + author)
    return pairs // size, pairs % size
