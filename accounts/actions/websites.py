"""Whose website a host is. A website is an account of the network `web`, its id the host."""

from collections.abc import Callable
from datetime import datetime
from itertools import chain, count
from typing import Any

import pyarrow as pa
from django.db import connection, transaction

from accounts.actions.locks import lock_people
from accounts.actions.people import Account, drop_empty_people, save_accounts
from accounts.intake import ACCOUNTS, WEB
from accounts.models import Identity, Person

# Rows held in memory at once.
_AT_ONCE = 20_000

# Hosts whose account is missing or belongs to somebody else than it should. Owner is who alone names the host in a
# profile, or alone among those whom their network verified; else nobody, and the host is a person of its own. An
# account that was proved stays where it is, and so does one of a person of its own that somebody claimed.
_MISPLACED = """
WITH naming AS (
    SELECT website_host AS host, person_id, bool_or(verified) AS verified
    FROM accounts_identity WHERE website_host <> '' AND network_id <> %(web)s
    GROUP BY website_host, person_id
), owners AS (
    SELECT host, CASE
        WHEN count(*) = 1 THEN min(person_id)
        WHEN count(*) FILTER (WHERE verified) = 1 THEN min(person_id) FILTER (WHERE verified)
    END AS person_id
    FROM naming GROUP BY host
)
SELECT o.host, o.person_id, i.key, i.person_id
FROM owners o
LEFT JOIN accounts_identity i ON i.network_id = %(web)s AND i.external_id = o.host
LEFT JOIN accounts_person p ON p.id = i.person_id
LEFT JOIN naming n ON n.host = o.host AND n.person_id = i.person_id
WHERE i.key IS NULL
    OR i.proved_at IS NULL AND CASE
        WHEN n.person_id IS NOT NULL THEN o.person_id IS DISTINCT FROM i.person_id
        ELSE o.person_id IS NOT NULL AND p.user_id IS NULL
    END
ORDER BY o.host
"""


def join_websites(*, now: datetime, progress: Callable[[int, int], None]) -> tuple[int, int]:
    """Give each website that profiles name to its owner; return how many people and identities that made.

    `progress` is told how many of all the websites to be made or moved are done.

    Nobody takes a well-known site by writing it in a profile: as soon as two people name a host, it is its own person
    again unless exactly one of them is verified by their network. Hosts that many people share, and shorteners, are
    nobody's from the start (`intake.websites`).
    """
    with transaction.atomic():
        lock_people()
        with connection.cursor() as cursor:
            cursor.execute(_MISPLACED, {"web": WEB})
            found = cursor.fetchall()
        missing = [(host, owner) for host, owner, key, _ in found if key is None]
        moving = [(host, owner, key, holder) for host, owner, key, holder in found if key is not None]
        people = identities = 0
        progress(0, len(found))
        for start in range(0, len(missing), _AT_ONCE):
            some = missing[start : start + _AT_ONCE]
            owners: dict[Account, int] = {(WEB, host): owner for host, owner in some if owner is not None}
            saved = save_accounts(_accounts([host for host, _ in some]), now=now, persons=owners)
            people, identities = people + saved.people, identities + saved.identities
            progress(start + len(some), len(found))
        for done, (host, owner, key, _) in enumerate(moving, start=len(missing) + 1):
            if owner is None:
                owner = Person.objects.create(handle=_free_handle(host), created_at=now).pk
                people += 1
            Identity.objects.filter(key=key).update(person=owner)
            if done % 1000 == 0 or done == len(found):
                progress(done, len(found))
        drop_empty_people(holder for *_, holder in moving)
    return people, identities


def _accounts(hosts: list[str]) -> pa.Table:
    columns: dict[str, pa.Array[Any]] = {name: pa.nulls(len(hosts)) for name in ACCOUNTS.names}
    columns |= {"account": pa.array(hosts), "network": pa.array([WEB] * len(hosts))}
    return pa.table(columns).cast(ACCOUNTS)


def _free_handle(host: str) -> str:
    """Return the host as a handle that nobody has: bare, else with its network, else numbered from 2."""
    wishes = chain([host, f"{host}@{WEB}"], (f"{host}@{WEB}-{number}" for number in count(2)))
    return next(wish for wish in wishes if not Person.objects.filter(handle__iexact=wish).exists())


def known_websites() -> frozenset[str]:
    """Return the hosts of all websites that are somebody's account."""
    hosts = Identity.objects.filter(network=WEB).values_list("external_id", flat=True)
    return frozenset(hosts.iterator(chunk_size=10_000))
