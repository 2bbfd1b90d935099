"""From the log's tables to the engine: the one way that a nightly run and a data set's scoring both go."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from django.conf import settings

from accounts.actions.spool import scratch_folder
from accounts.models import LogFile
from accounts.queries import log_files
from accounts.storage import Readable
from scoring.actions.formulas import parameters_of
from scoring.actions.nights import Sources, bring_up_to, can_roll, people_and_forecast
from scoring.actions.results import Gather, Made, computed_once
from scoring.actions.spark import spark_connection
from scoring.engine import RESTS, TOPIC_PARENTS, Inputs, Parameters, Result, compute
from scoring.engine.arrays import side_by_side
from scoring.engine.progress import Progress
from scoring.engine.run import score_known
from scoring.engine.tables import Workspace, duckdb_in
from scoring.models import ScoreRun
from scoring.queries.topics import Topics, texts
from scoring.topics import MATCHES

NOBODY: Final[npt.NDArray[np.int64]] = np.zeros(0, dtype=np.int64)


def until(as_of: datetime) -> int:
    """Return the second before which events count. They are told apart by the second, the moment may be finer."""
    return math.ceil(as_of.timestamp())


def compute_scores(
    *,
    interactions: Sequence[Readable],
    posts: Sequence[Readable],
    until: int,
    owners: pa.Table,
    seeds: npt.NDArray[np.int64],
    topics: Topics | None,
    parameters: Parameters,
    progress: Progress,
    erased: npt.NDArray[np.int64] = NOBODY,
    rests: pa.Table | None = None,
) -> Result:
    """Find the topics of the posts, then compute everything that a run gives.

    The tables are Parquet files in the log's columns; only rows before `until` (epoch seconds) count, and none of
    accounts that were erased. Without topics no post has one.
    """
    progress("topics of posts")
    post_topics = (
        topics.matcher.match_all(texts(posts, until, erased=erased), side_by_side) if topics else MATCHES.empty_table()
    )
    inputs = Inputs(
        interactions=interactions,
        posts=posts,
        until=until,
        owners=owners,
        seeds=seeds,
        post_topics=post_topics,
        topic_parents=topics.parents if topics else TOPIC_PARENTS.empty_table(),
        erased=erased,
        rests=rests if rests is not None else RESTS.empty_table(),
    )
    with engine_connection() as connection:
        return compute(inputs, parameters, progress=progress, connection=connection)


def compute_night(
    *,
    run: ScoreRun,
    now: datetime,
    sources: Sources,
    progress: Progress,
    supporters_made: Made = lambda supports: None,
) -> Result:
    """Compute everything that a run of a midnight gives, from what was kept the night before (`nights.bring_up_to`).

    Where that can't be, because days can't be taken in whole (`nights.can_roll`), from the whole log. What the same run
    has computed before it was killed, from the same sums, isn't computed again. `supporters_made` is told of supporters
    as soon as they are there, while the rest is computed: unless they had been before, or the sums aren't kept.
    """
    as_of, parameters = run.as_of, parameters_of(run.formula)
    if not can_roll(as_of, parameters):
        return compute_scores(
            interactions=log_files(LogFile.Table.INTERACTIONS, as_of),
            posts=log_files(LogFile.Table.POSTS, as_of),
            until=until(as_of),
            owners=sources.owners,
            seeds=sources.seeds,
            topics=sources.topics,
            parameters=parameters,
            progress=progress,
            erased=sources.erased,
            rests=sources.rests,
        )
    with engine_connection() as connection, Workspace(connection) as workspace:
        sums = bring_up_to(workspace, as_of=as_of, now=now, parameters=parameters, sources=sources, progress=progress)

        def computed(gather: Gather = pa.concat_tables) -> Result:
            people, before = people_and_forecast(workspace, sums, run.formula, progress=progress)
            result = score_known(
                workspace, sums.known, people, before, sums.around, parameters, progress=progress, gather=gather
            )
            result.notes["read"] = sums.how
            return result

        return computed_once(sums.fingerprint(run), computed, supporters_made) if sums.kept else computed()


@contextmanager
def engine_connection() -> Iterator[Any]:
    """Open where the engine does its table work: what `SCORING_ENGINE` says, DuckDB or Spark.

    DuckDB takes `SCORING_MEMORY`, or half of what the machine has. What outgrows it, and all that goes to Spark
    and back, goes to the scratch folder: that of other temporary files may itself be memory, and is this machine's
    alone. Raises SparkMissing.
    """
    with scratch_folder(settings.SCRATCH) as folder:
        if settings.SCORING_ENGINE == "spark":
            with spark_connection(settings.SPARK_MASTER, folder.resolve(), f"{_memory() // 2}m") as connection:
                yield connection
            return
        with duckdb_in(folder, memory_limit=memory_limit()) as connection:
            # The order of rows means nothing, and to keep it much has to wait in memory.
            connection.raw_sql("SET preserve_insertion_order = false")
            # What tables no longer need goes back to the machine, for arrays to have.
            connection.raw_sql("SET allocator_background_threads = true")
            yield connection


def memory_limit() -> str:
    """Return how much memory tables may take, as DuckDB reads it: the rest is for arrays, and for other programs."""
    if settings.SCORING_MEMORY:
        return str(settings.SCORING_MEMORY)
    return f"{_memory() // 2} MiB"


def _memory() -> int:
    """Return how much memory this machine or container has, in MiB."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # no container, or one without a limit
        found = min(found, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return found // 2**20
