"""Trust: who is answered by whom trusted people answer.

A random walk follows attention: from a giver it goes on to a receiver, in proportion to the rate, with the
chance `damping`; otherwise, and where there is nobody to go on to, it starts again at a seed. This is
personalised PageRank (Page, Brin, Motwani and Winograd, "The PageRank Citation Ranking", 1999) restarted at
trusted nodes, as in TrustRank (Gyongyi, Garcia-Molina and Pedersen, VLDB 2004).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph

from scoring.engine.arrays import Floats, Ints, Positions, sum_by
from scoring.engine.errors import ConvergenceError


@dataclass(frozen=True)
class Walk:
    """Where the walk spends its time.

    Attributes
    ----------
    share : ndarray of float64, shape (n,)
        Share of its time per person; sums to 1. Exactly 0 where no seed leads.
    iterations : int
        Steps that were made.
    residual : float
        L1 distance of the last two steps.
    """

    share: Floats
    iterations: int
    residual: float


def walk(
    giver: Positions,
    receiver: Positions,
    rate: Floats,
    seeds: Floats,
    *,
    damping: float,
    tolerance: float,
    iterations: int,
) -> Walk:
    """Walk along attention until the shares stand still.

    Parameters
    ----------
    giver, receiver : ndarray of int, shape (m,)
        Ends of the edges, as positions in the seeds.
    rate : ndarray of float64, shape (m,)
        Attention, at least 0; each giver's edges are taken in proportion.
    seeds : ndarray of float64, shape (n,)
        Where the walk starts again, at least 0, with a positive sum.
    damping : float
        Chance to go on, 0 to below 1.
    tolerance : float
        Absolute L1 residual to stop at.
    iterations : int
        Most steps.

    Returns
    -------
    Walk
        The shares, w = damping (P' w + dangling) + (1 - damping) seeds, all of sum 1.

    Raises
    ------
    ConvergenceError
        The residual is still larger after the last step.

    Examples
    --------
    >>> ends = np.array([0, 1]), np.array([1, 2])
    >>> w = walk(*ends, np.ones(2), np.array([1.0, 0, 0]), damping=0.5, tolerance=1e-12, iterations=99)
    >>> (w.share * 7).round(6).tolist()
    [4.0, 2.0, 1.0]
    """
    live = rate > 0
    giver, receiver, rate = giver[live], receiver[live], rate[live]
    found = _led_to(giver, receiver, np.flatnonzero(seeds), seeds.size)
    place = np.full(seeds.size, -1, dtype=np.int32)
    place[found] = np.arange(found.size)
    led = place[giver] >= 0
    giver, receiver, rate = place[giver[led]], place[receiver[led]], rate[led]
    del live, led
    start = seeds[found] / seeds.sum()
    given = sum_by(giver, rate, found.size)
    rate *= damping
    rate /= given[giver]
    step = sparse.csr_array((rate, (receiver, giver)), shape=(found.size, found.size))
    del giver, receiver, rate
    dangling = np.where(given == 0, damping, 0.0)
    share = start
    residual = np.inf
    for done in range(1, iterations + 1):
        following = step @ share
        following += (dangling @ share + 1.0 - damping) * start
        residual = float(np.linalg.norm(following - share, 1))
        share = following
        if residual <= tolerance:
            everybody = np.zeros(seeds.size)
            everybody[found] = share
            return Walk(everybody, done, residual)
    raise ConvergenceError(
        f"the walk moves by {residual:.3g} after {iterations} steps, more than {tolerance:.3g};"
        " raise walk_iterations, or lower damping"
    )


def _led_to(giver: Positions, receiver: Positions, seeds: Ints, size: int) -> Ints:
    """Return the seeds and to whom edges lead from them, ascending: a few of all, for most are answered by nobody."""
    source = np.full(seeds.size, size, giver.dtype)
    ends = np.concatenate([giver, source]), np.concatenate([receiver, seeds.astype(receiver.dtype)])
    ones: npt.NDArray[np.int8] = np.ones(ends[0].size, dtype=np.int8)
    edges = sparse.csr_array((ones, ends), shape=(size + 1, size + 1))
    found = csgraph.breadth_first_order(edges, size, return_predecessors=False)
    return np.sort(found[1:]).astype(np.int64)


def trust(share: Floats, *, scale: float, core: float) -> Floats:
    """Turn the walk into trust: 1 - exp(-(share / (scale mean))^2).

    Squared, so that a few stray answers buy a bot little. The mean is over the fewest people who together
    hold `core` of the walk, not over everybody: accounts that nobody answers, and accounts that share one stray
    answer among a million, would pull a mean over everybody down, and so raise the trust of all.

    Parameters
    ----------
    share : ndarray of float64, shape (n,)
        The walk.
    scale : float
        Multiple of the mean at which trust is 1 - 1/e.
    core : float
        Share of the walk that makes the mean, 0 to 1.

    Returns
    -------
    ndarray of float64, shape (n,)
        Trust from 0 to 1; 0 where the walk never comes.

    Examples
    --------
    >>> trust(np.array([0.5, 0.5, 0.0]), scale=1.0, core=1.0).round(4).tolist()
    [0.6321, 0.6321, 0.0]
    """
    if not share.size:
        return np.zeros(0)
    falling = np.sort(share)[::-1]
    held = np.cumsum(falling)
    wanted = core * held[-1]
    whole = int(np.searchsorted(held, wanted))
    if whole >= share.size:
        whole = share.size - 1
    # The last person counts in part, so that the mean doesn't jump with the last bit of a sum.
    before = held[whole - 1] if whole else 0.0
    people = whole + (wanted - before) / falling[whole]
    mean = wanted / people
    return np.asarray(-np.expm1(-np.square(share / (scale * mean))))


def seeds_from_data(giver: Positions, receiver: Positions, free: Floats, size: int) -> Floats:
    """Choose where trust starts when nobody's identity was proved: at people whom answered people answer.

    Each person weighs the square root of how many different givers they have, where a giver counts only if
    somebody answers the giver too, and by how selective the giver is and how little it is an exchange. Fewer than two
    such givers are no evidence. A farm can still buy such seeds by answering itself, at a price that grows with its
    size; only proved identities prevent that.

    Parameters
    ----------
    giver, receiver : ndarray of int, shape (m,)
        Ends of the edges.
    free : ndarray of float64, shape (m,)
        What an edge counts, 0 to 1: selectivity times exchange, and 0 where no act is free.
    size : int
        Number of people n.

    Returns
    -------
    ndarray of float64, shape (n,)
        Weights, at least 0, with a positive sum if n > 0: where nothing better is known, all alike.
    """
    received = sum_by(receiver, free, size)
    answered = received > 0
    vouching = free * answered[giver]
    strength = sum_by(receiver, vouching, size)
    count = sum_by(receiver, vouching > 0, size)
    for weights in (np.where(count >= 2, strength, 0.0), strength, received):
        if weights.any():
            return np.sqrt(weights)
    return np.ones(size)
