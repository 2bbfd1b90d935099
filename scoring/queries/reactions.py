"""The single acts behind a reach."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute
from django.db.models import Sum

from accounts.models import Identity, InteractionKind, LogFile, Person, Viewer
from accounts.queries import erased_accounts, log_files
from accounts.storage import Readable
from scoring.models import ReachPart, Score, ScoreRun, Topic, TopicReach
from scoring.queries.explanations import supports_of

pc: Any = pyarrow.compute


# The parameters by which acts are weighed.
DECAY: Final = frozenset({"half_life_days", "burst_share", "burst_half_life_days"})


@dataclass(frozen=True, slots=True)
class Reaction:
    """One act of a supporter, and its own part of the reach. `post` is the key of the post, as far as it is known."""

    at: int
    kind: str
    kind_label: str
    network: str
    supporter: Person
    post: int | None
    reach: float


@dataclass(frozen=True, slots=True)
class Reactions:
    """A page of single acts, the heaviest first. `reach` is that of all `count`, on this page and others.

    `whole` is what they are a part of: the reach, or the part of it that the run kept for the supporter, the kind and
    network, or the topic; None where it is narrowed further. What is missing came by supporters who can't be named
    here or whose lines weren't kept; of a topic also by posts that it wasn't found in then.
    """

    lines: tuple[Reaction, ...]
    count: int
    reach: float
    whole: float | None


def reactions(
    person: Person,
    run: ScoreRun,
    *,
    viewer: Viewer | None,
    supporter: str = "",
    kind: str = "",
    network: str | None = None,
    topic: Topic | None = None,
    offset: int = 0,
    limit: int = 50,
) -> Reactions:
    """Return the single acts behind a person's reach, narrowed to a supporter (a handle), a kind, a network, a topic.

    They are read from the activity log, by the rules of the run that gave the reach, between the person's accounts and
    those of the supporters whom the viewer may see. Four queries at most, and one pass over the days' files, within
    the limits of memory and threads that imports have: callers limit how often.

    With a topic an act's reach is the topic's even part of it, among all topics that the post names; posts are matched
    anew, by what topics go by today. Two queries more, and a pass over the posts.
    """
    # Slow to load, and seldom needed: not in every web process.
    from scoring.engine import Parameters
    from scoring.engine import reactions as acts_of

    lines = list(supports_of(person, run, viewer))
    if supporter:
        lines = [line for line in lines if line.supporter.handle.lower() == supporter.lower()]
    by_act = bool(kind) or network is not None
    whole: float | None
    if by_act + bool(supporter) + (topic is not None) > 1:
        whole = None
    elif supporter:
        whole = math.fsum(line.reach for line in lines)
    else:
        whole = _whole(person, run, kind, network, topic)
    people = {line.supporter_id: line.supporter for line in lines}
    until = math.ceil(run.as_of.timestamp())
    owned = Identity.objects.filter(person__in=[person.pk, *people]).values_list("key", "person_id")
    keys = np.fromiter((number for row in owned for number in row), dtype=np.int64).reshape(-1, 2)
    if not lines or not keys.size:
        return Reactions((), 0, 0.0, whole)
    supports = pa.table(
        {
            "supporter": [line.supporter_id for line in lines],
            "supported": [person.pk] * len(lines),
            "reach": [line.reach for line in lines],
        }
    )
    # What an act weighs is all that is asked of it: of a former engine's formula too.
    formula = Parameters.from_dict(
        {name: run.formula.parameters[name] for name in DECAY & run.formula.parameters.keys()}
    )
    with _limited() as connection:
        table = acts_of(
            log_files(LogFile.Table.INTERACTIONS, run.as_of),
            owners=pa.table({"account": keys[:, 0], "person": keys[:, 1]}),
            supports=supports,
            until=until,
            formula=formula,
            connection=connection,
        )
    for column, value in (("kind", kind or None), ("network", network)):
        if value is not None:
            table = table.filter(pc.equal(table[column], value))
    if topic is not None:
        table = _parts_on(topic, table, log_files(LogFile.Table.POSTS, run.as_of), until)
    labels = dict(InteractionKind.choices)
    page = table.slice(offset, limit).to_pylist()
    return Reactions(
        tuple(
            Reaction(
                at=row["at"],
                kind=row["kind"],
                kind_label=str(labels.get(row["kind"], row["kind"])),
                network=row["network"],
                supporter=people[row["supporter"]],
                post=row["post"],
                reach=row["reach"],
            )
            for row in page
        ),
        count=table.num_rows,
        reach=math.fsum(table["reach"].to_numpy()),
        whole=whole,
    )


@contextmanager
def _limited() -> Iterator[Any]:
    """Open a DuckDB with the limits of an import's: by itself one takes most of the memory and all processors."""
    from accounts.actions.spool import LIMITS
    from scoring.engine.tables import duckdb_in

    with tempfile.TemporaryDirectory(prefix="sway-") as folder, duckdb_in(Path(folder), **LIMITS) as connection:
        yield connection


def _parts_on(topic: Topic, acts: pa.Table, posts: Sequence[Readable], until: int) -> pa.Table:
    """Keep the acts on posts that name a topic, with its even part of their reach."""
    from scoring.engine import heaviest_first
    from scoring.queries.topics import stored_topics, texts

    acted_on = acts["post"].drop_null().unique()
    matches = stored_topics().matcher.match_all(texts(posts, until, acted_on, erased=erased_accounts()))
    named = matches.group_by("post").aggregate([("topic", "count")])
    on = matches.filter(pc.equal(matches["topic"], topic.pk)).join(named, "post")
    place = pc.index_in(acts["post"], value_set=on["post"], skip_nulls=True)
    acts, place = acts.filter(place.is_valid()), place.drop_null()
    shares = pc.divide(acts["reach"], pc.cast(on["topic_count"].take(place), pa.float64()))
    at = acts.column_names.index("reach")
    return heaviest_first(acts.set_column(at, "reach", shares))


def _whole(person: Person, run: ScoreRun, kind: str, network: str | None, topic: Topic | None) -> float:
    if topic is not None:
        row = TopicReach.objects.filter(person=person, run=run, topic=topic)
        return row.values_list("reach", flat=True).first() or 0.0
    if not kind and network is None:
        return float(Score.objects.filter(person=person, run=run).values_list("reach", flat=True).first() or 0.0)
    cells = ReachPart.objects.filter(person=person, run=run)
    cells = cells.filter(kind=kind) if kind else cells
    cells = cells.filter(network=network) if network is not None else cells
    return float(cells.aggregate(all=Sum("reach"))["all"] or 0.0)
