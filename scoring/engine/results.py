"""What the engine gives, as one frozen value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from scoring.engine.backtests import Backtest
from scoring.engine.forecasts import Forecast

# A pyarrow.Table, or an open pyarrow.parquet.ParquetFile: there are as many of these rows as pairs.
Supports = Any


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
    supports : pyarrow.Table or ParquetFile
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
    forecast : callable
        Gives what was foretold, to be held against what happens in the next horizon: a table of 20 columns, which is
        read when it is asked for where it lies in a file.
    backtest : Backtest or None
        The forecast of one horizon ago against what then happened; None where too little was known then.
    """

    scores: pa.Table
    topics: pa.Table
    supports: Supports
    parts: pa.Table
    notes: dict[str, Any]
    forecast: Callable[[], Forecast]
    backtest: Backtest | None = None
