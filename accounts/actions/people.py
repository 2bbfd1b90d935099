"""Making people and identities for every account that activity or a profile names."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from django.db import connection, transaction
from django.db.models import Q

from accounts.actions.erasing import erase_accounts
from accounts.actions.first_people import has_people, tables_to_oneself
from accounts.actions.locks import lock_people
from accounts.actions.merging import merge_found
from accounts.actions.people_sql import (
    ADOPT_PROVISIONAL,
    ALIASES,
    ATTACH_TO_PROVISIONAL,
    COPY_INCOMING,
    CREATE_INCOMING,
    EMPTY_INCOMING,
    ERASED,
    ERASED_BY_HANDLE,
    FOUND_PROVISIONAL,
    GRANT_WISHES,
    INSERT_FIRST_PEOPLE,
    INSERT_IDENTITIES,
    INSERT_PEOPLE,
    KNOWN,
    KNOWN_OF_ERASED,
    MARK_KNOWN,
    RENAME_PEOPLE,
    RESERVE_PEOPLE,
    UPDATE_IDENTITIES,
    UPDATE_PEOPLE,
    WAITING,
)
from accounts.intake import ACCOUNTS, WEB
from accounts.intake.columns import bytes_of
from accounts.intake.websites import website_host
from accounts.keys import account_keys
from accounts.models import ErasedAccount, Identity, Network, Person, PersonQuerySet, Place, User
from accounts.places import find_city

# The stubs of pyarrow lack functions on whole columns.
pc: Any = pyarrow.compute

logger = logging.getLogger(__name__)

# Name and profile page of the networks that readers give; others get their slug as a name.
KNOWN_NETWORKS = {
    "twitter": ("Twitter", "https://twitter.com/{handle}"),
    "mastodon": ("Mastodon", ""),
    WEB: ("Websites", "https://{id}/"),
}

Account = tuple[str, str]  # network and id

# Accounts whose text is made, and sent to PostgreSQL, at a time.
_COPIED_AT_ONCE = 20_000
# An id made from a handle that can be one: with what the database refuses of handles left out.
_MADE = r"^@[^@\s\pZ](?:.{0,253}[^\s\pZ])?$"


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
    rows, twice = _each_key(accounts)
    places = _places(rows["location"])
    with transaction.atomic():
        lock_people()
        saved = _save(rows, places, persons or {}, now, alone=False)
    return replace(saved, refused=saved.refused | twice)


def save_first_accounts(accounts: pa.Table, *, now: datetime) -> SavedAccounts | None:
    """Do as `save_accounts` on a platform without people, in half the time; return None where that can't be done.

    It can't where anybody is known, or looks (`tables_to_oneself`); nothing was done then. Whoever reads people waits
    to the end of the caller's transaction. Worth it for tens of thousands of accounts.
    """
    if has_people():
        return None
    rows, twice = _each_key(accounts)
    places = _places(rows["location"])
    with transaction.atomic():
        lock_people()
        with tables_to_oneself() as alone:
            if not alone:
                return None
            saved = _save(rows, places, {}, now, alone=True)
    return replace(saved, refused=saved.refused | twice)


def _save(
    rows: pa.Table, places: Mapping[str, Place], persons: Mapping[Account, int], now: datetime, *, alone: bool
) -> SavedAccounts:
    """Save accounts that have their keys, each once, whose locations are these places.

    `alone` says that the tables are empty, and had for oneself.
    """
    _save_networks({str(network) for network in rows["network"].unique().to_pylist()})
    found = {place.pk: place for place in places.values()}
    Place.objects.bulk_create([found[pk] for pk in sorted(found)], ignore_conflicts=True)
    erased: frozenset[Account] = frozenset()
    aliases: dict[Account, str] = {}
    left: list[int] = []
    with connection.cursor() as cursor:
        rows, others = _compared(cursor, rows, alone=alone)
        rows = _with_numbers(cursor, rows)
        known = not pc.all(rows["is_new"]).as_py()
        has_made = pc.any(pc.starts_with(rows["account"], "@")).as_py()
        cursor.execute(CREATE_INCOMING)
        cursor.execute(EMPTY_INCOMING)
        with cursor.copy(COPY_INCOMING) as copy:
            for start in range(0, rows.num_rows, _COPIED_AT_ONCE):
                copy.write(_copied(rows.slice(start, _COPIED_AT_ONCE), places, persons))
        cursor.execute("ANALYZE incoming_accounts")
        if ErasedAccount.objects.exists():
            if known:
                cursor.execute(KNOWN_OF_ERASED)
                erase_accounts([key for (key,) in cursor.fetchall()], now=now)
            cursor.execute(ERASED_BY_HANDLE)
            cursor.execute(ERASED)
            erased = frozenset((network, account) for network, account in cursor.fetchall())
        if known:
            cursor.execute(UPDATE_PEOPLE)
            cursor.execute(UPDATE_IDENTITIES)
            cursor.execute(FOUND_PROVISIONAL)
            left = _adopt(cursor, cursor.fetchall(), now)
        if rows["made_key"].null_count < rows.num_rows:
            cursor.execute(ATTACH_TO_PROVISIONAL)
        # Accounts with ids of their own first: ids made from handles are then looked up among them.
        people, identities = _insert(cursor, made=False, now=now, alone=alone)
        if has_made:
            cursor.execute(ALIASES)
            aliases = {(network, account): own for network, account, own in cursor.fetchall()}
            cursor.execute(MARK_KNOWN)
            more_people, more_identities = _insert(cursor, made=True, now=now, alone=alone)
            people, identities = people + more_people, identities + more_identities
    drop_empty_people(left)
    if known or has_made:
        with connection.cursor() as cursor:
            cursor.execute(RENAME_PEOPLE)
    return SavedAccounts(people, identities, others, erased, aliases)


def analyze_people() -> None:
    """Tell PostgreSQL at once what it would find out within a minute: that there are many people now."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_person, accounts_identity")


