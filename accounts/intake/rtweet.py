"""CSV as R's package rtweet writes it: one tweet a line, with reposts, replies, quotes and mentions in its columns."""

import csv
import html
import io
import re
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from accounts.intake.columns import shown
from accounts.intake.files import GZIP_FAULTS, Counted
from accounts.intake.rows import Account, Handles, Interaction, Post, Rows, checked_id, checked_time
from accounts.intake.schema import Batch, NotThisFormat, Reject
from accounts.intake.tables import column_names

REQUIRED = ("status_id", "created_at", "user_id", "screen_name", "text", "is_retweet")

# A link that runs into "…" was cut off with its tweet and leads nowhere.
_LINK = re.compile(r"https?://[^\s<>\"…]++(?!…)")
_TRUE = {"true", "t", "1"}

Row = dict[str, str]


@dataclass(frozen=True)
class RtweetSource:
    """A file of tweets. It is read twice: first for the handles and the authors of quoted tweets, then for the rows."""

    path: Path
    network: str
    known: Mapping[str, str] | None

    @property
    def size_bytes(self) -> int:
        return 2 * self.path.stat().st_size

    def batches(self) -> Iterator[Batch]:
        handles, authors = self._look_ahead()
        size = self.path.stat().st_size
        rows = Rows(self.network)
        named: set[str] = set()
        for line, position, row in _read(self.path):
            rows.read += 1
            try:
                if isinstance(row, str):
                    raise ValueError(row)
                _add(rows, row, handles, authors, named)
            except ValueError as error:
                rows.rejects.append(Reject(self.path.name, line, str(error)))
            if rows.full:
                yield rows.take(size + position)
        yield rows.take(2 * size)

    def _look_ahead(self) -> tuple[Handles, dict[str, str]]:
        """Return the table of handles, and who wrote the tweets that are quoted in the file and stand in it.

        Takes memory by accounts and quotes, and 16 bytes a tweet.
        """
        handles = Handles(self.known)
        quoted = array("q")
        statuses = array("q")
        users = array("q")
        for _, _, row in _read(self.path):
            if isinstance(row, str):
                continue
            for handle, account in _named(row):
                handles.learn(handle, account)
            status, user, quote = row["status_id"], row["user_id"], row.get("quoted_status_id", "")
            # Only numbers can be packed; a tweet with another id is rejected in the second reading.
            if _is_number(status) and _is_number(user):
                statuses.append(int(status))
                users.append(int(user))
            if _is_number(quote):
                quoted.append(int(quote))
        tweet, author = np.array(statuses, dtype=np.int64), np.array(users, dtype=np.int64)
        found = np.isin(tweet, np.array(quoted, dtype=np.int64))
        pairs = zip(tweet[found].tolist(), author[found].tolist(), strict=True)
        return handles, {str(status): str(user) for status, user in pairs}


def open_rtweet(path: Path, network: str | None, handles: Mapping[str, str] | None) -> RtweetSource:
    """Check that a CSV file has rtweet's columns."""
    if not path.name.endswith((".csv", ".csv.gz")):
        raise NotThisFormat(f"{path.name} should be a .csv or .csv.gz file as rtweet writes it")
    columns = column_names(path)
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        found = ", ".join(list(columns)[:12])
        raise NotThisFormat(f"{path.name} lacks rtweet's columns {', '.join(missing)}; it has: {shown(found)}")
    return RtweetSource(path, network or "twitter", handles)


def _read(path: Path) -> Iterator[tuple[int, int, Row | str]]:
    """Yield each row's first line, the position on disk, and the row, or the reason why it isn't one."""
    with Counted(path) as source:
        text = io.TextIOWrapper(io.BufferedReader(source), encoding="utf-8-sig", errors="surrogateescape", newline="")
        lines = csv.reader(text)
        try:
            header = [name.strip() for name in next(lines)]
            line = lines.line_num + 1
            for cells in lines:
                if cells:
                    yield line, source.position, _row(header, cells)
                line = lines.line_num + 1
        except csv.Error as error:
            reason = f"unreadable ({error}), a quote that is never closed? The rest was left out"
            yield line, source.position, reason
        except (*GZIP_FAULTS, OSError) as error:
            raise NotThisFormat(f"{path.name} is damaged after line {lines.line_num}: {error}") from error


