"""Rows gathered one by one by readers whose formats are no tables: typed at the end, each post and account once."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from accounts.intake.columns import CONTROL, EARLIEST, LATEST, MAX_ID, MAX_WEBSITE, PROFILE_LIMITS, second_of, shown
from accounts.intake.schema import ACCOUNTS, BATCH_ROWS, INTERACTIONS, POSTS, Batch, Reject

# Half of a surrogate pair comes from JSON's escapes alone, and can't be stored.
_UNFIT = re.compile(rf"{CONTROL}|[\ud800-\udfff]")


class Interaction(NamedTuple):
    """A row of interactions, without its networks."""

    at: int
    kind: str
    actor: str
    target: str
    post: str | None


class Post(NamedTuple):
    """A row of posts, without its network."""

    post: str
    at: int
    author: str
    kind: str
    text: str | None
    links: list[str] | None
    topics: list[str] | None
    lang: str | None


class Account(NamedTuple):
    """A row of accounts, without its network; what isn't known is null."""

    account: str
    handle: str | None = None
    name: str | None = None
    followers: int | None = None
    following: int | None = None
    verified: bool | None = None
    created_at: int | None = None
    bio: str | None = None
    location: str | None = None
    website: str | None = None


class Rows:
    """The rows of one batch on one network.

    A post that comes again is kept as it came first, an event that comes again is kept once; of an account the row
    that knows more is kept.
    """

    def __init__(self, network: str) -> None:
        self.network = network
        self._begin()

    def _begin(self) -> None:
        self.rejects: list[Reject] = []
        self.read = 0
        self._interactions: dict[Interaction, None] = {}
        self._posts: dict[str, Post] = {}
        self._accounts: dict[str, Account] = {}

    def add_interaction(self, row: Interaction) -> None:
        self._interactions[row] = None

    def add_post(self, row: Post) -> None:
        self._posts.setdefault(row.post, row)

    def add_account(self, row: Account) -> None:
        row = _bounded(row)
        known = self._accounts.get(row.account)
        if known is None or _knowledge(row) > _knowledge(known):
            self._accounts[row.account] = row

    @property
    def full(self) -> bool:
        """Return whether it is time for a batch."""
        return max(len(self._interactions), len(self._posts), len(self._accounts), self.read) >= BATCH_ROWS

    def take(self, bytes_read: int) -> Batch:
        """Return the batch and begin the next."""
        batch = Batch(
            interactions=self._table(list(self._interactions), INTERACTIONS),
            posts=self._table(list(self._posts.values()), POSTS),
            accounts=self._table(list(self._accounts.values()), ACCOUNTS),
            rejects=self.rejects,
            rows=self.read,
            bytes_read=bytes_read,
        )
        self._begin()
        return batch

    def _table(self, rows: list[Any], schema: pa.Schema) -> pa.Table:
        columns = dict(zip(schema.names, map(list, zip(*rows, strict=True)), strict=False)) if rows else {}
        columns["network"] = [self.network] * len(rows)
        arrays = [pa.array(columns.get(field.name, [None] * len(rows)), field.type) for field in schema]
        return pa.Table.from_arrays(arrays, schema=schema)


def _bounded(row: Account) -> Account:
    """Return the account with its texts cut to what the platform can store; the rules are those of columns."""

    def cut(name: str) -> str | None:
        text: str | None = getattr(row, name)
        return text and text[: PROFILE_LIMITS[name]]

    return row._replace(
        name=cut("name"),
        location=cut("location"),
        handle=_handle(row.handle),
        website=row.website if row.website and len(row.website) <= MAX_WEBSITE else None,
    )


def _handle(text: str | None) -> str | None:
    """Return a handle that can be part of an address, or None."""
    try:
        return checked_id(text, "handle")
    except ValueError:
        return None


def _knowledge(row: Account) -> int:
    return sum(value is not None for value in row)


class Handles:
    """The table of handles: which id a handle belongs to, in any case of letters.

    A handle that nobody explains gets the provisional id "@handle" in lower case. It names an account of its own until
    a later file gives the handle together with its id: then the provisional account and the real one have the same
    handle on the same network, and are to be joined as identities of one person.
    """

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        self._known = known or {}
        self._found: dict[str, str] = {}

    def learn(self, handle: str | None, account: str) -> None:
        if handle:
            self._found[handle.lower()] = account

    def id_of(self, handle: str) -> str:
        key = handle.removeprefix("@").lower()
        return self._found.get(key) or self._known.get(key) or f"@{key}"


def checked_id(value: object, name: str) -> str:
    """Return an id in NFC; raise ValueError with the reason if it can't be one. The rules are those of columns.ids."""
    text = unicodedata.normalize("NFC", str(value).strip()) if isinstance(value, str | int) else ""
    if not text:
        raise ValueError(f"{name} is missing")
    if len(text) > MAX_ID:
        raise ValueError(f"{name} is longer than {MAX_ID} characters")
    if _UNFIT.search(text):
        raise ValueError(f"{name} holds a control character")
    return text


def checked_time(value: object, name: str) -> int:
    """Return the second of an ISO 8601 text; raise ValueError with the reason if it isn't one from 1970 to 2100."""
    text = str(value or "").strip()
    if not text:
        raise ValueError(f"{name} is missing")
    try:
        second = second_of(text)
    except ValueError as error:
        raise ValueError(f"{name} {shown(text)} is not an ISO 8601 time") from error
    if not EARLIEST <= second <= LATEST:
        raise ValueError(f"{name} {shown(text)} is outside the years 1970 to 2100")
    return second
