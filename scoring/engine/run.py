"""One run, from tables to scores: the order of the steps, and nothing else."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from scoring.engine import band as bands
from scoring.engine import explain, scale
from scoring.engine.activity import activity
from scoring.engine.arrays import Counts, Floats, Ints, sum_by
from scoring.engine.backtests import Backtest
from scoring.engine.forecasts import Forecast, horizon_before, look_back
from scoring.engine.hindsight import forecast_at, judge
from scoring.engine.inputs import RESTS, SCORES, Inputs
from scoring.engine.memory import give_back, room_for_arrays
from scoring.engine.pairs import Recent
from scoring.engine.parameters import Parameters
from scoring.engine.people import People
from scoring.engine.progress import Progress, quiet
from scoring.engine.results import Result, Supports
from scoring.engine.snapshot import Known, Snapshot, known, snapshot
from scoring.engine.state import State
from scoring.engine.tables import Workspace
from scoring.engine.taken import taken_of


def compute(
    inputs: Inputs,
    parameters: Parameters | None = None,
    *,
    progress: Progress = quiet,
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
    progress : Progress
        Told each step as it begins.
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
        now = known(workspace, seen, inputs.until, formula)
        people = People.of(workspace, now.state, inputs.owners)
        progress("forecasting as of a horizon ago")
        before = [
            forecast_at(
                workspace,
                seen,
                people,
                horizon_before(inputs.until, formula),
                seeds=inputs.seeds,
                resting=inputs.rests,
                formula=formula,
            )
        ]
        return score_known(
            workspace,
            now,
            people,
            before.pop,
            Around(inputs.seeds, seen.topic_sets, inputs.topic_parents, seen.networks, inputs.rests),
            formula,
            progress=progress,
        )


@dataclass(frozen=True)
class Around:
    """What a run is told beside activity.

    Attributes
    ----------
    seeds : ndarray of int64
        Persons whose identity was proved.
    topic_sets : pyarrow.Table
        The topics of each set that acts name (`topic_sets.topic_sets`).
    topic_parents : pyarrow.Table
        Rows of `TOPIC_PARENTS`.
    networks : tuple of str
        Names by number.
    rests : pyarrow.Table
        Rows of `RESTS`.
    """

    seeds: Ints
    topic_sets: pa.Table
    topic_parents: pa.Table
    networks: tuple[str, ...]
    rests: pa.Table = field(default_factory=RESTS.empty_table)


def score_known(
    workspace: Workspace,
    known: Known,
    people: People,
    before: Callable[[], Forecast | None],
    around: Around,
    formula: Parameters,
    *,
    progress: Progress = quiet,
    gather: Callable[[Iterable[pa.Table]], Supports] = pa.concat_tables,
) -> Result:
    """Compute everybody's score from what is known at a moment.

    Parameters
    ----------
    workspace : Workspace
        Where to do the table work.
    known : Known
        What is known, by account.
    people : People
        Everybody.
    before : callable
        Called once, and gives the forecast of a horizon ago, from which the band is learned; None where too little was
        known then. Whoever reads it only then, and lets go of it, keeps it out of memory all other time.
    around : Around
        What the run is told besides.
    formula : Parameters
        The formula.
    progress : Progress
        Told each step as it begins.
    gather : callable
        What to do with the supporters, of whom some are made at a time; without it they are put together in memory.

    Returns
    -------
    Result
        As `compute` gives it.

    Raises
    ------
    ConvergenceError
        The walk didn't come to rest.
    """
    state = known.state
    progress("scoring", int(workspace.number(state.pairs.count())))
    now, recent = snapshot(workspace, known, people, seeds=around.seeds, resting=around.rests, formula=formula)
    progress("listing supporters", int(now.pairs.giver.size))
    supports = gather(
        explain.supports(
            now.pairs, now.reach, people.numbers, formula.supports_kept, partial(_taken, now=now, formula=formula)
        )
    )
    give_back()
    progress("checking the forecast of a horizon ago", int(now.pairs.giver.size))
    calibration, tested = _check(now, recent, people, before, formula)
    del recent
    give_back()
    scores = _scores(people.numbers, now, calibration, formula)
    foretold = Forecast.of(now, people, state.until)
    notes = {
        "people": people.size,
        "interactions": state.events,
        "acts": int(now.pairs.actions.sum()),
        "pairs": int(now.pairs.giver.size),
        "posts": int(now.posting.posts.sum()),
        "seeded_from": now.seeded_from,
        "seeds": int(np.isin(np.unique(around.seeds), people.numbers).sum()),
        "trusted": int((now.trust >= 0.5).sum()),
        "walk_iterations": now.walk.iterations,
        "walk_residual": now.walk.residual,
        "band": "prior" if calibration is None else "conformal",
        "formula": formula.version,
        "fingerprint": formula.fingerprint(),
    }
    progress("splitting by topic and kind", int(now.pairs.giver.size))
    each, reached = explain.by_weight(now.pairs, now.reach), now.reach.reach
    # The split takes most memory, and nothing else wants the pairs by now.
    del now
    give_back()
    topics, parts = _by_act(workspace, state, people, each, reached, around, formula)
    give_back()
    return Result(scores, topics, supports, parts, notes, lambda: foretold, tested)


def _by_act(
    workspace: Workspace,
    state: State,
    people: People,
    each: pa.Table,
    reach: Floats,
    around: Around,
    formula: Parameters,
) -> tuple[pa.Table, pa.Table]:
    """Split reach by topic, and by kind and network; what both come from isn't kept."""
    with room_for_arrays(workspace.connection):
        split = explain.over_acts(workspace, state, people, each, formula)
    topics = explain.topics(split, around.topic_sets, people, reach, around.topic_parents, formula)
    return topics, explain.parts(split, people, around.networks)


def _check(
    now: Snapshot, recent: Recent, people: People, before: Callable[[], Forecast | None], formula: Parameters
) -> tuple[bands.Calibration | None, Backtest | None]:
    """Hold the forecast of one horizon ago against what then happened; None where too little is known."""
    foretold = before()
    if foretold is None:
        return None, None
    found = look_back(foretold, now.pairs, recent, people, formula)
    del foretold
    tested = judge(found, None, formula)
    if found.seeded_from != now.seeded_from:
        # Trust then meant something else, and so did a reach.
        return None, tested
    learned = bands.calibrate(
        found.forecast[found.known],
        found.happened[found.known],
        coverage=formula.band_coverage,
        people=formula.band_people,
    )
    return learned, tested


def _taken(rows: Counts, now: Snapshot, formula: Parameters) -> dict[str, Floats]:
    found = now.pairs
    return taken_of(
        rows,
        found,
        now.reach,
        trust=now.trust,
        firm=now.firm,
        broad=lambda some: now.breadth.of(found.giver[some], found.receiver[some], found.slow[some]),
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