def _row(header: list[str], cells: list[str]) -> Row | str:
    if len(cells) != len(header):
        return f"{len(cells)} cells where the header has {len(header)}"
    for name, cell in zip(header, cells, strict=True):
        if not cell.isascii() and any("\udc80" <= character <= "\udcff" for character in cell):
            return f"{name} is not UTF-8 text"
    row = {name: "" if cell == "NA" and name != "text" else cell for name, cell in zip(header, cells, strict=True)}
    for name in row:
        # rtweet can write ids with an x in front, against spreadsheets that round them.
        if name.endswith(("status_id", "user_id")) and row[name].startswith("x"):
            row[name] = " ".join(part.removeprefix("x") for part in row[name].split())
    return row


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _named(row: Row) -> Iterator[tuple[str, str]]:
    """Yield the (handle, id) pairs that a row states."""
    for prefix in ("", "reply_to_", "quoted_", "retweet_"):
        handle, account = row.get(f"{prefix}screen_name", ""), row.get(f"{prefix}user_id", "")
        if handle and account:
            yield handle, account
    names, numbers = row.get("mentions_screen_name", "").split(), row.get("mentions_user_id", "").split()
    if len(names) == len(numbers):
        yield from zip(names, numbers, strict=True)


def _number(row: Row, name: str, *, optional: bool = False) -> str:
    value = row.get(name, "").strip()
    if optional and not value:
        return ""
    if not _is_number(checked_id(value, name)):
        raise ValueError(f"{name} {shown(value)} is not a number")
    return value


def _add(rows: Rows, row: Row, handles: Handles, authors: Mapping[str, str], named: set[str]) -> None:
    """Add a tweet's post, interactions and accounts. Everything is checked before anything is added."""
    status, actor = _number(row, "status_id"), _number(row, "user_id")
    at = checked_time(row["created_at"], "created_at")
    replied_to = _number(row, "reply_to_user_id", optional=True)
    replied_post = _number(row, "reply_to_status_id", optional=True) or None
    quoted_post = _number(row, "quoted_status_id", optional=True) or None
    mentioned = [checked_id(account, "mentions_user_id") for account in row.get("mentions_user_id", "").split()]
    actions: list[tuple[str, str, str | None]] = []
    if row["is_retweet"].strip().lower() in _TRUE:
        kind = "reshare"
        handle = row.get("retweet_of_screen_name", "") or row.get("retweet_screen_name", "")
        target = _number(row, "retweet_user_id", optional=True) or (handle and handles.id_of(handle))
        if not target:
            raise ValueError("a retweet that doesn't say of whom: retweet_of_screen_name is missing")
        actions.append(("repost", target, _number(row, "retweet_status_id", optional=True) or None))
        # The mentions in it stand in the original: they are its author's, not the retweeter's.
    else:
        kind = "original"
        # A tweet that quotes and replies at once is two actions; as a post it is a reply.
        quoted = _number(row, "quoted_user_id", optional=True) or authors.get(quoted_post or "")
        if quoted_post:
            kind = "quote"
        if quoted:
            actions.append(("quote", quoted, quoted_post))
        if replied_to:
            kind = "reply"
            actions.append(("reply", replied_to, replied_post))
        # The handle at the head of a reply is the address, not a second action.
        actions += [("mention", account, status) for account in mentioned if account != replied_to]

    text = html.unescape(row["text"])
    expanded = [link for link in row.get("urls_expanded_url", "").split() if "://" in link]
    links = expanded or [link.rstrip(".,;:!?'’”)]") for link in _LINK.findall(text)]
    topics = row.get("hashtags", "").split()
    rows.add_post(Post(status, at, actor, kind, text or None, links or None, topics or None, row.get("lang") or None))
    for action, target, post in actions:
        rows.add_interaction(Interaction(at, action, actor, target, post))
    rows.add_account(_author(row, actor))
    named.add(actor)
    for handle, account in _named(row):
        if account not in named:
            named.add(account)
            rows.add_account(Account(account, handle))
    for _, target, _ in actions:
        if target.startswith("@") and target not in named:
            named.add(target)
            rows.add_account(Account(target, target[1:]))


def _author(row: Row, account: str) -> Account:
    def count(name: str) -> int | None:
        return int(row[name]) if _is_number(row.get(name, "")) else None

    created = row.get("account_created_at", "")
    verified = row.get("verified", "").lower()
    return Account(
        account=account,
        handle=row["screen_name"].strip() or None,
        name=row.get("name") or None,
        followers=count("followers_count"),
        following=count("friends_count"),
        verified=verified in _TRUE if verified else None,
        created_at=checked_time(created, "account_created_at") if created else None,
        bio=row.get("description") or None,
        location=row.get("location") or None,
        website=row.get("profile_expanded_url") or None,
    )
