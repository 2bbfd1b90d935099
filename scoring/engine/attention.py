"""Attention sorted by how far it can be believed, and how far each sort counts."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from scoring.engine.arrays import Floats, Positions, sum_by
from scoring.engine.parameters import Parameters


@dataclass(frozen=True)
class Attention:
    """What a person's supporters bring, by how far their attention can be believed; arrays of one shape.

    Attributes
    ----------
    vouched : ndarray of float64
        From people whom trusted people answer.
    broad : ndarray of float64
        From readers of many, whom nobody answers.
    narrow : ndarray of float64
        From accounts that nobody answers and that act on hardly anybody else.
    """

    vouched: Floats
    broad: Floats
    narrow: Floats

    def summed(self, receiver: Positions, size: int) -> "Attention":
        """Add what single pairs bring up to people.

        Parameters
        ----------
        receiver : ndarray of int, shape (m,)
            Whom each brings it.
        size : int
            Number of people n.

        Returns
        -------
        Attention
            Arrays of shape (n,).
        """
        return Attention(*(sum_by(receiver, part, size) for part in (self.vouched, self.broad, self.narrow)))

    def __add__(self, other: "Attention") -> "Attention":
        return Attention(self.vouched + other.vouched, self.broad + other.broad, self.narrow + other.narrow)

    def whole(self) -> Floats:
        """Return everything, whoever it is from.

        Returns
        -------
        ndarray of float64
            The sums.
        """
        return np.asarray(self.vouched + self.broad + self.narrow)

    def scaled(self, factors: "Attention", receiver: Positions) -> Floats:
        """Return what counts of what single pairs bring.

        Parameters
        ----------
        factors : Attention
            By receiver and sort, arrays of shape (n,).
        receiver : ndarray of int, shape (m,)
            Whom each brings it.

        Returns
        -------
        ndarray of float64, shape (m,)
            The parts times their factors, summed.
        """
        return np.asarray(
            self.vouched * factors.vouched[receiver]
            + self.broad * factors.broad[receiver]
            + self.narrow * factors.narrow[receiver]
        )

    def counted(self, caps: "Caps") -> "Attention":
        """Return what counts of it: all that is vouched, the rest up to its cap.

        Parameters
        ----------
        caps : Caps
            How far the rest counts.

        Returns
        -------
        Attention
            The parts, none larger than before.
        """
        broad = np.minimum(self.broad, caps.broad * (caps.people + self.vouched))
        return Attention(self.vouched, broad, np.minimum(self.narrow, caps.narrow * (self.vouched + broad)))


@dataclass(frozen=True)
class Caps:
    """How far attention counts that nobody vouches for.

        B counts up to broad (people + V),  N counts up to narrow (V + what counts of B)

    Any number of accounts that nobody answers and that act on hardly anybody else so raise a reach by at most its
    `narrow`th part: on the scale of scores, by the same number of points for the small and for the great. Accounts that
    spend most of their acts on others, with ordinary audiences, can bring more, up to `broad`.

    Attributes
    ----------
    narrow, broad : float
        For accounts that act on hardly anybody else, and for readers of many.
    people : float
        What V is taken to be besides, so that a beginner's readers count before anybody vouches for one.
    """

    narrow: float
    broad: float
    people: float

    @classmethod
    def of(cls, formula: Parameters) -> Self:
        """Return a formula's.

        Parameters
        ----------
        formula : Parameters
            The formula.

        Returns
        -------
        Caps
            Its caps.
        """
        return cls(formula.kappa, formula.kappa_broad, formula.broad_people)


def attention(free: Floats, trust: Floats, firm: Floats, broad: Floats) -> Attention:
    """Sort what pairs bring by how far it can be believed.

        vouched = trust (firm + (1 - firm) broad),  broad' = (1 - trust) broad,  narrow = 1 - vouched - broad'

    Trust counts in full where it is firm or the giver reads broadly: stray answers buy a made-up account some trust,
    but neither firm trust nor a reader's habits.

    Parameters
    ----------
    free : ndarray of float64, shape (m,)
        What each pair brings.
    trust, firm : ndarray of float64, shape (m,)
        Of the pair's giver, 0 to 1.
    broad : ndarray of float64, shape (m,)
        Of the pair (`Breadth.of`), 0 to 1.

    Returns
    -------
    Attention
        Arrays of shape (m,) that add up to `free`.
    """
    vouched = trust * (firm + (1.0 - firm) * broad)
    read = (1.0 - trust) * broad
    return Attention(free * vouched, free * read, free * np.maximum(1.0 - vouched - read, 0.0))
