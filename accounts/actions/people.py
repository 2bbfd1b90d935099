"""Making people and identities for every account that activity or a profile names."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
from django.db import connection, transaction
from django.db.models import Q

from accounts.actions.locks import lock_people
from accounts.actions.people_sql import (
    ADOPT_PROVISIONAL,
    ALIASES,
    ATTACH_TO_PROVISIONAL,
    COLLISIONS,
    COPY_INCOMING,
    CREATE_INCOMING,
    EMPTY_INCOMING,
    ERASED,
    ERASED_BY_HANDLE,
    GRANT_WISHES,
    INSERT_IDENTITIES,
    INSERT_PEOPLE,
    MARK_NEW,
    REMAINING,
    RENAME_PEOPLE,
    UPDATE_IDENTITIES,
    UPDATE_PEOPLE,
    WISH,
)
from accounts.intake import ACCOUNTS, WEB
from accounts.intake.websites import website_host
from accounts.keys import account_key, account_keys
from accounts.models import Identity, Network, Person, Place, User
from accounts.places import find_city

logger = logging.getLogger(__name__)

# Name and profile page of the networks that readers give; others get their slug as a name.
KNOWN_NETWORKS = {
    "twitter": ("Twitter", "https://twitter.com/{handle}"),
    "mastodon": ("Mastodon", ""),
    WEB: ("Websites", "https://{id}/"),
}

Account = tuple[str, str]  # network and id


@dataclass(frozen=True, slots=True)
class SavedAccounts:
    """What became of some accounts.

    `refused` are those whose key belongs to another id: their rows can't be kept. `erased` are those that were erased:
    theirs may not be. `aliases` says of ids made from a handle which known account has that handle: their rows are that
    account's.
    """

    people: int
    identities: int
    refused: frozenset[Account]
    erased: frozenset[Account]
    aliases: Mapping[Account, str]


def save_accounts(accounts: pa.Table, *, now: datetime, persons: Mapping[Account, int] | None = None) -> SavedAccounts:
    """Make a person and an identity for each account that isn't known, and update what is known of the others.

    `accounts` has the columns of `intake.ACCOUNTS` and each account once. A null wipes nothing. What a profile says
    also goes to its person while nobody claimed that person, where it was empty or came from this profile. `persons`
    names the owner of accounts that shall belong to somebody known. One transaction, one such at a time; about twelve
    queries, whatever the number of rows.
    """
    networks: Any = accounts["network"].combine_chunks()
    ids: Any = accounts["account"].combine_chunks()
    keys = account_keys(networks, ids)
    rows, twice = _each_key(accounts.select(ACCOUNTS.names).append_column("key", keys).to_pylist())
    places = _places(row["location"] for row in rows)
    with transaction.atomic():
        lock_people()
        _save_networks({row["network"] for row in rows})
        Place.objects.bulk_create([places[pk] for pk in sorted(places)], ignore_conflicts=True)
        with connection.cursor() as cursor:
            cursor.execute(CREATE_INCOMING)
            cursor.execute(EMPTY_INCOMING)
            with cursor.copy(COPY_INCOMING) as copy:
                for row in _prepared(rows, persons or {}):
                    copy.write_row(row)
            cursor.execute("ANALYZE incoming_accounts")
            cursor.execute(COLLISIONS)
            refused = twice | {(network, account) for network, account in cursor.fetchall()}
            cursor.execute(ERASED_BY_HANDLE)
            cursor.execute(ERASED)
            erased = frozenset((network, account) for network, account in cursor.fetchall())
            cursor.execute(UPDATE_PEOPLE)
            cursor.execute(UPDATE_IDENTITIES)
            cursor.execute(ADOPT_PROVISIONAL)
            left = [person for (person,) in cursor.fetchall()]
            # Accounts with ids of their own first: ids made from handles are then looked up among them.
            people, identities = _insert(cursor, made=False, now=now)
            cursor.execute(ALIASES)
            aliases = {(network, account): known for network, account, known in cursor.fetchall()}
            more_people, more_identities = _insert(cursor, made=True, now=now)
        drop_empty_people(left)
        with connection.cursor() as cursor:
            cursor.execute(RENAME_PEOPLE)
    return SavedAccounts(people + more_people, identities + more_identities, refused, erased, aliases)


def analyze_people() -> None:
    """Tell PostgreSQL at once what it would find out within a minute: that there are many people now."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_person, accounts_identity")


