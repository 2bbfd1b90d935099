"""What the engine and the API read about people and their activity."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import Q, Value
from django.db.models.functions import Lower

from accounts.log import LogFolder
from accounts.models import (
    ApiKey,
    ErasedAccount,
    Identity,
    LogFile,
    LogFileQuerySet,
    Person,
    PersonQuerySet,
    Rest,
    Viewer,
)
from accounts.storage import Readable

_OWNERS = pa.schema([("account", pa.int64()), ("person", pa.int64())])
_RESTS = pa.schema([("person", pa.int64()), ("start", pa.int64()), ("end", pa.int64())])
# Numbers that PostgreSQL gives in one piece.
_AT_ONCE = 1_000_000
# When a key was last used is known to this; each request writing it would make every read a write.
_LAST_USED_EVERY = timedelta(minutes=1)


def numbers(rows: models.QuerySet[Any], *fields: str) -> list[npt.NDArray[Any]]:
    """Return columns of whole numbers (int64) or floats (float64) without nulls, an array each. One query.

    PostgreSQL strings their bytes together, so that Python sees a million of them at once and not row by row, which
    takes some microseconds each, by COPY too.
    """
    compose: Any = connection.ops  # the stubs know no backend's own
    floats = [isinstance(_output(rows, name), models.FloatField) for name in fields]
    try:
        query = compose.compose_sql(*rows.values_list(*fields).query.sql_with_params())
    except EmptyResultSet:  # Django sees that nothing can be found, and asks for nothing
        return [np.zeros(0, dtype=np.float64 if is_float else np.int64) for is_float in floats]
    sends = ("float8send" if is_float else "int8send" for is_float in floats)
    together = ", ".join(f"string_agg({send}(\"{name}\"), '')" for send, name in zip(sends, fields, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {together} FROM"  # noqa: S608  # fields of our own models
            f" (SELECT *, row_number() OVER () / {_AT_ONCE} AS part FROM ({query}) AS rows) AS parts GROUP BY part"
        )
        found = cursor.fetchall()
    return [
        np.frombuffer(b"".join(part[place] for part in found), dtype=">f8" if is_float else ">i8").astype(
            np.float64 if is_float else np.int64
        )
        for place, is_float in enumerate(floats)
    ]


def _output(rows: models.QuerySet[Any], name: str) -> Any:
    """Return the field that a column is, an annotation's or the model's own."""
    annotated = rows.query.annotations.get(name)
    return annotated.output_field if annotated is not None else _field_of(rows.model, name)


def _field_of(model: type[models.Model], column: str) -> Any:
    return next(field for field in model._meta.concrete_fields if column in (field.attname, field.name))


def owners() -> pa.Table:
    """Return whose each account is: a row (account key, person) per identity. One query."""
    return pa.table(numbers(Identity.objects.order_by(), "key", "person_id"), schema=_OWNERS)


def seed_persons() -> npt.NDArray[np.int64]:
    """Return the people where trust starts, ascending: an operator vouches, or an identity was proved or verified."""
    vouched = Person.objects.unmerged().filter(
        Q(is_seed=True) | Q(identities__proved_at__isnull=False) | Q(identities__verified=True)
    )
    return np.fromiter(vouched.order_by("pk").distinct().values_list("pk", flat=True), dtype=np.int64)


def rests() -> pa.Table:
    """Return all declared rests, in epoch seconds from the begin to before the end, by person and begin. One query."""
    found = Rest.objects.order_by("person_id", "first_day", "pk").values_list("person_id", "first_day", "last_day")
    rows = np.array([(who, _midnight(first), _midnight(last, 1)) for who, first, last in found], dtype=np.int64)
    return pa.table(list(rows.reshape(-1, 3).T), schema=_RESTS)


def _midnight(day: date, after: int = 0) -> int:
    return ((day - date(1970, 1, 1)).days + after) * 86_400


def erased_accounts() -> npt.NDArray[np.int64]:
    """Return the keys of the accounts of which nothing may be read or taken in, ascending. One query."""
    return np.fromiter(ErasedAccount.objects.order_by("pk").values_list("pk", flat=True), dtype=np.int64)


def erased_between(begin: datetime, end: datetime) -> bool:
    """Say whether anybody was erased after the one moment and up to the other. One query."""
    return ErasedAccount.objects.filter(erased_at__gt=begin, erased_at__lte=end).exists()


def with_handle(people: PersonQuerySet, handle: str) -> PersonQuerySet:
    """Keep the person who has this handle, case aside, as the unique index has it.

    Django's iexact compares in upper case, which no index helps. No handle holds what PostgreSQL can't store.
    """
    if "\0" in handle:
        return people.none()
    return people.alias(lowered=Lower("handle")).filter(lowered=Lower(Value(handle)))


def by_written_handle(people: PersonQuerySet, text: str) -> Person | None:
    """Return whom somebody means who wrote this: the one with this very handle, or else without an @ before it.

    Handles may begin with an @ themselves. One query, or two.
    """
    handle = text.strip()
    found = with_handle(people, handle).first()
    if found is None and handle.startswith("@"):
        return with_handle(people, handle.removeprefix("@")).first()
    return found


def likely_the_same(person: Person, user: Viewer) -> PersonQuerySet:
    """Return whom the user may see of those who name the same website of their own as the person does, by handle."""
    hosts = Identity.objects.filter(person=person).exclude(website_host="").values("website_host")
    naming = Identity.objects.filter(website_host__in=hosts).values("person")
    return Person.objects.visible_to(user).filter(pk__in=naming).exclude(pk=person.pk).order_by("handle", "pk")


def log_files(table: str, until: datetime | None = None, *, since: datetime | None = None) -> list[Readable]:
    """Return the files of a table of the log in the order of their days.

    With `until`, of days that begin before it; with `since`, of days that end after it.
    """
    files = _files(until).filter(table=table).order_by("day", "pk")
    if since is not None:
        files = files.filter(day__gte=since.astimezone(UTC).date())
    return LogFolder(settings.ACTIVITY_LOG).readable(files.values_list("path", flat=True))


@dataclass(frozen=True, slots=True)
class LogDay:
    """What the log holds of a day: its files, and for each table when its rows last changed (`LogFile.added`), else 0.

    A file that was given up changed them too. `rows` is how many both tables have.
    """

    interactions: tuple[Readable, ...]
    posts: tuple[Readable, ...]
    acted: int
    posted: int
    rows: int


def log_days(until: datetime) -> dict[date, LogDay]:
    """Return the days of the log that begin before a moment, ascending. One query.

    Whoever wants to know what is new since has to hold the lock of the log: what is entered later has higher numbers.
    """
    folder = LogFolder(settings.ACTIVITY_LOG)
    found: dict[date, dict[str, list[LogFile]]] = {}
    for file in _before(LogFile.objects.all(), until).order_by("day", "pk"):
        found.setdefault(file.day, {name: [] for name in LogFile.Table.values})[file.table].append(file)
    days = {}
    for day, tables in found.items():
        live = {name: [file.path for file in files if file.replaced_at is None] for name, files in tables.items()}
        paths = {name: tuple(folder.readable(files)) for name, files in live.items()}
        last = {name: max((file.added for file in files), default=0) for name, files in tables.items()}
        rows = sum(file.rows for files in tables.values() for file in files if file.replaced_at is None)
        days[day] = LogDay(paths["interactions"], paths["posts"], last["interactions"], last["posts"], rows)
    return days


@dataclass(frozen=True, slots=True)
class LogFault:
    """A file of the log that isn't what was written, and what is wrong with it."""

    path: str
    rows: int
    what: str


