"""What the sample world's people say about themselves: names, handles, cities, bios, websites, followers."""

import unicodedata
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from accounts.intake import ACCOUNTS
from accounts.sample.audience import Audience
from accounts.sample.cast import Role
from accounts.sample.ledger import DAY
from accounts.sample.places import CITIES, CULTURES
from accounts.sample.population import Bools, Ints, Population
from accounts.sample.subjects import SUBJECTS

_NOWHERE = ("the internet", "everywhere", "on a train, probably", "🌍", "between two books", "she/they")
_BIOS = (
    "Mostly {a} and {b}.",
    "{a}, {b}, {c}. Opinions are mine.",
    "Here for {a}. Stays for {b}.",
    "Learning about {a}, one mistake at a time.",
    "Amateur of {a}, friend of {b}.",
    "{a} by day, {b} by night 🌙",
    "Writes about {a}. Reads about everything else.",
    "Proud parent. {a}. {b}. Tea.",
    "Volunteer, neighbour, {a} person.",
    "I came for {a} and stayed for the people.",
)
# Letters that Unicode doesn't take apart into a base letter and a mark.
_LATIN = str.maketrans({"ł": "l", "Ł": "L", "ß": "ss", "ı": "i", "ø": "o", "đ": "d", "'": ""})


class Accounts(NamedTuple):
    """The accounts of both networks, and each person's id on each, null where they have none."""

    table: pa.Table
    ids: tuple[Any, Any]