def _each_key(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], frozenset[Account]]:
    """Return the rows with one for each key, and the accounts of those left out: the least id keeps the key."""
    first: dict[int, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row["network"], row["account"])):
        first.setdefault(row["key"], row)
    if len(first) == len(rows):
        return rows, frozenset()
    every = {(row["network"], row["account"]) for row in rows}
    return list(first.values()), frozenset(every - {(row["network"], row["account"]) for row in first.values()})


def _insert(cursor: Any, *, made: bool, now: datetime) -> tuple[int, int]:
    """Insert the accounts that aren't known, those with made ids or the others; return new people and identities."""
    parameters = {"made": made}
    cursor.execute(MARK_NEW, parameters)
    cursor.execute(ATTACH_TO_PROVISIONAL, parameters)
    people = 0
    attempt = 0
    while True:
        cursor.execute(REMAINING)
        if not cursor.fetchone()[0]:
            break
        cursor.execute(WISH, {"attempt": attempt})
        cursor.execute(INSERT_PEOPLE, {"now": now})
        cursor.execute(GRANT_WISHES)
        people += cursor.rowcount
        attempt += 1
    cursor.execute(INSERT_IDENTITIES, parameters)
    return people, cursor.rowcount


def _save_networks(slugs: set[str]) -> None:
    networks = []
    for slug in sorted(slugs):
        name, profile_url = KNOWN_NETWORKS.get(slug, (slug, ""))
        networks.append(Network(slug=slug, name=name, profile_url=profile_url))
    Network.objects.bulk_create(networks, ignore_conflicts=True)


def _places(locations: Iterable[str | None]) -> dict[int, Place]:
    places = {}
    for location in set(locations):
        place = _place(location)
        if place is not None:
            places[place.pk] = place
    return places


def _place(location: str | None) -> Place | None:
    city = find_city(location) if location else None
    if city is None:
        return None
    return Place(
        geoname_id=city.geoname_id,
        name=city.name,
        region=city.admin,
        country=city.country_code,
        latitude=city.latitude,
        longitude=city.longitude,
        population=city.population,
    )


def _prepared(rows: Iterable[dict[str, Any]], persons: Mapping[Account, int]) -> Iterator[tuple[Any, ...]]:
    """Yield rows as `COPY_INCOMING` takes them."""
    for row in rows:
        network, account, website = row["network"], row["account"], row["website"]
        place = _place(row["location"])
        handle = account if network == WEB else row["handle"]
        yield (
            row["key"],
            account_key(network, f"@{handle.lower()}") if handle else None,
            network,
            account,
            handle,
            row["name"],
            row["bio"],
            row["location"],
            website,
            website and (website_host(website) or ""),
            row["followers"],
            row["following"],
            row["verified"],
            row["created_at"],
            place and place.pk,
            persons.get((network, account)),
        )


def move_identity(identity: Identity, *, person: Person, by: User, now: datetime) -> None:
    """Say whose an identity is. The person who had it goes, where nothing else is known of them.

    Given to somebody who was merged into another person, it is that one's. The next import moves a website back to
    whoever alone names it, unless it is marked as proved.
    """
    with transaction.atomic():
        lock_people()
        known = Identity.objects.select_for_update().get(pk=identity.pk)
        person = Person.objects.select_related("merged_into").get(pk=person.pk)
        person = person.merged_into or person
        Identity.objects.filter(Q(pk=identity.pk) | Q(alias_of=identity.pk)).update(person=person)
        Person.objects.filter(pk__in=[known.person_id, person.pk]).update(regrouped_at=now)
        drop_empty_people([known.person_id])
    logger.info("identity %s moved from person %s to %s by %s", identity.pk, known.person_id, person.pk, by.pk)


def drop_empty_people(ids: Iterable[int]) -> int:
    """Delete people who own no identity any more, unless somebody claimed them or anything else names them.

    An identity can move to another person: a website to whoever alone names it, an id made from a handle to the account
    that turns out to have the handle.
    """
    empty = Person.objects.filter(pk__in=list(ids), user__isnull=True, claimed_at__isnull=True)
    for relation in Person._meta.related_objects:
        empty = empty.filter(**{f"{relation.name}__isnull": True})
    deleted, _ = empty.delete()
    return deleted
