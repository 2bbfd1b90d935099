"""Keeping a search under a name, and lists of people to leave out of searches."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models.functions import Lower

from accounts.models import Identity, Network, Person, User
from campaigns.actions.errors import NotYours, SegmentRefused
from campaigns.models import Brand, Exclusion, ExclusionList, Segment

# Of each, what one brand may keep: pages show them all.
MOST_KEPT: Final = 200
# Characters of a segment's filters.
LARGEST_QUERY: Final = 4000
# People that a list may hold.
MOST_EXCLUDED: Final = 100_000
# Handles looked up at a time, by their index.
_AT_ONCE: Final = 1000


def save_segment(
    *, brand: Brand, name: str, query: dict[str, list[str]], described: list[str], by: User, now: datetime
) -> Segment:
    """Keep filters of the influencer list under a name.

    `query` holds the list's parameters, `described` what they mean, in words. Raises NotYours where the user doesn't
    manage the brand, and SegmentRefused for a name that is taken or none, no filters or too many.
    """
    if not query:
        raise SegmentRefused("Nothing is filtered: choose filters first, then save them.")
    if sum(len(key) + len(value) for key, values in query.items() for value in values) > LARGEST_QUERY:
        raise SegmentRefused("These are too many filters to keep. Take some away.")
    segment = Segment(query=query, described=described)
    _keep(segment, brand, name, by, now)
    return segment


def make_exclusion_list(*, brand: Brand, name: str, by: User, now: datetime) -> ExclusionList:
    """Make an empty list of people to leave out. Raises as `save_segment` does."""
    made = ExclusionList()
    _keep(made, brand, name, by, now)
    return made


def _keep(row: Any, brand: Brand, name: str, by: User, now: datetime) -> None:
    """Save a new row of a brand under a name that no other of its kind has there."""
    name = " ".join(name.split())
    if not name or len(name) > 80 or not name.isprintable():
        raise SegmentRefused("A name has 1 to 80 characters.")
    if not Brand.objects.managed_by(by).filter(pk=brand.pk).exists():
        raise NotYours("This brand isn't one of yours.")
    if type(row).objects.filter(brand=brand).count() >= MOST_KEPT:
        raise SegmentRefused(f"{brand} keeps {MOST_KEPT} of these already. Delete some first.")
    row.brand, row.name, row.created_by, row.created_at = brand, name, by, now
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise SegmentRefused(f"{brand} has one named “{name}” already. Choose another name.") from None


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of handles that were put on a list; `unknown` are those by whom nobody goes, ascending."""

    added: int
    already: int
    unknown: list[str]


@transaction.atomic
def exclude_people(*, exclusion_list: ExclusionList, handles: Iterable[str], by: User) -> Filled:
    """Put the people on a list who go by handles, here or on any network, case and a leading @ aside.

    Only people whom the user sees. Who goes by no handle is told and not kept. Raises NotYours where the user doesn't
    manage the list's brand, and SegmentRefused where the list would hold more than `MOST_EXCLUDED`.
    Two queries for each thousand handles, and one for each network.
    """
    locked = ExclusionList.objects.managed_by(by).filter(pk=exclusion_list.pk).select_for_update(of=("self",)).first()
    if locked is None:
        raise NotYours("This list isn't one of your brand's.")
    wanted = sorted({handle.strip().removeprefix("@").lower() for handle in handles} - {""})
    found = _people_by_handle(wanted, by)
    people = {pk for each in found.values() for pk in each}
    there = set(Exclusion.objects.filter(exclusion_list=locked).values_list("person_id", flat=True))
    new = sorted(people - there)
    if len(there) + len(new) > MOST_EXCLUDED:
        raise SegmentRefused(f"A list holds at most {MOST_EXCLUDED:,} people.")
    Exclusion.objects.bulk_create(
        [Exclusion(exclusion_list=locked, person_id=pk) for pk in new], batch_size=5000, ignore_conflicts=True
    )
    return Filled(len(new), len(people & there), [handle for handle in wanted if handle not in found])


def _people_by_handle(handles: list[str], viewer: User) -> dict[str, set[int]]:
    """Return who goes by each handle (lower case), of the people whom the viewer sees."""
    visible = Person.objects.visible_to(viewer)
    networks = list(Network.objects.order_by("slug"))
    found: dict[str, set[int]] = {}
    for start in range(0, len(handles), _AT_ONCE):
        some = handles[start : start + _AT_ONCE]
        by_profile = visible.annotate(lower=Lower("handle")).filter(lower__in=some)
        pairs = list(by_profile.values_list("lower", "pk"))
        for network in networks:
            accounts = Identity.objects.filter(network=network).annotate(lower=Lower("handle")).filter(lower__in=some)
            pairs += accounts.values_list("lower", "person_id")
        seen = set(visible.filter(pk__in={pk for _, pk in pairs}).values_list("pk", flat=True))
        for handle, pk in pairs:
            if pk in seen:
                found.setdefault(handle, set()).add(pk)
    return found
