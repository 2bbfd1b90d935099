"""The starter table of topics, stored or taken as it is."""

import csv
from pathlib import Path
from typing import Final, NamedTuple

from django.db import transaction

from scoring.models import Topic
from scoring.queries.topics import Topics, topics_of
from scoring.topics import TopicName

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


def starter_topics() -> Topics:
    """Return the starter table's topics, without a database; a topic's number is its place in the table."""
    rows = read_topics(STARTER)
    number = {row.slug: place for place, row in enumerate(rows)}
    names = [TopicName(number[row.slug], row.slug, (row.name, *row.aliases)) for row in rows]
    return topics_of(names, [(number[row.slug], number[row.parent]) for row in rows if row.parent])
