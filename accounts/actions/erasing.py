"""Erasing a person: all that is known of them, at once and for good."""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, models, transaction
from django.db.models import Q

from accounts.actions.locks import lock_people
from accounts.intake import WEB
from accounts.keys import account_key
from accounts.models import ErasedAccount, Identity, Person, PersonQuerySet, User

logger = logging.getLogger(__name__)

# An event that names the person, recorded at the same moment, fails the deletion; each try begins with what is there.
_TRIES: Final = 3


def erase_person(person: Person, *, by: User, now: datetime) -> int:
    """Delete a person and all about them, and leave a tombstone for each of their accounts; return how many those were.

    From the commit on no reader of the activity log sees what the accounts did, received or wrote, and intake takes in
    nothing of them; `tidy_log` takes their rows out of the files. Whoever was merged into the person goes too, and what
    the admin's history says of them. Their login is closed with its memberships and keys, unless it is a staff
    member's (`keeps_login`). It can't be undone. One transaction. Raises Person.DoesNotExist for who is gone already.
    """
    for left in reversed(range(_TRIES)):
        try:
            return _erase(person, by, now)
        except IntegrityError:
            if not left:
                raise
    raise AssertionError


def keeps_login(login: User) -> bool:
    """Say whether a login stays when its person is erased."""
    return login.is_staff or login.is_superuser


def _erase(person: Person, by: User, now: datetime) -> int:
    with transaction.atomic():
        lock_people()
        person = Person.objects.select_for_update(of=("self",)).select_related("user").get(pk=person.pk)
        login = person.user
        accounts = _delete(person, now)
        if login is not None and not keeps_login(login):
            _history_of(User, [login.pk]).delete()
            login.delete()
    logger.info("a person with %d accounts was erased by user %s", accounts, by.pk)
    return accounts


def erase_accounts(keys: Iterable[int], *, now: datetime) -> None:
    """Erase accounts that turned out to be of people who were erased when only a handle was known of them.

    Nobody asked for it by name, so an account goes alone where its person has others on networks, and stays where the
    person is claimed. To be called in a transaction that has locked people (`lock_people`).
    """
    # Locked, or an event that names one of them at the same moment would fail the transaction at its end.
    found = Identity.objects.select_for_update(of=("self", "person")).select_related("person")
    for identity in found.filter(key__in=list(keys)).order_by("key"):
        person = identity.person
        if person.user_id is not None:
            continue
        own = Q(pk=identity.pk) | Q(alias_of=identity.pk)
        # Its website came to the person with the account, and goes with it.
        if person.identities.exclude(own | Q(network=WEB)).exists():
            accounts = Identity.objects.filter(own)
            _bury(accounts, now)
            _history_of(Identity, list(accounts.values_list("pk", flat=True))).delete()
            accounts.delete()
            logger.info("an account was erased, whose handle became known as that of somebody erased")
        else:
            count = _delete(person, now)
            logger.info("a person with %d accounts was erased, whose handle became known as that of one erased", count)


def _delete(person: Person, now: datetime) -> int:
    """Delete a person, and leave tombstones; return how many."""
    everybody = Person.objects.filter(Q(pk=person.pk) | Q(merged_into=person))
    accounts = _bury(Identity.objects.filter(person__in=everybody), now)
    _forget_history(everybody)
    person.delete()
    return accounts


def _bury(identities: models.QuerySet[Identity], now: datetime) -> int:
    tombstones = _tombstones(identities, now)
    ErasedAccount.objects.bulk_create(tombstones, ignore_conflicts=True)
    return len(tombstones)


def _tombstones(identities: models.QuerySet[Identity], now: datetime) -> list[ErasedAccount]:
    known = list(identities.order_by("key"))
    found = {}
    for identity in known:
        by_handle = identity.external_id.startswith("@") and identity.alias_of_id is None
        found[identity.key] = ErasedAccount(key=identity.key, erased_at=now, is_handle=by_handle)
    # Rows that name the handle alone would else make a person of that name; unless the handle is somebody else's.
    made = {account_key(identity.network_id, f"@{identity.handle.lower()}") for identity in known if identity.handle}
    others = set(Identity.objects.filter(key__in=made).values_list("key", flat=True))
    for key in sorted(made - others - found.keys()):
        found[key] = ErasedAccount(key=key, erased_at=now)
    return list(found.values())


def _forget_history(everybody: PersonQuerySet) -> None:
    """Delete what the admin's history says of the people and of rows about them: it keeps their names."""
    people = list(everybody.values_list("pk", flat=True))
    for relation in Person._meta.related_objects:
        about = relation.related_model
        if isinstance(about, type) and issubclass(about, models.Model):
            rows = about._default_manager.filter(**{f"{relation.field.name}__in": people})
            _history_of(about, rows.values_list("pk", flat=True)).delete()
    _history_of(Person, people).delete()


def _history_of(model: type[models.Model], ids: Iterable[Any]) -> models.QuerySet[LogEntry]:
    content = ContentType.objects.get_for_model(model, for_concrete_model=False)
    return LogEntry.objects.filter(content_type=content, object_id__in=[str(pk) for pk in ids])
