"""The table of topics: its starter rows, and what it gives to match posts by."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
from django.db import transaction

from scoring.engine import TOPIC_PARENTS
from scoring.models import Topic
from scoring.topics import Matcher, TopicName, cautious, compact

STARTER: Final = Path(__file__).resolve().parent.parent / "data" / "topics.csv"


class StarterTopic(NamedTuple):
    """A row of the starter table; `parent` is a slug or empty."""

    slug: str
    name: str
    parent: str
    aliases: list[str]


def read_topics(path: Path) -> list[StarterTopic]:
    """Read a table of topics: slug, name, parent (a slug, or empty), aliases (parted by |)."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            StarterTopic(
                row["slug"].strip(),
                row["name"].strip(),
                row["parent"].strip(),
                [alias.strip() for alias in row["aliases"].split("|") if alias.strip()],
            )
            for row in csv.DictReader(file)
        ]


@transaction.atomic
def ensure_topics() -> int:
    """Create the starter topics that are missing and return how many.

    A topic that is there is left as it is, since an operator may have edited it; one that an operator deleted comes
    back. Raises ValueError if a parent is neither in the table nor stored.
    """
    rows = read_topics(STARTER)
    known = set(Topic.objects.values_list("slug", flat=True))
    missing = [row for row in rows if row.slug not in known]
    # Two who come at once: the second one's rows are the first one's.
    Topic.objects.bulk_create(
        [Topic(slug=row.slug, name=row.name, aliases=row.aliases) for row in missing], ignore_conflicts=True
    )
    topics = {topic.slug: topic for topic in Topic.objects.all()}
    children = []
    for row in missing:
        if row.parent:
            if row.parent not in topics:
                raise ValueError(f"topic {row.slug}: there is no topic {row.parent} to be its parent")
            topics[row.slug].parent = topics[row.parent]
            children.append(topics[row.slug])
    Topic.objects.bulk_update(children, ["parent"])
    return len(missing)


@dataclass(frozen=True, slots=True)
class Topics:
    """What a run knows of topics: how posts are matched, and rows (topic, parent) of what lies below what."""

    matcher: Matcher
    parents: pa.Table


def stored_topics() -> Topics:
    """Return all stored topics. Numbers are their ids. One query."""
    rows = list(Topic.objects.order_by("pk"))
    return _topics(_matched(rows), [(topic.pk, topic.parent_id) for topic in rows if topic.parent_id])


def _matched(topics: list[Topic]) -> list[TopicName]:
    """Return what each topic is found by.

    A name in another language counts unless some other topic goes by it as well: French "chat" is English talk.
    """
    plain = {topic.pk: (topic.name, *topic.aliases) for topic in topics}
    users: dict[str, set[int]] = defaultdict(set)
    for topic in topics:
        for name in (*plain[topic.pk], topic.slug, *topic.names.values()):
            users[compact(name)].add(topic.pk)
    found = []
    for topic in topics:
        foreign = [name for name in topic.names.values() if len(users[compact(name)]) == 1]
        names = (*plain[topic.pk], *foreign)
        found.append(TopicName(topic.pk, topic.slug, names if topic.words_in_text else cautious(names)))
    return found


def starter_topics() -> Topics:
    """Return the starter table's topics, without a database; a topic's number is its place in the table."""
    rows = read_topics(STARTER)
    number = {row.slug: place for place, row in enumerate(rows)}
    names = [TopicName(number[row.slug], row.slug, (row.name, *row.aliases)) for row in rows]
    return _topics(names, [(number[row.slug], number[row.parent]) for row in rows if row.parent])


def _topics(names: list[TopicName], parents: list[tuple[int, int]]) -> Topics:
    columns = zip(*parents, strict=True) if parents else ([], [])
    return Topics(Matcher(names), pa.table([pa.array(column, pa.int64()) for column in columns], schema=TOPIC_PARENTS))
