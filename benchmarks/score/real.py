"""Real activity, read where it lies: how well the score foretells what people did next."""

import datetime as dt
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from accounts.intake import open_source
from benchmarks.score.baselines import BASELINES, Rows
from benchmarks.score.population import Floats, Ints
from scoring.engine import POSTS, Inputs, Parameters, compute
from scoring.engine.activity import DAY
from scoring.engine.backtests import Ranking, rank

HIGGS: Final = "higgs/higgs-activity_time.txt.gz"
# Bursts of days: the half-life is in keeping with the horizon.
HIGGS_CUT: Final = int(dt.datetime(2012, 7, 6, tzinfo=dt.UTC).timestamp())
HIGGS_HORIZON: Final = 2


def higgs(folder: Path) -> pa.Table:
    """Read the Higgs data set as the product reads it; accounts are numbers already."""
    found = pa.concat_tables(batch.interactions for batch in open_source(folder / HIGGS, "higgs").batches())
    for name in ("actor", "target", "post"):
        found = found.set_column(found.column_names.index(name), name, found[name].cast(pa.int64()))
    return found


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
) -> dict[str, Ranking]:
    """Rank everybody acted on before the cut, by each baseline and by the score."""
    before = (acts["at"].to_numpy() < cut) & (acts["actor"].to_numpy() != acts["target"].to_numpy())
    candidates = np.unique(acts["target"].to_numpy()[before])
    then = reposters_after(acts, candidates, cut, days)
    accounts = np.unique(np.concatenate([acts["actor"].to_numpy(), acts["target"].to_numpy()]))
    rows = Rows.read(acts, accounts, cut)
    place = np.searchsorted(accounts, candidates)
    scores = {name: baseline(rows)[place] for name, baseline in BASELINES.items()}
    result = compute(Inputs(acts, POSTS.empty_table(), cut), parameters)
    at = np.searchsorted(result.scores["person"].to_numpy(), candidates)
    scores["the score"] = result.scores["reach"].to_numpy()[at]
    return {name: rank(score, then) for name, score in scores.items()}
