"""Whom participants reached: acts by others, counted as different people and by kind. Arrays in, arrays out."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Acts:
    """What others did to some people's accounts and posts, an element each.

    Attributes
    ----------
    of : ndarray of int64
        The place of whom it was done to, among the people.
    actor : ndarray of int64
        Who did it: the same number for all accounts of one person.
    kind : ndarray of str
        As the log has it.
    post : ndarray of int64
        The key of the post acted on, 0 where none is named.
    at : ndarray of int64
        When, in epoch seconds.
    """

    of: Ints
    actor: Ints
    kind: npt.NDArray[np.str_]
    post: Ints
    at: Ints

    def where(self, some: Bools | Ints) -> Self:
        """Return some of them."""
        return type(self)(self.of[some], self.actor[some], self.kind[some], self.post[some], self.at[some])

    @property
    def different(self) -> int:
        """Return how many different people acted."""
        return int(np.unique(self.actor).size)

    @property
    def by_kind(self) -> dict[str, int]:
        """Return how many there are of each kind, the commonest first."""
        kinds, counts = np.unique(self.kind, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return dict(zip(kinds[order].tolist(), counts[order].tolist(), strict=True))

    def by_person(self, people: int) -> list[Self]:
        """Return those of each person, by place."""
        order = np.argsort(self.of, kind="stable")
        ends = np.searchsorted(self.of[order], np.arange(people + 1))
        return [self.where(order[begin:end]) for begin, end in pairwise(ends)]

    @classmethod
    def joined(cls, some: Iterable[Self]) -> Self:
        """Return all of some, one after the other."""
        none: Ints = np.zeros(0, dtype=np.int64)
        start = cls(none, none, none.astype(np.str_), none, none)
        of, actor, kind, post, at = zip(*((a.of, a.actor, a.kind, a.post, a.at) for a in (start, *some)), strict=True)
        return cls(
            np.concatenate(of), np.concatenate(actor), np.concatenate(kind), np.concatenate(post), np.concatenate(at)
        )
