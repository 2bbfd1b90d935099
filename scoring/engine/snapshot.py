"""What is known of people at one moment: every factor of the formula, in the order in which they are taken."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import ibis
import numpy as np
import pyarrow as pa

from scoring.engine import text
from scoring.engine.activity import DAY, Activity
from scoring.engine.alive import Presence, alive
from scoring.engine.arrays import Floats, Ints, sum_by
from scoring.engine.baselines import baselines
from scoring.engine.daily import summaries, texts
from scoring.engine.discounts import Breadth, breadth, exchange, selectivity
from scoring.engine.gains import gains
from scoring.engine.pairs import Pairs, Recent, pairs_of
from scoring.engine.parameters import Parameters
from scoring.engine.people import People, Posting, posting
from scoring.engine.reach import Reach, brings, reach
from scoring.engine.rests import overlap, rests, spells
from scoring.engine.state import State, summed
from scoring.engine.tables import Table, Workspace
from scoring.engine.trust import Walk, seeds_from_data, trust, walk


@dataclass(frozen=True)
class Known:
    """All that is known at a moment, by account.

    Attributes
    ----------
    state : State
        Sums over days, as of the moment.
    texts : pyarrow.Table
        Fingerprints of the texts of the last days (`daily.TEXTS`), at least of those that credibility looks at.
    received : callable or None
        Gives rows of `Days.pairs`, of all days, of at least the accounts of those who rested: an ibis table, made when
        it is asked for. Nobody's clock can be stopped without it.
    """

    state: State
    texts: pa.Table
    received: Callable[[], Table] | None = None


def known(workspace: Workspace, seen: Activity, until: int, formula: Parameters) -> Known:
    """Sum up, from nothing, what is known at a moment.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    seen : Activity
        The activity, at least up to the moment.
    until : int
        The moment, in epoch seconds; only what happened before it counts.
    formula : Parameters
        Half-lives, horizon, and of how many days texts are compared.

    Returns
    -------
    Known
        The sums.
    """
    return Known(
        summed(workspace, seen, until=until, formula=formula),
        texts(workspace, seen, since=texts_from(until, formula) * DAY, until=until),
        lambda: summaries(workspace, seen, until=until, formula=formula).pairs,
    )


def texts_from(until: int, formula: Parameters) -> int:
    """Return the first day whose texts are compared: the last days are taken whole.

    Parameters
    ----------
    until : int
        The moment, in epoch seconds.
    formula : Parameters
        How many days.

    Returns
    -------
    int
        In days since 1970.
    """
    return math.ceil(until / DAY - formula.credibility_days)


@dataclass(frozen=True)
class Snapshot:
    """What is known of people at one moment, by position.

    Attributes
    ----------
    pairs : Pairs
        What each pair did before the moment.
    posting : Posting
        What persons posted before it.
    exchange : ndarray of float64, shape (m,)
        Factor per pair.
    selectivity : ndarray of float64, shape (n,)
        Factor per person.
    breadth : Breadth
        To whom givers give.
    trust, firm, credibility, alive : ndarray of float64, shape (n,)
        Factors per person.
    reach : Reach
        Forecast and reach.
    baselines : dict of str to ndarray of float64, shape (n,)
        What others would rank by.
    walk : Walk
        Where trust came from.
    seeded_from : str
        'proved' or 'data'.
    """

    pairs: Pairs
    posting: Posting
    exchange: Floats
    selectivity: Floats
    breadth: Breadth
    trust: Floats
    firm: Floats
    credibility: Floats
    alive: Floats
    reach: Reach
    baselines: dict[str, Floats]
    walk: Walk
    seeded_from: str


def snapshot(
    workspace: Workspace, known: Known, people: People, *, seeds: Ints, resting: pa.Table, formula: Parameters
) -> tuple[Snapshot, Recent]:
    """Compute reach as known at a moment.

    Parameters
    ----------
    workspace : Workspace
        Where to do the table work.
    known : Known
        What is known of accounts.
    people : People
        Everybody that is, and more.
    seeds : ndarray of int64
        Persons whose identity was proved.
    resting : pyarrow.Table
        Rows of `RESTS`.
    formula : Parameters
        The formula.

    Returns
    -------
    Snapshot
        Factors, forecast and reach.
    Recent
        What of the pairs is recent: an earlier forecast is held against it, and nothing else needs it.

    Raises
    ------
    InputError
        A rest ends before it begins.
    ConvergenceError
        The walk didn't come to rest.
    """
    state = known.state
    past = rests(resting, people.numbers, state.until)
    gained = None
    if past[0].size and known.received is not None and state.began is not None:
        rested = spells(past, state.began, state.until)
        gained = gains(workspace, known.received(), rested, people, formula) if rested.position.size else None
    found, answers, recent = pairs_of(workspace, state, people, formula, gained)
    posted = posting(workspace, state, people)
    factor = exchange(
        found,
        answers,
        posted.own,
        begin=formula.exchange_from,
        end=formula.exchange_to,
        actions=formula.exchange_actions,
        partners=formula.exchange_partners,
    )
    del answers
    selective = selectivity(found, people.size, slope=formula.selectivity_slope, slack=formula.selectivity_slack)
    walked, trusted, firm, seeded_from = _trust(found, factor, selective, seeds, people.numbers, formula)
    credible = _credibility(workspace, known, people, formula)
    there = _alive(posted, past, state.until, formula)
    broad = breadth(
        found,
        brings(found.free_calendar, formula) * factor * selective[found.giver],
        trusted,
        ratio=formula.ordinary_ratio,
        begin=formula.breadth_from,
        end=formula.breadth_to,
        prior=formula.breadth_prior,
    )
    summed = reach(
        found,
        trust=trusted,
        firm=firm,
        broad=lambda some: broad.of(found.giver[some], found.receiver[some], found.slow[some]),
        selectivity=selective,
        exchange=factor,
        credibility=credible,
        alive=there,
        formula=formula,
    )
    factors = (factor, selective, broad, trusted, firm, credible, there)
    others = baselines(found, recent, people.size)
    return Snapshot(found, posted, *factors, summed, others, walked, seeded_from), recent


def _trust(
    found: Pairs, factor: Floats, selective: Floats, proved: Ints, people: Ints, formula: Parameters
) -> tuple[Walk, Floats, Floats, str]:
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

    def trusts(share: Floats) -> tuple[Floats, Floats]:
        return (
            trust(share, scale=formula.trust_scale, core=formula.trust_core),
            trust(share, scale=formula.firm_scale, core=formula.trust_core),
        )

    named = np.isin(people, proved).astype(np.float64)
    if proved.size:
        # The proved of whom nothing was seen yet keep their part of the start, behind the others: their first
        # supporter would else move where trust starts, and so lower scores that have nothing to do with it.
        unseen = np.setdiff1d(proved, people).size
        whole = walk_from(np.concatenate([named, np.ones(unseen)]))
        trusted, firm = (values[: people.size] for values in trusts(whole.share))
        walked = Walk(whole.share[: people.size], whole.iterations, whole.residual)
        led = (walked.share > 0) & (named == 0)
        answered = (sum_by(found.receiver, rate, people.size) > 0) & (named == 0)
        # An absolute number is enough, or a farm whose bots answer each other could outnumber those whom the seeds
        # lead to, and so get the starting trust below.
        if led.sum() >= min(formula.seeds_reach, answered.sum() / 2):
            return walked, trusted, firm, "proved"
    weights = seeds_from_data(found.giver, found.receiver, (rate > 0) * factor * selective[found.giver], people.size)
    if named.any():
        weights = weights / weights.sum() + named / named.sum()
    walked = walk_from(weights)
    trusted, _firm = trusts(walked.share)
    trusted = formula.trust_unproved + (1.0 - formula.trust_unproved) * trusted
    # The starting trust is everybody's, however narrowly they give.
    return walked, trusted, np.ones(people.size), "data"


def _credibility(workspace: Workspace, known: Known, people: People, formula: Parameters) -> Floats:
    if not known.texts.num_rows:
        return np.ones(people.size)
    table = ibis.memtable(known.texts)
    table = people.placed(table.filter(table.day >= texts_from(known.state.until, formula)), "account", "place")
    found = workspace.arrays(table.group_by("place", "print").aggregate(times=table.times.sum().cast("int64")))
    return text.credibility(
        found["place"],
        found["times"],
        people.size,
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
        (last - first) / DAY,
        np.maximum(end - after - overlap(past, after, end), 0) / DAY,
        presence,
    )
