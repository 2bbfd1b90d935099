"""Doing something to the rows that are ticked in a list: not too many, one by one, and saying what came of it."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from campaigns import actions
from campaigns.admin.base import MOST_AT_ONCE, staff_of

# Each code that is held, taken back or revoked is a transaction of its own: so many take some seconds.
MOST_CODES_AT_ONCE = 500


def too_many(request: HttpRequest, rows: QuerySet[Any], most: int | None = None, what: str = "people") -> bool:
    """Return whether these are more rows than anybody acts on at once, with a message where they are."""
    most = most or MOST_AT_ONCE
    if rows.order_by().values("pk")[: most + 1].count() <= most:
        return False
    messages.error(request, f"These are more than {most:,} {what}. Narrow the list down first.")
    return True


def as_they_were(number: int) -> str:
    """Say of rows that nothing was done to them."""
    return f"{number} left as {'it was' if number == 1 else 'they were'}."


def act_on_each(
    request: HttpRequest,
    rows: Iterable[Any],
    act: Callable[..., object],
    *,
    done: Callable[[int], str],
    left: Callable[[int], str] = as_they_were,
    **given: Any,
) -> int:
    """Do something to each row; say to how many it was done, and of the others how many and why not.

    `act` takes a row, `by`, `now` and what is given besides, and raises CampaignError where it can't be. Returns the
    number of rows it was done to.
    """
    number, refused = 0, Counter[str]()
    for row in rows:
        try:
            act(row, by=staff_of(request), now=timezone.now(), **given)
        except actions.CampaignError as error:
            refused[str(error)] += 1
        else:
            number += 1
    if number:
        messages.success(request, done(number))
    for said, times in refused.items():
        messages.warning(request, f"{left(times)} {said}")
    return number
