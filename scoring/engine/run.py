"""One run, from tables to scores: the order of the steps, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from scoring.engine import band as bands
from scoring.engine import explain, scale, text
from scoring.engine.activity import DAY, Activity, Posting, activity, posting
from scoring.engine.alive import Presence, alive
from scoring.engine.arrays import Bools, Floats, Ints, sum_by
from scoring.engine.backtests import Backtest, Foretold, bands_of_halves, held_against
from scoring.engine.baselines import baselines, counted, latest
from scoring.engine.discounts import exchange, selectivity
from scoring.engine.inputs import SCORES, Inputs, Result
from scoring.engine.pairs import Pairs, locate, pairs
from scoring.engine.parameters import Parameters
from scoring.engine.reach import Reach, capped, reach
from scoring.engine.rests import overlap, pauses, rests
from scoring.engine.tables import Workspace
from scoring.engine.trust import Walk, seeds_from_data, trust, walk


@dataclass(frozen=True)
class Snapshot:
    """What is known of people at one moment, by position in `people`.

    Attributes
    ----------
    pairs : Pairs
        What each pair did before the moment.
    posting : Posting
        What persons posted before it.
    exchange : ndarray of float64, shape (m,)
        Factor per pair.
    selectivity, trust, credibility, alive : ndarray of float64, shape (n,)
        Factors per person.
    reach : Reach
        Forecast and reach.
    walk : Walk
        Where trust came from.
    seeded_from : str
        'proved' or 'data'.
    """

    pairs: Pairs
    posting: Posting
    exchange: Floats
    selectivity: Floats
    trust: Floats
    credibility: Floats
    alive: Floats
    reach: Reach
    walk: Walk
    seeded_from: str


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
        progress("splitting by topic and supporter")
        topics = explain.topics(workspace, seen, now.pairs, now.reach, inputs, formula)
        supports = explain.supports(now.pairs, now.reach, seen.people, formula.supports_kept)
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
    return Result(scores, topics, supports, notes, tested)


def snapshot(
    workspace: Workspace,
    seen: Activity,
    inputs: Inputs,
    resting: tuple[Ints, Ints, Ints],
    until: int,
    formula: Parameters,
) -> Snapshot:
    """Compute reach as known at a moment.

    Parameters
    ----------
    workspace : Workspace
        Where to do the table work.
    seen : Activity
        The activity, at least up to the moment.
    inputs : Inputs
        Where the seeds are.
    resting : tuple of ndarray
        Declared rests, as `rests.rests` gives them.
    until : int
        The moment; only what happened before it counts.
    formula : Parameters
        The formula.

    Returns
    -------
    Snapshot
        Factors, forecast and reach.

    Raises
    ------
    ConvergenceError
        The walk didn't come to rest.
    """
    size = seen.people.size
    position, start, stop = resting
    stop = np.minimum(stop, until)
    past = (position[start < stop], start[start < stop], stop[start < stop])
    earliest = workspace.number(seen.acts["at"].min()) if past[0].size else None
    paused = pauses(past, seen.people, earliest // DAY) if earliest is not None else None
    found = pairs(workspace, seen, until=until, half_life_days=formula.half_life_days, pauses=paused)
    posted = posting(workspace, seen, until=until)
    factor = exchange(
        found,
        posted.known,
        begin=formula.exchange_from,
        end=formula.exchange_to,
        actions=formula.exchange_actions,
    )
    selective = selectivity(found, size, slope=formula.selectivity_slope, slack=formula.selectivity_slack)
    walked, trusted, seeded_from = _trust(found, factor, selective, inputs.seeds, seen.people, formula)
    credible = _credibility(workspace, seen, until, formula)
    there = _alive(posted, past, until, formula)
    summed = reach(
        found,
        trust=trusted,
        selectivity=selective,
        exchange=factor,
        credibility=credible,
        alive=there,
        kappa=formula.kappa,
        half_life_days=formula.half_life_days,
        horizon_days=formula.horizon_days,
    )
    return Snapshot(found, posted, factor, selective, trusted, credible, there, summed, walked, seeded_from)


def _trust(
    found: Pairs, factor: Floats, selective: Floats, proved: Ints, people: Ints, formula: Parameters
) -> tuple[Walk, Floats, str]:
    """Walk from the proved seeds; where they are too few or lead nowhere, from the data's and theirs alike."""
    rate = found.free_calendar * factor

    def walk_from(seeds: Floats) -> Walk:
        return walk(
            found.giver,
            found.receiver,
            rate,
            seeds,
            damping=formula.damping,
            tolerance=formula.walk_tolerance,
            iterations=formula.walk_iterations,
        )

    named = np.isin(people, proved).astype(np.float64)
    if proved.size:
        # The proved of whom nothing was seen yet keep their part of the start, behind the others: their first
        # supporter would else move where trust starts, and so lower scores that have nothing to do with it.
        unseen = np.setdiff1d(proved, people).size
        whole = walk_from(np.concatenate([named, np.ones(unseen)]))
        whole_trust = trust(whole.share, scale=formula.trust_scale, core=formula.trust_core)
        walked = Walk(whole.share[: people.size], whole.iterations, whole.residual)
        led = (walked.share > 0) & (named == 0)
        answered = (sum_by(found.receiver, rate, people.size) > 0) & (named == 0)
        # An absolute number is enough, or a farm whose bots answer each other could outnumber those whom the seeds
        # lead to, and so get the starting trust below.
        if led.sum() >= min(formula.seeds_reach, answered.sum() / 2):
            return walked, whole_trust[: people.size], "proved"
    weights = seeds_from_data(found.giver, found.receiver, (rate > 0) * factor * selective[found.giver], people.size)
    if named.any():
        weights = weights / weights.sum() + named / named.sum()
    walked = walk_from(weights)
    trusted = trust(walked.share, scale=formula.trust_scale, core=formula.trust_core)
    return walked, formula.trust_unproved + (1.0 - formula.trust_unproved) * trusted, "data"


