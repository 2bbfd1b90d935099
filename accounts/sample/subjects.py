"""What people in the sample world write about: communities, their subjects, and the words of each."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

_TABLE = Path(__file__).resolve().parent / "data" / "subjects.csv"


class Subject(NamedTuple):
    """What posts are about: a topic's slug in the starter table, its hashtags, and things to write a sentence on.

    `community` numbers the people who mostly read each other.
    """

    slug: str
    community: int
    tags: tuple[str, ...]
    things: tuple[str, ...]


def _read() -> tuple[tuple[Subject, ...], dict[str, float]]:
    subjects = []
    weights: dict[str, float] = {}
    with _TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            weights.setdefault(row["community"], float(row["weight"]))
            community = list(weights).index(row["community"])
            subjects.append(
                Subject(row["slug"], community, tuple(row["tags"].split("|")), tuple(row["things"].split("|")))
            )
    return tuple(subjects), weights


# Communities by name, and how large a part of everybody each is, in any unit.
SUBJECTS, COMMUNITIES = _read()
SLUGS = tuple(subject.slug for subject in SUBJECTS)
# The community of each subject, by its number.
COMMUNITY_OF = np.array([subject.community for subject in SUBJECTS], np.int64)
