"""Greedy choice that looks again only where it must."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from campaigns.selection.audience import Audience, Floats, Ints
from campaigns.selection.bound import most_possible
from campaigns.selection.rules import AtMost, Rules


@dataclass(frozen=True)
class Chosen:
    """A group, in the order in which it was chosen.

    Attributes
    ----------
    group : ndarray of int64, shape (k,)
        Positions of candidates: first those who must be in.
    adds : ndarray of float64, shape (k,)
        How many people each adds to those before; they sum to `reached`.
    missed : ndarray of float64, shape (m,)
        The chance of each member of the audience not to be reached.
    most : float
        No group that keeps to the rules reaches more people than this. At least `reached`.
    """

    group: Ints
    adds: Floats
    missed: Floats
    most: float

    @property
    def reached(self) -> float:
        """Return how many different people are expected to be reached."""
        return float(self.adds.sum())

    @property
    def proved(self) -> float:
        """Return which part of the best possible the group is proved to reach, 0 to 1."""
        return self.reached / self.most if self.most > 0 else 1.0


def choose(audience: Audience, rules: Rules) -> Chosen:
    """Choose a group.

    Whoever adds most is next, as long as the rules admit anybody. What a candidate adds only falls as the group grows,
    so one whose last known addition is below somebody's of now needn't be looked at: lazy greedy choice (Minoux,
    "Accelerated greedy algorithms for maximizing submodular set functions", 1978). For seats alone it reaches at least
    1 - 1/e of the best (Nemhauser, Wolsey and Fisher, 1978), under one limit of sets 1/2. With a budget the group that
    takes whoever adds most for the money is worked out too, and the better of the two is taken (Leskovec et al.,
    "Cost-effective outbreak detection in networks", KDD 2007).

    Parameters
    ----------
    audience : Audience
        Who reaches whom.
    rules : Rules
        What the group has to keep to.

    Returns
    -------
    Chosen
        The group, and what was proved of it. Candidates who add nothing aren't taken to fill seats; of equals the
        first is taken.

    Raises
    ------
    RulesError
        No group can keep to the rules.
    """
    limits = rules.limits(audience.size)
    found = _greedy(audience, rules, limits, by_cost=False)
    if rules.budget is not None and rules.costs is not None:
        other = _greedy(audience, rules, limits, by_cost=True)
        if other[1].sum() > found[1].sum():
            found = other
    group, adds, missed = found
    return Chosen(group, adds, missed, most_possible(audience, rules, limits, group, missed))


def _greedy(
    audience: Audience, rules: Rules, limits: Sequence[AtMost], *, by_cost: bool
) -> tuple[Ints, Floats, Floats]:
    missed = audience.nobody_reached()
    group: list[int] = []
    adds: list[float] = []
    room = [limit.most.tolist() for limit in limits]
    sets = [limit.of for limit in limits]
    money = np.inf if rules.budget is None else rules.budget
    costs = np.zeros(audience.size) if rules.costs is None else rules.costs

    def take(candidate: int, more: float) -> None:
        nonlocal money
        group.append(candidate)
        adds.append(more)
        audience.join(candidate, missed)
        money -= costs[candidate]
        for of, left in zip(sets, room, strict=True):
            if of[candidate] >= 0:
                left[of[candidate]] -= 1

    def admitted(candidate: int) -> bool:
        # Rounding of sums of money isn't to decide.
        if costs[candidate] > money + 1e-9 * max(1.0, abs(money)):
            return False
        return all(of[candidate] < 0 or left[of[candidate]] > 0 for of, left in zip(sets, room, strict=True))

    for candidate in rules.must:
        take(int(candidate), audience.added(int(candidate), missed))
    worth = np.maximum(costs, 1e-12) if by_cost else np.ones(audience.size)
    first = audience.adds(missed)
    open_ = first > 0
    open_[rules.excluded] = False
    open_[rules.must] = False
    # What each is known to add at most, for the money, and of how large a group that was.
    waiting = [
        (-more, candidate, len(group))
        for more, candidate in zip((first[open_] / worth[open_]).tolist(), np.flatnonzero(open_).tolist(), strict=True)
    ]
    heapq.heapify(waiting)
    while waiting and len(group) < rules.seats:
        most, candidate, known_at = waiting[0]
        if not admitted(candidate):
            # Room and money only get less.
            heapq.heappop(waiting)
        elif known_at == len(group):
            heapq.heappop(waiting)
            take(candidate, -most * worth[candidate])
        else:
            more = audience.added(candidate, missed) / worth[candidate]
            if more > 0:
                heapq.heapreplace(waiting, (-more, candidate, len(group)))
            else:
                heapq.heappop(waiting)
    return np.array(group, dtype=np.int64), np.array(adds), missed