@dataclass(frozen=True)
class Profiles:
    """Columns by person."""

    names: list[str]
    handles: list[str]
    bios: list[str | None]
    locations: list[str | None]
    websites: list[str | None]
    followers: Ints
    following: Ints
    created_at: Ints
    verified: Bools
    on: Bools
    numbers: Ints

    def accounts(self, networks: tuple[str, str]) -> Accounts:
        """Return a row for each account: who is on both networks has two, with one handle."""
        tables, ids = [], []
        for place, network in enumerate(networks):
            here = np.flatnonzero(self.on[:, place])
            # On the second network ids are words and audiences a fifth; who is on both names a website on the first.
            texts = [f"{number}" if place == 0 else f"lu{number:x}" for number in self.numbers.tolist()]
            account = pa.array(texts, pa.string())
            ids.append(pa.array(texts, pa.string(), mask=~self.on[:, place]))
            columns = {
                "account": account,
                "handle": pa.array(self.handles),
                "name": pa.array(self.names),
                "followers": pa.array(self.followers // (1, 5)[place]),
                "following": pa.array(self.following // (1, 5)[place]),
                "verified": pa.array(self.verified),
                "created_at": pa.array(self.created_at + place * 200 * DAY),
                "bio": pa.array(self.bios, pa.string()),
                "location": pa.array(self.locations, pa.string()),
                "website": pa.array(self.websites, pa.string(), mask=self.on[:, 0] & (place > 0)),
                "network": pa.array([network] * len(texts)),
            }
            tables.append(pa.table([columns[field.name] for field in ACCOUNTS], schema=ACCOUNTS).take(here))
        return Accounts(pa.concat_tables(tables), (ids[0], ids[1]))


def make_profiles(
    population: Population, cast: list[Role], audience: Audience, start: int, rng: np.random.Generator
) -> Profiles:
    """Draw what ordinary people say about themselves; the cast brings its own."""
    people = len(population) - len(cast)
    names, handles = _names(population.city[:people], rng, {role.handle for role in cast})
    draw = rng.random((people, 4))
    subjects = [[SUBJECTS[number].slug.replace("-", " ") for number in row] for row in population.subjects.tolist()]
    writes = population.post_rate > 0
    bios: list[str | None] = [
        _bio(subjects[row], draw[row, 0]) if draw[row, 1] < (0.85 if writes[row] else 0.35) else None
        for row in range(people)
    ]
    locations = [_location(population.city[row], draw[row, 2]) for row in range(people)]
    websites: list[str | None] = [
        f"https://{_ascii(handles[row]).replace('_', '')}.example/" if writes[row] and draw[row, 3] < 0.12 else None
        for row in range(people)
    ]
    readers = np.bincount(audience.author, minlength=len(population))
    read = np.bincount(audience.reader, minlength=len(population))
    size = len(population)
    followers = readers * rng.lognormal(np.log(9), 0.7, size) + rng.lognormal(np.log(25), 1.1, size)
    following = read * rng.lognormal(np.log(5), 0.5, size) + rng.lognormal(np.log(30), 0.8, size)
    for row, role in enumerate(cast, people):
        followers[row], following[row] = role.followers, role.following
    # A bot's numbers differ from the next one's.
    bots = np.array([role.role == "bot" for role in cast])
    followers[people:][bots] *= rng.uniform(0.2, 3, bots.sum())
    following[people:][bots] *= rng.uniform(0.4, 1.6, bots.sum())
    return Profiles(
        names=names + [role.name for role in cast],
        handles=handles + [role.handle for role in cast],
        bios=bios + [role.bio or None for role in cast],
        locations=locations + [None if role.role == "bot" else CITIES[_city_of(role)].texts[0] for role in cast],
        websites=websites + [role.website or None for role in cast],
        followers=followers.astype(np.int64),
        following=following.astype(np.int64),
        created_at=start - rng.integers(30 * DAY, 4000 * DAY, len(population)),
        verified=population.verified,
        on=population.on,
        numbers=20_000_011 + 37 * rng.permutation(len(population)),
    )


def _city_of(role: Role) -> int:
    return [city.name for city in CITIES].index(role.city)


def _names(cities: Ints, rng: np.random.Generator, taken: set[str]) -> tuple[list[str], list[str]]:
    names, handles = [], []
    draws = rng.random((len(cities), 6))
    years = rng.integers(1, 99, len(cities)).tolist()
    for city, draw, year in zip(cities.tolist(), draws.tolist(), years, strict=True):
        shares = CITIES[city].cultures
        culture = CULTURES[_chosen(list(shares), list(shares.values()), draw[0])]
        given = culture.given[int(draw[1] * len(culture.given))]
        family = culture.family[int(draw[2] * len(culture.family))]
        pair = (family, given) if culture.family_first else (given, family)
        native = draw[3] < 0.35 and given.native and family.native
        if native and given.native >= "\u2e80":
            # Chinese, Japanese and Korean: the family's name first, and nothing between.
            names.append(family.native + given.native)
        elif native:
            names.append(f"{given.native} {family.native}")
        else:
            names.append(" ".join(part.latin for part in pair))
        written = (given.native, family.native) if native and draw[4] < 0.12 else (given.latin, family.latin)
        handle = _handle(*written, year, draw[4], draw[5])
        while handle in taken:
            year += 1
            handle = f"{handle.rstrip('0123456789')}{year}"
        taken.add(handle)
        handles.append(handle)
    return names, handles


def _handle(given: str, family: str, year: int, style: float, marks: float) -> str:
    """Put a handle together in one of several ways; one in twenty-five keeps its accents."""
    given, family = given.lower(), family.lower().replace("'", "")
    if marks > 0.04 and given[0] < "\u0250":
        given, family = _ascii(given), _ascii(family)
    given, family = (unicodedata.normalize("NFC", part) for part in (given, family))
    forms = (
        f"{given}_{family}",
        f"{given}{family}",
        f"{given[0]}{family}{year}",
        f"{given}{year}",
        f"{family}{given[0]}",
        f"the_{given}_{family[0]}",
    )
    return forms[int(style * len(forms))]


def _ascii(text: str) -> str:
    """Return a text in Latin letters without marks; other scripts become their letters' numbers."""
    plain = unicodedata.normalize("NFKD", text.translate(_LATIN))
    kept = "".join(letter for letter in plain if letter.isascii())
    return kept if kept.strip("_0123456789") else "x" + text.encode().hex()[:12]


def _bio(subjects: list[str], draw: float) -> str:
    a, b, c = subjects
    text = _BIOS[int(draw * len(_BIOS))].format(a=a, b=b, c=c)
    return text[0].upper() + text[1:]


def _location(city: int, draw: float) -> str | None:
    if draw < 0.11:
        return None
    if draw < 0.15:
        return _NOWHERE[int((draw - 0.11) / 0.04 * len(_NOWHERE))]
    texts = CITIES[city].texts
    # The first spelling is the usual one.
    place = (draw - 0.15) / 0.85
    return texts[0] if place < 0.4 else texts[int((place - 0.4) / 0.6 * len(texts))]


def _chosen(values: list[str], weights: list[float], draw: float) -> str:
    left = draw * sum(weights)
    for value, weight in zip(values, weights, strict=True):
        left -= weight
        if left < 0:
            return value
    return values[-1]
