"""One run, from tables to scores: the order of the steps, and nothing else."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from scoring.engine import band as bands
from scoring.engine import explain, scale
from scoring.engine.activity import DAY, Activity, activity
from scoring.engine.arrays import Floats, Ints, sum_by
from scoring.engine.backtests import Backtest
from scoring.engine.hindsight import hindsight, judge
from scoring.engine.inputs import SCORES, Inputs, Result
from scoring.engine.parameters import Parameters
from scoring.engine.rests import rests
from scoring.engine.snapshot import Snapshot, snapshot
from scoring.engine.tables import Workspace
from scoring.engine.taken import taken_of


def quiet(step: str) -> None:
    """Report nothing.

    Parameters
    ----------
    step : str
        Name of the step that begins.
    """


def compute(
    inputs: Inputs,
    parameters: Parameters | None = None,
    *,
    progress: Callable[[str], None] = quiet,
    connection: Any = None,
) -> Result:
    """Compute everybody's score from the activity before a moment.

    The same rows and parameters give the same numbers, to 1e-9, in whatever order the rows stand and whatever
    numbers the accounts have. The clock, the disk outside the inputs and the network are never looked at.

    Parameters
    ----------
    inputs : Inputs
        What to read.
    parameters : Parameters, optional
        The formula; without it, the one of this version of the engine.
    progress : callable
        Called with the name of each step as it begins.
    connection : ibis backend, optional
        Where to do the table work; without one, a DuckDB in memory.

    Returns
    -------
    Result
        Scores, topics, supports and notes. Empty tables for empty input.

    Raises
    ------
    InputError
        An input table isn't what it must be.
    ConvergenceError
        The walk didn't come to rest.
    """
    formula = parameters if parameters is not None else Parameters()
    with Workspace(connection) as workspace:
        progress("reading activity")
        seen = activity(workspace, inputs)
        resting = rests(inputs.rests, seen.people, inputs.until)
        progress("scoring")
        now = snapshot(workspace, seen, inputs, resting, inputs.until, formula)
        progress("checking the forecast of a horizon ago")
        calibration, tested = _check(workspace, seen, inputs, resting, now.seeded_from, formula)
        progress("splitting by topic, kind and supporter")
        split = explain.over_acts(workspace, seen, now.pairs, now.reach, inputs, formula)
        topics = explain.topics(workspace, seen, split, now.reach.reach, inputs, formula)
        parts = explain.parts(workspace, seen, split)
        supports = explain.supports(
            now.pairs, now.reach, seen.people, formula.supports_kept, lambda rows: _taken(rows, now, formula)
        )
    scores = _scores(seen.people, now, calibration, formula)
    notes = {
        "people": int(seen.people.size),
        "interactions": seen.events,
        "acts": int(now.pairs.actions.sum()),
        "pairs": int(now.pairs.giver.size),
        "posts": int(now.posting.posts.sum()),
        "seeded_from": now.seeded_from,
        "seeds": int(np.isin(np.unique(inputs.seeds), seen.people).sum()),
        "trusted": int((now.trust >= 0.5).sum()),
        "walk_iterations": now.walk.iterations,
        "walk_residual": now.walk.residual,
        "band": "prior" if calibration is None else "conformal",
        "formula": formula.version,
        "fingerprint": formula.fingerprint(),
    }
    return Result(scores, topics, supports, parts, notes, tested)


def _check(
    workspace: Workspace,
    seen: Activity,
    inputs: Inputs,
    resting: tuple[Ints, Ints, Ints],
    seeded_from: str,
    formula: Parameters,
) -> tuple[bands.Calibration | None, Backtest | None]:
    """Hold the forecast of one horizon ago against what then happened; None where too little is known."""
    before = hindsight(workspace, seen, inputs, resting, inputs.until - round(formula.horizon_days * DAY), formula)
    if before is None:
        return None, None
    tested = judge(workspace, seen, before, None, formula)
    if before.snapshot.seeded_from != seeded_from:
        # Trust then meant something else, and so did a reach.
        return None, tested
    learned = bands.calibrate(
        before.forecast[before.known],
        before.happened[before.known],
        coverage=formula.band_coverage,
        people=formula.band_people,
    )
    return learned, tested


def _taken(rows: Ints, now: Snapshot, formula: Parameters) -> dict[str, Floats]:
    found = now.pairs
    return taken_of(
        rows,
        found,
        now.reach,
        trust=now.trust,
        firm=now.firm,
        broad=now.breadth.of(found.giver[rows], found.receiver[rows], found.weight_calendar[rows]),
        selectivity=now.selectivity,
        exchange=now.exchange,
        formula=formula,
    )


def _scores(people: Ints, now: Snapshot, calibration: bands.Calibration | None, formula: Parameters) -> pa.Table:
    size = people.size
    summed = now.reach
    score = scale.score(summed.reach, formula.scale_top)
    low, high = bands.band(summed.reach, calibration, coverage=formula.band_coverage)
    receiver = now.pairs.receiver
    actions = now.pairs.actions
    posts = now.posting.posts
    own = np.divide(now.posting.own, posts, out=np.full(size, np.nan), where=posts > 0)
    columns = {
        "person": people,
        "score": score,
        "reach": summed.reach,
        "forecast": summed.forecast,
        "low": low,
        "high": high,
        "percentile": scale.percentile(score),
        **{f"taken_{reason}": share for reason, share in summed.taken().items()},
        "trust": now.trust,
        "alive": now.alive,
        "credibility": now.credibility,
        "supporters": sum_by(receiver, actions > 0, size).astype(np.int64),
        "actions": sum_by(receiver, actions, size).astype(np.int64),
        "posts": posts,
        "original_share": pa.array(own, from_pandas=True),
        "days_active": now.posting.days,
        "vouchers": summed.vouchers,
        **asdict(summed.attention),
        **{f"{name}_exchanged": part for name, part in asdict(summed.switches.sums[False, True]).items()},
    }
    return pa.table([columns[name] for name in SCORES.names], schema=SCORES)
