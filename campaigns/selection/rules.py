"""What a group has to keep to: seats, a budget, quotas, and who must be in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from campaigns.selection.audience import Floats, Ints

NOBODY: Final[Ints] = np.zeros(0, dtype=np.int64)
# Scores are limited by bands of so many points.
BAND: Final = 10.0


class RulesError(Exception):
    """No group can keep to the rules; the message says which of them, and what to change."""


@dataclass(frozen=True)
class AtMost:
    """No more than so many out of each of some sets that don't overlap.

    Attributes
    ----------
    name : str
        What is told where it is in the way, such as "at most 3 per city".
    of : ndarray of int64, shape (n,)
        The set of each candidate, from 0; below 0 for those in none, who aren't limited.
    most : ndarray of int64, shape (sets,)
        How many out of each.
    """

    name: str
    of: Ints
    most: Ints

    @classmethod
    def each(cls, name: str, values: npt.NDArray[Any], most: int, *, unknown: object = None) -> Self:
        """Limit the candidates of each value to as many.

        Parameters
        ----------
        name : str
            What is told where it is in the way.
        values : ndarray, shape (n,)
            What parts the candidates: whole numbers or texts.
        most : int
            How many of each value.
        unknown : object, optional
            The value of those of whom it isn't known, who aren't limited.

        Returns
        -------
        AtMost
            A set for each value.
        """
        found, of = np.unique(values, return_inverse=True)
        if unknown is not None:
            of = np.where(values == unknown, -1, of)
        return cls(name, of.astype(np.int64), np.full(found.size, most))


@dataclass(frozen=True)
class AtLeast:
    """So many of a kind.

    Attributes
    ----------
    name : str
        Such as "at least 5 below a reach of 1,000".
    kind : ndarray of bool, shape (n,)
        Who is of the kind.
    least : int
        How many.
    """

    name: str
    kind: npt.NDArray[np.bool_]
    least: int


@dataclass(frozen=True)
class Rules:
    """The rules of a group.

    Attributes
    ----------
    seats : int
        How many at most.
    costs : ndarray of float64, shape (n,), optional
        What each candidate costs, at least 0.
    budget : float, optional
        What all chosen may cost together, those who must be in among them.
    at_most : sequence of AtMost
        Quotas from above.
    at_least : sequence of AtLeast
        Quotas from below: of all seats that are filled so many at least, if there are so many with any reach.
    must : ndarray of int64
        Positions of those who are in whatever they add, in the order in which they are counted.
    excluded : ndarray of int64
        Positions of those who can't be in.
    """

    seats: int
    costs: Floats | None = None
    budget: float | None = None
    at_most: Sequence[AtMost] = ()
    at_least: Sequence[AtLeast] = ()
    must: Ints = field(default_factory=lambda: NOBODY)
    excluded: Ints = field(default_factory=lambda: NOBODY)

    def limits(self, size: int) -> list[AtMost]:
        """Return all quotas as limits from above, after a look at whether they can be kept.

        At least m of a kind among k seats is at most k - m of all others.

        Parameters
        ----------
        size : int
            Number of candidates.

        Returns
        -------
        list of AtMost
            Those of `at_most`, then one for each of `at_least`.

        Raises
        ------
        RulesError
            Nobody can be chosen by these rules, or not those who must be.
        """
        must = np.unique(self.must)
        if must.size != self.must.size:
            raise RulesError("Somebody must be in twice: name each once.")
        if np.isin(must, self.excluded).any():
            raise RulesError("Somebody who must be in is excluded too: take them off one of the two lists.")
        if must.size > self.seats:
            raise RulesError(f"{must.size} people must be in, but there are {self.seats} seats.")
        # Rounding of sums of money isn't to decide.
        budget = np.inf if self.budget is None else self.budget + 1e-9 * max(1.0, self.budget)
        if self.budget is not None and self.costs is not None and self.costs[must].sum() > budget:
            raise RulesError(
                f"Those who must be in cost {self.costs[must].sum():,.2f}, more than the budget of {self.budget:,.2f}."
            )
        eligible = np.ones(size, dtype=bool)
        eligible[self.excluded] = False
        limits = [*self.at_most]
        for quota in self.at_least:
            there = int((quota.kind & eligible).sum())
            if there < quota.least:
                raise RulesError(f"{quota.name}: only {there} of those who can be chosen are of that kind.")
            if quota.least > self.seats:
                raise RulesError(f"{quota.name}: there are {self.seats} seats.")
            others = np.where(quota.kind, -1, 0).astype(np.int64)
            limits.append(AtMost(quota.name, others, np.array([self.seats - quota.least])))
        for limit in limits:
            sets = limit.of[must]
            taken = np.bincount(sets[sets >= 0], minlength=limit.most.size)
            if (taken > limit.most).any():
                raise RulesError(f"{limit.name}: those who must be in are more than that already.")
        return limits
