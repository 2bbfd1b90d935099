"""How many people no group can exceed: what is proved of one that was chosen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import sparse

from campaigns.selection.audience import Audience, Floats, Ints
from campaigns.selection.rules import AtMost, Rules

# Passes over the audience at most, and the part of the bound that isn't worth another.
_PASSES: Final = 12
_CLOSE: Final = 1e-3
# A chance of 1 would make a rate without end.
_SURE: Final = 1.0 - 1e-12
_HALVINGS: Final = 5


@dataclass(frozen=True)
class _Best:
    """What the rules admit at most of some worth, and of whom: how far each counts, 0 to 1."""

    worth: float
    members: Ints
    parts: Floats


def most_possible(audience: Audience, rules: Rules, limits: Sequence[AtMost], group: Ints, missed: Floats) -> float:
    """Return a number of people that no group reaches more than.

    Two bounds are worked out, and the lower one counts. The first is known since Minoux (1978): a group of others adds
    to this one at most what they add one by one. The second looks at people in parts x, 0 to 1:

        F(x) = w sum_a (1 - exp(-sum_b x_b l_ab)) + sum_b x_b alone_b,   l_ab = -ln(1 - q_ab / w)

    is f where every x is 0 or 1, and concave. So from any x no group O can be above F(x) + F'(x) (O - x), and the rules
    admit no more of F'(x) O than of each rule by itself. From the group on, a few steps towards whom the rules admit at
    most (Frank and Wolfe, "An algorithm for quadratic programming", 1956) bring the bound down to the most of F.

    Parameters
    ----------
    audience : Audience
        Who reaches whom.
    rules : Rules
        What a group has to keep to.
    limits : sequence of AtMost
        `rules.limits`.
    group : ndarray of int64, shape (k,)
        A group that keeps to the rules.
    missed : ndarray of float64, shape (m,)
        The chance of each member of the audience not to be reached by it.

    Returns
    -------
    float
        People; at least what the group reaches.
    """
    reached = float((1.0 - missed).sum() * audience.most + audience.alone[group].sum())
    adds = audience.adds(missed)
    adds[group] = 0.0
    bound = reached + _best(adds, rules, limits).worth
    for more in _in_parts(audience, rules, limits, group):
        bound = min(bound, more)
        if bound - reached <= _CLOSE * bound:
            break
    return max(bound, reached)


def _in_parts(audience: Audience, rules: Rules, limits: Sequence[AtMost], group: Ints) -> Iterator[float]:
    """Yield bounds by people in parts, lower ones later on the whole."""
    chances = audience.chances
    # In place: there are as many numbers as pairs.
    rate = np.minimum(chances.data, _SURE)
    for function in (np.negative, np.log1p, np.negative):
        function(rate, out=rate)
    rates = sparse.csr_array((rate, chances.indices, chances.indptr), shape=chances.shape)
    # What is below a chance of 1 by so little is less than this in all.
    slack = audience.most * chances.shape[1] * (1.0 - _SURE)
    parts = np.zeros(audience.size)
    parts[group] = 1.0
    met = _sums(rates, group, parts[group])
    for _pass in range(_PASSES):
        missed = np.exp(-met)
        slope = rates @ missed * audience.most + audience.alone
        best = _best(slope, rules, limits)
        value = audience.most * float((1.0 - missed).sum()) + float(audience.alone @ parts)
        yield value + best.worth - float(slope @ parts) + slack
        towards = -parts
        towards[best.members] += best.parts
        met_towards = _sums(rates, best.members, best.parts) - met
        step = _step(met, met_towards, audience.most, float(audience.alone @ towards))
        parts = parts + step * towards
        met = met + step * met_towards


def _sums(rates: sparse.csr_array, members: Ints, parts: Floats) -> Floats:
    """Return how often each of the audience is met: the sum of some rows, each in part."""
    return np.asarray(rates[members].T @ parts)


def _step(met: Floats, towards: Floats, most: float, alone: float) -> float:
    """Return how far to go, 0 to 1: about to where F rises no more."""
    low, high = 0.0, 1.0
    for _halving in range(_HALVINGS):
        middle = (low + high) / 2
        if most * float(np.exp(-(met + middle * towards)) @ towards) + alone > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _best(worth: Floats, rules: Rules, limits: Sequence[AtMost]) -> _Best:
    """Return the largest sum of worths, each at least 0, that the strictest of the rules admits by itself."""
    must, worth = rules.must, worth.copy()
    worth[rules.excluded] = 0.0
    fixed = float(worth[must].sum())
    worth[must] = 0.0
    seats = rules.seats - must.size
    found = [_largest(worth, seats)]
    found += [_largest_of_sets(worth, limit, must, seats) for limit in limits]
    if rules.budget is not None and rules.costs is not None:
        found.append(_bought(worth, rules.costs, rules.budget - float(rules.costs[must].sum())))
    least = min(found, key=lambda best: best.worth)
    return _Best(
        fixed + least.worth, np.concatenate([must, least.members]), np.concatenate([np.ones(must.size), least.parts])
    )


def _largest(worth: Floats, count: int) -> _Best:
    some = np.flatnonzero(worth > 0)
    if some.size > count:
        some = some[np.argpartition(worth[some], some.size - count)[some.size - count :]] if count > 0 else some[:0]
    return _Best(float(worth[some].sum()), some, np.ones(some.size))


def _largest_of_sets(worth: Floats, limit: AtMost, must: Ints, count: int) -> _Best:
    """Return the best that a limit admits: of each set the best so many, and of these and the unlimited the best."""
    sets = limit.of[must]
    room = limit.most - np.bincount(sets[sets >= 0], minlength=limit.most.size)
    order = np.lexsort((-worth, limit.of))
    order = order[limit.of[order] >= 0]
    of = limit.of[order]
    place = np.arange(of.size) - np.searchsorted(of, np.arange(limit.most.size))[of]
    admitted = worth.copy()
    admitted[order[place >= room[of]]] = 0.0
    return _largest(admitted, count)


def _bought(worth: Floats, costs: Floats, money: float) -> _Best:
    """Return the most that money buys if people could be had in parts: best for the money first."""
    some = np.flatnonzero(worth > 0)
    for_the_money = np.divide(worth[some], costs[some], out=np.full(some.size, np.inf), where=costs[some] > 0)
    some = some[np.argsort(-for_the_money, kind="stable")]
    spent = np.cumsum(costs[some])
    # Rounding of sums of money isn't to decide.
    before = np.append(0.0, spent)[: some.size]
    left = np.maximum(money * (1 + 1e-9) + 1e-9 - before, 0.0)
    parts = np.minimum(np.divide(left, costs[some], out=np.ones(some.size), where=costs[some] > 0), 1.0)
    some, parts = some[parts > 0], parts[parts > 0]
    return _Best(float(worth[some] @ parts), some, parts)
