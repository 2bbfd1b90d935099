"""Small made-up worlds, written down act by act."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from scoring.engine import (
    INTERACTIONS,
    OWNERS,
    POST_TOPICS,
    POSTS,
    RESTS,
    TOPIC_PARENTS,
    Inputs,
    Parameters,
    Result,
    compute,
)

DAY = 86_400
# A midnight in UTC: 2026-11-01.
UNTIL = 20_758 * DAY


@dataclass
class World:
    """Acts and posts before `UNTIL`, and what the engine is told beside them."""

    acts: list[tuple[int, str, int, int, int | None, str]] = field(default_factory=list)
    posted: list[tuple[int, int, int, str, str | None]] = field(default_factory=list)
    owners: dict[int, int] = field(default_factory=dict)
    seeds: list[int] = field(default_factory=list)
    topics: list[tuple[int, int]] = field(default_factory=list)
    rests: list[tuple[int, int, int]] = field(default_factory=list)
    parents: tuple[tuple[int, int], ...] = ()

    def act(
        self, kind: str, actor: int, target: int, days_ago: float, post: int | None = None, network: str = "demo"
    ) -> None:
        self.acts.append((UNTIL - round(days_ago * DAY), kind, actor, target, post, network))

    def post(self, author: int, days_ago: float, kind: str = "original", text: str | None = None) -> int:
        number = 1_000_000 + len(self.posted)
        self.posted.append((number, UNTIL - round(days_ago * DAY), author, kind, text))
        return number

    def inputs(self) -> Inputs:
        return Inputs(
            interactions=rows(INTERACTIONS, self.acts),
            posts=rows(POSTS, self.posted),
            until=UNTIL,
            owners=rows(OWNERS, self.owners.items()),
            seeds=np.array(self.seeds, dtype=np.int64),
            post_topics=rows(POST_TOPICS, self.topics),
            rests=rows(RESTS, self.rests),
            topic_parents=rows(TOPIC_PARENTS, self.parents),
        )

    def run(self, parameters: Parameters | None = None) -> Result:
        return compute(self.inputs(), parameters)

    def people(self, parameters: Parameters | None = None) -> dict[int, dict[str, Any]]:
        return by_person(self.run(parameters))


def rows(schema: pa.Schema, values: Iterable[Iterable[Any]]) -> pa.Table:
    records: list[Mapping[str, Any]] = [dict(zip(schema.names, value, strict=True)) for value in values]
    return pa.Table.from_pylist(records, schema=schema)


def by_person(result: Result) -> dict[int, dict[str, Any]]:
    return {row["person"]: row for row in result.scores.to_pylist()}


def community(world: World, members: Iterable[int], days: int = 40) -> None:
    """Let people post every few days and answer each other now and then, nobody as often as to make an exchange."""
    members = list(members)
    size = len(members)
    for i, author in enumerate(members):
        for round_, ago in enumerate(range(1 + i % 3, days, 4)):
            post = world.post(author, ago + 0.5, text=f"thoughts of {author} on matter {round_} and {ago * 7 + i}")
            for step in (1, 2, 5):
                giver = members[(i + step * (round_ + 1)) % size]
                if giver != author:
                    world.act("reply", giver, author, ago + 0.25, post)


def assert_equal(table: pa.Table, expected: pa.Table, *, within: float = 1e-9) -> None:
    """Assert that two tables hold the same rows in the same order, fractions to 1e-9 unless told."""
    assert table.schema == expected.schema
    assert table.num_rows == expected.num_rows
    for name in expected.column_names:
        mine, theirs = table.column(name).to_pylist(), expected.column(name).to_pylist()
        if pa.types.is_floating(expected.schema.field(name).type):
            assert [value is None for value in mine] == [value is None for value in theirs], name
            gap = max((abs(x - y) for x, y in zip(mine, theirs, strict=True) if x is not None), default=0)
            assert gap <= within, name
        else:
            assert mine == theirs, name
