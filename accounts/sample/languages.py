"""Other languages than English in the sample world: who writes one, and sentences in it."""

import csv
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from accounts.sample.places import CITIES
from accounts.sample.population import Bools, Ints

ENGLISH: Final = "en"
# Of posts of their own, people who write another language write so many in it, and the others in English.
_IN_IT: Final = 0.8


class Language(NamedTuple):
    """A language by its code, the part of a city's people who write it, and its sentences, with bars between."""

    code: str
    cities: dict[str, float]
    openings: str
    seconds: str
    closings: str


def _languages() -> tuple[Language, ...]:
    path = Path(__file__).resolve().parent / "data" / "languages.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            Language(
                row["language"],
                {city: float(part) for city, _, part in (text.partition(":") for text in row["cities"].split("|"))},
                *(row[column] for column in ("openings", "seconds", "closings")),
            )
            for row in csv.DictReader(file)
        )


LANGUAGES: Final = _languages()
_CITY_NAMES: Final = [city.name for city in CITIES]


def draw_languages(city: Ints, author: Ints, own: Bools, rng: np.random.Generator) -> Ints:
    """Return each post's language as a place in `LANGUAGES`, -1 for English.

    `city` is by person, `author` by post; `own` says which posts are in their author's own words. Whatever is drawn,
    the same dice are thrown.
    """
    theirs = np.full(len(city), -1, np.int64)
    draw = rng.random(len(city))
    for place, language in enumerate(LANGUAGES):
        for name, part in language.cities.items():
            theirs[(city == _CITY_NAMES.index(name)) & (draw < part)] = place
    return np.where(own & (rng.random(len(author)) < _IN_IT), theirs[author], -1)


def name_languages(language: Ints) -> Any:
    """Return the codes of languages that `draw_languages` drew."""
    codes = np.array([*(known.code for known in LANGUAGES), ENGLISH], dtype=object)
    return pa.array(codes[language], pa.string())
