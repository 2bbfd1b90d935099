"""Real activity, read where it lies: how well the score foretells what people did next."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.score.baselines import BASELINES, Rows
from benchmarks.score.measures import ndcg, overlap, spearman
from benchmarks.score.population import Floats, Ints
from scoring.engine import POSTS, Inputs, Parameters, compute
from scoring.engine.activity import DAY

HIGGS: Final = "higgs/higgs-activity_time.txt.gz"
# Bursts of days: the half-life is in keeping with the horizon.
HIGGS_CUT: Final = int(dt.datetime(2012, 7, 6, tzinfo=dt.UTC).timestamp())
HIGGS_HORIZON: Final = 2


@dataclass(frozen=True)
class Measured:
    """Spearman, nDCG@100 and overlap@100 of a ranking."""

    spearman: float
    ndcg: float
    overlap: float


def higgs(folder: Path) -> pa.Table:
    """Read the Higgs data set: a row that stands again as a mention in the same second is one act, RE > RT > MT."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    found = connection.sql(
        """
        SELECT "at", CASE code WHEN 'RT' THEN 'repost' WHEN 'RE' THEN 'reply' ELSE 'mention' END AS kind, actor, target,
               CAST(NULL AS BIGINT) AS post, 'twitter' AS network
        FROM read_csv($path, delim = ' ', header = false, columns = {
            'actor': 'BIGINT', 'target': 'BIGINT', 'at': 'BIGINT', 'code': 'VARCHAR'})
        QUALIFY row_number() OVER (
            PARTITION BY actor, target, "at" ORDER BY CASE code WHEN 'RE' THEN 0 WHEN 'RT' THEN 1 ELSE 2 END) = 1
        """,
        params={"path": str(folder / HIGGS)},
    )
    table: pa.Table = found.to_arrow_table()
    return table


def reposters_after(acts: pa.Table, candidates: Ints, cut: int, days: int) -> Floats:
    """Count the different people who repost each candidate in the days after a cut."""
    at, actor, target = (acts[name].to_numpy() for name in ("at", "actor", "target"))
    repost = acts["kind"].to_numpy(zero_copy_only=False) == "repost"
    then = repost & (at >= cut) & (at < cut + days * DAY) & (actor != target)
    pairs = np.unique(np.stack([target[then], actor[then]]), axis=1)
    place = np.searchsorted(candidates, pairs[0])
    known = candidates[np.minimum(place, candidates.size - 1)] == pairs[0]
    return np.bincount(place[known], minlength=candidates.size).astype(np.float64)


def judge_higgs(
    acts: pa.Table, parameters: Parameters, *, cut: int = HIGGS_CUT, days: int = HIGGS_HORIZON
) -> dict[str, Measured]:
    """Rank everybody acted on before the cut, by each baseline and by the score."""
    before = (acts["at"].to_numpy() < cut) & (acts["actor"].to_numpy() != acts["target"].to_numpy())
    candidates = np.unique(acts["target"].to_numpy()[before])
    then = reposters_after(acts, candidates, cut, days)
    accounts = np.unique(np.concatenate([acts["actor"].to_numpy(), acts["target"].to_numpy()]))
    rows = Rows.read(acts, accounts, cut)
    place = np.searchsorted(accounts, candidates)
    scores = {name: rank(rows)[place] for name, rank in BASELINES.items()}
    result = compute(Inputs(acts, POSTS.empty_table(), cut), parameters)
    at = np.searchsorted(result.scores["person"].to_numpy(), candidates)
    scores["the score"] = result.scores["reach"].to_numpy()[at]
    return {
        name: Measured(spearman(score, then), ndcg(score, then), overlap(score, then)) for name, score in scores.items()
    }