def _credibility(workspace: Workspace, seen: Activity, until: int, formula: Parameters) -> Floats:
    posts = seen.posts
    recent = posts.filter(
        posts["at"] < until,
        posts["at"] >= until - round(formula.credibility_days * DAY),
        posts.kind != "reshare",
        posts.text.notnull(),
    )
    authors, ids, prints = [], [], []
    for batch in workspace.batches(recent.select("person", "post", "text"), rows=100_000):
        authors.append(np.searchsorted(seen.people, batch.column("person").to_numpy()))
        ids.append(batch.column("post").to_numpy())
        prints.append(text.fingerprints(batch.column("text")))
    if not authors:
        return np.ones(seen.people.size)
    author, post, fingerprint = (np.concatenate(parts) for parts in (authors, ids, prints))
    # A post is (post): of rows that contradict each other, the first by text and author is taken.
    order = np.lexsort((author, fingerprint, post))
    once = order[np.append(True, np.diff(post[order]) != 0)] if order.size else order
    return text.credibility(
        author[once],
        fingerprint[once],
        seen.people.size,
        texts=formula.credibility_texts,
        slope=formula.credibility_slope,
    )


def _alive(posted: Posting, past: tuple[Ints, Ints, Ints], until: int, formula: Parameters) -> Floats:
    first, last = posted.first * DAY, posted.last * DAY
    after = last + DAY  # a day with a post isn't silent, whatever its hour
    end = np.full(first.size, until)
    presence = Presence(
        formula.break_every_days,
        formula.break_length_days,
        formula.break_value,
        formula.quit_half_life_days,
        formula.posting_prior_days,
        formula.silent_prior_days,
    )
    return alive(
        posted.days,
        (last - first - overlap(past, first, last)) / DAY,
        np.maximum(end - after - overlap(past, after, end), 0) / DAY,
        presence,
    )


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


@dataclass(frozen=True)
class Hindsight:
    """A forecast, and what happened in the horizon after it.

    Attributes
    ----------
    snapshot : Snapshot
        What was known.
    cut : int
        When, in epoch seconds.
    known : ndarray of bool, shape (n,)
        Who had been seen.
    judged : ndarray of bool, shape (n,)
        On whom anybody had acted.
    happened, acted : ndarray of float64, shape (n,)
        Who then acted: by the rule of the forecast, and the plain number of different people who were free to.
    """

    snapshot: Snapshot
    cut: int
    known: Bools
    judged: Bools
    happened: Floats
    acted: Floats

    @property
    def forecast(self) -> Floats:
        """Return the reach that was forecast.

        Returns
        -------
        ndarray of float64, shape (n,)
            People.
        """
        return self.snapshot.reach.reach