def _each_key(accounts: pa.Table) -> tuple[pa.Table, frozenset[Account]]:
    """Return the accounts with their keys, one for each, and those left out: the least id keeps the key.

    Whose handle is their id has it as handle, and whose id was made from a handle has that one unless another is
    given. `made_key` is the key of an id made from the handle, of those that aren't made from one themselves.
    """
    rows = accounts.select(ACCOUNTS.names).combine_chunks()
    networks: Any = rows["network"].combine_chunks()
    ids: Any = rows["account"].combine_chunks()
    handles = pc.if_else(pc.equal(networks, WEB), ids, rows["handle"].combine_chunks())
    keys: Any = account_keys(networks, ids)
    rows = rows.append_column("key", keys).append_column("made_key", _made_keys(networks, handles))
    if pc.any(pc.starts_with(ids, "@")).as_py():
        is_made = pc.and_(pc.equal(pc.fill_null(handles, ""), ""), pc.match_substring_regex(ids, _MADE))
        handles = pc.if_else(is_made, pc.utf8_slice_codeunits(ids, 1), handles)
    rows = rows.set_column(rows.column_names.index("handle"), "handle", handles)
    if len(pc.unique(keys)) == rows.num_rows:
        return rows, frozenset()
    order = pc.sort_indices(rows.select(["network", "account"]), [("network", "ascending"), ("account", "ascending")])
    _, first = np.unique(keys.to_numpy()[order.to_numpy()], return_index=True)
    kept = np.zeros(rows.num_rows, dtype=np.bool_)
    kept[order.to_numpy()[first]] = True
    return rows.filter(pa.array(kept)), _accounts(rows.filter(pa.array(~kept)))


def _made_keys(networks: Any, handles: Any) -> Any:
    if handles.null_count == len(handles):
        return pa.nulls(len(handles), pa.int64())
    # By Python's rules for lower case, as in `account_key(network, f"@{handle.lower()}")` everywhere else.
    made = [f"@{handle.lower()}" if handle else None for handle in handles.to_pylist()]
    return account_keys(networks, pa.array(made, pa.string()))


def _accounts(rows: pa.Table) -> frozenset[Account]:
    columns: list[Any] = [rows[name].to_pylist() for name in ("network", "account")]
    return frozenset(zip(*columns, strict=True))


def _compared(cursor: Any, rows: pa.Table, *, alone: bool) -> tuple[pa.Table, frozenset[Account]]:
    """Return the accounts with a column `is_new`, and those left out because their key is that of another id."""
    keys = rows["key"].to_numpy()
    known: dict[int, Account] = {}
    if not alone:
        cursor.execute(KNOWN, {"keys": np.sort(keys).tolist()})
        known = {key: (network, account) for key, network, account in cursor.fetchall()}
    is_new = pc.invert(pc.is_in(rows["key"], value_set=pa.array(known, pa.int64())))
    rows = rows.append_column("is_new", is_new)
    if not known:
        return rows, frozenset()
    accounts = zip(rows["network"].to_pylist(), rows["account"].to_pylist(), strict=True)
    same = pa.array([known.get(key, account) == account for key, account in zip(keys.tolist(), accounts, strict=True)])
    return rows.filter(same), _accounts(rows.filter(pc.invert(same)))


def _with_numbers(cursor: Any, rows: pa.Table) -> pa.Table:
    """Return the accounts with a column `wish_id`, the number of a person who is to come, of those that are new."""
    is_new = rows["is_new"].combine_chunks()
    cursor.execute(RESERVE_PEOPLE, {"count": pc.sum(is_new).as_py() or 0})
    numbers = pa.array([number for (number,) in cursor.fetchall()], pa.int64())
    return rows.append_column("wish_id", pc.replace_with_mask(pa.nulls(len(is_new), pa.int64()), is_new, numbers))


