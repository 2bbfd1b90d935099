"""What is known of people at one moment: every factor of the formula, in the order in which they are taken."""

from dataclasses import dataclass

import numpy as np

from scoring.engine import text
from scoring.engine.activity import DAY, Activity, Posting, posting
from scoring.engine.alive import Presence, alive
from scoring.engine.arrays import Floats, Ints, sum_by
from scoring.engine.discounts import Breadth, breadth, exchange, selectivity
from scoring.engine.inputs import Inputs
from scoring.engine.pairs import Pairs, pairs
from scoring.engine.parameters import Parameters
from scoring.engine.reach import Reach, brings, reach
from scoring.engine.rests import overlap, pauses
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
    selectivity : ndarray of float64, shape (n,)
        Factor per person.
    breadth : Breadth
        To whom givers give.
    trust, firm, credibility, alive : ndarray of float64, shape (n,)
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
    breadth: Breadth
    trust: Floats
    firm: Floats
    credibility: Floats
    alive: Floats
    reach: Reach
    walk: Walk
    seeded_from: str


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
    found = pairs(
        workspace,
        seen,
        until=until,
        formula=formula,
        pauses=paused,
    )
    posted = posting(workspace, seen, until=until)
    factor = exchange(
        found,
        posted.own,
        begin=formula.exchange_from,
        end=formula.exchange_to,
        actions=formula.exchange_actions,
        partners=formula.exchange_partners,
    )
    selective = selectivity(found, size, slope=formula.selectivity_slope, slack=formula.selectivity_slack)
    walked, trusted, firm, seeded_from = _trust(found, factor, selective, inputs.seeds, seen.people, formula)
    credible = _credibility(workspace, seen, until, formula)
    there = _alive(posted, past, until, formula)
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
        broad=broad.of(found.giver, found.receiver, found.weight_calendar),
        selectivity=selective,
        exchange=factor,
        credibility=credible,
        alive=there,
        formula=formula,
    )
    factors = (factor, selective, broad, trusted, firm, credible, there)
    return Snapshot(found, posted, *factors, summed, walked, seeded_from)


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
        (last - first) / DAY,
        np.maximum(end - after - overlap(past, after, end), 0) / DAY,
        presence,
    )
