"""Why somebody isn't in the group, and the nearest change that would bring them in."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from campaigns.selection.audience import Audience
from campaigns.selection.greedy import Chosen
from campaigns.selection.rules import AtMost, Rules


class Reason(StrEnum):
    """Why not."""

    EXCLUDED = "excluded"
    NO_REACH = "no reach"
    BUDGET = "budget"
    QUOTA = "quota"
    OVERLAP = "overlap"
    SEATS = "seats"


@dataclass(frozen=True)
class WhyNot:
    """Why a candidate wasn't chosen.

    Attributes
    ----------
    reason : Reason
        What was in the way: with a quota or the budget, somebody who adds less is in. Overlap: more than half of the
        candidate's audience is reached already; seats: less than that, but others add more.
    reach : float
        People whom the candidate reaches alone.
    adds : float
        People whom the candidate would add to the group.
    least : float
        People whom the one adds who adds least of those chosen freely; 0 where there is none.
    quota : str
        The name of the quota that is full, or nothing.
    lists : tuple of str
        The names of the lists that the candidate was left out with. `why_not` knows of none: who makes the rules does.
    """

    reason: Reason
    reach: float
    adds: float
    least: float
    quota: str = ""
    lists: tuple[str, ...] = ()

    @property
    def reached_already(self) -> float:
        """Return which part of the candidate's audience the group reaches, 0 to 1."""
        return 1.0 - self.adds / self.reach if self.reach > 0 else 0.0


def why_not(audience: Audience, rules: Rules, chosen: Chosen, candidate: int) -> WhyNot:
    """Say why a candidate isn't in a group that was chosen by these rules.

    Parameters
    ----------
    audience : Audience
        Who reaches whom.
    rules : Rules
        What the group kept to.
    chosen : Chosen
        The group.
    candidate : int
        Position of somebody who isn't in it.

    Returns
    -------
    WhyNot
        The reason.

    Raises
    ------
    ValueError
        The candidate is in the group.
    """
    if candidate in chosen.group:
        raise ValueError(f"candidate {candidate} is in the group")
    reach = audience.added(candidate, audience.nobody_reached())
    adds = audience.added(candidate, chosen.missed)
    free = chosen.adds[rules.must.size :]
    least = float(free.min()) if free.size else 0.0

    def because(reason: Reason, quota: str = "") -> WhyNot:
        return WhyNot(reason, reach, adds, least, quota)

    if candidate in rules.excluded:
        return because(Reason.EXCLUDED)
    if reach <= 0:
        return because(Reason.NO_REACH)
    # With seats left nobody was left out for adding less.
    better = adds > least or chosen.group.size < rules.seats
    full = _full(rules.limits(audience.size), chosen, candidate)
    if better and full:
        return because(Reason.QUOTA, full)
    if better and rules.budget is not None and rules.costs is not None:
        left = rules.budget - float(rules.costs[chosen.group].sum())
        if rules.costs[candidate] > left:
            return because(Reason.BUDGET)
    return because(Reason.OVERLAP if adds < reach / 2 else Reason.SEATS)


def _full(limits: list[AtMost], chosen: Chosen, candidate: int) -> str:
    """Return the name of a limit that has no room for the candidate, or nothing."""
    for limit in limits:
        its = limit.of[candidate]
        if its >= 0 and np.count_nonzero(limit.of[chosen.group] == its) >= limit.most[its]:
            return limit.name
    return ""
