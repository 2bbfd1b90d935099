"""Erasing a person: all that is known of them, at once and for good."""

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accounts.actions.locks import lock_people
from accounts.keys import account_key
from accounts.models import ErasedAccount, Identity, Person, User

logger = logging.getLogger(__name__)


def erase_person(person: Person, *, by: User, now: datetime) -> int:
    """Delete a person and all about them, and leave a tombstone for each of their accounts; return how many those were.

    From the commit on no reader of the activity log sees what the accounts did, received or wrote, and intake takes in
    nothing of them; `tidy_log` takes their rows out of the files. Whoever was merged into the person goes too. Their
    login is closed unless it is a staff member's. It can't be undone. One transaction.
    """
    with transaction.atomic():
        lock_people()
        person = Person.objects.select_for_update(of=("self",)).select_related("user").get(pk=person.pk)
        everybody = Person.objects.filter(Q(pk=person.pk) | Q(merged_into=person))
        identities = Identity.objects.filter(person__in=everybody)
        keys = set()
        for key, network, handle in identities.values_list("key", "network_id", "handle"):
            keys.add(key)
            if handle:
                # Rows that name the handle alone would else make a person of that name.
                keys.add(account_key(network, f"@{handle.lower()}"))
        ErasedAccount.objects.bulk_create(
            [ErasedAccount(key=key, erased_at=now) for key in sorted(keys)], ignore_conflicts=True
        )
        login = person.user
        person.delete()
        if login is not None and not login.is_staff:
            login.delete()
    logger.info("a person with %d accounts was erased by user %s", len(keys), by.pk)
    return len(keys)
