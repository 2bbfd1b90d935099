"""Forecast and reach: what a pair is expected to bring, summed to people, with what is taken off."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from scoring.engine.arrays import Floats, Positions, blocks, side_by_side, sum_by
from scoring.engine.attention import Attention, Caps, attention
from scoring.engine.pairs import Pairs
from scoring.engine.parameters import Parameters
from scoring.engine.shapley import REASONS, shares

# Whether exchange and indiscriminate are on.
_SWITCHES: Final = ((False, False), (False, True), (True, False), (True, True))


@dataclass(frozen=True)
class Reach:
    """Forecast and reach per person, with the parts that make them.

    Attributes
    ----------
    forecast : ndarray of float64, shape (n,)
        People expected to act in the horizon, before anything is taken off.
    reach : ndarray of float64, shape (n,)
        What counts of it.
    attention : Attention
        What supporters bring, by how far it can be believed; arrays of shape (n,).
    contribution : ndarray of float64, shape (m,)
        What each giver of each pair adds to the receiver's reach; they sum to it.
    expected : ndarray of float64, shape (m,)
        People whom the giver stands for, before discounts; they sum to the forecast.
    vouchers : ndarray of float64, shape (n,)
        How many supporters the vouched attention stands for: the sum of the shares of each that are vouched.
    switches : Switches
        What reach would be with some of the reasons off.
    """

    forecast: Floats
    reach: Floats
    attention: "Attention"
    contribution: Floats
    expected: Floats
    vouchers: Floats
    switches: "Switches"

    def taken(self) -> dict[str, Floats]:
        """Return what each reason takes off, by reason: 32 sums of people, which a look back needs none of.

        Returns
        -------
        dict of ndarray of float64, shape (n,)
            At least 0; they sum to forecast - reach.
        """
        return {reason: np.maximum(share, 0.0) for reason, share in shares(self.switches.value).items()}


def acting(weight: Floats, *, half_life_days: float, horizon_days: float) -> Floats:
    """Return the chance of at least one act within the horizon: 1 - exp(-horizon rate).

    The rate is the exponentially decayed number of acts a day, ln 2 / half life times the sum of
    2 ** (-age / half life): of a steady stream of r acts a day it is r.

    Parameters
    ----------
    weight : ndarray of float64
        The sums of weights, at least 0.
    half_life_days, horizon_days : float
        In days.

    Returns
    -------
    ndarray of float64
        Chances from 0 to 1, in the shape of the weights.
    """
    return np.asarray(-np.expm1(-weight * (np.log(2.0) / half_life_days * horizon_days)))


def there(reach: Floats, alive: Floats) -> Floats:
    """Return the reach of somebody who is there with a chance: (1 + reach)^alive - 1.

    On the scale of scores that is the mean of two futures: there, with the whole score, and gone, with none.

    Parameters
    ----------
    reach : ndarray of float64
        People, if there; at least 0.
    alive : ndarray of float64
        The chance, 0 to 1.

    Returns
    -------
    ndarray of float64
        People.
    """
    return np.asarray(np.expm1(alive * np.log1p(reach)))


@dataclass(frozen=True)
class Switches:
    """People's attention with the reasons that change it on or off, and what the other reasons make of it.

    Attributes
    ----------
    sums : dict of Attention
        Arrays of shape (n,), by whether exchange and whether indiscriminate are on.
    caps : Caps
        How far attention counts that nobody vouches for.
    credibility, alive : ndarray of float64, shape (n,)
        Factors of receivers, 0 to 1.
    """

    sums: dict[tuple[bool, bool], Attention]
    caps: Caps
    credibility: Floats
    alive: Floats

    def value(self, on: frozenset[str]) -> Floats:
        """Return what reach would be with some of the reasons on.

        Parameters
        ----------
        on : frozenset of str
            Out of `REASONS`.

        Returns
        -------
        ndarray of float64, shape (n,)
            People.
        """
        found = self._counted(on).whole()
        if "repetition" in on:
            found = found * self.credibility
        return there(found, self.alive) if "absence" in on else found

    def scaling(self, on: frozenset[str]) -> Attention:
        """Return how much counts of each sort of attention, so that supporters' parts add up to `value`.

        What the caps leave of a sort, and what repetition and absence leave of the whole, is shared in proportion.

        Parameters
        ----------
        on : frozenset of str
            Out of `REASONS`.

        Returns
        -------
        Attention
            Factors, arrays of shape (n,).
        """
        summed, counted = self.sums["exchange" in on, "indiscriminate" in on], self._counted(on)
        whole = _divide(self.value(on), counted.whole())
        return Attention(
            whole, whole * _divide(counted.broad, summed.broad), whole * _divide(counted.narrow, summed.narrow)
        )

    def only(self, people: Positions) -> Self:
        """Return the same of some people.

        Parameters
        ----------
        people : ndarray of int, shape (k,)
            Positions.

        Returns
        -------
        Switches
            Arrays of shape (k,).
        """
        sums = {
            on: Attention(summed.vouched[people], summed.broad[people], summed.narrow[people])
            for on, summed in self.sums.items()
        }
        return type(self)(sums, self.caps, self.credibility[people], self.alive[people])

    def _counted(self, on: frozenset[str]) -> Attention:
        summed = self.sums["exchange" in on, "indiscriminate" in on]
        return summed.counted(self.caps) if "unvouched" in on else summed


def reach(
    pairs: Pairs,
    *,
    trust: Floats,
    firm: Floats,
    broad: Callable[[slice], Floats],
    selectivity: Floats,
    exchange: Floats,
    credibility: Floats,
    alive: Floats,
    formula: Parameters,
) -> Reach:
    """Sum pairs to people.

        free_ab = s_a e_ab brings(free acts of a on b)
        V, B, N = free_ab sorted into vouched, broad and narrow (`attention`), each summed over a
        B' = min(B, kappa_broad (broad_people + V)),  N' = min(N, kappa (V + B'))
        reach_b = (1 + credibility_b (V + B' + N'))^alive_b - 1

    Five reasons lie between the forecast and this: unvouched givers (off: V + B + N whole), exchange (off: e = 1 and
    every act is free), indiscriminate givers (off: s = 1), repetition (off: credibility = 1), absence (off: alive = 1).
    Each switch only ever takes off, so every Shapley share is at least 0.

    Parameters
    ----------
    pairs : Pairs
        What each pair did.
    trust, firm : ndarray of float64, shape (n,)
        Trust in givers, and how firm it is, 0 to 1.
    broad : callable
        From some of the pairs to how far their givers are readers of many, 0 to 1; called by several threads at once.
    selectivity : ndarray of float64, shape (n,)
        Factor of givers, 0 to 1.
    exchange : ndarray of float64, shape (m,)
        Factor per pair, 0 to 1.
    credibility, alive : ndarray of float64, shape (n,)
        Factors of receivers, 0 to 1.
    formula : Parameters
        Half-life, horizon, newcomers and caps.

    Returns
    -------
    Reach
        Sums and parts.
    """
    size, many = trust.size, pairs.giver.size
    caps = Caps.of(formula)
    sums = {on: Attention(*np.zeros((3, size))) for on in _SWITCHES}
    vouchers = np.zeros(size)
    expected, contribution = np.empty(many), np.empty(many)

    def _sorts(some: slice) -> Attention:
        giver = pairs.giver[some]
        return attention(np.ones(giver.size), trust[giver], firm[giver], broad(some))

    def _parts_of(some: slice) -> tuple[Attention, dict[tuple[bool, bool], Attention]]:
        selective = selectivity[pairs.giver[some]]
        expected[some] = brings(pairs.weight[some], formula)
        free = brings(pairs.free[some], formula) * exchange[some]
        sorts = _sorts(some)
        found = {}
        for exchange_on, indiscriminate_on in _SWITCHES:
            part = free if exchange_on else expected[some]
            if indiscriminate_on:
                part = part * selective
            found[exchange_on, indiscriminate_on] = Attention(
                part * sorts.vouched, part * sorts.broad, part * sorts.narrow
            )
        # The last of the four: both switches on.
        contribution[some] = part
        return sorts, found

    for some, (sorts, parts) in zip(blocks(many), side_by_side(_parts_of, blocks(many)), strict=True):
        receiver = pairs.receiver[some]
        for on, part in parts.items():
            sums[on] += part.summed(receiver, size)
        vouchers += sum_by(receiver, np.where(contribution[some] > 0, sorts.vouched, 0.0), size)
        del sorts, parts, part

    switches = Switches(sums, caps, credibility, alive)
    scaling = switches.scaling(frozenset(REASONS))

    def _scale(some: slice) -> None:
        contribution[some] *= _sorts(some).scaled(scaling, pairs.receiver[some])

    for _ in side_by_side(_scale, blocks(many)):
        pass
    return Reach(
        forecast=switches.value(frozenset()),
        reach=switches.value(frozenset(REASONS)),
        attention=sums[True, True],
        contribution=contribution,
        expected=expected,
        vouchers=vouchers,
        switches=switches,
    )


def brings(weight: Floats, formula: Parameters) -> Floats:
    """Return how many people each pair is expected to bring: its giver, and others not seen yet.

        1 - exp(-H rate) + newcomers H / 28 (1 - exp(-weight / newcomers_weight))

    New people come as long as an audience is alive, about so many in a time for each whose acts aren't long past. The
    second part so fades much later than the first. Both only grow with each act, and less with each: one giver never
    stands for more than 1 + newcomers H / 28, and the acts of two, told to be of one, never bring less than those of
    either.

    Parameters
    ----------
    weight : ndarray of float64
        The sums of weights, at least 0.
    formula : Parameters
        Half-life, horizon and newcomers.

    Returns
    -------
    ndarray of float64
        People, from 0 to 1 + newcomers H / 28.

    Examples
    --------
    >>> month = Parameters(half_life_days=30, horizon_days=28, newcomers=0.15, newcomers_weight=0.05)
    >>> brings(np.array([0.0, 0.05, 1.0, 99.0]), month).round(3).tolist()
    [0.0, 0.127, 0.626, 1.15]
    """
    acting_again = acting(weight, half_life_days=formula.half_life_days, horizon_days=formula.horizon_days)
    newcomers = formula.newcomers * formula.horizon_days / 28.0
    return np.asarray(acting_again - newcomers * np.expm1(-weight / formula.newcomers_weight))


def _divide(a: Floats, b: Floats) -> Floats:
    # Where there is nothing, any share of it will do.
    return np.divide(a, b, out=np.ones_like(a), where=b > 0)
