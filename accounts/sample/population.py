"""Who lives in the sample world, as arrays: where, what they care about, how much they post and read, and when.

Most people read and hardly write; a few write a lot; fewer still are read by many.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from accounts.sample.cast import Role
from accounts.sample.places import CITIES
from accounts.sample.subjects import COMMUNITIES, COMMUNITY_OF, SLUGS, SUBJECTS

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Share of people who write at all. Of the actors in real data 88 to 92 % are never answered; a small world needs
# somewhat more writers to have anything to read.
_WRITERS = 0.24
_VERIFIED = 0.02
# Of everybody: only on the second network, and on both.
_SECOND_ONLY, _BOTH = 0.06, 0.03


@dataclass(frozen=True)
class Population:
    """n people over d days; the cast comes after the ordinary people.

    `subjects` (n, 3) are numbers of `SUBJECTS`, the first one the main one. Rates are per day that they are there.
    `appeal` says how readily others follow them, `talks` how likely they answer a reply. `on` (n, 2) says on which
    networks they have an account, `there` (n, d) on which days they are there at all.
    """

    city: Ints
    subjects: Ints
    post_rate: Floats
    act_rate: Floats
    appeal: Floats
    talks: Floats
    verified: Bools
    on: Bools
    there: Bools

    def __len__(self) -> int:
        return len(self.city)

    @property
    def community(self) -> Ints:
        """Return the community of everybody's main subject."""
        return COMMUNITY_OF[self.subjects[:, 0]]

    @property
    def writers(self) -> Ints:
        return np.flatnonzero(self.post_rate > 0)


_CITY_NAMES = [city.name for city in CITIES]


def make_population(people: int, days: int, cast: list[Role], rng: np.random.Generator) -> Population:
    """Draw the ordinary people and put the cast behind them."""
    size = people + len(cast)
    writes = rng.random(people) < _WRITERS
    population = Population(
        city=_padded(rng.choice(len(CITIES), people, p=_shares([city.weight for city in CITIES])), size),
        subjects=_subjects(size, rng),
        # Median of one post in three days, and one writer in forty with more than six a day.
        post_rate=_padded(np.where(writes, rng.lognormal(np.log(0.33), 1.5, people).clip(0.03, 15), 0.0), size),
        # Writers read more. One in eight of the others has an account and does nothing with it.
        act_rate=_padded(
            np.where(
                writes,
                rng.lognormal(np.log(1.3), 0.9, people),
                rng.lognormal(np.log(0.75), 1.0, people) * (rng.random(people) > 0.12),
            ).clip(0, 25),
            size,
        ),
        appeal=_padded(rng.lognormal(0, 1.5, people), size),
        talks=_padded(rng.beta(1.2, 2.5, people), size),
        verified=np.zeros(size, np.bool_),
        on=np.zeros((size, 2), np.bool_),
        there=_presence(size, days, rng),
    )
    draw = rng.random(size)
    population.on[:, 0] = draw >= _SECOND_ONLY
    population.on[:, 1] = draw < _SECOND_ONLY + _BOTH
    known = population.writers
    weight = np.sqrt(population.appeal[known])
    checked = rng.choice(known, min(len(known), round(people * _VERIFIED)), replace=False, p=weight / weight.sum())
    population.verified[checked] = True
    for row, role in enumerate(cast, people):
        _place(population, row, role)
    return population


def _place(population: Population, row: int, role: Role) -> None:
    population.city[row] = _CITY_NAMES.index(role.city)
    population.subjects[row] = [SLUGS.index(slug) for slug in role.subjects]
    population.post_rate[row] = role.posts_a_day
    population.act_rate[row] = role.acts_a_day
    population.talks[row] = role.talks
    population.verified[row] = role.verified
    population.on[row] = (True, role.second_network)
    population.there[row] = True
    if role.away_days:
        population.there[row, -role.away_days :] = False


def _subjects(size: int, rng: np.random.Generator) -> Ints:
    """Draw three different subjects each: the first two mostly of one community."""
    weights = np.array(list(COMMUNITIES.values()))
    each = weights[COMMUNITY_OF] / np.bincount(COMMUNITY_OF)[COMMUNITY_OF]
    main = rng.choice(len(SUBJECTS), size, p=each / each.sum())
    drawn = rng.random((size, len(SUBJECTS))) ** (1 / each)
    drawn[np.arange(size), main] = 2
    near = drawn * np.where(COMMUNITY_OF[main][:, None] == COMMUNITY_OF, 1.0, 0.55)
    near[np.arange(size), main] = -1
    second = near.argmax(axis=1)
    drawn[np.arange(size), main] = drawn[np.arange(size), second] = -1
    return np.stack([main, second, drawn.argmax(axis=1)], axis=1)


def _presence(size: int, days: int, rng: np.random.Generator) -> Bools:
    """Say on which days each is there: some come later, some stop for good, most go on holiday now and then."""
    day = np.arange(days)
    joined = np.where(rng.random(size) < 0.08, rng.integers(0, max(1, days - 10), size), 0)
    left = np.where(rng.random(size) < 0.06, rng.integers(days // 6, days, size), days)
    there = (day >= joined[:, None]) & (day < left[:, None])
    for _ in range(2):
        # A chance of .45 in 90 days, twice: three to four breaks a year, of 4 to 14 days.
        starts = np.where(rng.random(size) < 0.45 * days / 90, rng.integers(-7, days, size), days)
        length = rng.integers(4, 15, size)
        there &= (day < starts[:, None]) | (day >= (starts + length)[:, None])
    return there


def _shares(weights: list[float]) -> Floats:
    return np.array(weights) / sum(weights)


def _padded(values: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    return np.concatenate([values, np.zeros(size - len(values), values.dtype)])
