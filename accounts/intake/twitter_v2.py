"""JSON lines of Twitter's API v2 as twarc writes them: whole answers (data, includes), or a flattened tweet a line."""

import html
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accounts.intake.columns import shown
from accounts.intake.files import GZIP_FAULTS, SNIFF, Counted, sniff_text
from accounts.intake.json_lines import json_object, whole_characters
from accounts.intake.rows import Account, Handles, Interaction, Post, Rows, checked_id, checked_time
from accounts.intake.schema import Batch, NotThisFormat, Reject

# A line with none of an answer's keys, and none of a tweet's or user's own, is something else.
_ANSWER = {"data", "includes", "meta", "errors"}

# Bytes of the longest line that is looked at before a file is believed; an answer has some hundreds of kilobytes.
_LONGEST = 16 << 20

Json = dict[str, Any]


@dataclass(frozen=True)
class TwitterV2Source:
    """A file of answers or of flattened tweets, read once, line by line."""

    path: Path
    network: str
    known: Mapping[str, str] | None

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    def batches(self) -> Iterator[Batch]:
        name = self.path.name
        rows = Rows(self.network)
        handles = Handles(self.known)
        number = 0
        with Counted(self.path) as source:
            try:
                for number, line in enumerate(io.BufferedReader(source, SNIFF), start=1):
                    try:
                        found = json_object(line)
                        if found is None:
                            continue
                        page = Page.of(found)
                    except ValueError as error:
                        rows.read += 1
                        rows.rejects.append(Reject(name, number, str(error)))
                        continue
                    for reason in page.add_to(rows, handles):
                        rows.rejects.append(Reject(name, number, reason))
                    if rows.full:
                        yield rows.take(source.position)
            except (*GZIP_FAULTS, OSError) as error:
                raise NotThisFormat(f"{name} is damaged after line {number}: {error}") from error
            yield rows.take(self.size_bytes)


def open_twitter_v2(path: Path, network: str | None, handles: Mapping[str, str] | None) -> TwitterV2Source:
    """Check that one of a file's first lines is an answer, a tweet or a user of the API."""
    if path.is_dir():
        raise NotThisFormat(f"{path.name} should be a file of JSON lines but is a folder")
    head = sniff_text(path)
    try:
        with Counted(path) as source:
            lines = io.BufferedReader(source, SNIFF)
            if any(_holds_something(lines.readline(_LONGEST)) for _ in range(20)):
                return TwitterV2Source(path, network or "twitter", handles)
    except (*GZIP_FAULTS, OSError) as error:
        raise NotThisFormat(f"{path.name} can't be read: {error}") from error
    begins = shown(head[:40].decode("utf-8-sig", errors="replace"))
    raise NotThisFormat(
        f"{path.name} should hold answers or tweets of Twitter's API v2 line by line; it begins {begins}"
    )


def _holds_something(line: bytes) -> bool:
    try:
        found = json_object(line)
        page = Page.of(found) if found is not None else None
    except ValueError:
        return False
    return page is not None and bool(page.tweets or page.users or not page.broken)


