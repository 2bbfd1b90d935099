"""People whom the same supporters support."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from accounts.models import Person, Viewer
from accounts.queries import numbers
from scoring.models import ScoreRun, Support

MOST_ALIKE: Final = 200
# Of more who share a supporter, those who share most are compared.
_COMPARED: Final = 5000


@dataclass(frozen=True, slots=True)
class Alike:
    """Somebody whom another's supporters support too.

    `likeness` is the cosine of what each supporter adds to the two, above 0 and at most 1, and 1 where all of them add
    the same parts to both; `shared` counts the supporters whom both have.
    """

    person: int
    likeness: float
    shared: int


def alike(person: int, run: ScoreRun, viewer: Viewer) -> list[Alike]:
    """Return whom a person's supporters support, the most alike first, at most `MOST_ALIKE` whom the viewer sees.

    A run keeps each person's largest supporters, and whom each supports most: likeness is about these lines. Equals by
    lower id; empty for somebody without supporters. Four queries.
    """
    rows = Support.objects.filter(run=run, reach__gt=0).order_by()
    mine, adds = numbers(rows.filter(supported=person), "supporter_id", "reach")
    if not mine.size:
        return []
    order = np.argsort(mine)
    mine, adds = mine[order], adds[order]
    others = rows.filter(supporter__in=mine.tolist()).exclude(supported=person)
    supported, supporter, reach = numbers(others, "supported_id", "supporter_id", "reach")
    people, place = np.unique(supported, return_inverse=True)
    together = np.bincount(place, weights=reach * adds[np.searchsorted(mine, supporter)], minlength=people.size)
    shared = np.bincount(place, minlength=people.size)
    most = np.sort(np.lexsort((people, -together))[:_COMPARED])
    people, together, shared = people[most], together[most], shared[most]
    visible = Person.objects.visible_to(viewer).filter(pk__in=people.tolist()).order_by()
    seen = np.isin(people, numbers(visible, "id")[0])
    people, together, shared = people[seen], together[seen], shared[seen]
    supported, reach = numbers(rows.filter(supported__in=people.tolist()), "supported_id", "reach")
    squares = np.bincount(np.searchsorted(people, supported), weights=reach * reach, minlength=people.size)
    likeness = np.minimum(together / np.sqrt(squares * float(adds @ adds)), 1.0)
    best = np.lexsort((people, -likeness))[:MOST_ALIKE]
    return [Alike(int(people[n]), float(likeness[n]), int(shared[n])) for n in best]
