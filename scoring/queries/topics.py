"""Which topics there are, and which of them posts are about."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from accounts.log import without_accounts
from accounts.storage import Readable, open_parquet
from scoring.engine import TOPIC_PARENTS
from scoring.models import Topic
from scoring.topics import Column, Matcher, TopicName, cautious, compact

pc: Any = pyarrow.compute

# Rows of posts whose texts are in memory at once.
BATCH: Final = 50_000
# Of long texts fewer: some batches are matched at once.
BATCH_BYTES: Final = 32 << 20


@dataclass(frozen=True, slots=True)
class Topics:
    """What a run knows of topics: how posts are matched, and rows (topic, parent) of what lies below what.

    The fingerprint is that of everything that decides which topics a post names.
    """

    matcher: Matcher
    parents: pa.Table
    fingerprint: str


def stored_topics() -> Topics:
    """Return all stored topics. Numbers are their ids. One query."""
    rows = list(Topic.objects.order_by("pk"))
    return topics_of(_matched(rows), [(topic.pk, topic.parent_id) for topic in rows if topic.parent_id])


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


def topics_of(names: list[TopicName], parents: list[tuple[int, int]]) -> Topics:
    """Return topics by what they go by, and the pairs (topic, the one above it)."""
    columns = zip(*parents, strict=True) if parents else ([], [])
    table = pa.table([pa.array(column, pa.int64()) for column in columns], schema=TOPIC_PARENTS)
    said = json.dumps([[name.id, name.slug, sorted(name.names)] for name in names]).encode()
    return Topics(Matcher(names), table, hashlib.sha256(said).hexdigest())


def texts(
    files: Sequence[Readable], before: int, only: Column | None = None, *, erased: npt.NDArray[np.int64]
) -> Iterator[pa.Table]:
    """Yield the texts of posts from before a second, in about `BATCH` rows; with `only`, of these posts.

    None by accounts that were erased. Where texts are long, `BATCH_BYTES` are a batch.

    A batch has a fixed cost to match, and a day's file may hold a few rows.
    """
    waiting: list[pa.Table] = []
    for file in files:
        with open_parquet(file) as parquet:
            for batch in parquet.iter_batches(BATCH // 5, columns=["post", "at", "author", "text", "topics"]):
                rows = pa.Table.from_batches([batch])
                rows = rows.filter(pc.less(rows["at"], before))
                if erased.size:
                    rows = without_accounts("posts", rows, pa.array(erased))
                waiting.append(rows if only is None else rows.filter(pc.is_in(rows["post"], value_set=only)))
                if sum(t.num_rows for t in waiting) >= BATCH or sum(t.nbytes for t in waiting) >= BATCH_BYTES:
                    yield pa.concat_tables(waiting)
                    waiting = []
    if waiting:
        yield pa.concat_tables(waiting)
