"""What every reader gives: three Arrow tables with ids still as text, and the rows it had to leave out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

INTERACTION_KINDS = ("like", "reply", "repost", "quote", "mention", "link", "click", "follow")
POST_KINDS = ("original", "reshare", "reply", "quote")

# Network of a dataset whose rows name none.
DEFAULT_NETWORK = "dataset"
# Network of websites: an account there is a host, lower case, without "www.".
WEB = "web"

# Rows in one batch, roughly: some tens of megabytes with texts, whatever the size of the file.
BATCH_ROWS = 50_000

_TEXTS = pa.list_(pa.string())


def _schema(required: dict[str, pa.DataType], optional: dict[str, pa.DataType], order: str) -> pa.Schema:
    fields = {name: pa.field(name, kind, nullable=False) for name, kind in required.items()}
    fields |= {name: pa.field(name, kind) for name, kind in optional.items()}
    return pa.schema([fields[name] for name in order.split()])


INTERACTIONS = _schema(
    {"at": pa.int64()} | dict.fromkeys(("kind", "actor", "target", "network"), pa.string()),
    # target_network null: the target is on the actor's network. A link from a post to a website crosses networks.
    {"post": pa.string(), "target_network": pa.string()},
    "at kind actor target post network target_network",
)
POSTS = _schema(
    {"at": pa.int64()} | dict.fromkeys(("post", "author", "kind", "network"), pa.string()),
    {"text": pa.string(), "links": _TEXTS, "topics": _TEXTS, "lang": pa.string()},
    "post at author kind text links topics lang network",
)
ACCOUNTS = _schema(
    dict.fromkeys(("account", "network"), pa.string()),
    dict.fromkeys(("handle", "name", "bio", "location", "website"), pa.string())
    | dict.fromkeys(("followers", "following", "created_at"), pa.int64())
    | {"verified": pa.bool_()},
    "account handle name followers following verified created_at bio location website network",
)
# In the order in which a data set is read: who somebody is before what they did.
TABLES = {"accounts": ACCOUNTS, "posts": POSTS, "interactions": INTERACTIONS}


class NotThisFormat(Exception):
    """Say in one line what was expected and what was found: the file is refused."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was left out: its file, its line (rows count from 1 in Parquet) and why."""

    source: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a source, in its order.

    `rows` counts the rows that were read for this batch, good and bad. `bytes_read` is how far into
    `Source.size_bytes` the reader has come, as the file lies on the disk (compressed).
    """

    interactions: pa.Table = field(default_factory=INTERACTIONS.empty_table)
    posts: pa.Table = field(default_factory=POSTS.empty_table)
    accounts: pa.Table = field(default_factory=ACCOUNTS.empty_table)
    rejects: list[Reject] = field(default_factory=list)
    rows: int = 0
    bytes_read: int = 0


class Source(Protocol):
    """A file or folder that was found to be what it claims."""

    @property
    def size_bytes(self) -> int:
        """Return the size on disk of everything that will be read, each pass over a file counted."""

    def batches(self) -> Iterator[Batch]:
        """Read from the beginning, in bounded memory.

        Can be called again and then gives the same. Raises `NotThisFormat` where a file turns out damaged on the way
        (a gzip stream that breaks off, a Parquet page that can't be read).
        """
