"""Declaring time off, and coming back from it."""

import logging
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.db import transaction

from accounts.models import Person, Rest, User
from accounts.models.rests import MOST_DAYS, MOST_RESTS

logger = logging.getLogger(__name__)

# How long after its first day a rest may be declared, and how long before.
DAYS_BACK: Final = 28
DAYS_AHEAD: Final = 365
_YEAR: Final = 365


class RestRefused(Exception):
    """Say in a sentence, for the person who asked, why a rest can't be as asked; nothing was changed."""


def declare_rest(*, person: Person, first_day: date, last_day: date, by: User, now: datetime) -> Rest:
    """Declare that a person is off from one day to another, both in UTC and both among them; return the rest.

    Raises `RestRefused` where `by` doesn't hold the profile, where the days are the wrong way round, too long ago, too
    far ahead or among those of another rest, and where they would be more than `MOST_DAYS`, or more than `MOST_RESTS`
    rests, in any 365 days. The person's row is locked, so that of two at once the second sees the first.
    """
    today = now.astimezone(UTC).date()
    if last_day < first_day:
        raise RestRefused("The last day comes before the first.")
    if first_day < today - timedelta(days=DAYS_BACK):
        raise RestRefused(f"A break can begin at most {DAYS_BACK} days ago.")
    if last_day > today + timedelta(days=DAYS_AHEAD):
        raise RestRefused("A break has to be over within a year from today.")
    with transaction.atomic():
        person = Person.objects.select_for_update().get(pk=person.pk)
        if person.user_id != by.pk:
            raise RestRefused("This profile isn't yours.")
        before = list(Rest.objects.filter(person=person).values_list("first_day", "last_day"))
        if any(first <= last_day and first_day <= last for first, last in before):
            raise RestRefused("Some of these days are among another break of yours.")
        spans = [*before, (first_day, last_day)]
        if _most_within_a_year(first for first, _ in spans) > MOST_RESTS:
            raise RestRefused(f"There can be at most {MOST_RESTS} breaks in any {_YEAR} days.")
        if _most_within_a_year(_days(spans)) > MOST_DAYS:
            raise RestRefused(f"There can be at most {MOST_DAYS} days of breaks in any {_YEAR} days.")
        rest = Rest.objects.create(person=person, first_day=first_day, last_day=last_day, created_at=now, created_by=by)
    logger.info("rest %s was declared by user %s", rest.pk, by.pk)
    return rest


def end_rest(*, rest: Rest, by: User, now: datetime) -> Rest | None:
    """Take back what of a rest is still to come, today among it; return what is left of it, None for nothing.

    Days that are over stay: taken back and declared anew further on, the same few days would keep a score for ever.
    Raises `RestRefused` where `by` doesn't hold the profile, or the rest is over.
    """
    today = now.astimezone(UTC).date()
    with transaction.atomic():
        # The person first, as `declare_rest` does.
        person = Person.objects.select_for_update(of=("self",)).filter(rests=rest.pk).first()
        found = Rest.objects.filter(pk=rest.pk, person=person).first()
        if person is None or found is None:
            return None  # taken back a moment ago
        rest = found
        if person.user_id != by.pk:
            raise RestRefused("This profile isn't yours.")
        if rest.is_over(today):
            raise RestRefused("This break is over.")
        logger.info("rest %s was taken back by user %s", rest.pk, by.pk)
        if rest.first_day >= today:
            rest.delete()
            return None
        rest.last_day = today - timedelta(days=1)
        rest.save(update_fields=["last_day"])
    return rest


def _days(spans: Iterable[tuple[date, date]]) -> set[date]:
    """Return the days of spans, each once: after a merge they may overlap."""
    return {first + timedelta(days=after) for first, last in spans for after in range((last - first).days + 1)}


def _most_within_a_year(days: Iterable[date]) -> int:
    """Return how many of these days lie within the 365 days that hold most of them."""
    ordered = sorted(day.toordinal() for day in days)
    most = start = 0
    for place, day in enumerate(ordered):
        while day - ordered[start] >= _YEAR:
            start += 1
        most = max(most, place - start + 1)
    return most