def _insert(cursor: Any, *, made: bool, now: datetime, alone: bool) -> tuple[int, int]:
    """Insert the accounts that aren't known, those with made ids or the others; return new people and identities."""
    cursor.execute(WAITING, {"made": made})
    waiting, with_handle = cursor.fetchone()
    people = 0
    attempt = 0 if with_handle else 1
    while waiting:
        cursor.execute(INSERT_FIRST_PEOPLE if alone else INSERT_PEOPLE, {"made": made, "attempt": attempt, "now": now})
        people += cursor.rowcount
        waiting -= cursor.rowcount
        if waiting:
            cursor.execute(GRANT_WISHES)
        attempt += 1
    cursor.execute(INSERT_IDENTITIES, {"made": made})
    return people, cursor.rowcount


def _adopt(cursor: Any, found: list[tuple[int, int, int, int]], now: datetime) -> list[int]:
    """Give ids made from handles to the people whose accounts have the handles; return who may be left with nothing.

    Each comes with the account's key, whose it was and whose it is to be. Whom brands or runs name is merged instead,
    with all that they have, so that nothing of theirs stays with an empty person; where that can't be the id stays.
    """
    if not found:
        return []
    keys = [key for key, *_ in found]
    people = Person.objects.filter(pk__in=[old for _, _, old, _ in found])
    named = set(people.values_list("pk", flat=True)) - set(_unnamed(people).values_list("pk", flat=True))
    # Websites are named by the account, and follow it.
    others = Identity.objects.filter(person__in=named).exclude(network=WEB).exclude(pk__in=keys)
    merging = named - set(others.values_list("person", flat=True))
    accounts = Identity.objects.in_bulk([own for _, own, old, _ in found if old in merging])
    if merging:
        merge_found([(accounts[own], old) for _, own, old, _ in found if old in merging], now=now)
    moving = [(key, old, new) for key, _, old, new in found if old not in merging]
    cursor.execute(ADOPT_PROVISIONAL, {"keys": [key for key, *_ in moving], "people": [new for *_, new in moving]})
    return [old for _, old, _ in moving]


def _save_networks(slugs: set[str]) -> None:
    networks = []
    for slug in sorted(slugs):
        name, profile_url = KNOWN_NETWORKS.get(slug, (slug, ""))
        networks.append(Network(slug=slug, name=name, profile_url=profile_url))
    Network.objects.bulk_create(networks, ignore_conflicts=True)


def _places(locations: Any) -> dict[str, Place]:
    """Return the city of each location that names one."""
    found = ((location, _place(location)) for location in locations.unique().to_pylist())
    return {location: place for location, place in found if place is not None}


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


def _copied(rows: pa.Table, places: Mapping[str, Place], persons: Mapping[Account, int]) -> Any:
    """Return rows as `COPY_INCOMING` takes them, in PostgreSQL's text format."""
    columns: dict[str, Any] = {name: rows[name].combine_chunks() for name in rows.column_names}
    nothing = pa.nulls(rows.num_rows, pa.int64())
    columns |= {"website_host": nothing, "place": nothing, "person": nothing}
    if columns["website"].null_count < rows.num_rows:
        hosts = [website and (website_host(website) or "") for website in columns["website"].to_pylist()]
        columns["website_host"] = pa.array(hosts, pa.string())
    if places:
        cities = [places.get(location) for location in columns["location"].to_pylist()]
        columns["place"] = pa.array([city and city.pk for city in cities], pa.int64())
    if persons:
        named = zip(columns["network"].to_pylist(), columns["account"].to_pylist(), strict=True)
        columns["person"] = pa.array([persons.get(account) for account in named], pa.int64())
    cells = [_cells(columns[name]) for name in _COPIED]
    lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*cells, "\t"), "", "\n")
    return bytes_of(lines).tobytes()


# Columns of `_copied`, in the order of `COPY_INCOMING`.
_COPIED = (
    *("key", "made_key", "network", "account", "handle", "name", "bio", "location", "website", "website_host"),
    *("followers", "following", "verified", "created_at", "place", "person", "is_new", "wish_id"),
)
# What stands for a sign that would else end a cell or a line; the backslash first, which the others need.
_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))


def _cells(column: Any) -> Any:
    if column.null_count == len(column):
        return pa.array(["\\N"] * len(column), pa.string())
    texts = column.cast(pa.string())
    if pa.types.is_string(column.type):
        for sign, escaped in _ESCAPES:
            texts = pc.replace_substring(texts, sign, escaped)
    return pc.fill_null(texts, "\\N")


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
    empty = Person.objects.filter(pk__in=list(ids), user__isnull=True, claimed_at__isnull=True, identities__isnull=True)
    deleted, _ = _unnamed(empty).delete()
    return deleted


def _unnamed(people: PersonQuerySet) -> PersonQuerySet:
    """Keep those whom no row names but their identities."""
    for relation in Person._meta.related_objects:
        if relation.related_model is not Identity:
            people = people.filter(**{f"{relation.name}__isnull": True})
    return people
