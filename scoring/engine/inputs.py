"""What the engine reads and what it gives: tables, as frozen values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scoring.engine.arrays import Ints
from scoring.engine.backtests import Backtest

# A table in memory, or the Parquet files of one that need not fit there. No files: an empty table.
Source = pa.Table | Sequence[str | Path]


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


@dataclass(frozen=True)
class Result:
    """Everything that a run gives.

    Attributes
    ----------
    scores : pyarrow.Table
        One row of `SCORES` per person, by person. `forecast - reach` is the sum of the taken_ columns. `vouched`,
        `broad` and `narrow` are what supporters bring before caps, repetition and absence (`reach.Attention`), with
        _exchanged as if no exchange were discounted; `vouchers` says how many supporters the vouched part stands for.
    topics : pyarrow.Table
        Rows of `TOPICS` with a reach above 0, by person and topic. `reach` is the topic's part of the reach; the
        row whose topic is null holds the part that came by no topic, so that a person's rows add up to the reach.
        `reach_with_below` takes every act on a post on the topic, or on one below it, once and whole: it is at
        least `reach`, and topics overlap in it; `score` is its score. `lift` says how many times the share that
        the topic has of everybody else's reach that is, and `rank`, from 1, orders the person's own topics; both
        are null without a topic, and `rank` also for topics that aren't the person's own.
    supports : pyarrow.Table
        Rows of `SUPPORTS`: each person's largest supporters (`rank`, from 1, among all supporters of
        `supported`) and the largest supported of each (`rank_given`, among all supported by `supporter`).
        `expected` less the taken_ columns is `reach`; one of these is below 0 where what was taken off others left room
        under a cap. Over all supporters of a person, kept or not, each column adds up to that of the scores.
    parts : pyarrow.Table
        Rows of `PARTS` with a reach above 0, by person, kind and network: the reach by what was done, and where. A
        person's rows add up to the reach.
    notes : dict
        What a reader of the run should know: counts, where trust was seeded, how the walk and the band
        came out. Numbers and texts only.
    backtest : Backtest or None
        The forecast of one horizon ago against what then happened; None where too little was known then.
    """

    scores: pa.Table
    topics: pa.Table
    supports: pa.Table
    parts: pa.Table
    notes: dict[str, Any]
    backtest: Backtest | None = None
