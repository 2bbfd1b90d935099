"""Where the sample world's people live, what they are called there, and what they call the place."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).resolve().parent / "data"


class City(NamedTuple):
    """`hours` is the distance to UTC without summer time; `texts` are what profiles there say."""

    name: str
    weight: float
    hours: int
    texts: tuple[str, ...]
    cultures: dict[str, float]


class Name(NamedTuple):
    """A part of a name in Latin letters, and in the script that it comes from where that is another."""

    latin: str
    native: str


class Culture(NamedTuple):
    given: tuple[Name, ...]
    family: tuple[Name, ...]
    family_first: bool


def _rows(file_name: str) -> Iterator[dict[str, str]]:
    with (_FOLDER / file_name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _names(text: str) -> tuple[Name, ...]:
    parts = (part.partition(":") for part in text.split("|"))
    return tuple(Name(latin, native) for latin, _, native in parts)


def _cultures(text: str) -> dict[str, float]:
    parts = (part.partition(":") for part in text.split("|"))
    return {culture: float(weight) for culture, _, weight in parts}


CITIES = tuple(
    City(
        row["city"],
        float(row["weight"]),
        int(row["hours"]),
        tuple(row["texts"].split("|")),
        _cultures(row["cultures"]),
    )
    for row in _rows("cities.csv")
)
CULTURES = {
    row["culture"]: Culture(_names(row["given"]), _names(row["family"]), row["order"] == "family")
    for row in _rows("names.csv")
}