def hindsight(
    workspace: Workspace,
    seen: Activity,
    inputs: Inputs,
    resting: tuple[Ints, Ints, Ints],
    cut: int,
    formula: Parameters,
) -> Hindsight | None:
    """Make the forecast of a moment once more, and see what happened in the horizon after it.

    Parameters
    ----------
    workspace : Workspace
        Where to do the table work.
    seen : Activity
        The activity, at least up to a horizon after the moment.
    inputs : Inputs
        Where the seeds are.
    resting : tuple of ndarray
        Declared rests, as `rests.rests` gives them.
    cut : int
        The moment, in epoch seconds.
    formula : Parameters
        The formula.

    Returns
    -------
    Hindsight or None
        None where less than half a horizon was known then.

    Raises
    ------
    ConvergenceError
        The walk didn't come to rest.
    """
    horizon = round(formula.horizon_days * DAY)
    began = workspace.number(seen.acts["at"].min())
    if began is None or began > cut - horizon // 2:
        return None
    before = snapshot(workspace, seen, inputs, resting, cut, formula)
    after = pairs(workspace, seen, until=cut + horizon, since=cut, half_life_days=formula.half_life_days)
    known = np.zeros(seen.people.size, dtype=bool)
    known[before.pairs.giver] = True
    known[before.pairs.receiver] = True
    known |= before.posting.posts > 0
    acted = counted(after.receiver, known.size, after.free > 0)
    judged = counted(before.pairs.receiver, known.size) > 0
    return Hindsight(before, cut, known, judged, outcome(before, after, formula.kappa), acted)


def judge(
    workspace: Workspace, seen: Activity, before: Hindsight, earlier: Foretold | None, formula: Parameters
) -> Backtest | None:
    """Measure a forecast, and what others would rank by, against what happened.

    Parameters
    ----------
    workspace : Workspace
        Where to do the table work.
    seen : Activity
        The activity before the cut.
    before : Hindsight
        The forecast, and what happened.
    earlier : Foretold or None
        The bands of the judged that came with the forecast, where they are known.
    formula : Parameters
        The formula.

    Returns
    -------
    Backtest or None
        None where fewer than two people had received anything.
    """
    recent = latest(workspace, seen, since=before.cut - round(formula.horizon_days * DAY), until=before.cut)
    return held_against(
        cut=before.cut,
        horizon_days=formula.horizon_days,
        forecast=before.forecast,
        happened=before.happened,
        acted=before.acted,
        baselines=baselines(before.snapshot.pairs, recent, before.known.size),
        judged=before.judged,
        halves=bands_of_halves(
            before.forecast,
            before.happened,
            before.known,
            before.judged,
            wanted=formula.band_coverage,
            people=formula.band_people,
        ),
        earlier=earlier,
        wanted=formula.band_coverage,
    )


def outcome(before: Snapshot, after: Pairs, kappa: float) -> Floats:
    """Count who then acted, by the rule by which the forecast counted.

    Each giver who was free to act at least once counts once, with the trust, selectivity and exchange known at the
    moment of the forecast (strangers to it: no trust, and selective), up to kappa for the unvouched, times credibility.

    Parameters
    ----------
    before : Snapshot
        What was known when the forecast was made.
    after : Pairs
        What each pair did since.
    kappa : float
        Share of the vouched up to which the unvouched count.

    Returns
    -------
    ndarray of float64, shape (n,)
        People.
    """
    size = before.trust.size
    giver, receiver = after.giver, after.receiver
    at = locate(before.pairs.giver * size + before.pairs.receiver, giver * size + receiver)
    factor = np.ones(giver.size)
    factor[at >= 0] = before.exchange[at[at >= 0]]
    counted = (after.free > 0) * factor * before.selectivity[giver]
    vouched = sum_by(receiver, counted * before.trust[giver], size)
    unvouched = sum_by(receiver, counted * (1.0 - before.trust[giver]), size)
    return before.credibility * capped(vouched, unvouched, kappa)


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
        **{f"taken_{reason}": share for reason, share in summed.taken.items()},
        "trust": now.trust,
        "alive": now.alive,
        "credibility": now.credibility,
        "supporters": sum_by(receiver, actions > 0, size).astype(np.int64),
        "actions": sum_by(receiver, actions, size).astype(np.int64),
        "posts": posts,
        "original_share": pa.array(own, from_pandas=True),
        "days_active": now.posting.days,
    }
    return pa.table([columns[name] for name in SCORES.names], schema=SCORES)
