"""Whose accounts wrote what: people's account keys as arrays, to be held against the authors of the log's posts."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from django.db.models import Q

from accounts.models import Identity
from accounts.queries import erased_accounts, numbers

Ints = npt.NDArray[np.int64]

# Of more people than this all rows are read, and the others' dropped.
NAMED: Final = 20_000


def places(among: Ints, some: Ints) -> Ints:
    """Return the place of each among ascending numbers, -1 for those that aren't there."""
    if not among.size:
        return np.full(some.size, -1)
    place = np.minimum(np.searchsorted(among, some), among.size - 1)
    return np.where(among[place] == some, place, -1)


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts of people, ascending by key, with each one's place among the people."""

    keys: Ints
    person: Ints
    people: int

    @classmethod
    def of(cls, people: Ints) -> Self:
        """Return the accounts of people, ascending by id, that weren't erased. Two queries."""
        among = Q(person__in=people.tolist()) if people.size < NAMED else Q()
        keys, person = numbers(Identity.objects.filter(among).order_by(), "key", "person_id")
        place = places(people, person)
        counts = (place >= 0) & ~np.isin(keys, erased_accounts())
        keys, place = keys[counts], place[counts]
        order = np.argsort(keys)
        return cls(keys[order], place[order], people.size)
