"""Whom each candidate reaches, as a sparse matrix."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def most_each(newcomers: float, horizon_days: float) -> float:
    """Return how many people a supporter stands for at most: one, and those who newly come with each.

    Parameters
    ----------
    newcomers, horizon_days : float
        Of the formula (`scoring.engine.reach.brings`).

    Returns
    -------
    float
        People, at least 1.
    """
    return 1.0 + newcomers * horizon_days / 28.0


@dataclass(frozen=True)
class Audience:
    """Who is reached by whom, and how likely.

    Attributes
    ----------
    chances : scipy.sparse.csr_array, shape (n, m)
        q_ab / w by candidate and member of the audience, 0 to 1.
    most : float
        w: how many people a member stands for at most, above 0.
    alone : ndarray of float64, shape (n,)
        Reach of candidates whose people aren't known by name.
    """

    chances: sparse.csr_array
    most: float
    alone: Floats

    @classmethod
    def of(
        cls,
        candidates: int,
        candidate: Ints,
        member: Ints,
        people: Floats,
        *,
        most: float = 1.0,
        alone: Floats | None = None,
    ) -> Self:
        """Build the matrix from pairs, in one pass.

        Parameters
        ----------
        candidates : int
            n.
        candidate : ndarray of int64, shape (k,)
            Positions of candidates, from 0 to below n.
        member : ndarray of int64, shape (k,)
            Any numbers that tell the audience's members apart. A pair that stands twice adds up.
        people : ndarray of float64, shape (k,)
            What the member adds to the candidate's reach, at least 0; more than `most` counts as `most`.
        most : float
            w, above 0.
        alone : ndarray of float64, shape (n,), optional
            Reach whose people aren't known by name; none without it.

        Returns
        -------
        Audience
            Of n candidates.
        """
        # By a hash, several times as fast as by sorting, and in narrow numbers: there are as many as pairs.
        named = pa.array(member).dictionary_encode()
        # The table of hashes takes more than its result, and Arrow would keep it for the next one.
        pa.default_memory_pool().release_unused()
        ends = candidate.astype(np.int32), named.indices.to_numpy()
        # Duplicates add up as the matrix is made.
        chances = sparse.csr_array((people / most, ends), shape=(candidates, len(named.dictionary)))
        np.minimum(chances.data, 1.0, out=chances.data)
        return cls(chances, most, np.zeros(candidates) if alone is None else alone)

    @classmethod
    def on(
        cls, keys: Ints, reach: Floats, part: Floats, supported: Ints, supporter: Ints, adds: Floats, *, most: float
    ) -> Self:
        """Build the matrix from what supporters add, of that part of the reach which is on a topic.

        Parameters
        ----------
        keys : ndarray of int64, shape (n,)
            The candidates, ascending.
        reach : ndarray of float64, shape (n,)
            Each one's whole reach, at least the sum of what the supporters add.
        part : ndarray of float64, shape (n,)
            What of it counts, at most the whole: each supporter counts by that share.
        supported, supporter : ndarray of int64, shape (k,)
            Keys; rows of others than the candidates are left out.
        adds : ndarray of float64, shape (k,)
            What the supporter adds to the whole reach.
        most : float
            As for `of`.

        Returns
        -------
        Audience
            Of n candidates; alone each reaches `part`.
        """
        candidate = np.minimum(np.searchsorted(keys, supported), max(keys.size - 1, 0))
        mine = keys[candidate] == supported if keys.size else np.zeros(supported.size, dtype=bool)
        candidate, supporter, adds = candidate[mine], supporter[mine], adds[mine]
        share = np.minimum(np.divide(part, reach, out=np.zeros(reach.size), where=reach > 0), 1.0)
        alone = reach - np.bincount(candidate, weights=adds, minlength=reach.size)
        # The rounding of sums is nobody's audience.
        alone[alone < 1e-9 * (1.0 + reach)] = 0.0
        return cls.of(reach.size, candidate, supporter, adds * share[candidate], most=most, alone=alone * share)

    @property
    def size(self) -> int:
        """Return the number of candidates."""
        return int(self.chances.shape[0])

    def nobody_reached(self) -> Floats:
        """Return the chance of each member not to be reached by a group of nobody: 1.

        Returns
        -------
        ndarray of float64, shape (m,)
            `join` lowers it with each who joins.
        """
        return np.ones(self.chances.shape[1])

    def adds(self, missed: Floats) -> Floats:
        """Return how many people each candidate would add to a group.

        Parameters
        ----------
        missed : ndarray of float64, shape (m,)
            The chance of each member not to be reached by the group.

        Returns
        -------
        ndarray of float64, shape (n,)
            People; of those who are in the group already it says what a second one like them would add.
        """
        return np.asarray(self.chances @ missed * self.most + self.alone)

    def added(self, candidate: int, missed: Floats) -> float:
        """Return how many people one candidate would add to a group.

        Parameters
        ----------
        candidate : int
            Position.
        missed : ndarray of float64, shape (m,)
            As for `adds`.

        Returns
        -------
        float
            People.
        """
        begin, end = self.chances.indptr[candidate : candidate + 2]
        reached = self.chances.data[begin:end] @ missed[self.chances.indices[begin:end]]
        return float(reached * self.most + self.alone[candidate])

    def join(self, candidate: int, missed: Floats) -> None:
        """Let a candidate join a group.

        Parameters
        ----------
        candidate : int
            Position.
        missed : ndarray of float64, shape (m,)
            As for `adds`; changed in place.
        """
        begin, end = self.chances.indptr[candidate : candidate + 2]
        missed[self.chances.indices[begin:end]] *= 1.0 - self.chances.data[begin:end]

    def reached(self, group: Ints) -> float:
        """Return f of a group.

        Parameters
        ----------
        group : ndarray of int64
            Positions, each once.

        Returns
        -------
        float
            People.
        """
        missed = self.nobody_reached()
        for candidate in group:
            self.join(int(candidate), missed)
        return float((1.0 - missed).sum() * self.most + self.alone[group].sum())

    def shared(self, some: Ints) -> Floats:
        """Return which part of one's audience another reaches too, for any two of some.

        Parameters
        ----------
        some : ndarray of int64, shape (k,)
            Positions.

        Returns
        -------
        ndarray of float64, shape (k, k)
            In row i and column j: how much less i adds where j is there than where nobody is, as a share, 0 to 1; 1 on
            the diagonal, and 0 for somebody without reach.
        """
        chosen = self.chances[some]
        both = (chosen @ chosen.T).toarray() * self.most
        reach = np.asarray(chosen.sum(axis=1)).ravel() * self.most + self.alone[some]
        found = np.divide(both, reach[:, None], out=np.zeros_like(both), where=reach[:, None] > 0)
        np.fill_diagonal(found, 1.0)
        return np.asarray(found)
