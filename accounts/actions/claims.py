"""Joining a person to the login of whom they are."""

import logging
from datetime import datetime

from django.db import transaction

from accounts.models import Person, User

logger = logging.getLogger(__name__)


class ClaimRefused(Exception):
    """Say in a sentence for the visitor why the claim can't be."""


def claim_person(person: Person, *, user: User, via: str, by: User, now: datetime) -> Person:
    """Join a person to a login; doing it again for the same login changes nothing.

    `by` is who did it: the user themselves, or an operator. Raises `ClaimRefused` where somebody else has the
    person, the user has another one, or the person was merged into another. Rows are locked, the user's first, so of
    two at once one is refused.
    """
    if user.is_service:
        raise ClaimRefused("A service user can't be a person.")
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        person = Person.objects.select_for_update().get(pk=person.pk)
        if person.user_id == user.pk:
            return person
        if person.merged_into_id is not None:
            raise ClaimRefused("This profile is part of another one now.")
        if person.user_id is not None:
            raise ClaimRefused("Somebody else has claimed this profile already.")
        if Person.objects.filter(user=user).exists():
            raise ClaimRefused("This login already holds another profile.")
        person.user = user
        person.claimed_at = now
        person.claimed_via = via
        person.save(update_fields=["user", "claimed_at", "claimed_via"])
    logger.info("person %s claimed for user %s by user %s (%s)", person.pk, user.pk, by.pk, via)
    return person