@dataclass(frozen=True)
class Page:
    """What one line holds: tweets and users, wherever in it they stood."""

    tweets: dict[str, Json]
    users: list[Json]
    broken: list[str]

    @classmethod
    def of(cls, line: Json) -> "Page":
        """Gather a line's tweets and users; raise ValueError if it is neither an answer nor a tweet nor a user."""
        page = cls({}, [], [])
        if _is_tweet(line) or _is_user(line):
            page._gather(line)
            return page
        if not _ANSWER & line.keys():
            raise ValueError(f"neither an answer nor a tweet nor a user of the API; its keys: {shown(', '.join(line))}")
        data = line.get("data")
        includes = line.get("includes")
        included = includes if isinstance(includes, dict) else {}
        for item in [*_items(data), *_items(included.get("users")), *_items(included.get("tweets"))]:
            page._gather(item)
        return page

    def _gather(self, item: Any) -> None:
        if not isinstance(item, dict):
            self.broken.append(f"a tweet or user was expected, not {shown(item)}")
        elif _is_user(item):
            self.users.append(item)
        elif _is_tweet(item):
            self.tweets.setdefault(str(item["id"]), item)
            if isinstance(item.get("author"), dict):
                self.users.append(item["author"])
            for mention in _entities(item, "mentions"):
                # Flattened tweets hold the whole profile of each account that they name.
                if mention.get("id") and "created_at" in mention:
                    self.users.append(mention)
            for reference in _references(item):
                # ... and the whole tweet that they refer to.
                if "text" in reference:
                    self._gather(reference)
        else:
            self.broken.append(f"neither a tweet nor a user; its keys: {shown(', '.join(map(str, item)))}")

    def add_to(self, rows: Rows, handles: Handles) -> Iterator[str]:
        """Add everything to the rows, and yield why something can't be."""
        for reason in self.broken:
            rows.read += 1
            yield reason
        for user in self.users:
            try:
                account = _account(user)
            except ValueError as error:
                rows.read += 1
                yield f"user {user.get('id')}: {error}"
                continue
            handles.learn(account.handle, account.account)
            rows.add_account(account)
        for tweet in self.tweets.values():
            for mention in _entities(tweet, "mentions"):
                if mention.get("id") and mention.get("username"):
                    handles.learn(str(mention["username"]), str(mention["id"]))
        for tweet in self.tweets.values():
            rows.read += 1
            try:
                self._add_tweet(tweet, rows, handles)
            except ValueError as error:
                yield f"tweet {tweet.get('id')}: {error}"

    def _add_tweet(self, tweet: Json, rows: Rows, handles: Handles) -> None:
        """Add a tweet's post and interactions. Everything is checked before anything is added."""
        post = checked_id(tweet.get("id"), "id")
        author = checked_id(tweet.get("author_id"), "author_id")
        at = checked_time(tweet.get("created_at"), "created_at")
        referred = {str(reference.get("type")): str(reference.get("id")) for reference in _references(tweet)}
        mentions = _entities(tweet, "mentions")
        actions: list[tuple[str, str | None, str]] = []
        kind = "original"
        if "retweeted" in referred:
            kind = "reshare"
            source = referred["retweeted"]
            # A tweet that is gone isn't included, but the retweet begins "RT @author:".
            first = next((mention for mention in mentions if mention.get("start") == 3), None)
            author_named = _mentioned(first, handles) if first else None
            actions.append(("repost", self._author(source) or author_named, source))
            # The mentions in it stand in the original: they are its author's, not the retweeter's.
        else:
            replied_to = None
            if "quoted" in referred:
                kind = "quote"
                actions.append(("quote", self._author(referred["quoted"]), referred["quoted"]))
            if "replied_to" in referred:
                # A tweet that quotes and replies at once is two actions; as a post it is a reply.
                kind = "reply"
                source = referred["replied_to"]
                replied_to = str(tweet.get("in_reply_to_user_id") or "") or self._author(source)
                actions.append(("reply", replied_to, source))
            # The handle at the head of a reply is the address, not a second action.
            named = dict.fromkeys(_mentioned(mention, handles) for mention in mentions)
            actions += [("mention", account, post) for account in named if account != replied_to]
        checked = [(action, checked_id(target, "target"), source) for action, target, source in actions if target]

        text = html.unescape(whole_characters(str(tweet.get("text") or ""), "text"))
        links = [_clean(url) for url in (_leads_to(url) for url in _entities(tweet, "urls")) if url]
        topics = [_clean(str(tag["tag"])) for tag in _entities(tweet, "hashtags") if tag.get("tag")]
        language = tweet.get("lang")
        rows.add_post(
            Post(
                post,
                at,
                author,
                kind,
                text.replace("\0", "") or None,
                list(dict.fromkeys(links)) or None,
                list(dict.fromkeys(topics)) or None,
                language if isinstance(language, str) and language else None,
            )
        )
        for action, target, source in checked:
            rows.add_interaction(Interaction(at, action, author, target, source))
            if target.startswith("@"):
                rows.add_account(Account(target, target[1:]))

    def _author(self, tweet: str) -> str | None:
        """Return who wrote a tweet of this page, None for a tweet that isn't in it."""
        author = self.tweets.get(tweet, {}).get("author_id")
        return str(author) if author else None


def _is_user(item: Json) -> bool:
    return "id" in item and "username" in item


def _is_tweet(item: Json) -> bool:
    return "id" in item and "text" in item


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _references(tweet: Json) -> list[Json]:
    return [item for item in _items(tweet.get("referenced_tweets")) if isinstance(item, dict)]


def _entities(item: Json, kind: str) -> list[Json]:
    entities = item.get("entities")
    found = entities.get(kind) if isinstance(entities, dict) else None
    return [entity for entity in _items(found) if isinstance(entity, dict)]


def _mentioned(mention: Json, handles: Handles) -> str | None:
    """Return the id of a mentioned account: as stated, else by its handle."""
    if mention.get("id"):
        return str(mention["id"])
    return handles.id_of(str(mention["username"])) if mention.get("username") else None


def _leads_to(url: Json) -> str:
    """Return where a short link leads: behind all redirects if that is known."""
    return str(url.get("unwound_url") or url.get("expanded_url") or url.get("url") or "")


def _clean(text: str) -> str:
    return whole_characters(text, "text").replace("\0", "")


def _account(user: Json) -> Account:
    metrics = user.get("public_metrics")
    counts = metrics if isinstance(metrics, dict) else {}

    def count(name: str) -> int | None:
        value = counts.get(name)
        return value if isinstance(value, int) and value >= 0 else None

    def text(name: str) -> str | None:
        value = user.get(name)
        return _clean(value).strip() or None if isinstance(value, str) else None

    entities = user.get("entities")
    about = entities.get("url") if isinstance(entities, dict) else None
    urls = _items(about.get("urls")) if isinstance(about, dict) else []
    website = _clean(_leads_to(urls[0])) if urls and isinstance(urls[0], dict) else text("url")
    verified = user.get("verified")
    created = user.get("created_at")
    return Account(
        account=checked_id(user.get("id"), "id"),
        handle=text("username"),
        name=text("name"),
        followers=count("followers_count"),
        following=count("following_count"),
        verified=verified if isinstance(verified, bool) else None,
        created_at=checked_time(created, "created_at") if created else None,
        bio=text("description"),
        location=text("location"),
        website=website or None,
    )