def log_faults(
    until: datetime | None = None,
    *,
    deep: bool = True,
    progress: Callable[[int, int, int], None] = lambda files, of, rows: None,
) -> Iterator[LogFault]:
    """Hold the files of the log against its manifest, day by day, and yield each that is no longer what was written.

    Reads them whole, or looks only at their lengths, unless `deep`. With `until`, the files of days that begin before
    it. `progress` is told files done, files in all, and rows done. One query.
    """
    folder = LogFolder(settings.ACTIVITY_LOG)
    files = list(_files(until).order_by("day", "table", "pk"))
    rows = 0
    progress(0, len(files), 0)
    faults = folder.faults([file.as_written() for file in files], deep=deep)
    for done, (file, what) in enumerate(zip(files, faults, strict=True), start=1):
        rows += file.rows
        progress(done, len(files), rows)
        if what is not None:
            yield LogFault(file.path, file.rows, what)


def _files(until: datetime | None) -> LogFileQuerySet:
    return _before(LogFile.objects.live(), until)


def _before(files: LogFileQuerySet, until: datetime | None) -> LogFileQuerySet:
    if until is None:
        return files
    last = until.astimezone(UTC) - timedelta(microseconds=1)
    return files.filter(day__lte=last.date())


def authenticate_key(text: str, *, now: datetime) -> ApiKey | None:
    """Return the live key that this text is, with its user, or None; note when it was used, once a minute at most.

    One query, and one more where the note is due. The digest is compared in constant time.
    """
    parts = text.split("_")
    if len(parts) != 3 or parts[0] != "sway":
        return None
    key = ApiKey.objects.live().select_related("user").filter(prefix=parts[1]).first()
    if key is None or not hmac.compare_digest(key.digest, hashlib.sha256(text.encode()).hexdigest()):
        return None
    due = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - _LAST_USED_EVERY)
    if key.last_used_at is None or key.last_used_at <= now - _LAST_USED_EVERY:
        ApiKey.objects.filter(due, pk=key.pk).update(last_used_at=now)
    return key
