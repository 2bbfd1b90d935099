"""Forecast and reach: what a pair is expected to bring, summed to people, with what is taken off."""

from dataclasses import dataclass

import numpy as np

from scoring.engine.arrays import Floats, sum_by
from scoring.engine.pairs import Pairs
from scoring.engine.shapley import shares


@dataclass(frozen=True)
class Reach:
    """Forecast and reach per person, with the parts that make them.

    Attributes
    ----------
    forecast : ndarray of float64, shape (n,)
        People expected to act in the horizon, before anything is taken off.
    reach : ndarray of float64, shape (n,)
        credibility alive (T + min(U, kappa T)).
    taken : dict of ndarray of float64, shape (n,)
        What each reason takes off, at least 0; they sum to forecast - reach.
    vouched, unvouched : ndarray of float64, shape (n,)
        T and U.
    contribution : ndarray of float64, shape (m,)
        What each giver of each pair adds to the receiver's reach; they sum to it.
    expected : ndarray of float64, shape (m,)
        Chance that the giver acts within the horizon, before discounts; they sum to the forecast.
    """

    forecast: Floats
    reach: Floats
    taken: dict[str, Floats]
    vouched: Floats
    unvouched: Floats
    contribution: Floats
    expected: Floats


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


def capped(vouched: Floats, unvouched: Floats, kappa: float) -> Floats:
    """Return T + min(U, kappa T): unvouched attention counts, but not beyond a share of the vouched.

    Parameters
    ----------
    vouched, unvouched : ndarray of float64
        T and U.
    kappa : float
        The share.

    Returns
    -------
    ndarray of float64
        The sum.
    """
    return vouched + np.minimum(unvouched, kappa * vouched)


def reach(
    pairs: Pairs,
    *,
    trust: Floats,
    selectivity: Floats,
    exchange: Floats,
    credibility: Floats,
    alive: Floats,
    kappa: float,
    half_life_days: float,
    horizon_days: float,
) -> Reach:
    """Sum pairs to people.

        free_ab = s_a e_ab (1 - exp(-H freerate_ab))
        T_b = sum_a trust_a free_ab,  U_b = sum_a (1 - trust_a) free_ab
        reach_b = credibility_b alive_b (T_b + min(U_b, kappa T_b))

    Five reasons lie between the forecast and this: unvouched givers (off: T + U whole), exchange (off: e = 1 and every
    act is free), indiscriminate givers (off: s = 1), repetition (off: credibility = 1), absence (off: alive = 1). Each
    switch only ever takes off, so every Shapley share is at least 0.

    Parameters
    ----------
    pairs : Pairs
        What each pair did.
    trust, selectivity : ndarray of float64, shape (n,)
        Factors of givers, 0 to 1.
    exchange : ndarray of float64, shape (m,)
        Factor per pair, 0 to 1.
    credibility, alive : ndarray of float64, shape (n,)
        Factors of receivers, 0 to 1.
    kappa : float
        Share of the vouched up to which the unvouched count.
    half_life_days, horizon_days : float
        In days.

    Returns
    -------
    Reach
        Sums and parts.
    """
    size = trust.size
    giver, receiver = pairs.giver, pairs.receiver
    every = acting(pairs.weight, half_life_days=half_life_days, horizon_days=horizon_days)
    free = acting(pairs.free, half_life_days=half_life_days, horizon_days=horizon_days) * exchange
    sums: dict[tuple[bool, bool], tuple[Floats, Floats]] = {}
    for exchange_on in (False, True):
        for indiscriminate_on in (False, True):
            part = free if exchange_on else every
            if indiscriminate_on:
                part = part * selectivity[giver]
            sums[exchange_on, indiscriminate_on] = (
                sum_by(receiver, part * trust[giver], size),
                sum_by(receiver, part * (1.0 - trust[giver]), size),
            )

    def _value(on: frozenset[str]) -> Floats:
        vouched, unvouched = sums["exchange" in on, "indiscriminate" in on]
        found = capped(vouched, unvouched, kappa) if "unvouched" in on else vouched + unvouched
        if "repetition" in on:
            found = found * credibility
        if "absence" in on:
            found = found * alive
        return found

    taken = {reason: np.maximum(share, 0.0) for reason, share in shares(_value).items()}
    vouched, unvouched = sums[True, True]
    counted = np.minimum(1.0, _divide(kappa * vouched, unvouched))
    factor = (credibility * alive)[receiver]
    single = free * selectivity[giver] * (trust[giver] + (1.0 - trust[giver]) * counted[receiver])
    return Reach(
        forecast=_value(frozenset()),
        reach=capped(vouched, unvouched, kappa) * credibility * alive,
        taken=taken,
        vouched=vouched,
        unvouched=unvouched,
        contribution=single * factor,
        expected=every,
    )


def _divide(a: Floats, b: Floats) -> Floats:
    # Where there is nothing unvouched, any share of it will do.
    return np.divide(a, b, out=np.ones_like(a), where=b > 0)
