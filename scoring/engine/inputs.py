"""What the engine reads, and the columns of what it gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset

from scoring.engine.arrays import Ints

# A table in memory, or the Parquet files of one that need not fit there: by their paths, or, where no path leads, with
# the file system that opens them. No files: an empty table.
Source = pa.Table | Sequence[str | Path | pyarrow.dataset.ParquetFileFragment]


def _schema(columns: dict[str, pa.DataType]) -> pa.Schema:
    return pa.schema(columns)


INTERACTIONS = _schema(
    {
        "at": pa.int64(),
        "kind": pa.string(),
        "actor": pa.int64(),
        "target": pa.int64(),
        "post": pa.int64(),
        "network": pa.string(),
    }
)
# The log's posts have more columns; these are the ones that the score reads.
POSTS = _schema(
    {
        "post": pa.int64(),
        "at": pa.int64(),
        "author": pa.int64(),
        "kind": pa.string(),
        "text": pa.string(),
    }
)
OWNERS = _schema({"account": pa.int64(), "person": pa.int64()})
POST_TOPICS = _schema({"post": pa.int64(), "topic": pa.int64()})
TOPIC_PARENTS = _schema({"topic": pa.int64(), "parent": pa.int64()})
RESTS = _schema({"person": pa.int64(), "start": pa.int64(), "end": pa.int64()})

SCORES = _schema(
    {
        "person": pa.int64(),
        "score": pa.float64(),
        "reach": pa.float64(),
        "forecast": pa.float64(),
        "low": pa.float64(),
        "high": pa.float64(),
        "percentile": pa.float64(),
        "taken_unvouched": pa.float64(),
        "taken_exchange": pa.float64(),
        "taken_indiscriminate": pa.float64(),
        "taken_repetition": pa.float64(),
        "taken_absence": pa.float64(),
        "trust": pa.float64(),
        "alive": pa.float64(),
        "credibility": pa.float64(),
        "supporters": pa.int64(),
        "actions": pa.int64(),
        "posts": pa.int64(),
        "original_share": pa.float64(),
        "days_active": pa.int64(),
        "vouchers": pa.float64(),
        "vouched": pa.float64(),
        "broad": pa.float64(),
        "narrow": pa.float64(),
        "vouched_exchanged": pa.float64(),
        "broad_exchanged": pa.float64(),
        "narrow_exchanged": pa.float64(),
    }
)
TOPICS = _schema(
    {
        "person": pa.int64(),
        "topic": pa.int64(),
        "reach": pa.float64(),
        "reach_with_below": pa.float64(),
        "score": pa.float64(),
        "lift": pa.float64(),
        "rank": pa.int64(),
    }
)
SUPPORTS = _schema(
    {
        "supporter": pa.int64(),
        "supported": pa.int64(),
        "reach": pa.float64(),
        "rank": pa.int64(),
        "rank_given": pa.int64(),
        "actions": pa.int64(),
        "expected": pa.float64(),
        "taken_unvouched": pa.float64(),
        "taken_exchange": pa.float64(),
        "taken_indiscriminate": pa.float64(),
        "taken_repetition": pa.float64(),
        "taken_absence": pa.float64(),
    }
)
REACTIONS = _schema(
    {
        "supporter": pa.int64(),
        "supported": pa.int64(),
        "at": pa.int64(),
        "kind": pa.string(),
        "network": pa.string(),
        "post": pa.int64(),
        "reach": pa.float64(),
    }
)
PARTS = _schema(
    {
        "person": pa.int64(),
        "kind": pa.string(),
        "network": pa.string(),
        "reach": pa.float64(),
    }
)


@dataclass(frozen=True)
class Inputs:
    """Everything that a run reads.

    Attributes
    ----------
    interactions : pyarrow.Table or sequence of paths
        Columns of `INTERACTIONS`, in any order, others ignored. Unknown kinds and `follow` earn nothing.
    posts : pyarrow.Table or sequence of paths
        Columns of `POSTS`; kinds are original, reshare, reply and quote.
    until : int
        Seconds since 1970, UTC. Only what happened before counts.
    owners : pyarrow.Table
        Which person an account belongs to. An account without a row is its own person.
    seeds : ndarray of int64
        Persons whose identity was proved, or whom the operator named. Trust starts at them.
    post_topics : pyarrow.Table
        Topics of posts, any number per post.
    topic_parents : pyarrow.Table
        What lies below what: a topic may have any number of parents. A circle is walked once.
    rests : pyarrow.Table
        Declared rests of persons, from `start` up to but not including `end`; they may overlap.
    erased : ndarray of int64
        Accounts of which nothing is read: what they did, received and wrote isn't there.
    unique : bool
        No interaction is there twice, so that none has to be looked for: of the log, which takes each in once.
    """

    interactions: Source
    posts: Source
    until: int
    owners: pa.Table = field(default_factory=OWNERS.empty_table)
    seeds: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    post_topics: pa.Table = field(default_factory=POST_TOPICS.empty_table)
    topic_parents: pa.Table = field(default_factory=TOPIC_PARENTS.empty_table)
    rests: pa.Table = field(default_factory=RESTS.empty_table)
    erased: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    unique: bool = False
